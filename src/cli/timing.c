#include "cli/timing.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/progress.h"
#include "core/random.h"
#include "ops/gemm.h"
#include "ops/init.h"
#include "ops/self_test.h"

enum { WARM_UP = 2, MAX_CALLS = 10000, RATE_ROUNDS = 5 };
/* more rows only take longer: the GEMM rate no longer changes */
enum { MAX_ROWS = 65536 };
#define RATE_ROUND_MS 30.0

static int timing_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

tli_timing tli_timing_of(double *ms, uint32_t count)
{
    if (count == 0) return (tli_timing){(double)NAN, (double)NAN, 0};
    qsort(ms, count, sizeof *ms, timing_ascending);
    const double median = count % 2 == 1 ? ms[count / 2] : (ms[count / 2 - 1] + ms[count / 2]) / 2;
    return (tli_timing){median, ms[0], 0};
}

/* Milliseconds of `calls` calls, until the device has finished. */
static tl_status time_calls(tl_context *ctx, tli_measured call, void *what, uint32_t calls, double *ms)
{
    const double begun = tli_clock_seconds();
    for (uint32_t i = 0; i < calls; i++) TLI_TRY(call(ctx, what));
    TLI_TRY(tl_finish(ctx));
    *ms = (tli_clock_seconds() - begun) * 1e3;
    return TL_OK;
}

static tl_status time_rounds(tl_context *ctx, tli_measured call, void *what, double least_ms, double *ms,
                             uint32_t rounds, tli_progress *progress, double *cpu_ms)
{
    double once = 0;
    for (int i = 0; i < WARM_UP; i++) TLI_TRY(time_calls(ctx, call, what, 1, &once));
    const double wanted = once > 0 ? ceil(least_ms / once) : MAX_CALLS;
    const uint32_t calls = wanted < 1 ? 1 : wanted > MAX_CALLS ? MAX_CALLS : (uint32_t)wanted;
    const double begun = tli_clock_cpu_seconds();
    for (uint32_t i = 0; i < rounds; i++) {
        TLI_TRY(time_calls(ctx, call, what, calls, &ms[i]));
        ms[i] /= calls;
        tli_progress_update(progress, i + 1, tli_clock_seconds());
    }
    *cpu_ms = rounds > 0 ? (tli_clock_cpu_seconds() - begun) * 1e3 / ((double)rounds * calls) : 0;
    return TL_OK;
}

tl_status tli_measure(tl_context *ctx, tli_measured call, void *what, uint32_t rounds, double least_ms,
                      FILE *progress, tli_timing *timing)
{
    double *ms = malloc((rounds > 0 ? rounds : 1) * sizeof *ms);
    if (ms == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for %u times", rounds);
    double cpu_ms = 0;
    tli_progress shown;
    tli_progress_begin(&shown, progress, "timing", "rounds", rounds, tli_clock_seconds());
    const tl_status status = time_rounds(ctx, call, what, least_ms, ms, rounds, &shown, &cpu_ms);
    tli_progress_clear(&shown);
    if (status == TL_OK) *timing = tli_timing_of(ms, rounds);
    if (status == TL_OK) timing->cpu_ms = cpu_ms;
    free(ms);
    return status;
}

/* ---- GEMM rates ------------------------------------------------------------------------------------- */

static uint32_t batch_of(const tli_product *p)
{
    return p->batch > 0 ? p->batch : 1;
}

double tli_product_flops(const tli_product *p)
{
    return 2.0 * p->m * p->n * p->k * batch_of(p);
}

static tl_status call_product(tl_context *ctx, void *what)
{
    return tli_gemm(ctx, what);
}

static tl_status create_matrices(tl_context *ctx, const tli_product *p, tl_tensor *matrices[3])
{
    static const char *const names[3] = {"A", "B", "C"};
    const uint64_t sizes[3] = {(uint64_t)p->m * p->k, (uint64_t)p->k * p->n, (uint64_t)p->m * p->n};
    for (int i = 0; i < 3; i++) {
        TLI_TRY(tl_tensor_create(ctx, names[i], TL_MEMORY_DATA, 1, sizes[i] * batch_of(p), &matrices[i]));
        if (i < 2)
            TLI_TRY(tli_init_uniform(ctx, matrices[i], 1.0f, 0, tli_random_stream(i == 0 ? "A" : "B")));
    }
    return TL_OK;
}

tl_status tli_measure_product(tl_context *ctx, const tli_product *p, uint32_t rounds, FILE *progress,
                              tli_timing *timing)
{
    tl_tensor *matrices[3] = {NULL, NULL, NULL};
    tl_status status = tli_self_test_switch_on(ctx);
    if (status == TL_OK) status = create_matrices(ctx, p, matrices);
    if (status == TL_OK) {
        tli_gemm_args gemm = {.transpose_a = p->transpose_a,
                              .transpose_b = p->transpose_b,
                              .m = p->m,
                              .n = p->n,
                              .k = p->k,
                              .a = tli_at(matrices[0], 0),
                              .b = tli_at(matrices[1], 0),
                              .c = tli_at(matrices[2], 0),
                              .lda = p->transpose_a ? p->m : p->k,
                              .ldb = p->transpose_b ? p->k : p->n,
                              .ldc = p->n,
                              .alpha = 1.0f,
                              .outer = batch_of(p),
                              .a_outer = (uint64_t)p->m * p->k,
                              .b_outer = (uint64_t)p->k * p->n,
                              .c_outer = (uint64_t)p->m * p->n};
        status = tli_measure(ctx, call_product, &gemm, rounds, RATE_ROUND_MS, progress, timing);
    }
    for (int i = 0; i < 3; i++) tl_tensor_destroy(ctx, matrices[i]);
    return status;
}

static tl_status best_rate(tl_context *ctx, uint32_t m, uint32_t n, uint32_t k, double *gflops)
{
    const tli_product product = {.m = m, .n = n, .k = k};
    tli_timing timing;
    TLI_TRY(tli_measure_product(ctx, &product, RATE_ROUNDS, NULL, &timing));
    *gflops = tli_product_flops(&product) / timing.min_ms * 1e-6;
    return TL_OK;
}

tl_status tli_measure_rows_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops)
{
    return best_rate(ctx, rows < MAX_ROWS ? (uint32_t)rows : MAX_ROWS, dim, dim, gflops);
}

tl_status tli_measure_gemm_rate(tl_context *ctx, uint64_t rows, uint32_t dim, double *gflops)
{
    /* A CPU reaches its full rate with 1024; a GPU does not. */
    const tli_limits *limits = tli_context_limits(ctx);
    uint32_t square = tl_context_device(ctx)->type == TL_DEVICE_CPU ? 1024 : 4096;
    while (square > 64 && (12ull * square * square > limits->memory_limit ||
                           4ull * square * square > limits->max_alloc_bytes))
        square /= 2;
    TLI_TRY(best_rate(ctx, square, square, square, gflops));
    if (dim == 0) return TL_OK;
    double other = 0;
    TLI_TRY(tli_measure_rows_rate(ctx, rows, dim, &other));
    if (other > *gflops) *gflops = other;
    return TL_OK;
}

double tli_limit_fraction(double flops, double gemm_gflops, double ms)
{
    const double fraction = flops / (gemm_gflops * 1e6) / ms;
    return fraction < 1 ? fraction : 1;
}

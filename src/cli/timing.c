#include "cli/timing.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/progress.h"
#include "core/random.h"
#include "ops/init.h"
#include "ops/self_test.h"

enum { WARM_UP = 2, MAX_CALLS = 10000 };
/* more rows only take longer: the GEMM rate no longer changes */
enum { MAX_ROWS = 65536 };
#define PRODUCT_ROUND_MS 30.0

static int timing_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

tli_timing tli_timing_of(double *ms, uint32_t count)
{
    if (count == 0) return (tli_timing){.median_ms = (double)NAN, .min_ms = (double)NAN};
    qsort(ms, count, sizeof *ms, timing_ascending);
    const double median = count % 2 == 1 ? ms[count / 2] : (ms[count / 2 - 1] + ms[count / 2]) / 2;
    return (tli_timing){.median_ms = median, .min_ms = ms[0]};
}

tl_status tli_time_calls(tl_context *ctx, tli_measured call, void *what, uint32_t calls, double *ms)
{
    const double begun = tli_clock_seconds();
    for (uint32_t i = 0; i < calls; i++) TLI_TRY(call(ctx, what));
    TLI_TRY(tl_finish(ctx));
    *ms = (tli_clock_seconds() - begun) * 1e3 / calls;
    return TL_OK;
}

uint32_t tli_calls_of(double least_ms, double once)
{
    const double wanted = once > 0 ? ceil(least_ms / once) : MAX_CALLS;
    return wanted < 1 ? 1 : wanted > MAX_CALLS ? MAX_CALLS : (uint32_t)wanted;
}

/* Times of the rounds: a call's, and the same in units of what was timed beside it. */
typedef struct rounds_taken {
    double *ms, *relative;
    double cpu_ms; /* mean of a call */
} rounds_taken;

static tl_status time_rounds(tl_context *ctx, tli_measured call, void *what, double least_ms, uint32_t rounds,
                             tli_beside beside, tli_progress *progress, rounds_taken *taken)
{
    double once = 0, other = 0;
    for (int i = 0; i < WARM_UP; i++) TLI_TRY(tli_time_calls(ctx, call, what, 1, &once));
    const uint32_t calls = tli_calls_of(least_ms, once);
    for (uint32_t i = 0; i < rounds; i++) {
        const double begun = tli_clock_cpu_seconds();
        TLI_TRY(tli_time_calls(ctx, call, what, calls, &taken->ms[i]));
        taken->cpu_ms += (tli_clock_cpu_seconds() - begun) * 1e3 / ((double)rounds * calls);
        if (beside.turn != NULL) TLI_TRY(beside.turn(ctx, beside.what, &other));
        taken->relative[i] = beside.turn != NULL ? taken->ms[i] / other : 0;
        tli_progress_update(progress, i + 1, tli_clock_seconds());
    }
    return TL_OK;
}

tl_status tli_measure(tl_context *ctx, tli_measured call, void *what, uint32_t rounds, double least_ms,
                      tli_beside beside, FILE *progress, tli_timing *timing)
{
    double *ms = malloc((2 * (size_t)rounds + 1) * sizeof *ms);
    if (ms == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for %u times", rounds);
    rounds_taken taken = {.ms = ms, .relative = ms + rounds};
    tli_progress shown;
    tli_progress_begin(&shown, progress, "timing", "rounds", rounds, tli_clock_seconds());
    const tl_status status = time_rounds(ctx, call, what, least_ms, rounds, beside, &shown, &taken);
    tli_progress_clear(&shown);
    if (status == TL_OK) {
        *timing = tli_timing_of(taken.ms, rounds);
        timing->cpu_ms = taken.cpu_ms;
        timing->relative = tli_timing_of(taken.relative, rounds).median_ms;
    }
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

tl_status tli_product_call_run(tl_context *ctx, void *call)
{
    return tli_gemm(ctx, &((tli_product_call *)call)->gemm);
}

static tl_status create_matrices(tl_context *ctx, const tli_product *p, tl_tensor *matrices[3])
{
    static const char *const names[3] = {"A", "B", "C"};
    const uint64_t sizes[3] = {(uint64_t)p->m * p->k, (uint64_t)p->k * p->n, (uint64_t)p->m * p->n};
    TLI_TRY(tli_self_test_switch_on(ctx));
    for (int i = 0; i < 3; i++) {
        TLI_TRY(tl_tensor_create(ctx, names[i], TL_MEMORY_DATA, 1, sizes[i] * batch_of(p), &matrices[i]));
        if (i < 2)
            TLI_TRY(tli_init_uniform(ctx, matrices[i], 1.0f, 0, tli_random_stream(i == 0 ? "A" : "B")));
    }
    return TL_OK;
}

tl_status tli_product_call_create(tl_context *ctx, const tli_product *p, tli_product_call *call)
{
    *call = (tli_product_call){.matrices = {NULL, NULL, NULL}};
    const tl_status status = create_matrices(ctx, p, call->matrices);
    if (status != TL_OK) tli_product_call_destroy(ctx, call);
    TLI_TRY(status);
    call->gemm = (tli_gemm_args){.transpose_a = p->transpose_a,
                                 .transpose_b = p->transpose_b,
                                 .m = p->m,
                                 .n = p->n,
                                 .k = p->k,
                                 .a = tli_at(call->matrices[0], 0),
                                 .b = tli_at(call->matrices[1], 0),
                                 .c = tli_at(call->matrices[2], 0),
                                 .lda = p->transpose_a ? p->m : p->k,
                                 .ldb = p->transpose_b ? p->k : p->n,
                                 .ldc = p->n,
                                 .alpha = 1.0f,
                                 .outer = batch_of(p),
                                 .a_outer = (uint64_t)p->m * p->k,
                                 .b_outer = (uint64_t)p->k * p->n,
                                 .c_outer = (uint64_t)p->m * p->n};
    return TL_OK;
}

void tli_product_call_destroy(tl_context *ctx, tli_product_call *call)
{
    for (int i = 0; i < 3; i++) tl_tensor_destroy(ctx, call->matrices[i]);
    *call = (tli_product_call){.matrices = {NULL, NULL, NULL}};
}

tl_status tli_measure_product(tl_context *ctx, const tli_product *p, uint32_t rounds, tli_timing *timing)
{
    tli_product_call call;
    TLI_TRY(tli_product_call_create(ctx, p, &call));
    const tl_status status = tli_measure(ctx, tli_product_call_run, &call, rounds, PRODUCT_ROUND_MS,
                                         (tli_beside){NULL, NULL}, NULL, timing);
    tli_product_call_destroy(ctx, &call);
    return status;
}

tli_product tli_rows_product(uint64_t rows, uint32_t dim)
{
    return (tli_product){.m = rows < MAX_ROWS ? (uint32_t)rows : MAX_ROWS, .n = dim, .k = dim};
}

static uint64_t free_bytes(const tl_context *ctx)
{
    const uint64_t limit = tli_context_limits(ctx)->memory_limit;
    uint64_t used = 0;
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++) used += tl_memory_used(ctx, (tl_memory_kind)kind);
    return used < limit ? limit - used : 0;
}

tli_product tli_square_product(const tl_context *ctx)
{
    /* A CPU reaches its full rate with 1024; a GPU does not. */
    uint32_t square = tl_context_device(ctx)->type == TL_DEVICE_CPU ? 1024 : 4096;
    const uint64_t bytes = free_bytes(ctx), most = tli_context_limits(ctx)->max_alloc_bytes;
    while (square > 64 && (12ull * square * square > bytes || 4ull * square * square > most)) square /= 2;
    return tli_rows_product(square, square);
}

double tli_limit_fraction(double flops, double gemm_gflops, double ms)
{
    const double fraction = flops / (gemm_gflops * 1e6) / ms;
    return fraction < 1 ? fraction : 1;
}

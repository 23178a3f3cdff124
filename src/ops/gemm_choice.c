#include "ops/gemm_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "ops/gemm_clblast.h"
#include "ops/matrix_unit.h"
#include "ops/tuning.h"

/* Stored with the context. */
typedef struct state {
    tl_gemm_mode forced;
    enum { UNTESTED, RIGHT, WRONG } clblast;
} state;

static const char test_name[] = "gemm-self-test";

static state *state_of(tl_context *ctx)
{
    tli_user_data *slot = tli_context_user_data(ctx, TLI_SLOT_GEMM);
    if (slot->data != NULL) return slot->data;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    *slot = (tli_user_data){s, free};
    return s;
}

static tl_status no_memory(tl_context *ctx)
{
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                    "out of host memory for the table of matrix products");
}

tl_status tli_gemm_force(tl_context *ctx, tl_gemm_mode mode)
{
    state *s = state_of(ctx);
    if (s == NULL) return no_memory(ctx);
    s->forced = mode;
    return TL_OK;
}

/* ---- self-test ----------------------------------------------------------------------------------- */

/* Sizes that are no multiple of any tile width or inner block, with odd strides. */
enum { M = 37, N = 85, K_INNER = 261, PAD = 3, BATCHES = 2 };
enum { LARGEST = K_INNER * (N + PAD) * BATCHES }; /* floats of the largest operand */

/* Of the sum of products whose squares have this sum. Each of the two operands of a product is off by less than a unit, with a standard
 * deviation of less than 1 / sqrt(3) of it; six of their sum's, which none of a self-test's results reaches. */
static double rounding_of(tl_precision precision, double squares)
{
    return 6.0 * sqrt(2.0 / 3.0) * tli_precision_unit(precision) * sqrt(squares);
}

static tl_status test_one(tl_context *ctx, tli_gemm_function product, tl_precision precision, bool ta,
                          bool tb, uint32_t m, uint32_t batches, tl_tensor *t[3], float *host[3],
                          double *error)
{
    const uint32_t lda = (ta ? m : K_INNER) + PAD, ldb = (tb ? K_INNER : N) + PAD, ldc = N + PAD;
    const uint64_t a = (uint64_t)(ta ? K_INNER : m) * lda, b = (uint64_t)(tb ? N : K_INNER) * ldb,
                   c = (uint64_t)m * ldc;
    const tli_gemm_args g = {.transpose_a = ta,
                             .transpose_b = tb,
                             .m = m,
                             .n = N,
                             .k = K_INNER,
                             .a = tli_at(t[0], 0),
                             .b = tli_at(t[1], 0),
                             .c = tli_at(t[2], 0),
                             .lda = lda,
                             .ldb = ldb,
                             .ldc = ldc,
                             .alpha = 0.5f,
                             .beta = 2.0f,
                             .bias = tli_at(t[0], 0), /* any values */
                             .residual = tli_at(t[1], 0),
                             .factor = tli_at(t[0], 0),
                             .outer = batches,
                             .a_outer = a,
                             .b_outer = b,
                             .c_outer = c};
    tli_random r = tli_random_make(1, 2);
    for (int i = 0; i < 3; i++) {
        for (int e = 0; e < LARGEST; e++) host[i][e] = tli_random_normal(&r);
        TLI_TRY(tl_tensor_write(ctx, t[i], 0, LARGEST, host[i]));
    }
    TLI_TRY(product(ctx, &g));
    float *got = host[2] + LARGEST;
    TLI_TRY(tl_tensor_read(ctx, t[2], 0, LARGEST, got));
    for (uint64_t e = 0; e < LARGEST; e++) {
        const uint64_t batch = e / c, i = e % c / ldc, j = e % ldc;
        double want = (double)host[2][e], size = fabs(want), squares = 0;
        if (batch < batches && j < N) {
            want = 2.0 * want + (double)host[0][j] + (double)host[1][e];
            size += fabs((double)host[0][j]) + fabs((double)host[1][e]);
            for (uint64_t k = 0; k < K_INNER; k++) {
                const double x = (double)host[0][batch * a + (ta ? k * lda + i : i * lda + k)],
                             y = (double)host[1][batch * b + (tb ? j * ldb + k : k * ldb + j)];
                want += 0.5 * x * y;
                size += fabs(x * y);
                squares += 0.25 * x * x * y * y;
            }
            want *= (double)host[0][e];
            size *= fabs((double)host[0][e]);
            squares *= (double)host[0][e] * (double)host[0][e];
        }
        const double off = fabs((double)got[e] - want) /
                           (1e-5 * (1.0 + size) + rounding_of(precision, squares));
        if (!(off <= *error)) *error = isnan(off) ? INFINITY : off;
    }
    return TL_OK;
}

tl_status tli_gemm_measure_error(tl_context *ctx, tli_gemm_function product, tl_precision precision,
                                 unsigned transposes, double *error)
{
    tl_tensor *t[3] = {NULL};
    float *host = malloc(4 * LARGEST * sizeof *host);
    tl_status status = host != NULL ? TL_OK : no_memory(ctx);
    *error = 0;
    for (int i = 0; i < 3 && status == TL_OK; i++)
        status = tl_tensor_create(ctx, "self-test", TL_MEMORY_WORKSPACE, 1, LARGEST, &t[i]);
    for (int i = 0; i < 4; i++) {
        const bool ta = i & 1, tb = i >> 1;
        if ((transposes >> tli_gemm_kind(ta, tb) & 1) == 0) continue;
        for (uint32_t batches = 1; batches <= BATCHES && status == TL_OK; batches++) {
            float *parts[3] = {host, host + LARGEST, host + 2 * LARGEST};
            status = test_one(ctx, product, precision, ta, tb, M, batches, t, parts, error);
            if (status == TL_OK && transposes == TLI_ALL_TRANSPOSES)
                status = test_one(ctx, product, precision, ta, tb, 1, batches, t, parts, error);
        }
    }
    for (int i = 0; i < 3; i++) tl_tensor_destroy(ctx, t[i]);
    free(host);
    return status;
}

bool tli_gemm_is_right(tl_context *ctx, tli_gemm_function product)
{
    double error;
    return tli_gemm_measure_error(ctx, product, TL_PRECISION_FP32, TLI_ALL_TRANSPOSES, &error) == TL_OK &&
           error <= 1;
}

/* Once per device and driver if there is a cache for the result. */
static bool clblast_is_right(tl_context *ctx, state *s)
{
    if (s->clblast != UNTESTED) return s->clblast == RIGHT;
    unsigned char *data = NULL;
    size_t size = 0;
    if (tli_cache_get(ctx, test_name, &data, &size)) {
        s->clblast = size == 1 && data[0] == 1 ? RIGHT : WRONG;
        free(data);
    } else {
        s->clblast = tli_gemm_is_right(ctx, tli_gemm_clblast) ? RIGHT : WRONG;
        tli_cache_put(ctx, test_name, &(unsigned char){s->clblast == RIGHT}, 1);
    }
    if (s->clblast == WRONG)
        tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE,
                      "CLBlast fails its self-test on %s: matrix products run on the own kernels",
                      tl_context_device(ctx)->name);
    return s->clblast == RIGHT;
}

/* ---- choice -------------------------------------------------------------------------------------- */

static bool has_clblast(const tli_tuned *e)
{
    return e->clblast_gflops > 0;
}

/* By the nearest measured shape of the same kind; without one, CLBlast for dense products that are large
 * enough to fill a GPU, but not of one row, for which gemv.c has a kernel. */
static bool table_prefers_clblast(tl_context *ctx, const tli_gemm_args *g)
{
    const uint32_t count = (g->outer > 0 ? g->outer : 1) * (g->inner > 0 ? g->inner : 1);
    const tli_product_shape shape = {tli_gemm_kind(g->transpose_a, g->transpose_b), g->m, g->n, g->k, count};
    tli_tuning_origin origin = TLI_TUNING_NONE;
    const tli_tuning_table *table = tli_tuning_in_use(ctx, &origin);
    const tli_tuned *nearest = table != NULL ? tli_tuning_table_nearest(table, &shape, INFINITY, has_clblast)
                                             : NULL;
    if (nearest != NULL) return nearest->clblast_gflops > nearest->own_gflops;
    return count == 1 && g->m > 1 && (double)g->m * g->n * g->k >= 0x1p22;
}

bool tli_gemm_prefers_clblast(tl_context *ctx, const tli_gemm_args *g)
{
    const tli_limits *limits = tli_context_limits(ctx);
    if (limits->gemm == TL_GEMM_AUTO && limits->cpu_path &&
        tli_context_user_data(ctx, TLI_SLOT_GEMM)->data == NULL)
        return false; /* CLBlast is 5 to 20 times slower there */
    state *s = state_of(ctx);
    if (s == NULL || g->m == 0 || g->n == 0 || g->k == 0 || !tli_gemm_clblast_can(g)) return false;
    const tl_gemm_mode mode = s->forced != TL_GEMM_AUTO ? s->forced : limits->gemm;
    if (mode == TL_GEMM_OWN) return false;
    if (mode == TL_GEMM_AUTO && (limits->cpu_path || !table_prefers_clblast(ctx, g))) return false;
    return clblast_is_right(ctx, s);
}

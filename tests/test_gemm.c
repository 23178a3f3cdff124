/* tl_gemm against a plain loop in double precision: every element, both transposes, tails, alpha and beta,
 * bias and residual, inner dimensions past one block, two-level batches. */
#include "golden.h"

#include "core/random.h"
#include "ops/gemm.h"

typedef struct size {
    uint32_t m, n, k;
} size;
static const size sizes[] = {{1, 1, 1},    {1, 10, 192}, {5, 16, 7},    {6, 16, 256},  {7, 17, 257},
                             {13, 50, 64}, {50, 50, 64}, {64, 15, 300}, {100, 130, 9}, {31, 192, 520}};

static float *draw(tl_random *r, uint64_t count)
{
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    for (uint64_t i = 0; i < count; i++) x[i] = tl_random_normal(r);
    return x;
}

static void check(tl_context *ctx, size z, bool ta, bool tb, float alpha, float beta, bool extras,
                  uint32_t outer, uint32_t inner)
{
    tl_random r = tl_random_make(1, z.m * 1000003u + z.n * 1009u + z.k);
    const uint32_t batches = outer * inner, pad = 3; /* rows further apart than they are long */
    const uint32_t lda = (ta ? z.m : z.k) + pad, ldb = (tb ? z.k : z.n) + pad, ldc = z.n + pad;
    const uint64_t a_size = (uint64_t)(ta ? z.k : z.m) * lda, b_size = (uint64_t)(tb ? z.n : z.k) * ldb;
    const uint64_t c_size = (uint64_t)z.m * ldc, at = 5;
    float *a = draw(&r, batches * a_size + at), *b = draw(&r, batches * b_size + at);
    float *c = draw(&r, batches * c_size + at), *bias = draw(&r, z.n), *residual = draw(&r, batches * c_size);
    tl_tensor *da = golden_upload(ctx, a, 1, batches * a_size + at),
              *db = golden_upload(ctx, b, 1, batches * b_size + at);
    tl_tensor *dc = golden_upload(ctx, c, 1, batches * c_size + at),
              *dbias = golden_upload(ctx, bias, 1, z.n);
    tl_tensor *dr = golden_upload(ctx, residual, 1, batches * c_size);
    tl_gemm_args g = {.transpose_a = ta,
                      .transpose_b = tb,
                      .m = z.m,
                      .n = z.n,
                      .k = z.k,
                      .a = tl_at(da, at),
                      .b = tl_at(db, at),
                      .c = tl_at(dc, at),
                      .lda = lda,
                      .ldb = ldb,
                      .ldc = ldc,
                      .alpha = alpha,
                      .beta = beta,
                      .outer = outer,
                      .inner = inner,
                      .a_outer = inner * a_size,
                      .a_inner = a_size,
                      .b_outer = inner * b_size,
                      .b_inner = b_size,
                      .c_outer = inner * c_size,
                      .c_inner = c_size};
    if (extras) g.bias = tl_at(dbias, 0), g.residual = tl_at(dr, 0);
    MUST(ctx, tl_gemm(ctx, &g));
    float *got = golden_download(ctx, dc);
    for (uint32_t t = 0; t < batches; t++) {
        for (uint64_t e = 0; e < c_size; e++) {
            const uint32_t i = (uint32_t)(e / ldc), j = (uint32_t)(e % ldc);
            const float before = c[at + t * c_size + e], after = got[at + t * c_size + e];
            if (j >= z.n) {
                assert_true(before == after); /* the padding stays as it was */
                continue;
            }
            double sum = 0, scale = 1;
            for (uint32_t k = 0; k < z.k; k++) {
                const double x = a[at + t * a_size + (ta ? (uint64_t)k * lda + i : (uint64_t)i * lda + k)];
                const double y = b[at + t * b_size + (tb ? (uint64_t)j * ldb + k : (uint64_t)k * ldb + j)];
                sum += x * y;
                scale += fabs(x * y);
            }
            double want = alpha * sum + (beta != 0 ? beta * before : 0);
            if (extras) want += bias[j] + residual[t * c_size + e];
            if (!(fabs(after - want) <= 2e-6 * scale + 1e-6 * fabs(want)))
                fail_msg("%ux%ux%u ta %d tb %d: [%u][%u] is %g, not %g", z.m, z.n, z.k, ta, tb, i, j, after,
                         want);
        }
    }
    for (uint64_t i = 0; i < at; i++) assert_true(c[i] == got[i]);
    free(a), free(b), free(c), free(bias), free(residual), free(got);
    tl_tensor_destroy(ctx, da), tl_tensor_destroy(ctx, db), tl_tensor_destroy(ctx, dc);
    tl_tensor_destroy(ctx, dbias), tl_tensor_destroy(ctx, dr);
}

static void all(tl_kernel_path path)
{
    tl_context *ctx = golden_context(path);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int t = 0; t < 3; t++) {
            const bool ta = t == 2, tb = t == 1;
            check(ctx, sizes[s], ta, tb, 1.0f, 0.0f, false, 1, 1);
            check(ctx, sizes[s], ta, tb, 0.5f, 1.0f, true, 1, 1);
            check(ctx, sizes[s], ta, tb, -2.0f, 0.25f, false, 2, 3);
        }
    }
    tl_context_destroy(ctx);
}

static void cpu_kernels(void **unused)
{
    all(TL_PATH_CPU);
}
static void gpu_kernels(void **unused)
{
    all(TL_PATH_GPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cpu_kernels), cmocka_unit_test(gpu_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

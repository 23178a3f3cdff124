#include "products.h"

#include "device/pocl.h"
#include "ops/matrix_unit.h"
#include "rows.h"

/* Operands are rounded to this part of them at most. The squares of two uniform errors of a product add up to two thirds of its square. */
static double unit_of(tl_precision precision)
{
    return precision == TL_PRECISION_TF32 ? 0x1p-11 : precision == TL_PRECISION_BF16 ? 0x1p-8 : 0;
}
enum { DEVIATIONS = 6 };

void product_is_right_at(const char *file, int line, tl_context *ctx, tli_gemm_function product,
                         tl_precision precision, const product_case *p)
{
    const product_size z = p->size;
    const bool ta = p->transpose_a, tb = p->transpose_b;
    const float alpha = p->alpha, beta = p->beta;
    const uint32_t outer = p->outer, inner = p->inner;
    tli_random r = tli_random_make(1, z.m * 1000003u + z.n * 1009u + z.k);
    const uint32_t batches = outer * inner,
                   pad = p->dense ? 0 : 3; /* rows further apart than they are long */
    const uint32_t lda = (ta ? z.m : z.k) + pad, ldb = (tb ? z.k : z.n) + pad, ldc = z.n + pad;
    const uint64_t a_size = (uint64_t)(ta ? z.k : z.m) * lda, b_size = (uint64_t)(tb ? z.n : z.k) * ldb;
    const uint64_t c_size = (uint64_t)z.m * ldc, at = p->dense ? 0 : 5;
    float *a = draw(&r, batches * a_size + at), *b = draw(&r, batches * b_size + at);
    float *c = draw(&r, batches * c_size + at), *bias = draw(&r, z.n), *residual = draw(&r, batches * c_size);
    float *factor = draw(&r, batches * c_size);
    /* without the end of their last row, which nobody may read */
    tl_tensor *da = upload(ctx, a, 1, batches * a_size + at - pad),
              *db = upload(ctx, b, 1, batches * b_size + at - pad);
    tl_tensor *dc = upload(ctx, c, 1, batches * c_size + at), *dbias = upload(ctx, bias, 1, z.n);
    tl_tensor *dr = upload(ctx, residual, 1, batches * c_size),
              *df = upload(ctx, factor, 1, batches * c_size);
    tli_gemm_args g = {.transpose_a = ta,
                       .transpose_b = tb,
                       .m = z.m,
                       .n = z.n,
                       .k = z.k,
                       .a = tli_at(da, at),
                       .b = tli_at(db, at),
                       .c = tli_at(dc, at),
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
    if ((p->extras & WITH_BIAS) != 0) g.bias = tli_at(dbias, 0);
    if ((p->extras & WITH_RESIDUAL) != 0) g.residual = tli_at(dr, 0);
    if ((p->extras & RESIDUAL_IS_C) != 0) g.residual = g.c;
    if ((p->extras & WITH_FACTOR) != 0) g.factor = tli_at(df, 0);
    if (product(ctx, &g) != TL_OK) fail_at(file, line, "%s", tl_context_error(ctx)->text);
    float *got = download(ctx, dc);
    for (uint32_t t = 0; t < batches; t++) {
        for (uint64_t e = 0; e < c_size; e++) {
            const uint32_t i = (uint32_t)(e / ldc), j = (uint32_t)(e % ldc);
            const float before = c[at + t * c_size + e], after = got[at + t * c_size + e];
            if (j >= z.n) {
                assert_true(before == after); /* the padding stays as it was */
                continue;
            }
            double sum = 0, scale = 1, squares = 0;
            for (uint32_t k = 0; k < z.k; k++) {
                const double x = a[at + t * a_size + (ta ? (uint64_t)k * lda + i : (uint64_t)i * lda + k)];
                const double y = b[at + t * b_size + (tb ? (uint64_t)j * ldb + k : (uint64_t)k * ldb + j)];
                sum += x * y;
                scale += fabs(x * y);
                squares += alpha * alpha * x * x * y * y;
            }
            double want = alpha * sum + (beta != 0 ? beta * before : 0);
            if ((p->extras & WITH_BIAS) != 0) want += bias[j];
            if ((p->extras & WITH_RESIDUAL) != 0) want += residual[t * c_size + e];
            if ((p->extras & RESIDUAL_IS_C) != 0) want += before;
            if ((p->extras & WITH_FACTOR) != 0) {
                want *= factor[t * c_size + e];
                scale *= 1 + fabs((double)factor[t * c_size + e]);
                squares *= factor[t * c_size + e] * factor[t * c_size + e];
            }
            const double rounding = DEVIATIONS * sqrt(2.0 / 3.0) * unit_of(precision) * sqrt(squares);
            if (!(fabs(after - want) <= 2e-6 * scale + 1e-6 * fabs(want) + rounding))
                fail_at(file, line, "%ux%ux%u ta %d tb %d: [%u][%u] is %g, not %g", z.m, z.n, z.k, ta, tb, i,
                        j, after, want);
        }
    }
    for (uint64_t i = 0; i < at; i++) assert_true(c[i] == got[i]);
    free(a), free(b), free(c), free(bias), free(residual), free(factor), free(got);
    tl_tensor_destroy(ctx, da), tl_tensor_destroy(ctx, db), tl_tensor_destroy(ctx, dc);
    tl_tensor_destroy(ctx, dbias), tl_tensor_destroy(ctx, dr), tl_tensor_destroy(ctx, df);
}

void skip_without_matrix_units(tl_context *ctx)
{
    const bool mesa = strcmp(tl_context_device(ctx)->platform_name, "rusticl") == 0,
               pocl7 = tli_pocl_version(tl_context_device(ctx)) >= 7;
    if (!mesa && !pocl7 && !tli_context_limits(ctx)->cpu_path) return;
    tl_context_destroy(ctx);
    if (pocl7) skip_because("PoCL 7 compiles the emulation of tensor cores for many minutes", "take PoCL 6");
    if (mesa)
        skip_because("the compiler of Mesa 25.0 crashes on the emulation of tensor cores",
                     "take another driver");
    skip_because("tiles of the form for GPUs need work-groups of 256", "take a device that has them");
}

tl_context *(emulating_tensor_cores)(void)
{
    tl_context *ctx = new_context(TL_PATH_GPU);
    skip_without_matrix_units(ctx);
    MUST(ctx, tli_matrix_unit_emulate(ctx, TLI_UNIT_MMA));
    return ctx;
}

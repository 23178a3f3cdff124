/* Matrix-vector products against plain loops in double precision, with every part that may stand beside the product, and
 * tli_gemm for one row, which such a product serves. */
#include "rows.h"

#include "ops/gemv.h"

enum { PAD = 3 };

typedef struct parts {
    bool norm, bias, gelu, residual;
} parts;

static void normed(const float *x, const float *weight, const float *bias, uint32_t k, double *out)
{
    double mean = 0, variance = 0;
    for (uint32_t c = 0; c < k; c++) mean += (double)x[c] / k;
    for (uint32_t c = 0; c < k; c++) variance += pow((double)x[c] - mean, 2) / k;
    for (uint32_t c = 0; c < k; c++) out[c] = (x[c] - mean) / sqrt(variance + 1e-5) * weight[c] + bias[c];
}

static void check_at(const char *file, int line, tl_context *ctx, uint32_t n, uint32_t k, parts with)
{
    tli_random r = tli_random_make(n, k);
    float *x = draw(&r, k), *w = draw(&r, (uint64_t)n * (k + PAD)), *weight = draw(&r, k),
          *shift = draw(&r, k), *bias = draw(&r, n), *residual = draw(&r, n);
    double *row = zeros(k), *want = zeros(n);
    for (uint32_t c = 0; c < k; c++) row[c] = (double)x[c];
    if (with.norm) normed(x, weight, shift, k, row);
    for (uint32_t j = 0; j < n; j++) {
        for (uint32_t c = 0; c < k; c++) want[j] += 0.5 * row[c] * (double)w[(uint64_t)j * (k + PAD) + c];
        if (with.bias) want[j] += (double)bias[j];
        if (with.gelu) want[j] *= 0.5 * erfc(-want[j] / sqrt(2));
        if (with.residual) want[j] += (double)residual[j];
    }
    /* the residual is y itself */
    place px = put(ctx, x, k), pw = put(ctx, w, (uint64_t)n * (k + PAD)), pweight = put(ctx, weight, k),
          pshift = put(ctx, shift, k), pb = put(ctx, bias, n),
          py = put(ctx, with.residual ? residual : NULL, n);
    tli_gemv_args g = {
        .n = n, .k = k, .ld = k + PAD, .x = px.view, .weight = pw.view, .y = py.view, .alpha = 0.5f};
    if (with.norm) g.norm_weight = pweight.view, g.norm_bias = pshift.view;
    if (with.bias) g.bias = pb.view;
    if (with.residual) g.residual = py.view;
    g.gelu = with.gelu;
    MUST(ctx, tli_gemv(ctx, &g));
    float *got = get(ctx, py);
    near_to_at(file, line, "y", got, want, n, 2e-6, sqrt(k));
    free(x), free(w), free(weight), free(shift), free(bias), free(residual), free(row), free(want), free(got);
    drop(ctx, px), drop(ctx, pw), drop(ctx, pweight), drop(ctx, pshift), drop(ctx, pb), drop(ctx, py);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void every_part_in_every_length(tl_context *ctx)
{
    static const uint32_t sizes[][2] = {{1, 1},     {3, 5},     {16, 16},   {17, 15},  {37, 259},
                                        {192, 768}, {576, 192}, {2051, 33}, {50, 1000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int set = 0; set < 16; set++)
            check(ctx, sizes[i][0], sizes[i][1],
                  (parts){(set & 1) != 0, (set & 2) != 0, (set & 4) != 0, (set & 8) != 0});
}
ON_BOTH_PATHS(every_part_in_every_length)

static void it_serves_products_of_one_row_by_transposed_weights(void **unused)
{
    tli_gemv_args args;
    const tli_gemm_args g = {.m = 1, .n = 3, .k = 4, .ldb = 5, .transpose_b = true, .alpha = 1}, *at = &g;
    assert_true(tli_gemv_serves(at, &args));
    assert_int_equal(args.n, 3);
    assert_int_equal(args.k, 4);
    assert_int_equal(args.ld, 5);
    tli_gemm_args other = g;
    other.m = 2;
    assert_false(tli_gemv_serves(&other, &args));
    other = g, other.transpose_b = false;
    assert_false(tli_gemv_serves(&other, &args));
    other = g, other.inner = 2;
    assert_false(tli_gemv_serves(&other, &args));
    other = g, other.beta = 0.5f;
    assert_false(tli_gemv_serves(&other, &args));
    other = g, other.beta = 1, other.c.mem = (tli_mem)&g;
    assert_true(tli_gemv_serves(&other, &args));
    assert_ptr_equal(args.residual.mem, &g);
    other.residual.mem = (tli_mem)&other;
    assert_false(tli_gemv_serves(&other, &args)); /* two things to add */
    other = g, other.factor.mem = (tli_mem)&g;
    assert_false(tli_gemv_serves(&other, &args));
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(every_part_in_every_length),
                                       cmocka_unit_test(it_serves_products_of_one_row_by_transposed_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

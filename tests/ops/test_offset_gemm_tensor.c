/* Products by offset on the matrix units of GPUs, whose instructions are emulated: Translution's forward and backward in every precision,
 * against plain loops and against the ordinary kernels. */
#include "layer_run.h"
#include "products.h"

#include <math.h>

#include "core/random.h"
#include "ops/offset_gemm_tensor.h"
#include "ops/self_test.h"

static const struct {
    tli_matrix_unit unit;
    tl_precision precision;
    double
        off; /* of the root mean square, at most, of what a layer computes from operands that are rounded so */
    bool every_role; /* whether it is tried with every set of roles */
} kinds[] = {
    {TLI_UNIT_MMA, TL_PRECISION_TF32X3, 1e-5, false}, {TLI_UNIT_MMA, TL_PRECISION_TF32, 3e-3, true},
    {TLI_UNIT_MMA, TL_PRECISION_BF16, 2e-2, false},   {TLI_UNIT_MFMA, TL_PRECISION_FP32, 1e-5, true},
    {TLI_UNIT_MFMA, TL_PRECISION_BF16, 2e-2, false},  {TLI_UNIT_DPAS8, TL_PRECISION_BF16, 2e-2, false},
    {TLI_UNIT_DPAS16, TL_PRECISION_BF16, 2e-2, false}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* In units of what is expected in another precision. */
static double error_in(tl_context *ctx, tl_precision used, tl_precision expected)
{
    double error;
    MUST(ctx, tli_matrix_unit_use(ctx, used));
    MUST(ctx, tli_self_test_offset_precision(ctx, expected, &error));
    tli_matrix_unit_stop(ctx);
    return error;
}
#define error_in(...) VALUE_FROM_HERE(error_in(__VA_ARGS__))

static void a_precision_has_its_own_error_and_no_better(void **unused)
{
    tl_context *ctx = emulating_tensor_cores();
    assert_true(error_in(ctx, TL_PRECISION_TF32X3, TL_PRECISION_FP32) <= 1);
    assert_true(error_in(ctx, TL_PRECISION_TF32, TL_PRECISION_TF32) <= 1);
    assert_true(error_in(ctx, TL_PRECISION_TF32, TL_PRECISION_TF32X3) > 1);
    assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
    assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
    MUST(ctx, tli_matrix_unit_emulate(ctx, TLI_UNIT_MFMA));
    assert_true(error_in(ctx, TL_PRECISION_FP32, TL_PRECISION_FP32) <= 1);
    assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
    assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
    for (tli_matrix_unit unit = TLI_UNIT_DPAS8; unit <= TLI_UNIT_DPAS16; unit++) {
        MUST(ctx, tli_matrix_unit_emulate(ctx, unit));
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
    }
    tl_context_destroy(ctx);
}

enum { HEIGHT = 1, WIDTH = 2, BATCH = 35, DIM = 80, HEADS = 1, HEAD_DIM = 80 };

static layer_results run(tl_context *ctx, tl_roles relative)
{
    const tl_layer_config c = {.size = sizeof c,
                               .op = TL_OP_TRANSLUTION,
                               .height = HEIGHT,
                               .width = WIDTH,
                               .cls = true,
                               .batch = BATCH,
                               .dim = DIM,
                               .heads = HEADS,
                               .head_dim = HEAD_DIM,
                               .relative = relative};
    return layer_run(ctx, &c);
}
#define run(...) VALUE_FROM_HERE(run(__VA_ARGS__))

/* The largest of the differences in the root mean square, in parts of what is wanted. */
static double difference(const layer_results *got, const layer_results *want)
{
    double largest = 0;
    assert_int_equal(got->count, want->count);
    for (int i = 0; i < got->count; i++) {
        double off = 0, size = 0;
        for (uint64_t e = 0; e < got->counts[i]; e++) {
            const double wanted = (double)want->values[i][e], by = (double)got->values[i][e] - wanted;
            off += by * by, size += wanted * wanted;
        }
        assert_true(size > 0 && isfinite(off));
        largest = fmax(largest, sqrt(off / size));
    }
    return largest;
}
#define difference(...) VALUE_FROM_HERE(difference(__VA_ARGS__))

/* Of every set of roles, those that are not relative have their products elsewhere. Batches of 35 are wide enough for a
 * tile of 64, inputs need two. */
static void layers_compute_the_same_but_for_rounding(void **unused)
{
    static const tl_roles roles[] = {TL_ROLE_QKV, TL_ROLE_Q, TL_ROLE_K};
    tl_context *ctx = emulating_tensor_cores();
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        layer_results want = run(ctx, roles[i]);
        for (int kind = 0; kind < KINDS; kind++) {
            if (roles[i] != TL_ROLE_QKV && !kinds[kind].every_role) continue;
            MUST(ctx, tli_matrix_unit_emulate(ctx, kinds[kind].unit));
            MUST(ctx, tli_matrix_unit_use(ctx, kinds[kind].precision));
            layer_results got = run(ctx, roles[i]);
            const double off = difference(&got, &want);
            tli_matrix_unit_stop(ctx);
            /* As much as rounding explains, and not the same: ordinary kernels add up in another order. */
            const double least = kinds[kind].off > 1e-5 ? kinds[kind].off / 50 : 0;
            if (off > kinds[kind].off || off <= least)
                fail_msg("roles %d, kind %d: %.3g", (int)roles[i], kind, off);
            layer_results_release(&got);
        }
        layer_results_release(&want);
    }
    tl_context_destroy(ctx);
}

static void small_tiles_are_left_to_other_kernels(void **unused)
{
    tl_context *ctx = emulating_tensor_cores();
    tli_kernel_form form = {.cpu = false};
    assert_false(tli_offset_gemm_tensor_serves(ctx, form, 64, 64));
    MUST(ctx, tli_matrix_unit_use(ctx, TL_PRECISION_TF32));
    assert_true(tli_offset_gemm_tensor_serves(ctx, form, 33, 33));
    assert_false(tli_offset_gemm_tensor_serves(ctx, form, 32, 64));
    assert_false(tli_offset_gemm_tensor_serves(ctx, form, 64, 32));
    form.tile = 32;
    assert_false(tli_offset_gemm_tensor_serves(ctx, form, 64, 64));
    form.tile = 64;
    assert_true(tli_offset_gemm_tensor_serves(ctx, form, 1, 1));
    form.cpu = true;
    assert_false(tli_offset_gemm_tensor_serves(ctx, form, 64, 64));
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_precision_has_its_own_error_and_no_better),
                                       cmocka_unit_test(layers_compute_the_same_but_for_rounding),
                                       cmocka_unit_test(small_tiles_are_left_to_other_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

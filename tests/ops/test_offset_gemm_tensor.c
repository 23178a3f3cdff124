/* Products by offset on the matrix units of GPUs, whose instructions are emulated: Translution's forward and backward in every precision,
 * against plain loops and against the ordinary kernels. */
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

enum { HEIGHT = 1, WIDTH = 2, TOKENS = HEIGHT * WIDTH + 1, BATCH = 35, DIM = 80, HEADS = 1, HEAD_DIM = 80 };
enum { IN = TOKENS * BATCH * DIM, OUT = TOKENS * BATCH * HEADS * HEAD_DIM };

/* What a layer computes: its output, the gradient of its input and those of its parameters. */
enum { MOST = 12 };
typedef struct results {
    float *values[MOST];
    uint64_t counts[MOST];
    int count;
} results;

static void add(results *r, tl_context *ctx, const tl_tensor *t)
{
    assert_true(r->count < MOST);
    r->values[r->count] = download(ctx, t);
    r->counts[r->count++] = t->lead * t->row;
}
#define add(...) FROM_HERE(add(__VA_ARGS__))

/* Normally distributed numbers. */
static void draw(tl_context *ctx, tl_tensor *t, float deviation, uint64_t seed)
{
    const uint64_t count = t->lead * t->row;
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    tli_random r = tli_random_make(1, seed);
    for (uint64_t i = 0; i < count; i++) values[i] = deviation * tli_random_normal(&r);
    MUST(ctx, tl_tensor_write(ctx, t, 0, count, values));
    free(values);
}
#define draw(...) FROM_HERE(draw(__VA_ARGS__))

static results run(tl_context *ctx, tl_roles relative)
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
    results r = {.count = 0};
    tl_layer *layer = NULL;
    MUST(ctx, tl_layer_create(ctx, &c, 1, &layer));
    tl_tensor *x = upload(ctx, NULL, 1, IN), *d_o = upload(ctx, NULL, 1, OUT), *o = upload(ctx, NULL, 1, OUT),
              *dx = upload(ctx, NULL, 1, IN);
    draw(ctx, x, 1.0f, 1), draw(ctx, d_o, 1.0f, 2);
    tl_parameter parameter;
    for (int i = 0; tl_layer_parameter_at(layer, i, &parameter); i++)
        draw(ctx, parameter.value, 0.3f, 3 + (uint64_t)i);
    MUST(ctx, tl_layer_forward(ctx, layer, x, o));
    MUST(ctx, tl_layer_backward(ctx, layer, x, d_o, dx));
    add(&r, ctx, o), add(&r, ctx, dx);
    for (int i = 0; tl_layer_parameter_at(layer, i, &parameter); i++) add(&r, ctx, parameter.gradient);
    tl_tensor_destroy(ctx, x), tl_tensor_destroy(ctx, o), tl_tensor_destroy(ctx, d_o),
        tl_tensor_destroy(ctx, dx);
    tl_layer_destroy(ctx, layer);
    return r;
}
#define run(...) VALUE_FROM_HERE(run(__VA_ARGS__))

static void release(results *r)
{
    for (int i = 0; i < r->count; i++) free(r->values[i]);
}

/* The largest of the differences in the root mean square, in parts of what is wanted. */
static double difference(const results *got, const results *want)
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
        results want = run(ctx, roles[i]);
        for (int kind = 0; kind < KINDS; kind++) {
            if (roles[i] != TL_ROLE_QKV && !kinds[kind].every_role) continue;
            MUST(ctx, tli_matrix_unit_emulate(ctx, kinds[kind].unit));
            MUST(ctx, tli_matrix_unit_use(ctx, kinds[kind].precision));
            results got = run(ctx, roles[i]);
            const double off = difference(&got, &want);
            tli_matrix_unit_stop(ctx);
            /* As much as rounding explains, and not the same: ordinary kernels add up in another order. */
            const double least = kinds[kind].off > 1e-5 ? kinds[kind].off / 50 : 0;
            if (off > kinds[kind].off || off <= least)
                fail_msg("roles %d, kind %d: %.3g", (int)roles[i], kind, off);
            release(&got);
        }
        release(&want);
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

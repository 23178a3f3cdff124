/* The library as a user of the public header sees it: nothing else of the project is included here. */
#include "values.h"

/* <o(t), g> for the tensor `t` moved by `by` along `direction` from `base`. */
static double moved(tl_layer *layer, tl_tensor *x, tl_tensor *o, const float *g, uint64_t outputs,
                    tl_tensor *t, const float *base, const float *direction, uint64_t count, float by)
{
    float *values = malloc(count * sizeof *values), *out = malloc(outputs * sizeof *out);
    for (uint64_t i = 0; i < count; i++) values[i] = base[i] + by * direction[i];
    OK(tl_tensor_write(ctx, t, 0, count, values));
    OK(tl_layer_forward(ctx, layer, x, o));
    OK(tl_tensor_read(ctx, o, 0, outputs, out));
    double sum = dot(out, g, outputs);
    OK(tl_tensor_write(ctx, t, 0, count, base));
    free(values);
    free(out);
    return sum;
}
#define moved(...) VALUE_FROM_HERE(moved(__VA_ARGS__))

/* The gradient along a direction against the central difference of forward. */
static void check_direction(const char *what, tl_layer *layer, tl_tensor *x, tl_tensor *o, const float *g,
                            uint64_t outputs, tl_tensor *value, const tl_tensor *gradient, uint64_t count)
{
    const float step = 0.01f;
    float *base = malloc(count * sizeof *base), *analytic = malloc(count * sizeof *analytic);
    float *direction = waves(77, count);
    OK(tl_tensor_read(ctx, value, 0, count, base));
    OK(tl_tensor_read(ctx, gradient, 0, count, analytic));
    double up = moved(layer, x, o, g, outputs, value, base, direction, count, step);
    double down = moved(layer, x, o, g, outputs, value, base, direction, count, -step);
    double difference = (up - down) / (2 * step), slope = dot(analytic, direction, count);
    if (!(fabs(difference - slope) <= 2e-2 * fabs(difference) + 2e-3)) {
        print_error("%s: difference %g, gradient %g\n", what, difference, slope);
        fail();
    }
    free(base);
    free(analytic);
    free(direction);
}
#define check_direction(...) FROM_HERE(check_direction(__VA_ARGS__))

static void check_layer(const tl_layer_config *config, int expected_parameters)
{
    tl_layer *layer = NULL;
    OK(tl_layer_create(ctx, config, 3, &layer));
    const uint64_t rows = (uint64_t)tl_layer_tokens(config) * config->batch;
    const uint64_t inputs = rows * config->dim, outputs = rows * config->heads * config->head_dim;
    float *x0 = waves(1, inputs), *g = waves(2, outputs);
    tl_tensor *x = tensor("x", inputs, x0), *dx = tensor("dx", inputs, NULL);
    tl_tensor *o = tensor("o", outputs, NULL), *d_o = tensor("d_o", outputs, g);
    OK(tl_layer_forward(ctx, layer, x, o));
    OK(tl_layer_backward(ctx, layer, x, d_o, dx));
    check_direction("x", layer, x, o, g, outputs, x, dx, inputs);

    tl_parameter p;
    int count = 0;
    for (; tl_layer_parameter_at(layer, count, &p); count++) {
        /* The gradients of the first backward: moving x back and forth has not touched them. */
        check_direction(p.name, layer, x, o, g, outputs, p.value, p.gradient, elements_of(&p));
    }
    assert_int_equal(count, expected_parameters);
    assert_false(tl_layer_parameter_at(layer, -1, &p));
    tl_tensor_destroy(ctx, x);
    tl_tensor_destroy(ctx, dx);
    tl_tensor_destroy(ctx, o);
    tl_tensor_destroy(ctx, d_o);
    tl_layer_destroy(ctx, layer);
    free(x0);
    free(g);
}
#define check_layer(...) FROM_HERE(check_layer(__VA_ARGS__))

static void test_grid(void **state)
{
    tl_layer_config c = {.size = sizeof c,
                         .height = 2,
                         .width = 3,
                         .cls = true,
                         .batch = 2,
                         .dim = 7,
                         .heads = 2,
                         .head_dim = 5,
                         .relenc_dim = 3};
    c.op = TL_OP_ATTENTION;
    check_layer(&c, 1);
    c.op = TL_OP_TRANSLUTION;
    check_layer(&c, 3);
    c.op = TL_OP_ALPHA;
    check_layer(&c, 8);
    assert_true(tl_memory_used(ctx, TL_MEMORY_PARAMETER) == 0); /* destroyed to the last tensor */
    assert_true(tl_memory_used(ctx, TL_MEMORY_ACTIVATION) == 0);
    assert_true(tl_memory_peak(ctx) > 0);
}

static void test_causal(void **state)
{
    tl_layer_config c = {.size = sizeof c,
                         .height = 1,
                         .width = 5,
                         .max_length = 6,
                         .causal = true,
                         .batch = 1,
                         .dim = 6,
                         .heads = 1,
                         .head_dim = 4,
                         .relenc_dim = 2};
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        c.op = (tl_op_kind)op;
        check_layer(&c, op == TL_OP_ATTENTION ? 1 : op == TL_OP_TRANSLUTION ? 3 : 8);
    }
}

static void test_mistakes(void **state)
{
    tl_layer *layer = (tl_layer *)&ctx;
    tl_layer_config c = {.size = sizeof c,
                         .op = TL_OP_ATTENTION,
                         .height = 2,
                         .width = 2,
                         .dim = 4,
                         .heads = 1,
                         .head_dim = 4};
    assert_int_equal(tl_layer_create(ctx, &c, 0, &layer), TL_ERROR_USAGE); /* batch 0 */
    assert_null(layer);
    assert_non_null(strstr(tl_context_error(ctx)->text, "batch"));
    c.batch = 1;
    c.op = TL_OP_ALPHA;
    assert_int_equal(tl_layer_create(ctx, &c, 0, &layer), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "relenc_dim"));
    c.op = TL_OP_ATTENTION;
    OK(tl_layer_create(ctx, &c, 0, &layer));
    tl_tensor *small = tensor("small", 8, NULL), *right = tensor("right", 16, NULL);
    assert_int_equal(tl_layer_forward(ctx, layer, small, right), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "\"small\""));
    tl_tensor_destroy(ctx, small);
    tl_tensor_destroy(ctx, right);
    tl_layer_destroy(ctx, layer);

    c.causal = c.cls = true;
    assert_int_equal(tl_layer_create(ctx, &c, 0, &layer), TL_ERROR_USAGE);
    assert_int_equal(tl_exit_code(TL_ERROR_USAGE), 2);
}

static void test_version_and_settings(void **state)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", TL_VERSION_MAJOR, TL_VERSION_MINOR, TL_VERSION_PATCH);
    assert_string_equal(text, TL_VERSION);
    tl_settings settings;
    tl_settings_default(&settings, "mnist");
    assert_string_equal(settings.task, "mnist");
    assert_string_equal(tl_op_name(settings.model.op), "attention");
    assert_int_equal(settings.model.image_height, 84);
    assert_int_equal(settings.training.batch_size, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_causal),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_version_and_settings),
    };
    return cmocka_run_group_tests(tests, set_up_context, tear_down_context);
}

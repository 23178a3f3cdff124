/* GELU against libm's erfc in double precision over a dense range, and at the ends of the float numbers. */
#include "rows.h"

#include <float.h>

#include "ops/gelu.h"

static double reference(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}
static double reference_slope(double x)
{
    return 0.5 * erfc(-x / sqrt(2)) + x * exp(-0.5 * x * x) * 0.3989422804014327;
}

static void check_at(const char *file, int line, tl_context *ctx, const float *x, const float *dy,
                     uint64_t count)
{
    double *y = zeros(count), *dx = zeros(count);
    for (uint64_t i = 0; i < count; i++) {
        y[i] = reference(x[i]);
        dx[i] = dy[i] * reference_slope(x[i]);
    }
    place vx = put(ctx, x, count), vy = put(ctx, NULL, count), vdy = put(ctx, dy, count);
    place vdx = put(ctx, NULL, count);
    MUST(ctx, tli_gelu_forward(ctx, vx.view, vy.view, count));
    MUST(ctx, tli_gelu_backward(ctx, vx.view, vdy.view, vdx.view, count));
    float *got = get(ctx, vy), *got_dx = get(ctx, vdx);
    for (uint64_t i = 0; i < count; i++) {
        if (!(fabs(got[i] - y[i]) <= 3e-7 * fmax(fabs((double)x[i]), 1e-30)))
            fail_at(file, line, "gelu(%.9g) is %.9g, not %.9g", x[i], got[i], y[i]);
        if (!(fabs(got_dx[i] - dx[i]) <= 5e-7 * fmax(1, fabs((double)dy[i]))))
            fail_at(file, line, "gelu'(%.9g) is %.9g, not %.9g", x[i], got_dx[i], dx[i]);
        /* The left tail keeps its relative accuracy while exp(-x^2 / 2) is a normal number. */
        if (x[i] < -0.1f && x[i] > -10 && !(fabs(got[i] - y[i]) <= 1e-5 * fabs(y[i])))
            fail_at(file, line, "gelu(%.9g) is %.9g, not %.9g", x[i], got[i], y[i]);
    }
    MUST(ctx, tli_gelu_backward(ctx, vx.view, vdy.view, vdy.view, count)); /* in place */
    float *again = get(ctx, vdy);
    assert_memory_equal(again, got_dx, count * sizeof *again);
    free(y), free(dx), free(got), free(got_dx), free(again);
    drop(ctx, vx), drop(ctx, vy), drop(ctx, vdy), drop(ctx, vdx);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void values_and_slopes_of_a_dense_range(tl_context *ctx)
{
    enum { COUNT = 400003 };
    float *x = malloc(COUNT * sizeof *x), *dy = malloc(COUNT * sizeof *dy);
    assert_non_null(x);
    assert_non_null(dy);
    for (int i = 0; i < COUNT; i++) {
        x[i] = (float)(-32.0 + 64.0 * i / COUNT);
        dy[i] = 1;
    }
    check(ctx, x, dy, COUNT);
    for (int i = 0; i < COUNT; i++) x[i] = (i % 2 ? 1 : -1) * exp2f(-149.0f + 156.0f * (float)i / COUNT);
    check(ctx, x, dy, COUNT);
    free(x), free(dy);
}
ON_BOTH_PATHS(values_and_slopes_of_a_dense_range)

static void counts_around_vector_widths(tl_context *ctx)
{
    const uint64_t counts[] = {1, 3, 4, 13, 15, 16, 17, 255, 256, 257, 1024, 1025, 20001};
    tli_random r = tli_random_make(1, 2);
    for (size_t s = 0; s < sizeof counts / sizeof *counts; s++) {
        float *x = draw(&r, counts[s]), *dy = draw(&r, counts[s]);
        check(ctx, x, dy, counts[s]);
        free(x), free(dy);
    }
}
ON_BOTH_PATHS(counts_around_vector_widths)

static void ends_of_the_float_numbers(tl_context *ctx)
{
    const float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, NAN, 1e-45f, -1e-45f, FLT_MIN};
    const float y[] = {0.0f, 0.0f, INFINITY, 0.0f, FLT_MAX, 0.0f, NAN, 0.0f, 0.0f, FLT_MIN / 2};
    const float slope[] = {0.5f, 0.5f, 1, 0, 1, 0, NAN, 0.5f, 0.5f, 0.5f};
    enum { COUNT = sizeof x / sizeof *x };
    float dy[COUNT];
    for (int i = 0; i < COUNT; i++) dy[i] = 1;
    place vx = put(ctx, x, COUNT), vy = put(ctx, NULL, COUNT), vdy = put(ctx, dy, COUNT);
    MUST(ctx, tli_gelu_forward(ctx, vx.view, vy.view, COUNT));
    MUST(ctx, tli_gelu_backward(ctx, vx.view, vdy.view, vdy.view, COUNT));
    float *got = get(ctx, vy), *got_dx = get(ctx, vdy);
    for (int i = 0; i < COUNT; i++) {
        if (isnan(x[i])) {
            assert_true(isnan(got[i]));
            assert_true(isnan(got_dx[i]));
            continue;
        }
        /* A device may flush denormals. */
        if (!(got[i] == y[i] || fabsf(got[i] - y[i]) <= FLT_MIN))
            fail_msg("gelu(%g) is %g, not %g", x[i], got[i], y[i]);
        if (!(fabsf(got_dx[i] - slope[i]) <= 2e-7f))
            fail_msg("gelu'(%g) is %g, not %g", x[i], got_dx[i], slope[i]);
    }
    free(got), free(got_dx);
    drop(ctx, vx), drop(ctx, vy), drop(ctx, vdy);
}
ON_BOTH_PATHS(ends_of_the_float_numbers)

static void slopes_are_differences(tl_context *ctx)
{
    enum { COUNT = 777 };
    const double step = 1e-5;
    tli_random r = tli_random_make(3, 4);
    float *x = draw(&r, COUNT), *dy = draw(&r, COUNT), *direction = draw(&r, COUNT);
    place vx = put(ctx, x, COUNT), vdy = put(ctx, dy, COUNT);
    MUST(ctx, tli_gelu_backward(ctx, vx.view, vdy.view, vdy.view, COUNT));
    float *dx = get(ctx, vdy);
    double slope = 0, plus = 0, minus = 0;
    for (int i = 0; i < COUNT; i++) {
        slope += (double)dx[i] * direction[i];
        plus += dy[i] * reference(x[i] + step * direction[i]);
        minus += dy[i] * reference(x[i] - step * direction[i]);
    }
    slope_is("gelu", slope, plus, minus, step, 1);
    free(x), free(dy), free(direction), free(dx);
    drop(ctx, vx), drop(ctx, vdy);
}
ON_BOTH_PATHS(slopes_are_differences)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_PATHS(values_and_slopes_of_a_dense_range), BOTH_PATHS(counts_around_vector_widths),
        BOTH_PATHS(ends_of_the_float_numbers), BOTH_PATHS(slopes_are_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

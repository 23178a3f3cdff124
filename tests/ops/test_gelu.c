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

static void check_at(const char *file, int line, tl_context *ctx, const float *x, uint64_t count)
{
    place vx = put(ctx, x, count), vy = put(ctx, NULL, count), again = put(ctx, NULL, count);
    MUST(ctx, tli_gelu_forward(ctx, vx.view, vy.view, count));
    MUST(ctx, tli_gelu_slope(ctx, vx.view, again.view, count)); /* takes x's place */
    float *got = get(ctx, vy), *got_again = get(ctx, again), *slope = get(ctx, vx);
    assert_memory_equal(got, got_again, count * sizeof *got);
    for (uint64_t i = 0; i < count; i++) {
        const double y = reference(x[i]), want = reference_slope(x[i]);
        if (!(fabs(got[i] - y) <= 3e-7 * fmax(fabs((double)x[i]), 1e-30)))
            fail_at(file, line, "gelu(%.9g) is %.9g, not %.9g", x[i], got[i], y);
        if (!(fabs(slope[i] - want) <= 5e-7))
            fail_at(file, line, "gelu'(%.9g) is %.9g, not %.9g", x[i], slope[i], want);
        /* The left tail keeps its relative accuracy while exp(-x^2 / 2) is a normal number. */
        if (x[i] < -0.1f && x[i] > -10 && !(fabs(got[i] - y) <= 1e-5 * fabs(y)))
            fail_at(file, line, "gelu(%.9g) is %.9g, not %.9g", x[i], got[i], y);
    }
    free(got), free(got_again), free(slope);
    drop(ctx, vx), drop(ctx, vy), drop(ctx, again);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void values_and_slopes_of_a_dense_range(tl_context *ctx)
{
    enum { COUNT = 400003 };
    float *x = malloc(COUNT * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < COUNT; i++) x[i] = (float)(-32.0 + 64.0 * i / COUNT);
    check(ctx, x, COUNT);
    for (int i = 0; i < COUNT; i++) x[i] = (i % 2 ? 1 : -1) * exp2f(-149.0f + 156.0f * (float)i / COUNT);
    check(ctx, x, COUNT);
    free(x);
}
ON_BOTH_PATHS(values_and_slopes_of_a_dense_range)

static void counts_around_vector_widths(tl_context *ctx)
{
    const uint64_t counts[] = {1, 3, 4, 13, 15, 16, 17, 255, 256, 257, 1024, 1025, 20001};
    tli_random r = tli_random_make(1, 2);
    for (size_t s = 0; s < sizeof counts / sizeof *counts; s++) {
        float *x = draw(&r, counts[s]);
        check(ctx, x, counts[s]);
        free(x);
    }
}
ON_BOTH_PATHS(counts_around_vector_widths)

static void ends_of_the_float_numbers(tl_context *ctx)
{
    const float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, NAN, 1e-45f, -1e-45f, FLT_MIN};
    const float y[] = {0.0f, 0.0f, INFINITY, 0.0f, FLT_MAX, 0.0f, NAN, 0.0f, 0.0f, FLT_MIN / 2};
    const float slope[] = {0.5f, 0.5f, 1, 0, 1, 0, NAN, 0.5f, 0.5f, 0.5f};
    enum { COUNT = sizeof x / sizeof *x };
    place vx = put(ctx, x, COUNT), vy = put(ctx, NULL, COUNT);
    MUST(ctx, tli_gelu_slope(ctx, vx.view, vy.view, COUNT));
    float *got = get(ctx, vy), *got_dx = get(ctx, vx);
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
    drop(ctx, vx), drop(ctx, vy);
}
ON_BOTH_PATHS(ends_of_the_float_numbers)

static void slopes_are_differences(tl_context *ctx)
{
    enum { COUNT = 777 };
    const double step = 1e-5;
    tli_random r = tli_random_make(3, 4);
    float *x = draw(&r, COUNT), *dy = draw(&r, COUNT), *direction = draw(&r, COUNT);
    place vx = put(ctx, x, COUNT), vy = put(ctx, NULL, COUNT);
    MUST(ctx, tli_gelu_slope(ctx, vx.view, vy.view, COUNT));
    float *dx = get(ctx, vx);
    for (int i = 0; i < COUNT; i++) dx[i] *= dy[i];
    double slope = 0, plus = 0, minus = 0;
    for (int i = 0; i < COUNT; i++) {
        slope += (double)dx[i] * direction[i];
        plus += dy[i] * reference(x[i] + step * direction[i]);
        minus += dy[i] * reference(x[i] - step * direction[i]);
    }
    slope_is("gelu", slope, plus, minus, step, 1);
    free(x), free(dy), free(direction), free(dx);
    drop(ctx, vx), drop(ctx, vy);
}
ON_BOTH_PATHS(slopes_are_differences)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_PATHS(values_and_slopes_of_a_dense_range), BOTH_PATHS(counts_around_vector_widths),
        BOTH_PATHS(ends_of_the_float_numbers), BOTH_PATHS(slopes_are_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

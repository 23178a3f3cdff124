/* Sums of squares and the clip result on a step, against double precision; infinite and missing numbers; both kernel paths. */
#include "rows.h"

#include "ops/clip.h"

static void squares_of_at(const char *file, int line, tl_context *ctx, uint64_t count)
{
    const uint64_t pieces = tli_squares_count(count);
    tli_random r = tli_random_make(5, count);
    float *x = draw(&r, count);
    double *want = zeros(pieces);
    place px = put(ctx, x, count), partial = put(ctx, NULL, pieces);
    MUST(ctx, tli_squares(ctx, px.view, count, partial.view));
    const uint64_t each = count <= 4096 ? count : 4096; /* pieces are of 4096 */
    for (uint64_t i = 0; i < count; i++) want[i / each] += (double)x[i] * x[i];
    float *got = get(ctx, partial);
    near_to_at(file, line, "partial sum", got, want, pieces, 1e-5, 0);
    free(got), free(x), free(want);
    drop(ctx, px), drop(ctx, partial);
}
#define squares_of(...) squares_of_at(HERE, __VA_ARGS__)

static void sums_of_squares(tl_context *ctx)
{
    assert_int_equal(tli_squares_count(4097), 2);
    static const uint64_t counts[] = {1, 3, 16, 17, 255, 4095, 4096, 4097, 12300};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) squares_of(ctx, counts[i]);
}
ON_BOTH_PATHS(sums_of_squares)

static void clip_result(tl_context *ctx, const float *partial, uint32_t count, float loss, float most,
                        float got[2])
{
    place p = put(ctx, partial, count), l = put(ctx, &loss, 1), v = put(ctx, NULL, 2);
    if (isnan(loss)) MUST(ctx, tl_tensor_write(ctx, l.tensor, GUARD, 1, &loss));
    MUST(ctx, tli_clip_decide(ctx, p.view, count, l.view, most, v.view));
    float *values = get(ctx, v);
    memcpy(got, values, 2 * sizeof *got);
    free(values);
    drop(ctx, p), drop(ctx, l), drop(ctx, v);
}
#define clip_result(...) FROM_HERE(clip_result(__VA_ARGS__))

static void clips_to_at(const char *file, int line, tl_context *ctx, const float *partial, uint32_t count,
                        float most, double tolerance)
{
    float got[2];
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += partial[i];
    const double want = most > 0 && sqrt(sum) > most ? most / (sqrt(sum) + 1e-6) : 1.0;
    clip_result(ctx, partial, count, 2.5f, most, got);
    if (want == 1.0) assert_true(got[0] == 1.0f); /* not one bit of a gradient changes */
    if (!(fabs(got[0] - want) <= tolerance * want))
        fail_at(file, line, "factor %.9g, not %.9g", got[0], want);
    assert_true(got[1] == (float)count);
}
#define clips_to(...) clips_to_at(HERE, __VA_ARGS__)

static void factors_keep_the_norm(tl_context *ctx)
{
    enum { MOST = 70001 };
    float *p = malloc(MOST * sizeof *p);
    assert_non_null(p);
    tli_random r = tli_random_make(7, 7);
    for (int i = 0; i < MOST; i++) p[i] = tli_random_uniform(&r) * (i % 3 == 0 ? 1e-4f : 1.0f);
    static const uint32_t counts[] = {1, 2, 63, 64, 65, 1000, MOST};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        clips_to(ctx, p, counts[i], 0.0f, 0);
        clips_to(ctx, p, counts[i], 1e6f, 0);
        clips_to(ctx, p, counts[i], 1e-3f, 3e-7);
    }
    /* sums that are finite, of which the whole is not */
    for (int i = 0; i < 100; i++) p[i] = 3e38f;
    clips_to(ctx, p, 100, 1.0f, 1e-6);
    for (int i = 0; i < 100; i++) p[i] = 0.0f;
    clips_to(ctx, p, 100, 1.0f, 0);
    free(p);
}
ON_BOTH_PATHS(factors_keep_the_norm)

static void not_finite_skips_the_step(tl_context *ctx)
{
    enum { COUNT = 301 };
    float p[COUNT], got[2];
    for (int i = 0; i < COUNT; i++) p[i] = 1.0f;
    clip_result(ctx, p, COUNT, NAN, 1.0f, got);
    assert_true(got[0] == -1.0f);
    assert_true(got[1] == COUNT);
    clip_result(ctx, p, COUNT, INFINITY, 0.0f, got);
    assert_true(got[0] == -1.0f);
    assert_true(got[1] == COUNT);
    static const int at[] = {300, 299, 64, 1, 0};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) { /* the first of those so far */
        p[at[i]] = i % 2 == 0 ? NAN : INFINITY;
        clip_result(ctx, p, COUNT, 1.0f, 1.0f, got);
        if (got[0] != -1.0f || got[1] != (float)at[i]) fail_msg("%g at %g, not %d", got[0], got[1], at[i]);
    }
}
ON_BOTH_PATHS(not_finite_skips_the_step)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(sums_of_squares), BOTH_PATHS(factors_keep_the_norm),
                                       BOTH_PATHS(not_finite_skips_the_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

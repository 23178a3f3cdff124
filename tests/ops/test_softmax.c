/* Softmax against plain loops in double precision; what a causal mask hides is filled with NaN, so that a
 * kernel that reads it fails. */
#include "rows.h"

#include "ops/softmax.h"

typedef struct shape {
    uint64_t rows;
    uint32_t queries, keys;
    bool causal;
} shape;
static const shape shapes[] = {{1, 1, 1, false},   {5, 5, 13, false},      {150, 50, 50, false},
                               {64, 1, 17, false}, {394, 197, 197, false}, {320, 160, 160, true},
                               {39, 13, 13, true}, {3, 1, 1, true},        {2, 2, 1000, false},
                               {50, 50, 50, true}, {7, 7, 3, true}};

static uint32_t visible(shape z, uint64_t row)
{
    const uint32_t query = (uint32_t)(row % z.queries);
    return z.causal && query + 1 < z.keys ? query + 1 : z.keys;
}

static void reference(const double *logits, shape z, double *p)
{
    for (uint64_t r = 0; r < z.rows; r++) {
        const uint32_t n = visible(z, r);
        double top = -INFINITY, sum = 0;
        for (uint32_t c = 0; c < n; c++) top = fmax(top, logits[r * z.keys + c]);
        for (uint32_t c = 0; c < n; c++) sum += exp(logits[r * z.keys + c] - top);
        for (uint32_t c = 0; c < z.keys; c++)
            p[r * z.keys + c] = c < n ? exp(logits[r * z.keys + c] - top) / sum : 0;
    }
}

static double objective(const float *a, const float *direction, double step, const float *dp, shape z)
{
    const uint64_t count = z.rows * z.keys;
    double *moved = zeros(count), *p = zeros(count), sum = 0;
    for (uint64_t i = 0; i < count; i++) moved[i] = a[i] + step * direction[i];
    reference(moved, z, p);
    for (uint64_t r = 0; r < z.rows; r++)
        for (uint32_t c = 0; c < visible(z, r); c++) sum += dp[r * z.keys + c] * p[r * z.keys + c];
    free(moved), free(p);
    return sum;
}

static void hide(float *x, shape z)
{
    for (uint64_t r = 0; r < z.rows; r++)
        for (uint32_t c = visible(z, r); c < z.keys; c++) x[r * z.keys + c] = NAN;
}

static void masked_are_zero(const float *x, shape z)
{
    for (uint64_t r = 0; r < z.rows; r++)
        for (uint32_t c = visible(z, r); c < z.keys; c++)
            if (x[r * z.keys + c] != 0.0f) fail_msg("row %llu: hidden key %u", (unsigned long long)r, c);
}
#define masked_are_zero(...) FROM_HERE(masked_are_zero(__VA_ARGS__))

static void check_at(const char *file, int line, tl_context *ctx, shape z, float spread, float offset)
{
    const float scale = 0.125f;
    const uint64_t count = z.rows * z.keys;
    tli_random r = tli_random_make(5, count + z.queries);
    float *a = draw(&r, count), *dp = draw(&r, count), *direction = draw(&r, count);
    double *ad = zeros(count), *p = zeros(count), *da = zeros(count);
    for (uint64_t i = 0; i < count; i++) a[i] = a[i] * spread + offset;
    hide(a, z);
    hide(dp, z);
    for (uint64_t i = 0; i < count; i++) ad[i] = a[i];
    reference(ad, z, p);
    place va = put(ctx, a, count), vd = put(ctx, dp, count);
    MUST(ctx, tli_softmax_forward(ctx, va.view, z.rows, z.queries, z.keys, z.causal));
    float *got = get(ctx, va);
    near_to_at(file, line, "probability", got, p, count, 2e-6, 1e-4);
    masked_are_zero(got, z);

    for (uint64_t row = 0; row < z.rows; row++) {
        double mean = 0;
        const uint32_t n = visible(z, row);
        for (uint64_t i = row * z.keys; i < row * z.keys + n; i++) mean += p[i] * dp[i];
        for (uint64_t i = row * z.keys; i < row * z.keys + n; i++) da[i] = scale * p[i] * (dp[i] - mean);
    }
    MUST(ctx, tli_softmax_backward(ctx, va.view, vd.view, z.rows, z.queries, z.keys, z.causal, scale));
    float *got_da = get(ctx, vd);
    near_to_at(file, line, "da", got_da, da, count, 3e-6, 0.1);
    masked_are_zero(got_da, z);
    double slope = 0;
    for (uint64_t i = 0; i < count; i++) slope += (double)got_da[i] / scale * direction[i];
    slope_is_at(file, line, "softmax", slope, objective(a, direction, 1e-5, dp, z),
                objective(a, direction, -1e-5, dp, z), 1e-5, 1);
    free(a), free(dp), free(direction), free(ad), free(p), free(da), free(got), free(got_da);
    drop(ctx, va), drop(ctx, vd);
}
#define check(...) check_at(HERE, __VA_ARGS__)

static void every_shape_and_mask(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) check(ctx, shapes[s], 2, 0);
    check(ctx, (shape){26, 13, 13, true}, 2, -500); /* without the maximum taken off, all would be 0 */
    check(ctx, (shape){26, 13, 13, false}, 2, 500); /* ... or infinite */
    check(ctx, (shape){20, 10, 50, false}, 60, 0);  /* most probabilities underflow */
}
ON_BOTH_PATHS(every_shape_and_mask)

/* A NaN logit makes its row NaN and no other; an infinite negative one has probability 0. */
static void a_broken_row_breaks_no_other(tl_context *ctx)
{
    enum { ROWS = 5, KEYS = 21 };
    float a[ROWS * KEYS];
    for (int i = 0; i < ROWS * KEYS; i++) a[i] = (float)(i % 7);
    a[2 * KEYS + 3] = NAN;
    a[4 * KEYS + KEYS - 1] = -INFINITY;
    place va = put(ctx, a, ROWS * KEYS);
    MUST(ctx, tli_softmax_forward(ctx, va.view, ROWS, ROWS, KEYS, false));
    float *p = get(ctx, va);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < KEYS; c++) assert_true(isnan(p[r * KEYS + c]) == (r == 2));
    assert_true(p[4 * KEYS + KEYS - 1] == 0.0f);
    free(p);
    drop(ctx, va);
}
ON_BOTH_PATHS(a_broken_row_breaks_no_other)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(every_shape_and_mask),
                                       BOTH_PATHS(a_broken_row_breaks_no_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

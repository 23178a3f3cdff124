/* Gradients of a Linear against plain loops, with rows enough for the GPU form to cut them into slices. */
#include "rows.h"

#include <float.h>

#include "ops/linear.h"

enum { IN = 5, OUT = 7 };

static void gradients_of_at(const char *file, int line, tl_context *ctx, uint32_t rows)
{
    tli_random r = tli_random_make(9, rows);
    float *x = draw(&r, rows * IN), *dy = draw(&r, rows * OUT);
    double *dweight = zeros(OUT * IN), *dbias = zeros(OUT);
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t o = 0; o < OUT; o++) {
            dbias[o] += (double)dy[row * OUT + o];
            for (uint32_t i = 0; i < IN; i++)
                dweight[o * IN + i] += (double)dy[row * OUT + o] * (double)x[row * IN + i];
        }
    place px = put(ctx, x, rows * IN), pdy = put(ctx, dy, rows * OUT), pw = put(ctx, NULL, OUT * IN),
          pb = put(ctx, NULL, OUT), work = put(ctx, NULL, tli_linear_workspace(rows, IN, OUT));
    MUST(ctx, tli_linear_backward(ctx, pdy.view, OUT, px.view, IN, (tli_view){0}, (tli_view){0}, false,
                                  pw.view, pb.view, work.view, rows, IN, OUT));
    float *got_w = get(ctx, pw), *got_b = get(ctx, pb);
    /* n products of about one make a sum that grows as the root of n. Where terms are added one by one, its n roundings, a fifth of
     * an epsilon of it each, come to an eighth of n epsilons; twice that. */
    const double tolerance = fmax(1e-5, FLT_EPSILON / 4 * rows);
    near_to_at(file, line, "dweight", got_w, dweight, OUT * IN, tolerance, 1.0);
    near_to_at(file, line, "dbias", got_b, dbias, OUT, tolerance, 1.0);
    free(x), free(dy), free(dweight), free(dbias), free(got_w), free(got_b);
    drop(ctx, px), drop(ctx, pdy), drop(ctx, pw), drop(ctx, pb), drop(ctx, work);
}
#define gradients_of(...) gradients_of_at(HERE, __VA_ARGS__)

static void slices_make_the_whole(tl_context *ctx)
{
    assert_true(tli_linear_workspace(127, 64, 64) < 64 * 64);         /* one slice: the sums of dbias alone */
    assert_int_equal(tli_linear_workspace(128, 64, 64), 2 * 64 * 65); /* with the sums of dbias */
    assert_int_equal(tli_linear_workspace(3200, 192, 192), 50 * 192 * 193);  /* 9 tiles: 450 groups */
    assert_int_equal(tli_linear_workspace(12800, 192, 768), 14 * 768 * 193); /* 36 tiles: 504 groups */
    static const uint32_t rows[] = {1, 64, 127, 128, 131, 1024, 1030, 1600, 3201};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) gradients_of(ctx, rows[i]);
}
ON_BOTH_PATHS(slices_make_the_whole)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(slices_make_the_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

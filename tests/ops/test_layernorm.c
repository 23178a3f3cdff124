/* LayerNorm and column sums against plain loops in double precision, at odd sizes, on both kernel paths. */
#include <float.h>

#include "rows.h"

#include "ops/column_sum.h"
#include "ops/layernorm.h"

typedef struct shape {
    uint64_t rows;
    uint32_t channels;
} shape;
static const shape shapes[] = {{1, 1},    {1, 192},  {7, 1},     {3, 13},  {33, 192},
                               {129, 50}, {5, 1024}, {4200, 16}, {65, 47}, {40, 3}};

/* y = LN(x) with weight w and bias b; stats {mean, rstd} a row. */
static void reference(const double *x, const float *w, const float *b, shape z, double *y, double *stats)
{
    for (uint64_t r = 0; r < z.rows; r++) {
        double mean = 0, variance = 0;
        for (uint32_t c = 0; c < z.channels; c++) mean += x[r * z.channels + c] / z.channels;
        for (uint32_t c = 0; c < z.channels; c++)
            variance += pow(x[r * z.channels + c] - mean, 2) / z.channels;
        stats[2 * r] = mean;
        stats[2 * r + 1] = 1 / sqrt(variance + 1e-5);
        for (uint32_t c = 0; c < z.channels; c++)
            y[r * z.channels + c] = (x[r * z.channels + c] - mean) * stats[2 * r + 1] * w[c] + b[c];
    }
}

/* sum of dy * LN(x + step * direction) */
static double objective(const float *x, const float *direction, double step, const float *w, const float *b,
                        const float *dy, shape z)
{
    const uint64_t count = z.rows * z.channels;
    double *moved = zeros(count), *y = zeros(count), *stats = zeros(2 * z.rows), sum = 0;
    for (uint64_t i = 0; i < count; i++) moved[i] = x[i] + step * direction[i];
    reference(moved, w, b, z, y, stats);
    for (uint64_t i = 0; i < count; i++) sum += dy[i] * y[i];
    free(moved), free(y), free(stats);
    return sum;
}

static void forward_of_at(const char *file, int line, tl_context *ctx, shape z, float offset,
                          double tolerance)
{
    tli_random r = tli_random_make(7, z.rows * 1000 + z.channels);
    const uint64_t count = z.rows * z.channels;
    float *x = draw(&r, count), *w = draw(&r, z.channels), *b = draw(&r, z.channels);
    double *xd = zeros(count), *y = zeros(count), *stats = zeros(2 * z.rows);
    for (uint64_t i = 0; i < count; i++) xd[i] = x[i] += offset;
    reference(xd, w, b, z, y, stats);
    place dx = put(ctx, x, count), dw = put(ctx, w, z.channels), db = put(ctx, b, z.channels);
    place dy = put(ctx, NULL, count), ds = put(ctx, NULL, 2 * z.rows);
    MUST(ctx, tli_layernorm_forward(ctx, dx.view, dw.view, db.view, dy.view, ds.view, z.rows, z.channels));
    float *got = get(ctx, dy), *got_stats = get(ctx, ds);
    near_to_at(file, line, "y", got, y, count, tolerance, 1);
    near_to_at(file, line, "stats", got_stats, stats, 2 * z.rows, tolerance, 1);
    free(x), free(w), free(b), free(xd), free(y), free(stats), free(got), free(got_stats);
    drop(ctx, dx), drop(ctx, dw), drop(ctx, db), drop(ctx, dy), drop(ctx, ds);
}
#define forward_of(...) forward_of_at(HERE, __VA_ARGS__)

static void norm_forward(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) forward_of(ctx, shapes[s], 0, 5e-6);
    /* Far from zero a variance by E[x^2] - E[x]^2 would be off by a tenth, and a mean from a plain sum by more than its
     * own rounding, half a unit in the last place, which y has times a weight of at most 4. However long the row. */
    const float offset = 1000;
    const double tolerance = 5e-6 + 4 * offset * (FLT_EPSILON / 2.0);
    forward_of(ctx, (shape){9, 192}, offset, tolerance);
    forward_of(ctx, (shape){3, 4099}, offset, tolerance);
}
ON_BOTH_PATHS(norm_forward)

static void backward_of_at(const char *file, int line, tl_context *ctx, shape z)
{
    tli_random r = tli_random_make(8, z.rows * 1000 + z.channels);
    const uint64_t count = z.rows * z.channels, n = z.channels;
    float *x = draw(&r, count), *w = draw(&r, n), *b = draw(&r, n), *dy = draw(&r, count);
    float *before = draw(&r, count), *direction = draw(&r, count);
    double *xd = zeros(count), *y = zeros(count), *stats = zeros(2 * z.rows);
    double *dx = zeros(count), *dw = zeros(n), *db = zeros(n), *sum = zeros(count);
    for (uint64_t i = 0; i < count; i++) xd[i] = x[i];
    reference(xd, w, b, z, y, stats);
    for (uint64_t row = 0; row < z.rows; row++) {
        double mean_g = 0, mean_gx = 0;
        const double mean = stats[2 * row], rstd = stats[2 * row + 1];
        for (uint64_t c = 0, i = row * n; c < n; c++, i++) {
            const double normal = (xd[i] - mean) * rstd;
            mean_g += (double)dy[i] * w[c] / (double)n;
            mean_gx += (double)dy[i] * w[c] * normal / (double)n;
            dw[c] += dy[i] * normal;
            db[c] += dy[i];
        }
        for (uint64_t c = 0, i = row * n; c < n; c++, i++) {
            dx[i] = rstd * ((double)dy[i] * w[c] - mean_g - (xd[i] - mean) * rstd * mean_gx);
            sum[i] = dx[i] + before[i];
        }
    }
    const double dx_scale = n <= 3 ? 300 : 10; /* rstd is up to 316 where a row's values are alike */
    const double dw_scale = 1 + sqrt((double)z.rows);

    place vx = put(ctx, x, count), vw = put(ctx, w, n), vb = put(ctx, b, n), vy = put(ctx, NULL, count);
    place vs = put(ctx, NULL, 2 * z.rows), vdy = put(ctx, dy, count), vdx = put(ctx, NULL, count);
    place vdw = put(ctx, NULL, n), vdb = put(ctx, NULL, n);
    place work = put(ctx, NULL, tli_layernorm_workspace(z.rows, z.channels));
    MUST(ctx, tli_layernorm_forward(ctx, vx.view, vw.view, vb.view, vy.view, vs.view, z.rows, z.channels));
    MUST(ctx, tli_layernorm_backward(ctx, vdy.view, vx.view, vw.view, vs.view, vdx.view, false, vdw.view,
                                     vdb.view, work.view, z.rows, z.channels));
    float *got_dx = get(ctx, vdx), *got_dw = get(ctx, vdw), *got_db = get(ctx, vdb);
    free(get(ctx, work));
    near_to_at(file, line, "dx", got_dx, dx, count, 5e-6, dx_scale);
    near_to_at(file, line, "dweight", got_dw, dw, n, 5e-6, dw_scale);
    near_to_at(file, line, "dbias", got_db, db, n, 5e-6, dw_scale);
    double slope = 0;
    for (uint64_t i = 0; i < count; i++) slope += (double)got_dx[i] * direction[i];
    slope_is_at(file, line, "dx", slope, objective(x, direction, 1e-5, w, b, dy, z),
                objective(x, direction, -1e-5, w, b, dy, z), 1e-5, dx_scale * sqrt((double)count));

    /* Added to what is there; the parameters' gradients come out bitwise the same. */
    place vacc = put(ctx, before, count);
    MUST(ctx, tli_layernorm_backward(ctx, vdy.view, vx.view, vw.view, vs.view, vacc.view, true, vdw.view,
                                     vdb.view, work.view, z.rows, z.channels));
    float *got_sum = get(ctx, vacc), *again = get(ctx, vdw);
    near_to_at(file, line, "dx added", got_sum, sum, count, 5e-6, dx_scale);
    assert_memory_equal(again, got_dw, n * sizeof *again);
    free(again);

    /* Without dx, and with dx in place of dy. */
    MUST(ctx, tli_layernorm_backward(ctx, vdy.view, vx.view, vw.view, vs.view, (tli_view){0}, false, vdw.view,
                                     vdb.view, work.view, z.rows, z.channels));
    float *still = get(ctx, vdy);
    assert_memory_equal(still, dy, count * sizeof *still);
    free(still);
    again = get(ctx, vdb);
    assert_memory_equal(again, got_db, n * sizeof *again);
    free(again);
    MUST(ctx, tli_layernorm_backward(ctx, vdy.view, vx.view, vw.view, vs.view, vdy.view, false, vdw.view,
                                     vdb.view, work.view, z.rows, z.channels));
    again = get(ctx, vdy);
    assert_memory_equal(again, got_dx, count * sizeof *again);
    free(again);
    again = get(ctx, vdw);
    assert_memory_equal(again, got_dw, n * sizeof *again);
    free(again);

    free(x), free(w), free(b), free(dy), free(before), free(direction), free(xd), free(y), free(stats);
    free(dx), free(dw), free(db), free(sum), free(got_dx), free(got_dw), free(got_db), free(got_sum);
    drop(ctx, vx), drop(ctx, vw), drop(ctx, vb), drop(ctx, vy), drop(ctx, vs), drop(ctx, vdy), drop(ctx, vdx);
    drop(ctx, vdw), drop(ctx, vdb), drop(ctx, work), drop(ctx, vacc);
}
#define backward_of(...) backward_of_at(HERE, __VA_ARGS__)

static void norm_backward(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) backward_of(ctx, shapes[s]);
}
ON_BOTH_PATHS(norm_backward)

static void columns_of_at(const char *file, int line, tl_context *ctx, uint64_t rows, uint32_t columns,
                          uint32_t ld)
{
    tli_random r = tli_random_make(9, rows * 1000 + columns);
    float *x = draw(&r, rows * ld);
    double *want = zeros(columns);
    for (uint64_t i = 0; i < rows; i++)
        for (uint32_t c = 0; c < columns; c++) want[c] += x[i * ld + c];
    for (uint64_t i = 0; i < rows; i++)
        for (uint32_t c = columns; c < ld; c++) x[i * ld + c] = NAN; /* between the rows: not to be read */
    place vx = put(ctx, x, rows * ld), vs = put(ctx, NULL, columns);
    place work = put(ctx, NULL, tli_column_sum_workspace(rows, columns));
    MUST(ctx, tli_column_sum(ctx, vx.view, ld, vs.view, work.view, rows, columns));
    float *got = get(ctx, vs);
    free(get(ctx, work));
    near_to_at(file, line, "column sum", got, want, columns, 3e-6, 1 + sqrt((double)rows));
    free(x), free(want), free(got);
    drop(ctx, vx), drop(ctx, vs), drop(ctx, work);
}
#define columns_of(...) columns_of_at(HERE, __VA_ARGS__)

static void column_sums(tl_context *ctx)
{
    const uint64_t rows[] = {1, 2, 3, 5, 32, 33, 131, 5000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        columns_of(ctx, rows[i], 1, 1);
        columns_of(ctx, rows[i], 13, 17);
        columns_of(ctx, rows[i], 65, 66);
    }
    columns_of(ctx, 37, 2500, 2503);
}
ON_BOTH_PATHS(column_sums)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(norm_forward), BOTH_PATHS(norm_backward),
                                       BOTH_PATHS(column_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

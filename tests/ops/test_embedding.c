/* The class token, positions, the mean over tokens and the vocabulary's table against plain loops. */
#include "rows.h"

#include "ops/embedding.h"

typedef struct shape {
    uint32_t tokens, batch, channels, cls;
} shape;
static const shape shapes[] = {{1, 1, 1, 0},    {1, 1, 1, 1},   {5, 3, 13, 1},   {5, 3, 13, 0},
                               {50, 4, 192, 1}, {17, 1, 33, 1}, {197, 37, 7, 1}, {2, 130, 65, 0}};

static void forward_of_at(const char *file, int line, tl_context *ctx, shape z, bool with_position,
                          bool in_place)
{
    tli_random r = tli_random_make(31, z.tokens * 1000 + z.channels);
    const uint64_t plane = (uint64_t)z.batch * z.channels, count = z.tokens * plane;
    float *patches = draw(&r, count), *token = draw(&r, z.channels);
    float *position = draw(&r, (uint64_t)z.tokens * z.channels), *want = malloc(count * sizeof *want);
    assert_non_null(want);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t t = i / plane, c = i % z.channels;
        want[i] = t < z.cls ? token[c] : patches[i - z.cls * plane];
        if (with_position) want[i] += position[t * z.channels + c];
    }
    place vx = put(ctx, NULL, count), vp = put(ctx, patches, count), vc = put(ctx, token, z.channels);
    place vpos = put(ctx, position, (uint64_t)z.tokens * z.channels);
    tli_view source = vp.view;
    if (in_place && count > z.cls * plane) {
        source = tli_view_add(vx.view, z.cls * plane);
        MUST(ctx, tli_copy(ctx, vp.view, source, count - z.cls * plane));
    }
    MUST(ctx, tli_tokens_forward(ctx, source, z.cls ? vc.view : (tli_view){0},
                                 with_position ? vpos.view : (tli_view){0}, vx.view, z.tokens, z.batch,
                                 z.channels, z.cls));
    float *got = get(ctx, vx);
    for (uint64_t i = 0; i < count; i++)
        if (got[i] != want[i])
            fail_at(file, line, "x[%llu] is %g, not %g", (unsigned long long)i, got[i], want[i]);
    free(patches), free(token), free(position), free(want), free(got);
    drop(ctx, vx), drop(ctx, vp), drop(ctx, vc), drop(ctx, vpos);
}
#define forward_of(...) forward_of_at(HERE, __VA_ARGS__)

static void tokens_forward(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int k = 0; k < 4; k++) forward_of(ctx, shapes[s], k & 1, k & 2);
}
ON_BOTH_PATHS(tokens_forward)

static void backward_of_at(const char *file, int line, tl_context *ctx, shape z)
{
    tli_random r = tli_random_make(32, z.tokens * 1000 + z.channels);
    const uint64_t plane = (uint64_t)z.batch * z.channels, count = z.tokens * plane;
    float *dx = draw(&r, count);
    double *sums = zeros((uint64_t)z.tokens * z.channels);
    for (uint64_t i = 0; i < count; i++) sums[i / plane * z.channels + i % z.channels] += dx[i];
    place vdx = put(ctx, dx, count), vc = put(ctx, NULL, z.channels);
    place vp = put(ctx, NULL, (uint64_t)z.tokens * z.channels);
    const tli_view none = {0};
    for (int k = 0; k < 4; k++) {
        MUST(ctx, tli_tokens_backward(ctx, vdx.view, k & 1 && z.cls ? vc.view : none, k & 2 ? vp.view : none,
                                      z.tokens, z.batch, z.channels, z.cls));
        if (k & 1 && z.cls) {
            float *got = get(ctx, vc);
            near_to_at(file, line, "dclass_token", got, sums, z.channels, 2e-6, 1 + sqrt(z.batch));
            free(got);
        }
        if (k & 2) {
            float *got = get(ctx, vp);
            near_to_at(file, line, "dposition", got, sums, (uint64_t)z.tokens * z.channels, 2e-6,
                       1 + sqrt(z.batch));
            free(got);
        }
        drop(ctx, vc), drop(ctx, vp); /* what is not asked for is not written: start from NaN again */
        vc = put(ctx, NULL, z.channels), vp = put(ctx, NULL, (uint64_t)z.tokens * z.channels);
    }
    free(dx), free(sums);
    drop(ctx, vdx), drop(ctx, vc), drop(ctx, vp);
}
#define backward_of(...) backward_of_at(HERE, __VA_ARGS__)

static void tokens_backward(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) backward_of(ctx, shapes[s]);
}
ON_BOTH_PATHS(tokens_backward)

static void mean_of_at(const char *file, int line, tl_context *ctx, shape z)
{
    tli_random r = tli_random_make(33, z.tokens * 1000 + z.channels);
    const uint64_t plane = (uint64_t)z.batch * z.channels, count = z.tokens * plane;
    float *x = draw(&r, count), *dy = draw(&r, plane);
    double *y = zeros(plane), *dx = zeros(count), slope = 0, want = 0;
    for (uint64_t i = 0; i < count; i++) {
        y[i % plane] += (double)x[i] / z.tokens;
        dx[i] = (double)dy[i % plane] / z.tokens;
    }
    place vx = put(ctx, x, count), vy = put(ctx, NULL, plane), vdy = put(ctx, dy, plane);
    place vdx = put(ctx, NULL, count);
    MUST(ctx, tli_mean_tokens_forward(ctx, vx.view, vy.view, z.tokens, z.batch, z.channels));
    MUST(ctx, tli_mean_tokens_backward(ctx, vdy.view, vdx.view, z.tokens, z.batch, z.channels));
    float *got = get(ctx, vy), *got_dx = get(ctx, vdx);
    near_to_at(file, line, "mean", got, y, plane, 1e-6, 1);
    near_to_at(file, line, "dx", got_dx, dx, count, 1e-6, 0);
    /* The mean is linear: its gradient along x is the mean of x itself. */
    for (uint64_t i = 0; i < count; i++) slope += (double)got_dx[i] * x[i];
    for (uint64_t i = 0; i < plane; i++) want += (double)got[i] * dy[i];
    assert_true(fabs(slope - want) <= 1e-5 * (1 + sqrt((double)plane)));
    free(x), free(dy), free(y), free(dx), free(got), free(got_dx);
    drop(ctx, vx), drop(ctx, vy), drop(ctx, vdy), drop(ctx, vdx);
}
#define mean_of(...) mean_of_at(HERE, __VA_ARGS__)

static void mean_of_tokens(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) mean_of(ctx, shapes[s]);
}
ON_BOTH_PATHS(mean_of_tokens)

static void wrong_shapes_are_refused(tl_context *ctx)
{
    place x = put(ctx, NULL, 12);
    const tli_view none = {0};
    assert_int_equal(tli_tokens_forward(ctx, x.view, none, none, x.view, 2, 2, 3, 1), TL_ERROR_USAGE);
    drop(ctx, x);
}
ON_BOTH_PATHS(wrong_shapes_are_refused)

/* ---- the table ----------------------------------------------------------------------------------- */

typedef struct text {
    uint32_t tokens, batch, channels, table;
} text;
static const text texts[] = {
    {1, 1, 1, 1}, {7, 3, 13, 5}, {160, 8, 192, 1009}, {5, 33, 65, 2}, {31, 1, 16, 100000}};

static void table_of_at(const char *file, int line, tl_context *ctx, text z)
{
    tli_random r = tli_random_make(34, z.tokens * 1000 + z.channels);
    const uint32_t rows = z.tokens * z.batch;
    const uint64_t count = (uint64_t)rows * z.channels, cells = (uint64_t)z.table * z.channels;
    float *table = draw(&r, cells), *position = draw(&r, (uint64_t)z.tokens * z.channels),
          *dx = draw(&r, count);
    int32_t *ids = malloc(rows * sizeof *ids),
            *index = calloc(tli_embedding_index_count(rows), sizeof *index);
    uint64_t *keys = malloc(rows * sizeof *keys);
    float *want = calloc(cells, sizeof *want);
    assert_true(ids != NULL);
    assert_true(index != NULL);
    assert_true(keys != NULL);
    assert_true(want != NULL);
    for (uint32_t i = 0; i < rows; i++) /* the first id is frequent, the last one occurs */
        ids[i] = i == 0 ? (int32_t)z.table - 1 : i % 3 == 0 ? 0 : (int32_t)tli_random_below(&r, z.table);
    const uint32_t spans = tli_embedding_sort(ids, rows, keys, index);
    place vtable = put(ctx, table, cells), vids = put(ctx, ids, rows), vdtable = put(ctx, NULL, cells);
    place vposition = put(ctx, position, (uint64_t)z.tokens * z.channels), vx = put(ctx, NULL, count);
    place vindex = put(ctx, index, tli_embedding_index_count(rows)), vdx = put(ctx, dx, count);
    for (int with = 0; with < 2; with++) {
        MUST(ctx, tli_embedding_forward(ctx, vtable.view, vids.view, with ? vposition.view : (tli_view){0},
                                        vx.view, z.tokens, z.batch, z.channels));
        float *got = get(ctx, vx);
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t row = i / z.channels, c = i % z.channels;
            float x = table[(uint64_t)ids[row] * z.channels + c];
            if (with) x += position[row / z.batch * z.channels + c];
            if (got[i] != x)
                fail_at(file, line, "x[%llu] is %g, not %g", (unsigned long long)i, (double)got[i],
                        (double)x);
        }
        free(got);
    }
    /* In the order of the rows, so that the sums are the same to the last bit. */
    for (uint64_t i = 0; i < count; i++) {
        float *cell = &want[(uint64_t)ids[i / z.channels] * z.channels + i % z.channels];
        *cell += dx[i];
    }
    MUST(ctx,
         tli_embedding_backward(ctx, vindex.view, spans, vdx.view, vdtable.view, rows, z.table, z.channels));
    float *got = get(ctx, vdtable);
    for (uint64_t i = 0; i < cells; i++)
        if (got[i] != want[i])
            fail_at(file, line, "dtable[%llu] is %g, not %g", (unsigned long long)i, (double)got[i],
                    (double)want[i]);
    free(got), free(table), free(position), free(dx), free(ids), free(index), free(keys), free(want);
    drop(ctx, vtable), drop(ctx, vids), drop(ctx, vdtable), drop(ctx, vposition), drop(ctx, vx);
    drop(ctx, vindex), drop(ctx, vdx);
}
#define table_of(...) table_of_at(HERE, __VA_ARGS__)

static void vocabulary_table(tl_context *ctx)
{
    for (size_t s = 0; s < sizeof texts / sizeof *texts; s++) table_of(ctx, texts[s]);
}
ON_BOTH_PATHS(vocabulary_table)

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH_PATHS(tokens_forward), BOTH_PATHS(tokens_backward),
                                       BOTH_PATHS(mean_of_tokens), BOTH_PATHS(wrong_shapes_are_refused),
                                       BOTH_PATHS(vocabulary_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

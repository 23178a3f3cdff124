/* Tables by offset: which matrix of one grid's table belongs to the same offset in another grid's, and which a share of a table
 * has, against loops over all pairs of tokens. */
#include "test.h"

#include "ops/pair_table.h"

/* What a pair of tokens is to each other: who of them is the class token, and the difference of their coordinates or, for
 * absolute tables, the coordinates of both. */
typedef struct relation {
    int values[8];
} relation;

static relation relation_of(const tli_geometry *g, uint32_t i, uint32_t j)
{
    relation r = {{i < g->cls, j < g->cls}};
    const uint32_t plane = g->height * g->width;
    const uint32_t a = i - g->cls, b = j - g->cls;
    const int at[2][3] = {{(int)(a / plane), (int)(a % plane / g->width), (int)(a % g->width)},
                          {(int)(b / plane), (int)(b % plane / g->width), (int)(b % g->width)}};
    for (int axis = 0; axis < 3; axis++) {
        if (g->absolute) {
            r.values[2 + axis] = i < g->cls ? 0 : at[0][axis];
            r.values[5 + axis] = j < g->cls ? 0 : at[1][axis];
        } else if (i >= g->cls && j >= g->cls) {
            r.values[2 + axis] = at[0][axis] - at[1][axis];
        }
    }
    return r;
}

static bool same(relation a, relation b)
{
    for (int k = 0; k < 8; k++)
        if (a.values[k] != b.values[k]) return false;
    return true;
}

static void check_at(const char *file, int line, tli_geometry to, tli_geometry from, uint32_t found_wanted)
{
    for (int query = 0; query < 2; query++) {
        int32_t (*const matrix)(const tli_geometry *, uint32_t, uint32_t) = query ? tli_geometry_query_offset
                                                                                  : tli_geometry_key_offset;
        const uint32_t count = tli_geometry_offsets(&to), other = tli_geometry_offsets(&from);
        int32_t *source = malloc(count * sizeof *source);
        bool *has_one = calloc(count, sizeof *has_one);
        assert_non_null(source);
        assert_non_null(has_one);
        const uint32_t found = tli_geometry_match(&to, &from, query, source);
        for (uint32_t i = 0; i < tli_geometry_tokens(&to); i++)
            for (uint32_t j = 0; j < tli_geometry_tokens(&to); j++) {
                const int32_t k = matrix(&to, i, j);
                if (k < 0) continue;
                for (uint32_t a = 0; a < tli_geometry_tokens(&from); a++)
                    for (uint32_t b = 0; b < tli_geometry_tokens(&from); b++) {
                        const int32_t wanted = matrix(&from, a, b);
                        if (wanted < 0 || !same(relation_of(&to, i, j), relation_of(&from, a, b))) continue;
                        has_one[k] = true;
                        if (source[k] != wanted)
                            fail_at(file, line, "matrix %d comes from %d instead of %d", k, source[k],
                                    wanted);
                    }
            }
        uint32_t sources = 0;
        for (uint32_t k = 0; k < count; k++) {
            assert_true(source[k] < (int32_t)other);
            assert_true((source[k] >= 0) == has_one[k]);
            sources += source[k] >= 0;
        }
        assert_int_equal(found, sources);
        assert_int_equal(found, found_wanted);
        free(source), free(has_one);
    }
}
#define check(...) check_at(HERE, __VA_ARGS__)

static tli_geometry grid(uint32_t depth, uint32_t height, uint32_t width, uint32_t cls)
{
    return (tli_geometry){.kind = TLI_GRID, .depth = depth, .height = height, .width = width, .cls = cls};
}

static tli_geometry sequence(uint32_t length)
{
    return (tli_geometry){.kind = TLI_CAUSAL, .depth = 1, .height = 1, .width = length, .max_length = length};
}

static void grids(void **unused)
{
    check(grid(1, 5, 4, 1), grid(1, 3, 2, 1), 5 * 3 + 3); /* larger */
    check(grid(1, 3, 2, 1), grid(1, 5, 4, 1), 5 * 3 + 3); /* smaller */
    check(grid(1, 2, 5, 1), grid(1, 5, 2, 1), 3 * 3 + 3); /* as many offsets, but others */
    check(grid(1, 4, 4, 0), grid(1, 3, 3, 1), 25);        /* without class token */
    check(grid(1, 4, 4, 1), grid(1, 3, 3, 0), 25);
    check(grid(3, 2, 3, 1), grid(2, 3, 2, 1), 3 * 3 * 3 + 3); /* volumes */
    check(grid(3, 2, 2, 0), grid(1, 2, 2, 0), 9);             /* from images to videos */
    check(grid(1, 3, 3, 1), grid(1, 3, 3, 1), 28);
}

/* Keys and values count from the near end, queries from the far one. */
static void sequences(void **unused)
{
    check(sequence(7), sequence(4), 4);
    check(sequence(4), sequence(7), 4);
    const tli_geometry to = sequence(7), from = sequence(4);
    int32_t source[7];
    tli_geometry_match(&to, &from, false, source);
    const int32_t keys[7] = {0, 1, 2, 3, -1, -1, -1}, queries[7] = {-1, -1, -1, 0, 1, 2, 3};
    for (int k = 0; k < 7; k++) assert_int_equal(source[k], keys[k]);
    tli_geometry_match(&to, &from, true, source);
    for (int k = 0; k < 7; k++) assert_int_equal(source[k], queries[k]);
}

static tli_geometry shared_by(tli_geometry g, tl_sharing sharing, uint32_t radius, uint32_t window)
{
    g.sharing = sharing;
    g.sharing_radius = radius;
    g.window = window;
    return g;
}

static void sharing_and_windows(void **unused)
{
    for (int sharing = TL_SHARING_CLIP; sharing <= TL_SHARING_LOG; sharing++) {
        const uint32_t near = sharing == TL_SHARING_CLIP ? 1 : 2, far = sharing == TL_SHARING_CLIP ? 1 : 4;
        const tli_geometry small = shared_by(grid(1, 3, 3, 1), (tl_sharing)sharing, 1, 0),
                           large = shared_by(grid(1, 6, 6, 1), (tl_sharing)sharing, 1, 0);
        check(large, small, (2 * near + 1) * (2 * near + 1) + 3);
        check(large, large, (2 * far + 1) * (2 * far + 1) + 3);
    }
    check(shared_by(sequence(9), TL_SHARING_CLIP, 3, 0), shared_by(sequence(5), TL_SHARING_CLIP, 3, 0), 4);
    check(shared_by(grid(1, 5, 5, 1), TL_SHARING_NONE, 0, 2), grid(1, 3, 3, 1), 28);
    check(shared_by(grid(1, 5, 5, 1), TL_SHARING_NONE, 0, 1), grid(1, 3, 3, 1), 12);
    /* Two offsets that now share a matrix: the nearer one's was meant for what is near. */
    const tli_geometry to = shared_by(sequence(5), TL_SHARING_CLIP, 2, 0), from = sequence(5);
    int32_t source[3];
    assert_int_equal(tli_geometry_match(&to, &from, false, source), 3);
    assert_true(source[0] == 0);
    assert_true(source[1] == 1);
    assert_true(source[2] == 2);
}

static void absolute_tables(void **unused)
{
    tli_geometry to = grid(1, 3, 4, 1), from = grid(1, 2, 3, 1), longer = sequence(5), shorter = sequence(3);
    to.absolute = from.absolute = longer.absolute = shorter.absolute = true;
    check(to, from, 7 * 7);
    check(from, to, 7 * 7);
    check(longer, shorter, 6);
    int32_t source[15];
    assert_int_equal(tli_geometry_match(&longer, &(tli_geometry){.kind = TLI_GRID, .height = 2, .width = 2},
                                        false, source),
                     0);
    assert_int_equal(source[0], -1);
}

/* ---- shares --------------------------------------------------------------------------------------- */

/* Each row of a share finds its matrix, and the matrix this row, on the sides of query and key; returns how many there are. */
static uint32_t matrices_found(const tli_geometry *share)
{
    uint32_t found = 0;
    for (uint32_t row = 0; row < tli_geometry_rows(share); row++)
        for (int query = 0; query < 2; query++) {
            const int32_t matrix = tli_geometry_matrix(share, row, query);
            uint32_t back;
            if (matrix < 0) continue;
            assert_true((uint32_t)matrix < tli_geometry_offsets(share));
            assert_int_equal(tli_geometry_share_of(share, (uint32_t)matrix, query, &back), share->share);
            assert_int_equal(back, row);
            found += query == 0;
        }
    return found;
}
#define matrices_found(...) VALUE_FROM_HERE(matrices_found(__VA_ARGS__))

/* The pairs of a share have rows that stand for their matrices; returns how many there are. */
static uint32_t pairs_found(const tli_geometry *share, uint32_t queries)
{
    const uint32_t rows = tli_geometry_rows(share);
    uint32_t found = 0, groups, count, largest, used = 0, most = 0, *counts = calloc(rows, sizeof *counts);
    assert_non_null(counts);
    for (uint32_t i = 0; i < queries; i++)
        for (uint32_t j = 0; j < tli_geometry_tokens(share); j++) {
            const int32_t key = tli_geometry_key_row(share, i, j),
                          query = tli_geometry_query_row(share, i, j);
            assert_int_equal(key < 0, query < 0);
            if (key < 0) continue;
            assert_int_equal(tli_geometry_matrix(share, (uint32_t)key, false),
                             tli_geometry_key_offset(share, i, j));
            assert_int_equal(tli_geometry_matrix(share, (uint32_t)query, true),
                             tli_geometry_query_offset(share, i, j));
            found++;
            counts[key]++;
        }
    for (uint32_t row = 0; row < rows; row++) {
        used += counts[row] > 0;
        most = counts[row] > most ? counts[row] : most;
    }
    tli_pair_table_measure(share, queries, &groups, &count, &largest);
    assert_int_equal(groups, used);
    assert_int_equal(count, found);
    assert_int_equal(largest, most);
    free(counts);
    return found;
}
#define pairs_found(...) VALUE_FROM_HERE(pairs_found(__VA_ARGS__))

/* So many shares together have every matrix and every pair once, and a plan counts the largest; `unlike`: by how much the
 * share with the most pairs may exceed the mean. */
static void dealt_out(tli_geometry g, uint32_t queries, uint32_t shares, double unlike)
{
    uint32_t matrices = 0, pairs = 0, most = 0, groups, count, largest;
    const uint32_t all = pairs_found(&g, queries);
    g.shares = shares;
    for (g.share = 0; g.share < shares; g.share++) {
        const uint32_t own = pairs_found(&g, queries);
        matrices += matrices_found(&g);
        pairs += own;
        most = own > most ? own : most;
    }
    assert_int_equal(matrices, tli_geometry_offsets(&g));
    assert_int_equal(pairs, all);
    if ((double)most * shares > (1 + unlike) * all)
        fail_msg("a share of %u has %u of %u pairs", shares, most, all);
    tli_pair_table_measure(&g, queries, &groups, &count, &largest); /* `share` is `shares` */
    assert_int_equal(count, most);
}
#define dealt_out(...) FROM_HERE(dealt_out(__VA_ARGS__))

static void shares_have_every_pair_once(void **unused)
{
    tli_geometry absolute = grid(1, 3, 4, 1);
    absolute.absolute = true;
    for (uint32_t shares = 1; shares <= 8; shares *= 2) {
        dealt_out(grid(1, 7, 7, 1), 50, shares, 0.02);
        dealt_out(grid(1, 8, 8, 1), 65, shares, 0.01);
        dealt_out(grid(1, 4, 4, 1), 17, shares, 0.11); /* 7 offsets in a row */
        dealt_out(grid(1, 14, 14, 1), 197, shares, 0.005);
        dealt_out(grid(1, 7, 7, 1), 1, shares, shares);
        dealt_out(grid(2, 3, 4, 0), 24, shares, 0.3);
        dealt_out(sequence(16), 16, shares, 1e-9);
        dealt_out(absolute, 13, shares, 0.2);
        dealt_out(shared_by(grid(1, 6, 6, 1), TL_SHARING_LOG, 1, 0), 37, shares, 1.5);
        dealt_out(shared_by(sequence(9), TL_SHARING_NONE, 0, 3), 9, shares, 1.5);
        dealt_out(sequence(3), 3, shares, shares); /* some have none */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids), cmocka_unit_test(sequences), cmocka_unit_test(sharing_and_windows),
        cmocka_unit_test(absolute_tables), cmocka_unit_test(shares_have_every_pair_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

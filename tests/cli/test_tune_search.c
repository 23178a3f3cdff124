/* The search of tiles, with times that the test gives. */
#include "test.h"

#include "cli/tune_search.h"
#include "core/random.h"

/* A device that is fastest with one tile. */
typedef struct fake {
    tli_tile fastest, spoiled; /* spoiled: its results are wrong, and it is faster than all others */
    double noise;              /* fraction that a turn takes longer, now and then */
    int turns, checks, late_after;
    bool nothing_runs;
} fake;

static bool same(const tli_tile *a, const tli_tile *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool suits(void *user, const tli_tile *tile)
{
    (void)user;
    return tile->side > 0 || tile->rows * tile->vectors <= 24;
}

static bool is_right(void *user, const tli_tile *tile)
{
    fake *f = user;
    f->checks++;
    return !same(tile, &f->spoiled);
}

/* Longer by every step from the fastest value of a parameter. */
static bool time_tile(void *user, const tli_tile *tile, double *seconds)
{
    fake *f = user;
    f->turns++;
    assert_true(suits(user, tile));
    *seconds = 1;
    for (int i = 0; i < TLI_TILE_PARAMETERS; i++)
        *seconds += 0.1 * fabs((double)tli_tile_get(tile, i) - (double)tli_tile_get(&f->fastest, i));
    if (same(tile, &f->spoiled)) *seconds = 0.5;
    if (f->turns % 3 == 0) *seconds *= 1 + f->noise;
    return !f->nothing_runs;
}

static bool is_late(void *user)
{
    const fake *f = user;
    return f->late_after > 0 && f->turns >= f->late_after;
}

static bool run(fake *f, tli_product_kind kind, bool cpu, const tli_tile *start, tli_tile *best)
{
    int tried;
    const tli_tile middle = tli_tile_search_start(kind, cpu, NULL, kind);
    const tli_tile_search search = {kind,      cpu,    start != NULL ? start : &middle, 1, f, suits, is_right,
                                    time_tile, is_late};
    return tli_tile_search_run(&search, best, &tried);
}

static const tli_tile cpu_tile = {.rows = 10, .vectors = 2, .depth = 384, .tiles = 1, .panels = 8},
                      gpu_tile = {.side = 16, .parts = 4, .padding = 8};

static void the_fastest_is_found(void **unused)
{
    (void)unused;
    tli_tile best;
    fake f = {.fastest = cpu_tile};
    assert_true(run(&f, TLI_GEMM_NT, true, NULL, &best));
    assert_memory_equal(&best, &cpu_tile, sizeof best);
    fake gpu = {.fastest = gpu_tile};
    assert_true(run(&gpu, TLI_OFFSET_VALUES, false, NULL, &best));
    assert_memory_equal(&best, &gpu_tile, sizeof best);
}

/* A turn that was disturbed is not the end of a tile. */
static void noise_is_outlasted(void **unused)
{
    (void)unused;
    tli_tile best;
    fake f = {.fastest = cpu_tile, .noise = 0.2};
    assert_true(run(&f, TLI_GEMM_NN, true, NULL, &best));
    assert_memory_equal(&best, &cpu_tile, sizeof best);
}

static void a_wrong_tile_is_never_taken(void **unused)
{
    (void)unused;
    tli_tile best;
    fake f = {.fastest = gpu_tile, .spoiled = gpu_tile};
    assert_true(run(&f, TLI_GEMM_NN, false, NULL, &best));
    assert_memory_not_equal(&best, &gpu_tile, sizeof best);
    assert_int_equal(best.side, gpu_tile.side); /* the next best */
}

static void a_late_search_ends_with_what_it_has(void **unused)
{
    (void)unused;
    tli_tile best;
    fake f = {.fastest = cpu_tile, .late_after = 1};
    assert_true(run(&f, TLI_GEMM_NT, true, &cpu_tile, &best));
    assert_memory_equal(&best, &cpu_tile, sizeof best); /* where it began */
    assert_int_equal(f.checks, 1);
    fake none = {.fastest = cpu_tile, .nothing_runs = true};
    assert_false(run(&none, TLI_GEMM_NT, true, NULL, &best));
    assert_true(none.turns > 0);
}

/* Only parameters that a product has are searched. */
static void other_parameters_stay_zero(void **unused)
{
    (void)unused;
    tli_tile best;
    fake f = {.fastest = {.rows = 6, .vectors = 4}};
    assert_true(run(&f, TLI_OFFSET_VALUES, true, NULL, &best));
    assert_memory_equal(&best, &f.fastest, sizeof best);
}

/* A kind begins with what another one's tile has of its parameters: where time is short, that is what it finds. */
static void another_kind_begins_where_one_ended(void **unused)
{
    (void)unused;
    int tried;
    tli_tile best, start = tli_tile_search_start(TLI_OFFSET_LOGITS, true, &cpu_tile, TLI_GEMM_NT);
    assert_int_equal(start.rows, cpu_tile.rows);
    assert_int_equal(start.vectors, cpu_tile.vectors);
    assert_int_equal(start.tiles, cpu_tile.tiles);
    assert_int_equal(start.depth, 0); /* it has none */
    start = tli_tile_search_start(TLI_OFFSET_WEIGHT_GRADIENT, true, &(tli_tile){.rows = 6, .vectors = 4},
                                  TLI_OFFSET_VALUES);
    assert_int_equal(start.rows, 6);
    assert_int_equal(start.depth, 128);             /* in the middle: the other has none */
    const tli_tile flat = {.side = 32, .parts = 2}; /* a padding of 0 is one */
    start = tli_tile_search_start(TLI_GEMM_NN, false, &flat, TLI_GEMM_TN);
    assert_memory_equal(&start, &flat, sizeof start);
    fake f = {.fastest = cpu_tile, .late_after = 12}; /* two tiles or three */
    const tli_tile starts[] = {tli_tile_search_start(TLI_GEMM_NN, true, NULL, TLI_GEMM_NN), cpu_tile, flat};
    const tli_tile_search search = {TLI_GEMM_NN, true, starts, 3, &f, suits, is_right, time_tile, is_late};
    assert_true(tli_tile_search_run(&search, &best, &tried));
    assert_memory_equal(&best, &cpu_tile, sizeof best);
    fake from_scratch = {.fastest = cpu_tile, .late_after = 12};
    assert_true(run(&from_scratch, TLI_GEMM_NN, true, NULL, &best));
    assert_memory_not_equal(&best, &cpu_tile, sizeof best);
}

enum { TURNS = 15 };

/* Turns of a tile that takes `ratio` times what the default takes, each longer by up to `noise` of it. */
static bool beats(double ratio, double noise)
{
    double tile[TURNS], standard[TURNS];
    tli_random r = tli_random_make(1, 2);
    for (int i = 0; i < TURNS; i++) {
        tile[i] = ratio * (1 + noise * (double)tli_random_uniform(&r));
        standard[i] = 1 + noise * (double)tli_random_uniform(&r);
    }
    return tli_tile_beats(tile, standard, TURNS);
}

static void the_default_stays_unless_it_is_beaten_by_more_than_noise(void **unused)
{
    (void)unused;
    assert_true(beats(0.95, 0));
    assert_true(beats(0.95, 0.03));
    assert_true(beats(0.7, 0.3));
    assert_false(beats(0.99, 0)); /* not worth it */
    assert_false(beats(1, 0));
    assert_false(beats(1.05, 0.03));
    assert_false(beats(0.97, 0.5)); /* who knows */
    /* half of the turns say so: the default was disturbed in these */
    double tile[TURNS], standard[TURNS];
    for (int i = 0; i < TURNS; i++) tile[i] = 1.01, standard[i] = i < 8 ? 1.5 : 1;
    assert_false(tli_tile_beats(tile, standard, TURNS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_is_found),
        cmocka_unit_test(noise_is_outlasted),
        cmocka_unit_test(a_wrong_tile_is_never_taken),
        cmocka_unit_test(a_late_search_ends_with_what_it_has),
        cmocka_unit_test(other_parameters_stay_zero),
        cmocka_unit_test(another_kind_begins_where_one_ended),
        cmocka_unit_test(the_default_stays_unless_it_is_beaten_by_more_than_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tuned tiles: their tables as text, which one serves a device, and that products have the tiles of the table, if they are right. */
#include "context.h"

#include "core/number.h"
#include "ops/embedded_tables.h"
#include "ops/gemm_choice.h"
#include "ops/gemm_own.h"
#include "ops/self_test.h"
#include "ops/tuning.h"

/* ---- text ------------------------------------------------------------------------------------------- */

#define HEAD                                                                                                 \
    "format = 1\nprogram = 1.0\ndevice = Abacus 9000\nplatform = Wood\ndriver = 7\nform = cpu\n"             \
    "vector_width = 8\ncompute_units = 4\n"
#define GEMM                                                                                                 \
    "gemm_nt m=3200 n=192 k=192 count=1 rows=6 vectors=2 depth=128 tiles=8 panels=2 default=50 tuned=60.5\n"

static tl_status read_text(const char *text, tli_tuning_table *table, tl_error *err)
{
    char copy[4096];
    assert_true(strlen(text) < sizeof copy);
    strcpy(copy, text);
    return tli_tuning_table_read("a.txt", copy, table, err);
}
#define read_text(...) VALUE_FROM_HERE(read_text(__VA_ARGS__))

static void what_is_written_is_read(void **unused)
{
    (void)unused;
    tl_error err;
    tli_tuning_table table, again;
    assert_int_equal(
        read_text(HEAD GEMM "values m=8 n=64 k=192 count=17 default=9\nproducts = 2\n", &table, &err), TL_OK);
    assert_int_equal(table.count, 2);
    assert_string_equal(table.device, "Abacus 9000");
    assert_int_equal(table.entries[0].tile.depth, 128);
    assert_true(table.entries[0].tiled && !table.entries[1].tiled);
    assert_true(table.entries[0].tuned_gflops == 60.5f);
    char *text = tli_tuning_table_write(&table);
    assert_non_null(text);
    assert_int_equal(tli_tuning_table_read("b.txt", text, &again, &err), TL_OK);
    free(text);
    assert_memory_equal(&table, &again, sizeof table);
}

/* Every fault is named with its line, and nothing of such a table is taken. */
static void bad_tables_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "ends before its last line"},
        {HEAD GEMM, "ends before its last line"},
        {HEAD GEMM "products = 2\n", "a.txt:10: the table says that it has 2 products, and has 1"},
        {HEAD GEMM "products = 1\n" GEMM, "a.txt:11: behind the number of products is more"},
        {HEAD GEMM GEMM "products = 2\n", "a.txt:10: this product of gemm_nt is there twice"},
        {"format = 2\n", "a.txt:1: the table has format 2, and this version reads format 1"},
        {"form = abacus\n", "a.txt:1: form must be cpu or gpu"},
        {"vector_width = 5\n", "vector_width must be 4, 8 or 16"},
        {"compute_units = 0\n", "compute_units must be"},
        {"compute_units = 99999999999\n", "compute_units must be"},
        {"device = a\x1b[2Jb\n", "a.txt:1: device has a control character"},
        {"device = a\ndevice = b\n", "a.txt:2: device is there twice"},
        {"colour = red\n", "a.txt:1: 'colour' is no fact of a table"},
        {GEMM, "a.txt:1: the table lacks format before its products"},
        {HEAD "conv m=1\n", "a.txt:9: 'conv' is no product"},
        {HEAD "gemm_nt m\n", "'m' must read key=value"},
        {HEAD "gemm_nt m=0 n=1 k=1 count=1\n", "m must be there once"},
        {HEAD "gemm_nt m=-1 n=1 k=1 count=1\n", "m must be there once"},
        {HEAD "gemm_nt m=1 m=1 n=1 k=1 count=1\n", "m must be there once"},
        {HEAD "gemm_nt m=1 n=1 k=1\n", "gemm_nt lacks count"},
        {HEAD "gemm_nt m=1 n=1 k=1 count=1 default=nan\n", "default must be there once"},
        {HEAD "gemm_nt m=1 n=1 k=1 count=1 rows=6\n", "the tile of gemm_nt lacks vectors"},
        {HEAD "gemm_nt m=1 n=1 k=1 count=1 rows=77\n",
         "a.txt:9: rows must be there once, and one of 1, 2, 3,"},
        {HEAD "gemm_nt m=1 n=1 k=1 count=1 side=64\n", "'side' is nothing that a tile of gemm_nt has"},
        {HEAD "values m=1 n=1 k=1 count=1 depth=64\n", "'depth' is nothing that a tile of values has"},
        {HEAD "logits_backward m=1 n=1 k=1 count=1 rows=1 vectors=1 tiles=1 panels=1\n",
         "its block is narrower than 16 columns"},
        {HEAD "values_backward m=1 n=1 k=1048576 count=1 rows=1 vectors=2 tiles=1 panels=1\n",
         "it takes too much private memory"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_error err = {0};
        tli_tuning_table table;
        assert_int_equal(read_text(bad[i].text, &table, &err), TL_ERROR_INPUT);
        if (strstr(err.text, bad[i].words) == NULL)
            fail_at(HERE, "'%s' is not in '%s'", bad[i].words, err.text);
        assert_int_equal(table.count, 0);
    }
    tl_error err = {0};
    tli_tuning_table table;
    char text[4096] = HEAD;
    memset(text + strlen(text), 'a', 600);
    assert_int_equal(read_text(text, &table, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "too long"));
}

static void tables_of_the_program_can_be_read(void **unused)
{
    (void)unused;
    for (int i = 0; i < tli_embedded_table_count; i++) {
        tl_error err = {0};
        tli_tuning_table table;
        char *text = malloc(tli_embedded_tables[i].length + 1);
        assert_non_null(text);
        memcpy(text, tli_embedded_tables[i].text, tli_embedded_tables[i].length + 1);
        if (tli_tuning_table_read(tli_embedded_tables[i].name, text, &table, &err) != TL_OK)
            fail_at(HERE, "%s", err.text);
        free(text);
    }
}

/* ---- nearest ---------------------------------------------------------------------------------------- */

static void the_nearest_device_serves(void **unused)
{
    (void)unused;
    static tli_tuning_table tables[5];
    static const struct {
        const char *platform;
        bool cpu;
        uint32_t width, units;
    } devices[5] = {{"Wood", false, 4, 8},
                    {"Wood", false, 4, 132},
                    {"Iron", false, 4, 100},
                    {"Wood", true, 4, 100},
                    {"Wood", true, 16, 100}};
    for (int i = 0; i < 5; i++) {
        strcpy(tables[i].platform, devices[i].platform);
        tables[i].cpu = devices[i].cpu, tables[i].vector_width = devices[i].width;
        tables[i].compute_units = devices[i].units;
    }
    tli_tuning_table wanted = {.platform = "Wood", .vector_width = 4, .compute_units = 100};
    assert_int_equal(tli_tuning_table_suits(tables, 5, &wanted), 1);
    wanted.compute_units = 20;
    assert_int_equal(tli_tuning_table_suits(tables, 5, &wanted), 0); /* 2.5 times, not 6.6 */
    wanted.cpu = true;
    assert_int_equal(tli_tuning_table_suits(tables, 5, &wanted), 3);
    wanted.vector_width = 8;
    assert_int_equal(tli_tuning_table_suits(tables, 5, &wanted), -1);
    strcpy(wanted.platform, "Glass");
    assert_int_equal(tli_tuning_table_suits(tables, 5, &wanted), -1);
}

static void the_nearest_shape_serves(void **unused)
{
    (void)unused;
    static tli_tuning_table table;
    static const tli_product_shape shapes[] = {{TLI_GEMM_NN, 64, 64, 64, 1},
                                               {TLI_GEMM_NN, 256, 64, 64, 1},
                                               {TLI_GEMM_NN, 64, 64, 64, 8},
                                               {TLI_GEMM_NT, 96, 64, 64, 1}};
    for (int i = 0; i < 4; i++) tli_tuning_table_put(&table, &(tli_tuned){.shape = shapes[i]});
    tli_tuning_table_put(&table, &(tli_tuned){.shape = shapes[1], .own_gflops = 5}); /* again */
    assert_int_equal(table.count, 4);
    assert_true(table.entries[1].own_gflops == 5);
    tli_product_shape s = {TLI_GEMM_NN, 100, 64, 64, 1};
    assert_ptr_equal(tli_tuning_table_nearest(&table, &s, 4, NULL), &table.entries[0]);
    s.m = 200;
    assert_ptr_equal(tli_tuning_table_nearest(&table, &s, 4, NULL), &table.entries[1]);
    s.m = 1025; /* more than four times as many */
    assert_null(tli_tuning_table_nearest(&table, &s, 4, NULL));
    assert_ptr_equal(tli_tuning_table_nearest(&table, &s, INFINITY, NULL), &table.entries[1]);
    s = (tli_product_shape){TLI_GEMM_NN, 64, 64, 64, 2}; /* batches are another matter */
    assert_ptr_equal(tli_tuning_table_nearest(&table, &s, 4, NULL), &table.entries[2]);
    s.kind = TLI_OFFSET_VALUES;
    assert_null(tli_tuning_table_nearest(&table, &s, 4, NULL));
}

/* ---- what serves ------------------------------------------------------------------------------------ */

static const tli_tile cpu_tile = {.rows = 4, .vectors = 2, .depth = 96, .tiles = 2, .panels = 3},
                      gpu_tile = {.side = 32, .parts = 2, .padding = 8};
static const tli_product_shape tuned_shape = {TLI_GEMM_NT, 40, 48, 120, 1};

static tl_context *tuned_context(bool cpu)
{
    tl_context *ctx = new_context(cpu ? TL_PATH_CPU : TL_PATH_GPU);
    tli_tuning_table table;
    bool kept;
    tli_tuning_table_begin(ctx, &table);
    tli_tuning_table_put(
        &table, &(tli_tuned){.shape = tuned_shape, .tiled = true, .tile = cpu ? cpu_tile : gpu_tile});
    MUST(ctx, tli_tuning_learn(ctx, &table, &kept));
    return ctx;
}
#define tuned_context(...) VALUE_FROM_HERE(tuned_context(__VA_ARGS__))

static tl_status count_checks(tl_context *ctx, tli_product_kind kind, double *error)
{
    (void)ctx;
    (void)kind;
    *error = 0.5;
    return TL_OK;
}

static tl_status always_wrong(tl_context *ctx, tli_product_kind kind, double *error)
{
    (void)ctx;
    (void)kind;
    *error = 2;
    return TL_OK;
}

static const tli_tile *tile_of(tl_context *ctx, const tli_product_shape *shape)
{
    return tli_tuning_tile(ctx, tli_kernel_form_of(ctx, "gemm"), shape, shape->n);
}

static void a_tile_serves_what_is_like_its_shape(void **unused)
{
    (void)unused;
    tl_context *ctx = tuned_context(true);
    MUST(ctx, tli_tuning_check_with(ctx, count_checks));
    tli_product_shape s = tuned_shape;
    assert_non_null(tile_of(ctx, &s));
    assert_memory_equal(tile_of(ctx, &s), &cpu_tile, sizeof cpu_tile);
    s.m = 100;
    assert_non_null(tile_of(ctx, &s));
    s.m = 1000;
    assert_null(tile_of(ctx, &s));
    s.m = 40, s.kind = TLI_GEMM_NN;
    assert_null(tile_of(ctx, &s));
    const tli_tuning_trial before = tli_tuning_try(ctx, (tli_tuning_trial){true, TLI_PRODUCT_KINDS, NULL});
    assert_null(tile_of(ctx, &tuned_shape)); /* of a trial of the defaults */
    (void)tli_tuning_try(ctx, before);
    assert_non_null(tile_of(ctx, &tuned_shape));
    tl_context_destroy(ctx);
}

static void a_wrong_tile_never_serves(void **unused)
{
    (void)unused;
    tl_context *ctx = tuned_context(true);
    MUST(ctx, tli_tuning_check_with(ctx, always_wrong));
    assert_false(tli_tuning_is_right(ctx, TLI_GEMM_TN, &cpu_tile));
    assert_null(tile_of(ctx, &tuned_shape));
    tl_context_destroy(ctx);
}

/* With the tile of a table, the kernel is another, and right: by the comparison that every tile has before it serves. */
static void check_results(bool cpu)
{
    tl_context *ctx = new_context(cpu ? TL_PATH_CPU : TL_PATH_GPU);
    if (tli_context_limits(ctx)->cpu_path != cpu) {
        tl_context_destroy(ctx);
        return;
    }
    static const tli_product_kind kinds[] = {TLI_GEMM_NN,
                                             TLI_GEMM_TN,
                                             TLI_OFFSET_LOGITS,
                                             TLI_OFFSET_LOGITS_BACKWARD,
                                             TLI_OFFSET_VALUES,
                                             TLI_OFFSET_VALUES_BACKWARD,
                                             TLI_OFFSET_WEIGHT_GRADIENT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        tli_tile tile = {0};
        for (int p = 0; p < TLI_TILE_PARAMETERS; p++)
            if (tli_tile_has(p, kinds[i], cpu))
                tli_tile_set(&tile, p, tli_tile_get(cpu ? &cpu_tile : &gpu_tile, p));
        const tli_product_shape shape = {kinds[i], 37, 65, 66, 7};
        const tli_kernel_form form = tli_context_form(ctx, cpu);
        if (tli_tile_refuses(&tile, &shape, cpu, form.vector_width, 132) != NULL) tile.parts = 1;
        double error = INFINITY;
        const tli_tuning_trial before = tli_tuning_try(ctx, (tli_tuning_trial){true, kinds[i], &tile});
        assert_memory_equal(tli_tuning_tile(ctx, form, &shape, 132), &tile, sizeof tile);
        MUST(ctx, tli_self_test_tile(ctx, kinds[i], &error));
        if (!(error <= 1)) fail_at(HERE, "%s: error %g", tli_product_name(kinds[i]), error);
        (void)tli_tuning_try(ctx, before);
    }
    tl_context_destroy(ctx);
}
#define check_results(...) FROM_HERE(check_results(__VA_ARGS__))

static void tiles_of_the_cpu_form_are_right(void **unused)
{
    (void)unused;
    check_results(true);
}

static void tiles_of_the_gpu_form_are_right(void **unused)
{
    (void)unused;
    if (same_as_plain_run(TL_PATH_GPU)) return;
    check_results(false);
}

static void tables_have_a_label_that_ranks_compare(void **unused)
{
    (void)unused;
    char none[TLI_TUNING_LABEL], label[TLI_TUNING_LABEL], again[TLI_TUNING_LABEL];
    setenv("TRANSLUTION_TUNING", "off", 1);
    tl_context *ctx = new_context(TL_PATH_CPU);
    assert_string_equal(tli_tuning_label(ctx, none), "no table");
    unsetenv("TRANSLUTION_TUNING");
    tl_context *tuned = tuned_context(true);
    (void)tli_tuning_label(tuned, label);
    assert_non_null(strstr(label, "that of"));
    tli_tuning_table table;
    bool kept;
    tli_tuning_table_begin(ctx, &table);
    tli_tile other = cpu_tile;
    other.rows = 5;
    tli_tuning_table_put(&table, &(tli_tuned){.shape = tuned_shape, .tiled = true, .tile = other});
    MUST(ctx, tli_tuning_learn(ctx, &table, &kept));
    assert_string_not_equal(tli_tuning_label(ctx, again), label);
    tl_context_destroy(ctx);
    tl_context_destroy(tuned);
}

/* Not the developer's cache folder. */
static int without_cache(void **unused)
{
    (void)unused;
    return setenv("TRANSLUTION_CACHE_DIR", "off", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
                                       cmocka_unit_test(bad_tables_are_refused),
                                       cmocka_unit_test(tables_of_the_program_can_be_read),
                                       cmocka_unit_test(the_nearest_device_serves),
                                       cmocka_unit_test(the_nearest_shape_serves),
                                       cmocka_unit_test(a_tile_serves_what_is_like_its_shape),
                                       cmocka_unit_test(a_wrong_tile_never_serves),
                                       cmocka_unit_test(tiles_of_the_cpu_form_are_right),
                                       cmocka_unit_test(tiles_of_the_gpu_form_are_right),
                                       cmocka_unit_test(tables_have_a_label_that_ranks_compare)};
    return cmocka_run_group_tests(tests, without_cache, NULL);
}

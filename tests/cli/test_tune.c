/* translution tune from outside: what it shows, writes and reads, and that later runs have what it keeps. */
#include "program.h"

static char cache[300];

/* A table for vectors of 8 floats, of every device in its form for CPUs. */
#define HERE_IT_IS ENV(cache, "TRANSLUTION_VECTOR_WIDTH=8")
static const char table[] =
    "format = 1\nprogram = 0.1\ndevice = Abacus\nplatform = Wood\ndriver = 7\nform = cpu\n"
    "vector_width = 8\ncompute_units = 4\n"
    "gemm_nn m=40 n=48 k=64 count=1 rows=5 vectors=2 depth=96 tiles=2 panels=3 default=2 tuned=3\n"
    "products = 1\n";

static void nothing_is_tuned_at_first(void **unused)
{
    RUN(HERE_IT_IS, "tune", "--show", "--device", "cpu");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "the defaults serve"));
    RUN(HERE_IT_IS, "tune", "--export", at("none.txt"), "--device", "cpu");
    FAILS(2, "no tiles are tuned for this device", "run `translution tune` before --export");
    assert_int_not_equal(access(at("none.txt"), F_OK), 0);
}

static void what_is_imported_serves_later_runs(void **unused)
{
    write_text("table.txt", table);
    RUN(HERE_IT_IS, "tune", "--import", at("table.txt"), "--device", "cpu");
    EXPECT(0, "was measured on Abacus", "kept for this device", "1 products");
    RUN(HERE_IT_IS, "tune", "--show", "--device", "cpu");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "rows=5 vectors=2 depth=96 tiles=2 panels=3"));
    assert_non_null(strstr(seen.out, "1.50"));
    RUN(HERE_IT_IS, "tune", "--show", "--json", "--device", "cpu");
    cJSON *json = last_json();
    assert_int_equal(cJSON_GetArraySize(json), 1);
    assert_true(number(cJSON_GetArrayItem(json, 0), "m") == 40);
    cJSON_Delete(json);
    RUN(HERE_IT_IS, "tune", "--export", at("again.txt"), "--device", "cpu");
    EXPECT(0, "");
    static char text[TEXT];
    read_file("again.txt", text, TEXT);
    assert_non_null(
        strstr(text, "gemm_nn m=40 n=48 k=64 count=1 rows=5 vectors=2 depth=96 tiles=2 panels=3"));
    RUN(HERE_IT_IS, "bench", "gemm", "--m", "40", "--n", "48", "--k", "64", "--rounds", "1", "--verbose",
        "--device", "cpu");
    EXPECT(0, "tiles of 1 matrix products are those that were tuned for this device",
           "-DMR=5 -DNV=2 -DKC=96");
    RUN(ENV(cache, "TRANSLUTION_VECTOR_WIDTH=8", "TRANSLUTION_TUNING=off"), "bench", "gemm", "--m", "40",
        "--n", "48", "--k", "64", "--rounds", "1", "--verbose", "--device", "cpu");
    EXPECT(0, "");
    assert_null(strstr(seen.err, "-DMR=5"));
}

/* A fault in one costs the table that is kept nothing. */
static void bad_tables_are_refused(void **unused)
{
    static char text[TEXT];
    RUN(HERE_IT_IS, "tune", "--import", at("missing.txt"), "--device", "cpu");
    FAILS(2, "cannot read the table", "missing.txt");
    snprintf(text, sizeof text, "%.*s", (int)strlen(table) - 13, table);
    write_text("bad.txt", text);
    RUN(HERE_IT_IS, "tune", "--import", at("bad.txt"), "--device", "cpu");
    FAILS(2, "bad.txt", "ends before its last line");
    write_file("bad.txt", table, sizeof table); /* with the 0 behind it */
    RUN(HERE_IT_IS, "tune", "--import", at("bad.txt"), "--device", "cpu");
    FAILS(2, "is no text");
    RUN(ENV(cache, "TRANSLUTION_VECTOR_WIDTH=16"), "tune", "--import", at("table.txt"), "--device", "cpu");
    FAILS(2, "has tiles for vectors of 8 floats");
    RUN(ENV("TRANSLUTION_CACHE_DIR=off", "TRANSLUTION_VECTOR_WIDTH=8"), "tune", "--import", at("table.txt"),
        "--device", "cpu");
    EXPECT(1, "the table could not be kept", "TRANSLUTION_CACHE_DIR");
    RUN(HERE_IT_IS, "tune", "--show", "--device", "cpu");
    assert_non_null(strstr(seen.out, "rows=5"));
    RUN(HERE_IT_IS, "tune", "--show", "--quick");
    FAILS(2, "one of --show, --export, --import and --quick");
}

/* A search of a few small products ends soon, and keeps nothing. */
static void a_quick_search_keeps_nothing(void **unused)
{
    RUN(ENV("TRANSLUTION_CACHE_DIR=off", "POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable"), "tune", "--quick",
        "--budget", "3", "--json", "--verbose");
    EXPECT(0, "tiles timed");
    cJSON *json = last_json();
    assert_int_equal(cJSON_GetArraySize(json), 3);
    for (int i = 0; i < 3; i++) {
        const cJSON *row = cJSON_GetArrayItem(json, i);
        assert_true(number(row, "default_gflops") > 0);
        /* a tile serves only where it was faster */
        if (strlen(string(row, "tile")) > 0)
            assert_true(number(row, "tuned_gflops") > number(row, "default_gflops"));
    }
    cJSON_Delete(json);
    assert_null(strstr(seen.err, "kept for this device"));
}

static int begin(void **state)
{
    const int failed = make_folder(state);
    snprintf(cache, sizeof cache, "TRANSLUTION_CACHE_DIR=%s", at("cache"));
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_tuned_at_first), cmocka_unit_test(what_is_imported_serves_later_runs),
        cmocka_unit_test(bad_tables_are_refused), cmocka_unit_test(a_quick_search_keeps_nothing)};
    return cmocka_run_group_tests(tests, begin, remove_folder);
}

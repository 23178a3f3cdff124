/* Times of launches on a device of round figures, worked by hand; the files of devices; and that the instructions which the model
 * counts are those that compilers make. */
#include "test.h"

#include <unistd.h>

#include "device/speed_model.h"

/* 64e9 flops a second. */
static const tli_speed_device small = {.name = "small",
                                       .units = 4,
                                       .fma = 8,
                                       .clock_ghz = 1,
                                       .local_bytes = 16,
                                       .cache_gbytes = 64,
                                       .memory_gbytes = 32,
                                       .memory_gib = 1,
                                       .launch_us = 2};
#define LAUNCH 2e-6

/* A product of 32e6 multiply-adds in tiles of 64 x 64, whose loop has 256 of 354 instructions. */
static const tli_launch product = {.groups = {2, 2, 2}, .items = 256, .tile = 64, .tile_flops = 64e6};

static void expect(const tli_speed_device *d, const char *kernel, const tli_launch *launch, double seconds,
                   tli_speed_limit limit)
{
    const tli_speed_estimate e = tli_speed_of(d, kernel, launch);
    if (!(fabs(e.seconds - seconds) <= 1e-9 * seconds) || e.limit != limit)
        fail_msg("%.9g s by %s, not %.9g s by %s", e.seconds, tli_speed_limit_name(e.limit), seconds,
                 tli_speed_limit_name(limit));
}
#define expect(...) FROM_HERE(expect(__VA_ARGS__))

static void a_peak_is_of_all_units(void **unused)
{
    (void)unused;
    assert_true(tli_speed_peak(&small) == 64e9);
}

static void rows_take_as_long_as_their_bytes(void **unused)
{
    (void)unused;
    tli_launch rows = {.groups = {8, 1, 1}, .items = 64, .bytes = 32e6};
    expect(&small, "add", &rows, 1e-3 + LAUNCH, TLI_LIMIT_MEMORY);
    rows.groups[0] = 5; /* the slowest unit has two groups of five, not five quarters */
    expect(&small, "add", &rows, 1.6e-3 + LAUNCH, TLI_LIMIT_MEMORY);
    rows.groups[0] = 1; /* a unit has a quarter of the memory's rate */
    expect(&small, "add", &rows, 4e-3 + LAUNCH, TLI_LIMIT_MEMORY);
    rows.bytes = 0;
    expect(&small, "add", &rows, LAUNCH, TLI_LIMIT_LAUNCH);
}

static void products_take_as_long_as_their_slowest_unit(void **unused)
{
    (void)unused;
    tli_launch p = product; /* 8e6 a unit, 8 a cycle: 1e6 cycles of multiply-adds */
    expect(&small, "gemm", &p, 1e-3 * 354 / 256 + LAUNCH, TLI_LIMIT_INSTRUCTIONS);
    p.groups[2] = 1, p.groups[1] = 3; /* six groups: two for the slowest */
    expect(&small, "gemm", &p, 4.0 / 3 * 1e-3 * 354 / 256 + LAUNCH, TLI_LIMIT_INSTRUCTIONS);
    p = product, p.items = 2; /* two groups a unit: four work-items for eight lanes */
    expect(&small, "gemm", &p, 2e-3 * 354 / 256 + LAUNCH, TLI_LIMIT_INSTRUCTIONS);
    /* which looks for its rows: 420 instructions */
    expect(&small, "offset_gemm_weight_gradient", &product, 1e-3 * 420 / 256 + LAUNCH,
           TLI_LIMIT_INSTRUCTIONS);
}

static void products_wait_for_the_slowest_memory(void **unused)
{
    (void)unused;
    tli_speed_device d = small;
    d.local_bytes = 4; /* 19 bytes for 16 multiply-adds: 8e6 * 19 / 16 / 4 cycles */
    expect(&d, "gemm", &product, 2.375e-3 + LAUNCH, TLI_LIMIT_LOCAL);
    d = small, d.cache_gbytes = 2; /* 8 bytes for 64 multiply-adds: 4e6 bytes */
    expect(&d, "gemm", &product, 2e-3 + LAUNCH, TLI_LIMIT_CACHE);
    tli_launch p = product;
    p.bytes = 96e6;
    expect(&small, "gemm", &p, 3e-3 + LAUNCH, TLI_LIMIT_MEMORY);
}

static void smaller_tiles_have_fewer_multiply_adds_an_instruction(void **unused)
{
    (void)unused;
    assert_true(tli_speed_fma_percent("gemm", 128) == 100.0 * 512 / 610);
    assert_true(tli_speed_fma_percent("gemm", 64) == 100.0 * 256 / 354);
    assert_true(tli_speed_fma_percent("gemm", 32) == 100.0 * 128 / 210);
    assert_true(tli_speed_fma_percent("gemm", 16) == 100.0 * 64 / 138);
}

/* Lines of the budget: program kernel target registers local ffma, the last of sm_90 alone. */
static void instructions_are_those_of_the_compilers(void **unused)
{
    (void)unused;
    FILE *file = fopen(TL_TESTS_DIR "/../tools/gpu_kernels.budget", "r");
    assert_non_null(file);
    char line[512], program[256], kernel[64], target[16], ffma[8];
    int compared = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%255s %63s %15s %*s %*s %7s", program, kernel, target, ffma) != 4) continue;
        if (strstr(program, "gemm_gpu") == NULL || strcmp(target, "sm_90") != 0 || ffma[0] == '-') continue;
        const char *tile = strstr(program, "TILE=");
        const double got = tli_speed_fma_percent(kernel, tile != NULL ? (uint32_t)atoi(tile + 5) : 64),
                     want = atof(ffma);
        if (fabs(got - want) > 7.5)
            fail_msg("%s of %s: the model has %.1f %% of multiply-adds, the compilers %.0f %%", kernel,
                     program, got, want);
        compared++;
    }
    fclose(file);
    assert_true(compared >= 8);
}

static tl_status read_text(const char *text, tli_speed_device *device, tl_error *err)
{
    char path[] = "/tmp/speed-device-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const tl_status status = tli_speed_device_read(path, device, err);
    unlink(path);
    return status;
}
#define read_text(...) VALUE_FROM_HERE(read_text(__VA_ARGS__))

#define WITHOUT_LAUNCH                                                                                       \
    "name = Some device\r\n\n# a comment\nunits = 4 # of them\nfma = 8\nclock_ghz=1.5\nlocal_bytes = 16\n"   \
    "cache_gbytes = 64\nmemory_gbytes = 32\nmemory_gib = 1\n"

static void files_hold_figures(void **unused)
{
    (void)unused;
    tli_speed_device d;
    tl_error err = {0};
    assert_int_equal(read_text(WITHOUT_LAUNCH "launch_us = 2.5", &d, &err), TL_OK);
    assert_string_equal(d.name, "Some device");
    assert_true(d.units == 4 && d.clock_ghz == 1.5 && d.memory_gib == 1 && d.launch_us == 2.5);
}

static void bad_files_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {WITHOUT_LAUNCH, "lacks the figure launch_us"},
        {"units = many\n", ":1: units must be a number"},
        {"units = 4\nfma = 0\n", ":2: fma must be a number"},
        {"units = nan\n", "must be a number"},
        {"units = 4 cores\n", "must be a number"},
        {"cores = 4\n", "'cores' is no figure of a device"},
        {"units 4\n", "`key = value`"},
        {"", "lacks the figure units"},
        {WITHOUT_LAUNCH "launch_us = 1\nunits = 0.5\n", "units must be a whole number, not 0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tli_speed_device d;
        tl_error err = {0};
        assert_int_equal(read_text(cases[i].text, &d, &err), TL_ERROR_INPUT);
        if (strstr(err.text, cases[i].word) == NULL) fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].word);
    }
    tli_speed_device d;
    tl_error err = {0};
    assert_int_equal(tli_speed_device_read("/nowhere/h100.txt", &d, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "/nowhere/h100.txt"));
}

/* Peaks as their makers tell them. */
static void files_of_the_project_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *file;
        double tflops;
    } cases[] = {{"h100", 66.9}, {"a100", 19.5}, {"rtx-4090", 82.6}, {"mi210", 22.6}, {"a770", 17.2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[600];
        tli_speed_device d;
        tl_error err = {0};
        snprintf(path, sizeof path, "%s/../devices/%s.txt", TL_TESTS_DIR, cases[i].file);
        if (tli_speed_device_read(path, &d, &err) != TL_OK) fail_msg("%s", err.text);
        if (fabs(tli_speed_peak(&d) * 1e-12 - cases[i].tflops) > 0.06)
            fail_msg("%s has %.2f TFLOP/s", d.name, tli_speed_peak(&d) * 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peak_is_of_all_units),
        cmocka_unit_test(rows_take_as_long_as_their_bytes),
        cmocka_unit_test(products_take_as_long_as_their_slowest_unit),
        cmocka_unit_test(products_wait_for_the_slowest_memory),
        cmocka_unit_test(smaller_tiles_have_fewer_multiply_adds_an_instruction),
        cmocka_unit_test(instructions_are_those_of_the_compilers),
        cmocka_unit_test(files_hold_figures),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(files_of_the_project_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

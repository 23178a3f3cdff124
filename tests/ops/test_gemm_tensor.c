/* Products by the matrix units of GPUs, whose instructions are emulated by the tables of their manuals: the kernel's indices, its rounding,
 * and its precisions against plain loops. */
#include "products.h"

#include "ops/gemm_tensor.h"
#include "ops/precision.h"
#include "ops/tile.h"

enum { TILES = 2 };
static const uint32_t tiles[TILES] = {64, 128};

static const struct {
    tli_matrix_unit unit;
    tl_precision precision;
} kinds[] = {{TLI_UNIT_MMA, TL_PRECISION_TF32X3}, {TLI_UNIT_MMA, TL_PRECISION_TF32},
             {TLI_UNIT_MMA, TL_PRECISION_BF16},   {TLI_UNIT_MFMA, TL_PRECISION_FP32},
             {TLI_UNIT_MFMA, TL_PRECISION_BF16},  {TLI_UNIT_DPAS8, TL_PRECISION_BF16},
             {TLI_UNIT_DPAS16, TL_PRECISION_BF16}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* No multiples of a fragment, a warp's share, a tile or a slice; more than a tile; one slice, none that is full, and none at all. */
static void every_element_is_right(void **unused)
{
    static const product_size sizes[] = {{1, 1, 1}, {17, 9, 5}, {63, 70, 33}, {130, 137, 47}, {64, 64, 64}};
    tl_context *ctx = emulating_tensor_cores();
    for (int p = 0; p < KINDS; p++)
        for (int tile = 0; tile < TILES; tile++) {
            tli_context_set_tile(ctx, tiles[tile]);
            MUST(ctx, tli_matrix_unit_emulate(ctx, kinds[p].unit));
            MUST(ctx, tli_matrix_unit_use(ctx, kinds[p].precision));
            for (int t = 0; t < 4; t++)
                for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                    product_case c = {sizes[s], t & 1, t >> 1, 1.0f, 0.0f, 0, 1, 1, false};
                    product_is_right(ctx, tli_gemm_tensor, kinds[p].precision, &c);
                    c.alpha = 0.5f, c.beta = -2.0f, c.extras = ALL_EXTRAS, c.outer = 1 + (s == 2),
                    c.inner = 1 + (s < 3);
                    product_is_right(ctx, tli_gemm_tensor, kinds[p].precision, &c);
                }
        }
    tl_context_destroy(ctx);
}

/* In units of what is expected in another precision; of plain matrices, as every_element_is_right has them transposed. */
static double error_in(tl_context *ctx, tl_precision used, tl_precision expected)
{
    double error;
    MUST(ctx, tli_matrix_unit_use(ctx, used));
    MUST(ctx,
         tli_gemm_measure_error(ctx, tli_gemm_tensor, expected, 1u << tli_gemm_kind(false, false), &error));
    return error;
}
#define error_in(...) VALUE_FROM_HERE(error_in(__VA_ARGS__))

static void a_precision_has_its_own_error_and_no_better(void **unused)
{
    tl_context *ctx = emulating_tensor_cores();
    for (int tile = 0; tile < TILES; tile++) {
        tli_context_set_tile(ctx, tiles[tile]);
        assert_true(error_in(ctx, TL_PRECISION_TF32X3, TL_PRECISION_FP32) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_TF32, TL_PRECISION_TF32) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_TF32, TL_PRECISION_TF32X3) > 1);
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
        MUST(ctx, tli_matrix_unit_emulate(ctx, TLI_UNIT_MFMA));
        assert_true(error_in(ctx, TL_PRECISION_FP32, TL_PRECISION_FP32) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
        assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
        for (tli_matrix_unit unit = TLI_UNIT_DPAS8; unit <= TLI_UNIT_DPAS16; unit++) {
            MUST(ctx, tli_matrix_unit_emulate(ctx, unit));
            assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_BF16) <= 1);
            assert_true(error_in(ctx, TL_PRECISION_BF16, TL_PRECISION_TF32) > 1);
        }
        MUST(ctx, tli_matrix_unit_emulate(ctx, TLI_UNIT_MMA));
    }
    tl_context_destroy(ctx);
}

/* By its platform, its name, and the sub-group that Intel's extension needs on it. */
static void a_device_has_the_unit_of_its_maker(void **unused)
{
    static const struct {
        const char *platform, *name;
        uint32_t sub_group;
        tli_matrix_unit unit;
    } devices[] = {
        {"NVIDIA CUDA", "NVIDIA A100-SXM4-40GB", 0, TLI_UNIT_MMA},
        {"AMD Accelerated Parallel Processing", "gfx90a:sramecc+:xnack-", 0, TLI_UNIT_MFMA},
        {"AMD Accelerated Parallel Processing", "gfx1030", 0, TLI_UNIT_NONE},
        {"Intel(R) OpenCL Graphics", "Intel(R) UHD Graphics 770", 0, TLI_UNIT_NONE},
        {"Intel(R) OpenCL Graphics", "Intel(R) Arc(TM) A770 Graphics", 8, TLI_UNIT_DPAS8},
        {"Intel(R) OpenCL Graphics", "Intel(R) Data Center GPU Max 1100", 16, TLI_UNIT_DPAS16},
        {"Intel(R) OpenCL Graphics", "one that is not known", 32, TLI_UNIT_NONE},
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        tl_device_info device = {.device = 0};
        snprintf(device.platform_name, sizeof device.platform_name, "%s", devices[i].platform);
        snprintf(device.name, sizeof device.name, "%s", devices[i].name);
        assert_int_equal(tli_matrix_unit_of_device(&device, devices[i].sub_group), devices[i].unit);
    }
    static const struct {
        tli_matrix_unit unit;
        bool has[4]; /* in fp32, tf32x3, tf32 and bf16 */
    } units[] = {{TLI_UNIT_NONE, {false, false, false, false}},
                 {TLI_UNIT_MMA, {false, true, true, true}},
                 {TLI_UNIT_MFMA, {true, false, false, true}},
                 {TLI_UNIT_DPAS8, {false, false, false, true}},
                 {TLI_UNIT_DPAS16, {false, false, false, true}}};
    static const tl_precision precisions[] = {TL_PRECISION_FP32, TL_PRECISION_TF32X3, TL_PRECISION_TF32,
                                              TL_PRECISION_BF16};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (int p = 0; p < 4; p++)
            assert_int_equal(tli_matrix_unit_has(units[i].unit, precisions[p]), units[i].has[p]);
}

/* tli_gemm takes matrix units for wide products alone, and without being told so for none. */
static void narrow_products_are_left_to_other_kernels(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_GPU);
    const tli_gemm_args wide = {.m = 32, .n = 32, .k = 1}, row = {.m = 1, .n = 64, .k = 64},
                        column = {.m = 64, .n = 31, .k = 64};
    assert_false(tli_gemm_tensor_serves(ctx, &wide));
    MUST(ctx, tli_matrix_unit_use(ctx, TL_PRECISION_TF32));
    assert_true(tli_gemm_tensor_serves(ctx, &wide));
    assert_false(tli_gemm_tensor_serves(ctx, &row));
    assert_false(tli_gemm_tensor_serves(ctx, &column));
    tli_matrix_unit_stop(ctx);
    assert_false(tli_gemm_tensor_serves(ctx, &wide));
    tl_context_destroy(ctx);
}

static char notices[4000];
static bool units_serve; /* matrix units, by the last context */

static void keep_notice(void *unused, tl_log_level level, const char *line)
{
    const size_t used = strlen(notices);
    (void)unused, (void)level;
    snprintf(notices + used, sizeof notices - used, "%s\n", line);
}

/* What a context has after it was asked for a precision, with kernels from `folder` (NULL: as they are). */
static tl_precision chosen(tli_matrix_unit emulated, tl_precision wanted, tl_gemm_mode gemm,
                           const char *folder)
{
    static const tl_log log = {.level = TL_LOG_NOTICE, .write = keep_notice};
    const tl_context_options options = {
        .size = sizeof options, .path = TL_PATH_GPU, .gemm = gemm, .log = &log};
    tl_context *ctx = NULL;
    tl_error err = {0};
    notices[0] = '\0';
    compile_for(TL_PATH_GPU);
    if (folder != NULL) setenv("TRANSLUTION_KERNEL_DIR", folder, 1);
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    MUST(ctx, tli_matrix_unit_emulate(ctx, emulated));
    MUST(ctx, tli_precision_choose(ctx, NULL, wanted));
    const tl_precision has = tli_precision_of(ctx);
    assert_int_equal(tl_memory_peak(ctx), 0);
    units_serve = tli_matrix_unit_is_on(ctx);
    tli_matrix_unit_stop(ctx);
    assert_int_equal(tli_precision_of(ctx), TL_PRECISION_FP32);
    tl_context_destroy(ctx);
    unsetenv("TRANSLUTION_KERNEL_DIR");
    return has;
}
#define chosen(...) VALUE_FROM_HERE(chosen(__VA_ARGS__))

static void what_cannot_or_is_wrong_falls_back_with_a_notice(void **unused)
{
    char folder[] = "/tmp/tl_precision_XXXXXX", command[600];
    tl_context *ctx = emulating_tensor_cores();
    const bool nvidia = strstr(tl_context_device(ctx)->platform_name, "NVIDIA") != NULL;
    tl_context_destroy(ctx);
    assert_non_null(mkdtemp(folder));
    setenv("TRANSLUTION_CACHE_DIR", "off", 1);
    if (!nvidia) {
        assert_int_equal(chosen(TLI_UNIT_NONE, TL_PRECISION_TF32, TL_GEMM_AUTO, NULL), TL_PRECISION_FP32);
        assert_non_null(strstr(notices, "has no tensor cores"));
        assert_non_null(strstr(notices, "fp32 instead of tf32"));
    }
    assert_int_equal(chosen(TLI_UNIT_MMA, TL_PRECISION_TF32, TL_GEMM_AUTO, NULL), TL_PRECISION_TF32);
    assert_non_null(strstr(notices, "products run in tf32, by tensor cores"));
    snprintf(command, sizeof command,
             "cp '%s'/../kernels/*.cl %s && sed -i 's/= MMA_WORD(values/= as_uint(values/' %s/gemm_tensor.cl",
             TL_TESTS_DIR, folder, folder); /* the instruction then cuts the digits off */
    assert_int_equal(system(command), 0);
    assert_int_equal(chosen(TLI_UNIT_MMA, TL_PRECISION_TF32, TL_GEMM_AUTO, folder), TL_PRECISION_FP32);
    assert_non_null(strstr(notices, "gets the kernels for tensor cores wrong"));
    snprintf(command, sizeof command,
             "cp '%s'/../kernels/*.cl %s && sed -i 's/= MMA_WORD(value)/= as_uint(value)/' %s/tile_tensor.cl",
             TL_TESTS_DIR, folder, folder); /* the same of products by offset */
    assert_int_equal(system(command), 0);
    assert_int_equal(chosen(TLI_UNIT_MMA, TL_PRECISION_TF32, TL_GEMM_AUTO, folder), TL_PRECISION_FP32);
    assert_non_null(strstr(notices, "gets the kernels for tensor cores wrong"));
    snprintf(command, sizeof command, "echo '#error no' >>%s/gemm_tensor.cl", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(chosen(TLI_UNIT_MMA, TL_PRECISION_TF32, TL_GEMM_AUTO, folder), TL_PRECISION_FP32);
    assert_non_null(strstr(notices, "cannot build or run the kernels for"));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    unsetenv("TRANSLUTION_CACHE_DIR");
}

/* Where own kernels are asked for; nobody is told where they do not serve, and tf32 they do not have. */
static void matrix_cores_for_fp32_serve_where_they_are_right(void **unused)
{
    char folder[] = "/tmp/tl_precision_XXXXXX", command[600];
    tl_context *ctx = emulating_tensor_cores();
    tl_context_destroy(ctx);
    assert_non_null(mkdtemp(folder));
    setenv("TRANSLUTION_CACHE_DIR", "off", 1);
    assert_int_equal(chosen(TLI_UNIT_MFMA, TL_PRECISION_FP32, TL_GEMM_OWN, NULL), TL_PRECISION_FP32);
    assert_true(units_serve);
    assert_non_null(strstr(notices, "by matrix cores of"));
    (void)chosen(TLI_UNIT_MFMA, TL_PRECISION_FP32, TL_GEMM_AUTO, NULL);
    assert_false(units_serve);
    (void)chosen(TLI_UNIT_MMA, TL_PRECISION_FP32, TL_GEMM_OWN, NULL);
    assert_false(units_serve);
    assert_string_equal(notices, "");
    assert_int_equal(chosen(TLI_UNIT_MFMA, TL_PRECISION_TF32, TL_GEMM_OWN, NULL), TL_PRECISION_FP32);
    assert_true(units_serve);
    assert_non_null(strstr(notices, "has no tensor cores for tf32"));
    snprintf(command, sizeof command,
             "cp '%s'/../kernels/*.cl %s && sed -i '/MMA_C_ROW_STEP/s/%% 4/%% 3/' %s/mfma.cl", TL_TESTS_DIR,
             folder, folder);
    assert_int_equal(system(command), 0);
    (void)chosen(TLI_UNIT_MFMA, TL_PRECISION_FP32, TL_GEMM_OWN, folder);
    assert_false(units_serve);
    assert_string_equal(notices, "");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    unsetenv("TRANSLUTION_CACHE_DIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_element_is_right),
                                       cmocka_unit_test(a_precision_has_its_own_error_and_no_better),
                                       cmocka_unit_test(a_device_has_the_unit_of_its_maker),
                                       cmocka_unit_test(narrow_products_are_left_to_other_kernels),
                                       cmocka_unit_test(what_cannot_or_is_wrong_falls_back_with_a_notice),
                                       cmocka_unit_test(matrix_cores_for_fp32_serve_where_they_are_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

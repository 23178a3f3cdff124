/* Which tiles products have on GPUs. */
#include "test.h"

#include "ops/gpu_tile.h"

static const tli_kernel_form by_shape = {.vector_width = 4, .row_group = 64};

static void assert_tile(tli_tile tile, uint32_t side, uint32_t parts, uint32_t items)
{
    assert_int_equal(tile.side, side);
    assert_int_equal(tile.parts, parts);
    assert_int_equal(tli_gpu_tile_items(tile), items);
}
#define assert_tile(...) FROM_HERE(assert_tile(__VA_ARGS__))

static void products_with_work_groups_enough_have_the_largest(void **unused)
{
    (void)unused;
    assert_tile(tli_gpu_tile_choose(by_shape, 64, 64, 264), 64, 1, 256);
    assert_tile(tli_gpu_tile_choose(by_shape, 12800, 192, 1), 64, 1, 256); /* 200 x 3 */
    assert_tile(tli_gpu_tile_choose(by_shape, 33, 33, 264), 64, 1, 256);   /* half of its rows are there */
    assert_tile(tli_gpu_tile_without_parts(by_shape, 64), 64, 1, 256);
    assert_tile(tli_gpu_tile_without_parts(by_shape, 33), 64, 1, 256);
}

static void gemm_has_a_larger_one_where_it_is_full(void **unused)
{
    (void)unused;
    tli_kernel_form wide = by_shape;
    wide.wide_tiles = true;
    assert_tile(tli_gpu_tile_choose_gemm(wide, 12800, 768, 1), 128, 1, 256);    /* 100 x 6 */
    assert_tile(tli_gpu_tile_choose_gemm(wide, 12800, 576, 1), 128, 1, 256);    /* nine tenths of it */
    assert_tile(tli_gpu_tile_choose_gemm(wide, 50257, 192, 1), 64, 1, 256);     /* three quarters */
    assert_tile(tli_gpu_tile_choose_gemm(wide, 3200, 768, 1), 64, 1, 256);      /* 25 x 6 */
    assert_tile(tli_gpu_tile_choose_gemm(wide, 64, 4096, 1000), 64, 1, 256);    /* half of it */
    assert_tile(tli_gpu_tile_choose_gemm(by_shape, 12800, 768, 1), 64, 1, 256); /* without registers for it */
    tli_kernel_form form = wide;
    form.tile = 128;
    assert_tile(tli_gpu_tile_choose_gemm(form, 1, 1, 1), 128, 1, 256);
    assert_tile(tli_gpu_tile_choose(form, 4096, 4096, 1), 64, 1, 256); /* products by offset */
    assert_tile(tli_gpu_tile_without_parts(form, 8), 64, 1, 256);
}

static void smaller_tiles_give_more_work_groups(void **unused)
{
    (void)unused;
    assert_tile(tli_gpu_tile_choose(by_shape, 64, 64, 263), 32, 4, 256);
    assert_tile(tli_gpu_tile_choose(by_shape, 3200, 192, 1), 32, 4, 256); /* 50 x 3, then 100 x 6 */
    assert_tile(tli_gpu_tile_choose(by_shape, 64, 64, 1), 16, 4, 64);
}

static void tiles_are_not_half_empty(void **unused)
{
    (void)unused;
    assert_tile(tli_gpu_tile_without_parts(by_shape, 32), 32, 1, 64);
    assert_tile(tli_gpu_tile_without_parts(by_shape, 8), 32, 1,
                64); /* where smaller ones would have idle lanes */
    assert_tile(tli_gpu_tile_choose(by_shape, 32, 4096, 1000), 32, 4, 256);
    assert_tile(tli_gpu_tile_choose(by_shape, 4096, 8, 1000), 16, 4, 64);
}

static void a_given_width_serves_all_shapes(void **unused)
{
    (void)unused;
    tli_kernel_form form = by_shape;
    form.tile = 32;
    assert_tile(tli_gpu_tile_choose(form, 12800, 12800, 1), 32, 4, 256);
    assert_tile(tli_gpu_tile_choose(form, 1, 1, 1), 32, 4, 256);
    assert_tile(tli_gpu_tile_without_parts(form, 64), 32, 1, 64);
}

static void options_are_those_of_the_kernels(void **unused)
{
    (void)unused;
    char text[64];
    tli_gpu_tile_options((tli_tile){.side = 64, .parts = 1, .padding = 4}, text, sizeof text);
    assert_string_equal(text, " -DTILE=64");
    tli_gpu_tile_options((tli_tile){.side = 32, .parts = 4, .padding = 4}, text, sizeof text);
    assert_string_equal(text, " -DTILE=32 -DTILE_PARTS=4");
}

static void rows_without_results_are_work(void **unused)
{
    (void)unused;
    const tli_tile tile = {.side = 32, .parts = 4, .padding = 4};
    tli_launch launch = {.flops = 600};
    assert_true(tli_gpu_tile_filled(tile, 64) == 1);
    assert_true(tli_gpu_tile_filled(tile, 48) == 0.75); /* of two tiles */
    tli_gpu_tile_work(tile, 0.75, &launch);
    assert_int_equal(launch.tile, 32);
    assert_true(launch.tile_flops == 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_with_work_groups_enough_have_the_largest),
                                       cmocka_unit_test(gemm_has_a_larger_one_where_it_is_full),
                                       cmocka_unit_test(smaller_tiles_give_more_work_groups),
                                       cmocka_unit_test(tiles_are_not_half_empty),
                                       cmocka_unit_test(a_given_width_serves_all_shapes),
                                       cmocka_unit_test(options_are_those_of_the_kernels),
                                       cmocka_unit_test(rows_without_results_are_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

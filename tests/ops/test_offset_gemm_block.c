/* Products by offset of batches that are smaller than a tile, in the form for GPUs: a layer's forward and backward against the form for CPUs;
 * the offsets that blocks of tokens have, against loops; and which tile they get. */
#include "layer_run.h"

#include <math.h>

#include "device/pocl.h"
#include "ops/offset_gemm_block.h"

enum { DIM = 37, HEADS = 2, HEAD_DIM = 19 };

static tl_context *context_of(tl_kernel_path path, uint64_t largest_buffer)
{
    const tl_context_options options = {
        .size = sizeof options, .path = path, .gemm = TL_GEMM_OWN, .max_alloc_bytes = largest_buffer};
    tl_context *ctx = NULL;
    tl_error err = {0};
    compile_for(path);
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    return ctx;
}
#define context_of(...) VALUE_FROM_HERE(context_of(__VA_ARGS__))

/* By tile and batch, blocks have 1 to 64 tokens; the last one mostly has fewer. Tables of the last have several shards, each of which has
 * launches of its own. */
static const struct {
    tl_layer_config c;
    uint64_t largest_buffer;
} layers[] = {
    {{.causal = true, .height = 1, .width = 13, .max_length = 13, .batch = 8, .relative = TL_ROLE_QKV}, 0},
    {{.causal = true,
      .height = 1,
      .width = 11,
      .max_length = 11,
      .batch = 1,
      .relative = TL_ROLE_QKV,
      .window = 3},
     0},
    {{.causal = true, .height = 1, .width = 9, .max_length = 9, .batch = 3, .relative = TL_ROLE_Q}, 0},
    {{.height = 2, .width = 3, .cls = true, .batch = 3, .relative = TL_ROLE_K}, 0},
    {{.height = 3,
      .width = 4,
      .batch = 2,
      .relative = TL_ROLE_QKV,
      .sharing = TL_SHARING_CLIP,
      .sharing_radius = 1},
     0},
    {{.height = 2, .width = 3, .cls = true, .batch = 3, .relative = TL_ROLE_QKV}, 50000},
};

/* PoCL 5 and newer compile one kernel in some hundreds wrongly, another one at each run (docs/portability.md). */
static bool compiles_by_chance(tl_context *ctx)
{
    return tli_pocl_version(tl_context_device(ctx)) >= 5;
}

/* By more than any rounding. */
static bool differ(const float *got, const float *want, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= 1e-2)) return true;
    return false;
}

static void layers_compute_the_same_as_on_cpus(void **unused)
{
    static const uint32_t tiles[] = {16, 32, 64};
    (void)unused;
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++) {
        tl_layer_config c = layers[l].c;
        c.size = sizeof c;
        c.op = TL_OP_TRANSLUTION;
        c.dim = DIM, c.heads = HEADS, c.head_dim = HEAD_DIM;
        tl_context *cpu = context_of(TL_PATH_CPU, 0);
        layer_results want = layer_run(cpu, &c);
        tl_context_destroy(cpu);
        for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
            tl_context *gpu = context_of(TL_PATH_GPU, layers[l].largest_buffer);
            tli_context_set_tile(gpu, tiles[t]);
            layer_results got = layer_run(gpu, &c);
            assert_int_equal(got.count, want.count);
            for (int i = 0; i < want.count; i++) {
                char what[64];
                snprintf(what, sizeof what, "layer %d, tile %u, result %d", (int)l, (unsigned)tiles[t], i);
                assert_int_equal(got.counts[i], want.counts[i]);
                if (compiles_by_chance(gpu) && differ(got.values[i], want.values[i], want.counts[i]))
                    skip_because("PoCL compiled a kernel wrongly", "remove PoCL's cache and try again");
                assert_close(what, got.values[i], want.values[i], want.counts[i], 1e-5);
            }
            layer_results_release(&got);
            tl_context_destroy(gpu);
        }
        layer_results_release(&want);
    }
}

static uint32_t steps_by_loops(const tli_geometry *g, bool keys, uint32_t tokens, uint32_t block)
{
    uint32_t steps = 0;
    for (uint32_t first = 0; first < tokens; first += block)
        for (uint32_t row = 0; row < tli_geometry_rows(g); row++) {
            bool met = false;
            for (uint32_t t = first; t < tokens && t < first + block; t++)
                for (uint32_t other = 0; other < tokens; other++)
                    met |= tli_geometry_key_row(g, keys ? other : t, keys ? t : other) == (int32_t)row;
            steps += met;
        }
    return steps;
}

static void blocks_have_the_offsets_of_their_tokens(void **unused)
{
    static const tli_geometry geometries[] = {
        {.kind = TLI_CAUSAL, .height = 1, .width = 21, .max_length = 21},
        {.kind = TLI_CAUSAL, .height = 1, .width = 21, .max_length = 21, .window = 4},
        {.kind = TLI_GRID, .height = 3, .width = 4, .cls = 1}};
    tl_context *ctx = context_of(TL_PATH_AUTO, 0);
    (void)unused;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        const tli_geometry *g = &geometries[i];
        const uint32_t tokens = tli_geometry_tokens(g);
        tli_pair_table pairs;
        MUST(ctx, tli_pair_table_create(ctx, "test", g, tokens, &pairs));
        for (uint32_t size = 0; size < TLI_BLOCK_SIZES; size++)
            for (int side = 0; side < 2; side++)
                assert_int_equal(pairs.block_steps[side][size],
                                 steps_by_loops(g, side == 1, tokens, 1u << size));
        tli_pair_table_destroy(ctx, &pairs);
    }
    tl_context_destroy(ctx);
}

static void small_batches_fill_tiles_by_tokens(void **unused)
{
    const tli_geometry sequence = {.kind = TLI_CAUSAL, .height = 1, .width = 160, .max_length = 160};
    const tli_kernel_form by_shape = {.cpu = false};
    tl_context *ctx = context_of(TL_PATH_AUTO, 0);
    tli_pair_table pairs;
    (void)unused;
    MUST(ctx, tli_pair_table_create(ctx, "test", &sequence, 160, &pairs));
    tli_offset_gemm r = {.pairs = &pairs, .batch = 8, .inner = 192, .heads = 3, .head_dim = 64};
    tli_tile tile = tli_offset_gemm_gpu_tile(&r, by_shape, TLI_OFFSET_VALUES);
    assert_int_equal(tile.side,
                     32); /* 40 blocks of 4 tokens x 6 panels; of 16 columns it would wait for the cache */
    assert_int_equal(tli_offset_gemm_block(tile, 8, TLI_OFFSET_VALUES), 4);
    assert_true(tli_offset_gemm_block_filled(&r, tile, 4, TLI_OFFSET_VALUES) > 0.98);
    assert_true(tli_offset_gemm_block_filled(&r, tile, 1, TLI_OFFSET_VALUES) == 0.25);
    assert_int_equal(tli_offset_gemm_block(tile, 8, TLI_OFFSET_LOGITS), 1); /* its work-groups own pairs */
    assert_int_equal(tli_offset_gemm_block(tile, 3, TLI_OFFSET_VALUES), 8);
    r.batch = 64;
    tile = tli_offset_gemm_gpu_tile(&r, by_shape, TLI_OFFSET_VALUES);
    assert_int_equal(tile.side, 64);
    assert_int_equal(tli_offset_gemm_block(tile, 64, TLI_OFFSET_VALUES), 1);
    tli_pair_table_destroy(ctx, &pairs);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_compute_the_same_as_on_cpus),
                                       cmocka_unit_test(blocks_have_the_offsets_of_their_tokens),
                                       cmocka_unit_test(small_batches_fill_tiles_by_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

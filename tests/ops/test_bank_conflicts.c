/* Where the work-items of the GPU form put the elements of a tile's operands: of 32 neighbours, which store at once, no more than
 * two may meet in one of local memory's 32 banks. The kernels' own macros say the places. */
#include "context.h"
#include "files.h"

#include "ops/gpu_tile.h"

enum { BANKS = 32, WARP = 32, MOST_ITEMS = 256, ELEMENTS = 4, ORDERS = 2, MOST_CONFLICT = 2 };

/* places[order][u][item]: of element u of an operand as it lies in memory (order 0), or transposed (1), in floats. */
static const char SOURCE[] = "TILE_GROUP __kernel void places(__global int *places)\n"
                             "{\n"
                             "    const int item = get_local_id(0);\n"
                             "    for (int u = 0; u < 4; u++) {\n"
                             "        places[u * TILE_ITEMS + item] = TILE_INNER(ITEM_K(u)) + ITEM_I;\n"
                             "        places[(4 + u) * TILE_ITEMS + item] =\n"
                             "            TILE_INNER(ITEM_TRANSPOSED_K) + ITEM_TRANSPOSED_I(u);\n"
                             "    }\n"
                             "}\n";

static void read_places(tl_context *ctx, tli_tile tile, int32_t *places)
{
    const uint32_t items = tli_gpu_tile_items(tile), count = ORDERS * ELEMENTS * items;
    char options[160];
    tli_kernel *kernel = NULL;
    tl_tensor *out = NULL;
    tli_gpu_tile_options(tile, options, sizeof options);
    MUST(ctx, tl_tensor_create(ctx, "places", TL_MEMORY_DATA, 1, count, &out));
    MUST(ctx, tli_kernel_get_form(ctx, false, "tile_fma+tile_gpu+places", "places", options, &kernel));
    MUST(ctx, TLI_LAUNCH(ctx, kernel, tli_launch1(1, items), TLI_ARG_MEM(tli_at(out, 0).mem)));
    MUST(ctx, tl_tensor_read(ctx, out, 0, count, (float *)places));
    tl_tensor_destroy(ctx, out);
}
#define read_places(...) FROM_HERE(read_places(__VA_ARGS__))

/* The most of a warp's work-items, the first of which is at places[0], that store to one bank at once. */
static int worst_bank(const int32_t *places, int items)
{
    int stores[BANKS] = {0}, worst = 0;
    for (int i = 0; i < items; i++) {
        const int bank = places[i] % BANKS;
        if (++stores[bank] > worst) worst = stores[bank];
    }
    return worst;
}

/* Every element of the tile is put somewhere, once. */
static void places_differ(const int32_t *places, int count, tli_tile tile)
{
    static bool taken[1 << 16];
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < count; i++) {
        assert_true(places[i] >= 0 && (size_t)places[i] < sizeof taken);
        if (taken[places[i]]) fail_msg("a tile of %u puts two elements to %d", tile.side, places[i]);
        taken[places[i]] = true;
    }
}
#define places_differ(...) FROM_HERE(places_differ(__VA_ARGS__))

static void stores_meet_in_no_more_than_two(void **unused)
{
    (void)unused;
    char kernels[] = "/tmp/tl_places_XXXXXX";
    assert_non_null(mkdtemp(kernels));
    write_text(inside(kernels, "places.cl"), SOURCE);
    setenv("TRANSLUTION_KERNEL_DIR", kernels, 1);
    tl_context *ctx = new_context(TL_PATH_GPU);
    /* as ops/gpu_tile.c chooses them: side, parts, padding */
    static const uint32_t tiles[][3] = {{16, 4, 4}, {32, 1, 4}, {32, 4, 4}, {64, 1, 4}, {128, 1, 4}};
    for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
        const tli_tile tile = {.side = tiles[t][0], .parts = tiles[t][1], .padding = tiles[t][2]};
        const int items = (int)tli_gpu_tile_items(tile);
        int32_t places[ORDERS * ELEMENTS * MOST_ITEMS];
        assert_true(items >= 1 && items <= MOST_ITEMS);
        read_places(ctx, tile, places);
        for (int order = 0; order < ORDERS; order++) {
            places_differ(places + order * ELEMENTS * items, ELEMENTS * items, tile);
            for (int i = 0; i < ELEMENTS * items; i += WARP) {
                const int worst = worst_bank(places + order * ELEMENTS * items + i,
                                             WARP < items ? WARP : items);
                if (worst > MOST_CONFLICT)
                    fail_msg("tile %u with %u parts, order %d: %d work-items store to one bank", tile.side,
                             tile.parts, order, worst);
            }
        }
    }
    tl_context_destroy(ctx);
    unsetenv("TRANSLUTION_KERNEL_DIR");
    remove_tree(kernels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stores_meet_in_no_more_than_two)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

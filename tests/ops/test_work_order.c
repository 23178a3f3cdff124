/* In which order, and in how many parts, the form for GPUs gives out work-groups of unequal work: the list of groups by size; and how
 * long a large GPU takes that begins work-groups in their order, each as soon as there is room for it. */
#include "context.h"

#include "ops/offset_gemm_block.h"

enum { UNITS = 132, RESIDENT = 2 * UNITS /* work-groups that run at a time */ };

static tli_pair_table table_of(tl_context *ctx, const tli_geometry *g)
{
    tli_pair_table pairs;
    MUST(ctx, tli_pair_table_create(ctx, "test", g, tli_geometry_tokens(g), &pairs));
    return pairs;
}
#define table_of(...) VALUE_FROM_HERE(table_of(__VA_ARGS__))

/* A GPU that runs work-groups. */
typedef struct gpu {
    double ends[RESIDENT], sum;
} gpu;

static void begin(gpu *d, double work)
{
    int first = 0;
    for (int i = 1; i < RESIDENT; i++)
        if (d->ends[i] < d->ends[first]) first = i;
    d->ends[first] += work;
    d->sum += work;
}

/* Until the last ends, in units of what it would be if all ended together. */
static double time_of(const gpu *d)
{
    double last = 0;
    for (int i = 0; i < RESIDENT; i++)
        if (d->ends[i] > last) last = d->ends[i];
    return last * RESIDENT / d->sum;
}

static const tli_geometry picture = {.kind = TLI_GRID, .height = 7, .width = 7, .cls = 1};

static void groups_are_listed_by_size(void **unused)
{
    static const tli_geometry geometries[] = {
        {.kind = TLI_GRID, .height = 3, .width = 4, .cls = 1},
        {.kind = TLI_CAUSAL, .height = 1, .width = 9, .max_length = 12, .window = 4}};
    tl_context *ctx = new_context(TL_PATH_AUTO);
    (void)unused;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        tli_pair_table pairs = table_of(ctx, &geometries[i]);
        int32_t *order = malloc(pairs.groups * sizeof *order);
        bool *met = calloc(pairs.groups, sizeof *met);
        assert_true(order != NULL && met != NULL);
        MUST(ctx, tl_tensor_read(ctx, pairs.device_groups, 4 * pairs.groups, pairs.groups, order));
        for (uint32_t rank = 0; rank < pairs.groups; rank++) {
            assert_true(order[rank] >= 0 && (uint32_t)order[rank] < pairs.groups && !met[order[rank]]);
            met[order[rank]] = true;
            if (rank > 0) assert_true(pairs.group[order[rank]].count <= pairs.group[order[rank - 1]].count);
        }
        free(order);
        free(met);
        tli_pair_table_destroy(ctx, &pairs);
    }
    tl_context_destroy(ctx);
}

/* Gradients of matrices: a group of pairs by nine tiles of its matrix. */
static void large_groups_begin_first(void **unused)
{
    enum { TILES = 9 };
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tli_pair_table pairs = table_of(ctx, &picture);
    int32_t *order = malloc(pairs.groups * sizeof *order);
    gpu as_they_come = {.sum = 0}, by_size = {.sum = 0};
    (void)unused;
    assert_non_null(order);
    MUST(ctx, tl_tensor_read(ctx, pairs.device_groups, 4 * pairs.groups, pairs.groups, order));
    for (uint32_t i = 0; i < TILES * pairs.groups; i++) {
        begin(&as_they_come, pairs.group[i % pairs.groups].count);
        begin(&by_size, pairs.group[order[i / TILES]].count);
    }
    print_message("gradients of matrices of 7 x 7 places: %.2f as they come, %.2f by size\n",
                  time_of(&as_they_come), time_of(&by_size));
    assert_true(time_of(&as_they_come) > 1.3);
    assert_true(time_of(&by_size) < 1.05);
    free(order);
    tli_pair_table_destroy(ctx, &pairs);
    tl_context_destroy(ctx);
}

/* The values of a sequence of 160 tokens at batch 8: blocks of four tokens by six panels, which meet all offsets up to their last token's. */
static double time_of_blocks(uint32_t parts, bool later_first)
{
    enum { TOKENS = 160, BLOCK = 4, BLOCKS = TOKENS / BLOCK, PANELS = 6 };
    gpu d = {.sum = 0};
    for (int i = 0; i < BLOCKS; i++) {
        const int offsets = BLOCK * (later_first ? BLOCKS - i : i + 1);
        for (uint32_t part = 0; part < parts; part++) {
            const int first = (int)(TOKENS * part / parts), end = (int)(TOKENS * (part + 1) / parts),
                      own = offsets < first ? 0
                            : offsets < end ? offsets - first
                                            : end - first;
            for (int panel = 0; panel < PANELS; panel++) begin(&d, own);
        }
    }
    return time_of(&d);
}

static void blocks_of_a_sequence_are_split(void **unused)
{
    (void)unused;
    const uint32_t parts = tli_offset_gemm_block_parts(240, 1000, 10000);
    assert_int_equal(parts, 2);
    assert_int_equal(tli_offset_gemm_block_parts(264, 1000, 10000), 1);
    assert_int_equal(tli_offset_gemm_block_parts(10, 1000, 10000), 4);
    assert_int_equal(tli_offset_gemm_block_parts(10, 1000, 3999), 2); /* there is no room for more */
    assert_int_equal(tli_offset_gemm_block_parts(10, 1000, 0), 1);
    print_message("values of 160 tokens: %.2f whole, %.2f in parts, %.2f with later tokens first\n",
                  time_of_blocks(1, false), time_of_blocks(parts, false), time_of_blocks(parts, true));
    assert_true(time_of_blocks(1, true) > 2);
    assert_true(time_of_blocks(parts, false) > 1.4);
    assert_true(time_of_blocks(parts, true) < 1.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_listed_by_size),
                                       cmocka_unit_test(large_groups_begin_first),
                                       cmocka_unit_test(blocks_of_a_sequence_are_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

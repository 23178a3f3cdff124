/* A run that begins with the weights of a smaller model: larger grids, longer sequences; what both have is copied. */
#include "init_weights_runs.h"

/* ---- larger grids -------------------------------------------------------------------------------- */

/* The offset from a token at b to one at a, as stored for a grid of h rows and w columns. */
static uint64_t offset(int dy, int dx, int h, int w)
{
    return (uint64_t)((dy + h - 1) * (2 * w - 1) + dx + w - 1);
}

/* A table of a grid of 3 x 4 that was begun from one of 2 x 3: by offset, and the class token's three behind. `drawn` has
 * what the larger run's seed gives. */
static void check_grid_table(const char *name, const char *small, const char *large, const char *drawn)
{
    values from = load(small, name), to = load(large, name), fresh = load(drawn, name);
    assert_true(from.shape[0] == 3 * 5 + 3);
    assert_true(to.shape[0] == 5 * 7 + 3);
    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -3; dx <= 3; dx++) {
            const uint64_t k = offset(dy, dx, 3, 4);
            const bool both = abs(dy) < 2 && abs(dx) < 3;
            if (both ? !same_matrix(&to, k, &from, offset(dy, dx, 2, 3)) : !same_matrix(&to, k, &fresh, k))
                fail_msg("%s: offset %d, %d", name, dy, dx);
        }
    for (uint64_t c = 0; c < 3; c++) assert_true(same_matrix(&to, 35 + c, &from, 15 + c));
    free(from.at), free(to.at), free(fresh.at);
}
#define check_grid_table(...) FROM_HERE(check_grid_table(__VA_ARGS__))

static tl_settings on_grid(tl_settings s, uint32_t height, uint32_t width)
{
    s.model.image_height = height * s.model.patch_height;
    s.model.image_width = width * s.model.patch_width;
    return s;
}

static tl_settings grid_run(tl_op_kind op, tl_positions positions, const char *out)
{
    tl_settings s = small_run(op, out);
    s.model.positions = positions;
    s.model.patch_height = s.model.patch_width = 14;
    s.model.dim = 8, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.training.limit_train = s.training.limit_test = 8, s.training.steps = 2;
    return s;
}

static void larger_grids(void **unused)
{
    static const struct {
        tl_op_kind op;
        tl_positions positions;
        const char *tables[3];
    } cases[] = {
        {TL_OP_TRANSLUTION,
         TL_POSITIONS_NONE,
         {"to_q.unique_params", "to_k.unique_params", "to_v.unique_params"}},
        {TL_OP_ALPHA,
         TL_POSITIONS_NONE,
         {"to_q2.unique_params", "to_k2.unique_params", "to_v2.unique_params"}},
        {TL_OP_ATTENTION, TL_POSITIONS_SWIN, {"relative_position_bias_table"}},
        {TL_OP_ATTENTION, TL_POSITIONS_SHAW, {"relative_k", "relative_v"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_settings small = on_grid(grid_run(cases[i].op, cases[i].positions, "grid-small"), 2, 3),
                    large = on_grid(small, 3, 4);
        train(small);
        REFUSED(still(large, "grid-refused", "grid-small"), cases[i].tables[0], "18 x ", "38 x ",
                "`run.init_partial` copies the offsets");
        large.training.seed = 7;
        begin(still(large, "grid-drawn", NULL));
        large.run.init_partial = true;
        begin(still(large, "grid-large", "grid-small"));
        assert_true(noted("of the 38 offsets of each of "));
        assert_true(noted("18 are copied and 20 drawn anew"));
        const char *const paths[] = {at("grid-small"), at("grid-large"), at("grid-drawn")};
        for (int layer = 0; layer < 2; layer++)
            for (int k = 0; k < 3 && cases[i].tables[k] != NULL; k++) {
                char name[96];
                snprintf(name, sizeof name, "%s.layers.%d.0.%s", tli_model_block_prefix(&small.model), layer,
                         cases[i].tables[k]);
                check_grid_table(name, paths[0], paths[1], paths[2]);
            }
        assert_same_tensor(paths[0], paths[1], "mlp_head.weight");
        assert_same_tensor(paths[0], paths[1], "to_patch_embedding.2.weight");
    }
}

/* Tables in many shards, of which no one holds all offsets, get the same numbers. */
static void sharded_tables(void **unused)
{
    tl_settings small = on_grid(grid_run(TL_OP_TRANSLUTION, TL_POSITIONS_NONE, "shards-small"), 2, 3),
                large = on_grid(small, 3, 4);
    small.model.dim = large.model.dim = 32;
    small.model.head_dim = large.model.head_dim = 16;
    small.training.batch_size = large.training.batch_size = 2;
    large.run.init_partial = true;
    train(small);
    large = still(large, "shards-one", "shards-small");
    begin(large);
    tl_settings many = still(large, "shards-many", "shards-small");
    tl_result result;
    tl_error why;
    const tl_context_options few_bytes = {.size = sizeof few_bytes, .max_alloc_bytes = 100 * 1024};
    if (try_on(&few_bytes, many, &result, &why) != TL_OK) fail_msg("%s", why.text);
    assert_same_model(&large, &many);
}

/* As many offsets, tokens and numbers, but of a grid that stands where the other lies. */
static void turned_grids(void **unused)
{
    tl_settings flat = on_grid(grid_run(TL_OP_TRANSLUTION, TL_POSITIONS_LEARNED, "flat"), 2, 3),
                tall = on_grid(flat, 3, 2);
    train(flat);
    REFUSED(still(tall, "tall-refused", "flat"), "pos_embedding is of another grid", "`run.init_partial`");
    tall.run.init_partial = true;
    begin(still(tall, "tall", "flat"));
    assert_true(noted("pos_embedding is drawn anew: the file's is of another grid"));
    assert_true(noted("of the 18 offsets of each of 6 tables, 12 are copied and 6 drawn anew"));
    values from = load(flat.run.out, "translution.layers.0.0.to_k.unique_params");
    tall = still(tall, "tall", NULL);
    values to = load(tall.run.out, "translution.layers.0.0.to_k.unique_params");
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            assert_true(same_matrix(&to, offset(dy, dx, 3, 2), &from, offset(dy, dx, 2, 3)));
    free(from.at), free(to.at);
}

/* Only the first blocks have tables; distances past a radius share one, so that a larger grid needs no more. */
static void hybrids_and_sharing(void **unused)
{
    tl_settings small = on_grid(grid_run(TL_OP_TRANSLUTION, TL_POSITIONS_NONE, "hybrid-small"), 3, 3),
                large = on_grid(small, 4, 4);
    small.model.translution_layers = large.model.translution_layers = 1;
    train(small);
    large.run.init_partial = true;
    begin(still(large, "hybrid-large", "hybrid-small"));
    assert_true(noted("of each of 3 tables, 28 are copied and 24 drawn anew"));

    small = on_grid(grid_run(TL_OP_TRANSLUTION, TL_POSITIONS_NONE, "clip-small"), 3, 3);
    small.model.sharing = TL_SHARING_CLIP, small.model.sharing_radius = 1;
    train(small);
    large = still(on_grid(small, 5, 5), "clip-large", "clip-small"); /* nothing is partial about it */
    begin(large);
    assert_true(!noted("tables"));
    assert_true(!noted("drawn anew"));
    assert_same_tensor(small.run.out, large.run.out, "translution.layers.1.0.to_v.unique_params");
}

/* ---- longer sequences ---------------------------------------------------------------------------- */

/* Keys and values are stored by i - j, queries by L - 1 - (i - j). */
static void longer_sequences(void **unused)
{
    enum { SHORT = 6, LONG = 11 };
    static const char *const names[2][3] = {
        {"to_q.unique_params", "to_k.unique_params", "to_v.unique_params"},
        {"to_q2.unique_params", "to_k2.unique_params", "to_v2.unique_params"}};
    for (int alpha = 0; alpha < 2; alpha++) {
        const tl_op_kind op = alpha ? TL_OP_ALPHA : TL_OP_TRANSLUTION;
        tl_settings small = text_run(op, TL_POSITIONS_NONE, SHORT, "seq-short"),
                    large = text_run(op, TL_POSITIONS_NONE, LONG, "seq-drawn");
        train(small);
        REFUSED(still(large, "seq-refused", "seq-short"), names[alpha][0], "6 x ", "11 x ");
        large.run.init_partial = true;
        begin(still(large, "seq-long", "seq-short"));
        assert_true(noted("of the 11 offsets of each of 3 tables, 6 are copied and 5 drawn anew"));
        large.run.init_partial = false;
        large = still(large, "seq-drawn", NULL);
        begin(large);
        for (int role = 0; role < 3; role++) {
            char name[96];
            snprintf(name, sizeof name, "translution.layers.0.0.%s", names[alpha][role]);
            const char *longer = at("seq-long");
            values from = load(small.run.out, name), to = load(longer, name),
                   fresh = load(large.run.out, name);
            for (int d = 0; d < LONG; d++) {
                const uint64_t k = (uint64_t)(role == 0 ? LONG - 1 - d : d),
                               n = (uint64_t)(role == 0 ? SHORT - 1 - d : d);
                assert_true(d < SHORT ? same_matrix(&to, k, &from, n) : same_matrix(&to, k, &fresh, k));
            }
            free(from.at), free(to.at), free(fresh.at);
        }
        assert_same_tensor(small.run.out, still(large, "seq-long", NULL).run.out, "wte.weight");
    }
    tl_settings small = text_run(TL_OP_ATTENTION, TL_POSITIONS_LEARNED, SHORT, "learned-short"),
                large = text_run(TL_OP_ATTENTION, TL_POSITIONS_LEARNED, LONG, "learned-long");
    train(small);
    REFUSED(still(large, "learned-refused", "learned-short"), "wpe.weight is 6 x 8 there and 11 x 8");
    large.run.init_partial = true;
    begin(still(large, "learned-long", "learned-short"));
    assert_true(noted("wpe.weight is drawn anew"));
}

/* Another vocabulary: the embedding and the head are the seed's, the trunk the file's. */
static void another_vocabulary(void **unused)
{
    tl_settings first = text_run(TL_OP_ATTENTION, TL_POSITIONS_NONE, 6, "vocab-40"),
                second = text_run(TL_OP_ATTENTION, TL_POSITIONS_NONE, 6, "vocab-50");
    second.model.vocab_size = 50;
    train(first);
    REFUSED(still(second, "vocab-refused", "vocab-40"), "wte.weight is 40 x 8 there and 50 x 8",
            "`run.init_partial`");
    second.run.init_partial = true;
    begin(still(second, "vocab-50", "vocab-40"));
    assert_true(noted("wte.weight is drawn anew"));
    assert_true(noted("output_head.weight is drawn anew"));
    second.run.init_partial = false;
    tl_settings drawn = still(second, "vocab-drawn", NULL);
    begin(drawn);
    assert_same_tensor(second.run.out, drawn.run.out, "wte.weight");
    assert_same_tensor(second.run.out, first.run.out, "transformer.layers.0.0.to_qkv.weight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(larger_grids),     cmocka_unit_test(sharded_tables),
        cmocka_unit_test(turned_grids),     cmocka_unit_test(hybrids_and_sharing),
        cmocka_unit_test(longer_sequences), cmocka_unit_test(another_vocabulary),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

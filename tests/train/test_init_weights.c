/* --init: a run begins from the weights of a file, tensor by tensor by name; what does not fit is named, or with
 * --init-partial drawn anew or copied offset by offset. */
#include "runs.h"

#include "data/safetensors_write.h"
#include "edit_weights.h"
#include "train/init_weights.h"

/* ---- helpers ------------------------------------------------------------------------------------- */

static char notices[1 << 16]; /* of the last run */

static void note(void *unused, tl_log_level level, const char *line)
{
    const size_t used = strlen(notices);
    snprintf(notices + used, sizeof notices - used, "%s\n", line);
}
static const tl_log log_to_notices = {.level = TL_LOG_NOTICE, .write = note};

/* A run whose learning rate is 0, so that its weights stay what they were to begin with. */
static tl_settings still(tl_settings s, const char *out, const char *init)
{
    s.training.lr = 0.0f, s.training.steps = 1;
    s.run.init[0] = '\0';
    if (init != NULL) snprintf(s.run.init, sizeof s.run.init, "%s/%s", folder, init);
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}

static tl_status try_on(const tl_context_options *options, tl_settings s, tl_result *result, tl_error *why)
{
    tl_context_options with = *options;
    tl_context *ctx = NULL;
    tl_error err = {0};
    notices[0] = '\0';
    with.log = &log_to_notices;
    if (tl_context_create(&with, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    const tl_status status = tl_train(ctx, &s, NULL, result);
    *why = *tl_context_error(ctx);
    tl_context_destroy(ctx);
    return status;
}

static tl_result begin(tl_settings s)
{
    tl_result result;
    tl_error why;
    if (try_on(&(tl_context_options){0}, s, &result, &why) != TL_OK) fail_msg("%s", why.text);
    return result;
}

static void refused(tl_settings s, tl_status status, const char *const *words)
{
    tl_result result;
    tl_error why;
    assert_int_equal(try_on(&(tl_context_options){0}, s, &result, &why), status);
    for (; *words != NULL; words++)
        if (strstr(why.text, *words) == NULL) fail_msg("no '%s' in: %s", *words, why.text);
    assert_false(exists(inside(s.run.out, "."))); /* not even a folder is made */
}
#define REFUSED(s, ...) refused(s, TL_ERROR_INPUT, (const char *const[]){__VA_ARGS__, NULL})

static bool noted(const char *words)
{
    return strstr(notices, words) != NULL;
}

typedef struct values {
    uint64_t shape[3], row; /* row: elements of one matrix of a table */
    float *at;
} values;

/* A tensor of OUT/model.safetensors; the caller frees values.at. */
static values load(const char *out, const char *name)
{
    char path[2200];
    tli_safetensors st;
    tl_error err = {0};
    snprintf(path, sizeof path, "%s/model.safetensors", out);
    if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
    const tli_st_entry *e = tli_st_find(&st, name);
    if (e == NULL) fail_msg("no tensor %s in %s", name, path);
    values v = {.row = 1};
    uint64_t count = 1;
    for (uint32_t d = 0; d < e->rank; d++) {
        v.shape[d] = e->shape[d];
        count *= e->shape[d];
        if (d > 0) v.row *= e->shape[d];
    }
    v.at = malloc(count * sizeof *v.at);
    assert_non_null(v.at);
    assert_int_equal(tli_st_read(&st, e, 0, count, v.at, &err), TL_OK);
    tli_st_close(&st);
    return v;
}

static void assert_same_tensor(const char *a, const char *b, const char *name)
{
    values x = load(a, name), y = load(b, name);
    assert_memory_equal(x.shape, y.shape, sizeof x.shape);
    assert_memory_equal(x.at, y.at, x.shape[0] * x.row * sizeof *x.at);
    free(x.at), free(y.at);
}

static bool same_matrix(const values *a, uint64_t k, const values *b, uint64_t n)
{
    assert_true(k < a->shape[0]);
    assert_true(n < b->shape[0]);
    return memcmp(a->at + k * a->row, b->at + n * b->row, a->row * sizeof *a->at) == 0;
}

/* ---- the same model ------------------------------------------------------------------------------ */

/* Every weight, and so the loss on the test set, is the file's. */
static void same_model(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        tl_settings first = small_run((tl_op_kind)op, "first");
        const tl_result trained = train(first);
        const tl_result again = begin(still(first, "second", "first"));
        assert_true(again.test_loss == trained.test_loss);
        assert_true(again.top1 == trained.top1);
        assert_true(noted("beginning from the weights of"));
        assert_true(!noted("drawn anew"));
        tl_settings second = still(first, "second", NULL);
        char path[2200];
        tli_safetensors st;
        tl_error err = {0};
        snprintf(path, sizeof path, "%s/model.safetensors", first.run.out);
        assert_int_equal(tli_st_open(path, &st, &err), TL_OK);
        for (int i = 0; i < st.count; i++)
            assert_same_tensor(first.run.out, second.run.out, st.entries[i].name);
        tli_st_close(&st);
    }
}

/* A file of another program: tensors and no settings. */
static void without_metadata(void **unused)
{
    tl_settings s = small_run(TL_OP_ALPHA, "bare");
    const tl_result trained = train(s);
    char from[2200], to[2200];
    snprintf(from, sizeof from, "%s/bare/model.safetensors", folder);
    snprintf(to, sizeof to, "%s/bare.safetensors", folder);
    tli_safetensors st;
    tl_error err = {0};
    assert_int_equal(tli_st_open(from, &st, &err), TL_OK);
    tli_st_writer w = {0};
    tli_st_entry *entries = malloc((size_t)st.count * sizeof *entries);
    assert_non_null(entries);
    memcpy(entries, st.entries, (size_t)st.count * sizeof *entries);
    assert_int_equal(tli_st_write_begin(&w, to, entries, st.count, NULL, 0, &err), TL_OK);
    for (int i = 0; i < st.count; i++) {
        values v = load(s.run.out, st.entries[i].name);
        assert_int_equal(tli_st_write_data(&w, v.at, st.entries[i].end - st.entries[i].begin, &err), TL_OK);
        free(v.at);
    }
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);
    free(entries);
    tli_st_close(&st);
    assert_true(begin(still(s, "from-bare", "bare.safetensors")).test_loss == trained.test_loss);
    s.model.image_height = s.model.image_width = 96; /* nothing says what the tables' grid was */
    s.run.init_partial = true;
    REFUSED(still(s, "from-bare-larger", "bare.safetensors"), "0.to_q2.unique_params", "172 x 16 x 16",
            "228 x 16 x 16");
}

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
                "--init-partial copies the offsets");
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
    const tl_context_options few_bytes = {.max_alloc_bytes = 100 * 1024};
    if (try_on(&few_bytes, many, &result, &why) != TL_OK) fail_msg("%s", why.text);
    assert_same_model(&large, &many);
}

/* As many offsets, tokens and numbers, but of a grid that stands where the other lies. */
static void turned_grids(void **unused)
{
    tl_settings flat = on_grid(grid_run(TL_OP_TRANSLUTION, TL_POSITIONS_LEARNED, "flat"), 2, 3),
                tall = on_grid(flat, 3, 2);
    train(flat);
    REFUSED(still(tall, "tall-refused", "flat"), "pos_embedding is of another grid", "--init-partial");
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

static tl_settings text_run(tl_op_kind op, tl_positions positions, uint32_t length, const char *out)
{
    tl_settings s;
    tl_settings_default(&s, "gpt");
    s.model.op = op, s.model.positions = positions;
    s.model.dim = 8, s.model.depth = 1, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.model.seq_len = length, s.model.vocab_size = 40, s.run.exact_labels = true;
    s.training.batch_size = 2, s.run.exact_batch = true, s.training.samples_per_epoch = 4,
    s.training.limit_test = 2, s.training.steps = 2;
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}

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
            "--init-partial");
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

/* ---- other classes and what is refused ----------------------------------------------------------- */

static void another_head(void **unused)
{
    tl_settings first = small_run(TL_OP_ATTENTION, "ten"), second = first;
    train(first);
    second.model.classes = 13;
    REFUSED(still(second, "thirteen-refused", "ten"), "mlp_head.weight is 10 x 24 there and 13 x 24",
            "--init-partial draws it anew");
    second.run.init_partial = true;
    second = still(second, "thirteen", "ten");
    begin(second);
    assert_true(noted("mlp_head.weight is drawn anew"));
    assert_true(noted("mlp_head.bias is drawn anew"));
    assert_same_tensor(second.run.out, first.run.out, "pos_embedding");
    assert_same_tensor(second.run.out, first.run.out, "transformer.layers.1.0.to_qkv.weight");

    second = still(first, "no-positions",
                   "ten"); /* what the model has no place for, and the other way round */
    second.model.positions = TL_POSITIONS_NONE;
    REFUSED(second, "has a tensor pos_embedding, which this run's model has not");
    second.run.init_partial = true;
    begin(second);
    assert_true(noted("pos_embedding of the file is left out"));
    second = still(first, "positions-again", "no-positions");
    REFUSED(second, "has no tensor pos_embedding");
    second.run.init_partial = true;
    begin(second);
    assert_true(noted("pos_embedding is drawn anew: the file has none"));
}

static void what_does_not_fit_is_refused(void **unused)
{
    tl_settings first = small_run(TL_OP_ALPHA, "alpha"), s;
    train(first);
    for (int partial = 0; partial < 2; partial++) { /* what no --init-partial helps */
        first.run.init_partial = partial != 0;
        s = still(first, "refused", "nowhere");
        REFUSED(s, "nowhere");
        s = still(first, "refused", "alpha");
        s.model.op = TL_OP_TRANSLUTION;
        REFUSED(s, "--op alpha", "--op translution");
        s.model.op = TL_OP_ALPHA, s.model.relative = TL_ROLE_Q | TL_ROLE_K;
        REFUSED(s, "has a tensor translution.layers.0.0.to_v1.weight, which this run's model has not");
        s.model.relative = 0, s.model.relenc_dim = 4;
        REFUSED(s, "translution.layers.0.0.to_q1.weight is 16 x 24 there and 8 x 24");
        s = still(first, "refused", "alpha");
        s.model.dim = 28;
        REFUSED(s, "cls_token is 1 x 1 x 24 there and 1 x 1 x 28");
        s = still(first, "refused", "alpha");
        s.model.depth = 3;
        REFUSED(s, "has no tensor translution.layers.2.");
        s.model.depth = 1;
        REFUSED(s, "has a tensor translution.layers.1.");
        s = still(text_run(TL_OP_ALPHA, TL_POSITIONS_NONE, 6, "refused"), "refused", "alpha");
        s.run.init_partial = partial != 0;
        REFUSED(s, "the task mnist", "gpt");
        s = still(first, "refused", "damaged.safetensors");
        size_t size;
        char *data = read_all(inside(still(first, "alpha", NULL).run.out, "model.safetensors"), &size);
        for (int damage = 0; damage < 2; damage++) { /* a byte, then the end */
            data[size - 100] ^= 1;
            write_file("damaged.safetensors", data, damage ? size - 8 : size);
            REFUSED(s, "damaged.safetensors");
        }
        free(data);
    }
    first.run.init_partial = true;
    refused(still(first, "refused", NULL), TL_ERROR_USAGE,
            (const char *const[]){"--init-partial", "--init", NULL});
}

/* ---- with the rest ------------------------------------------------------------------------------- */

/* A run that began from other weights is resumed from its own; the file may be gone by then. */
static void resumed(void **unused)
{
    tl_settings source = small_run(TL_OP_ATTENTION, "resume-source"),
                whole = small_run(TL_OP_ATTENTION, "r-whole"), parts = small_run(TL_OP_ATTENTION, "r-parts");
    source.training.seed = 5;
    train(source);
    snprintf(whole.run.init, sizeof whole.run.init, "%s", source.run.out);
    snprintf(parts.run.init, sizeof parts.run.init, "%s", source.run.out);
    train(whole);
    parts.run.resume = true; /* there is nothing yet: it begins */
    parts.run.stop_after = 2;
    begin(parts);
    assert_true(noted("beginning from the weights of"));
    snprintf(parts.run.init, sizeof parts.run.init, "%s/gone", folder);
    parts.run.stop_after = 0;
    begin(parts);
    assert_false(noted("beginning from the weights of"));
    assert_same_model(&whole, &parts);
}

/* The folder of the run may hold the weights: they are read before they are set aside. */
static void from_its_own_folder(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "own");
    const tl_result first = train(s);
    assert_true(begin(still(s, "own", "own")).test_loss == first.test_loss);
    assert_true(exists(inside(s.run.out, "earlier-1/model.safetensors")));
    s = still(s, "own", "wrong"); /* and nothing is moved for weights that are refused */
    tl_result result;
    tl_error why;
    assert_int_equal(try_on(&(tl_context_options){0}, s, &result, &why), TL_ERROR_INPUT);
    assert_false(exists(inside(s.run.out, "earlier-2")));
}

/* Weights whose predictions are not finite: every step is left out, and no evaluation is the best. */
static void not_finite(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "finite");
    train(s);
    char from[1100], to[1100];
    snprintf(from, sizeof from, "%s/model.safetensors", s.run.out);
    snprintf(to, sizeof to, "%s/wild.safetensors", folder);
    edit_weights(from, to, "mlp_head.weight", -1, 3e38f);
    s = still(s, "wild", "wild.safetensors");
    s.run.skip_nonfinite = true, s.training.steps = 2, s.run.eval_every = 1;
    const tl_result result = begin(s);
    assert_true(noted("after step 1, 20 of 20 predictions on the test set dynamic are not finite"));
    assert_true(result.not_finite == 40);
    assert_true(result.top1 == 0);
    assert_true(result.top5 == 0);
    assert_false(exists(inside(s.run.out, "best.safetensors")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_model),       cmocka_unit_test(without_metadata),
        cmocka_unit_test(larger_grids),     cmocka_unit_test(sharded_tables),
        cmocka_unit_test(turned_grids),     cmocka_unit_test(hybrids_and_sharing),
        cmocka_unit_test(longer_sequences), cmocka_unit_test(another_vocabulary),
        cmocka_unit_test(another_head),     cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(resumed),          cmocka_unit_test(from_its_own_folder),
        cmocka_unit_test(not_finite)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

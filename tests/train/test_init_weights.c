/* --init: a run begins from the weights of a file, tensor by tensor by name; what does not fit is named, or with
 * --init-partial drawn anew or copied offset by offset. */
#include "init_weights_runs.h"

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

/* It may be large: a run reads it once for its checksum, and then what it copies. */
static void the_file_is_opened_once(void **unused)
{
    tl_settings first = small_run(TL_OP_ATTENTION, "opened");
    train(first);
    const int watch = watch_opens(inside(first.run.out, "model.safetensors"));
    begin(still(first, "opener", "opened"));
    assert_int_equal(opens_seen(watch), 1);
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

/* ---- other classes and what is refused ----------------------------------------------------------- */

static void another_head(void **unused)
{
    tl_settings first = small_run(TL_OP_ATTENTION, "ten"), second = first;
    train(first);
    second.model.classes = 13;
    REFUSED(still(second, "thirteen-refused", "ten"), "mlp_head.weight is 10 x 24 there and 13 x 24",
            "`run.init_partial` draws it anew");
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
        REFUSED(s, "`model.op` alpha", "`model.op` translution");
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
            (const char *const[]){"`run.init_partial`", "`run.init`", NULL});
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
    assert_int_equal(try_on(&(tl_context_options){.size = sizeof(tl_context_options)}, s, &result, &why),
                     TL_ERROR_INPUT);
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
        cmocka_unit_test(the_file_is_opened_once),
        cmocka_unit_test(same_model),
        cmocka_unit_test(without_metadata),
        cmocka_unit_test(another_head),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(resumed),
        cmocka_unit_test(from_its_own_folder),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

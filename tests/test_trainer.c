/* Whole runs: the same seed gives the same losses, a resumed run equals an uninterrupted one byte for byte,
 * training lowers the loss, and what eval reads is what train wrote. */
#include "golden.h"

#include <unistd.h>

#include "train/trainer.h"

static char folder[] = "/tmp/translution-trainer-XXXXXX";

static tl_settings small_run(tl_op_kind op, const char *out)
{
    tl_settings s;
    tl_settings_default_mnist(&s);
    s.model.op = op;
    s.model.positions = op == TL_OP_ATTENTION ? TL_POSITIONS_LEARNED : TL_POSITIONS_NONE;
    s.model.dim = 24, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 12, s.model.mlp_dim = 48;
    s.limit_train = 44, s.limit_test = 20, s.batch_size = 16, s.batch_given = true; /* a partial last batch */
    s.steps = 6, s.lr = 1e-3f;
    s.motion = s.test_motion = TL_MOTION_DYNAMIC;
    snprintf(s.out, sizeof s.out, "%s/%s", folder, out);
    return s;
}

static tl_result train(tl_settings s)
{
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    tl_result result;
    MUST(ctx, tl_train(ctx, &s, NULL, &result));
    tl_context_destroy(ctx);
    return result;
}

static char *read_all(const char *out, const char *name, long *size)
{
    char path[2200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) fail_msg("no %s", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size = ftell(f);
    rewind(f);
    char *data = malloc((size_t)*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)*size, f), (size_t)*size);
    data[*size] = '\0';
    fclose(f);
    return data;
}

static void assert_same_model(const tl_settings *a, const tl_settings *b)
{
    long n, m;
    char *x = read_all(a->out, "model.safetensors", &n), *y = read_all(b->out, "model.safetensors", &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, (size_t)n);
    free(x), free(y);
}

static void same_seed_same_model(void **unused)
{
    const tl_settings a = small_run(TL_OP_ALPHA, "same-a"), b = small_run(TL_OP_ALPHA, "same-b");
    const tl_result x = train(a), y = train(b);
    assert_true(x.loss == y.loss && x.top1_dynamic == y.top1_dynamic);
    assert_same_model(&a, &b);
    tl_settings c = small_run(TL_OP_ALPHA, "other-seed");
    c.seed = 1;
    assert_true(train(c).loss != x.loss);
}

static void resumed_equals_uninterrupted(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        char whole_name[32], parts_name[32];
        snprintf(whole_name, sizeof whole_name, "whole-%d", op);
        snprintf(parts_name, sizeof parts_name, "parts-%d", op);
        const tl_settings whole = small_run((tl_op_kind)op, whole_name);
        tl_settings parts = small_run((tl_op_kind)op, parts_name);
        train(whole);
        parts.stop_after = 4; /* in the middle of the second epoch */
        assert_int_equal(train(parts).steps, 4);
        parts.stop_after = 0;
        parts.resume = true;
        assert_int_equal(train(parts).steps, 6);
        assert_same_model(&whole, &parts);
    }
}

static void other_settings_do_not_resume(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "refused");
    s.stop_after = 2;
    train(s);
    s.resume = true;
    s.lr = 0.5f;
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, " lr"));
    tl_context_destroy(ctx);
}

static void loss_falls_and_eval_agrees(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        char name[32];
        snprintf(name, sizeof name, "learns-%d", op);
        tl_settings s = small_run((tl_op_kind)op, name);
        s.motion = s.test_motion = TL_MOTION_STATIC;
        s.limit_train = 64, s.steps = 60, s.lr = 3e-3f, s.batch_size = 32;
        const tl_result trained = train(s);
        if (!(trained.loss < 1.9)) fail_msg("operation %d ends at a loss of %g", op, trained.loss);
        tl_context *ctx = golden_context(TL_PATH_AUTO);
        tl_settings e;
        tl_settings_default_mnist(&e);
        e.batch_size = 7, e.test_motion = (tl_motion)-1;
        tl_result evaluated;
        MUST(ctx, tl_evaluate(ctx, s.out, &e, NULL, &evaluated));
        assert_int_equal(e.model.op, op);
        assert_true(evaluated.top1_static == trained.top1_static &&
                    evaluated.top1_dynamic == trained.top1_dynamic);
        tl_context_destroy(ctx);
    }
}

static volatile sig_atomic_t stop = 15;

static void a_signal_saves(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "signal"), whole = small_run(TL_OP_ATTENTION, "signal-whole");
    tl_context *ctx = golden_context(TL_PATH_AUTO);
    const tl_hooks hooks = {.stop = &stop};
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, &hooks, &result), TL_INTERRUPTED);
    assert_int_equal(result.steps, 1);
    tl_context_destroy(ctx);
    s.resume = true;
    train(s);
    train(whole);
    assert_same_model(&s, &whole);
}

static int make_folder(void **unused)
{
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **unused)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_model),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(other_settings_do_not_resume),
        cmocka_unit_test(loss_falls_and_eval_agrees),
        cmocka_unit_test(a_signal_saves),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Checkpoints: which stay, which is taken, and that nothing damaged is ever loaded. */
#include "runs.h"

#include "data/checksum.h"
#include "train/checkpoint_list.h"

static void keeps_the_newest(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "keep");
    s.run.checkpoint_every = 1;
    s.run.keep = 2;
    train(s);
    assert_true(exists(inside(s.run.out, "checkpoints/6/state.safetensors")));
    assert_true(exists(inside(s.run.out, "checkpoints/5/model.safetensors")));
    for (int step = 1; step <= 4; step++) {
        char name[40];
        snprintf(name, sizeof name, "checkpoints/%d", step);
        assert_false(exists(inside(s.run.out, name)));
        snprintf(name, sizeof name, "checkpoints/.%d.old", step);
        assert_false(exists(inside(s.run.out, name)));
    }
}

/* The best evaluation's weights, the same whether the run was stopped in between or not. */
static void keeps_the_best(void **unused)
{
    tl_settings whole = small_run(TL_OP_ATTENTION, "best-whole"),
                parts = small_run(TL_OP_ATTENTION, "best-parts");
    whole.training.steps = parts.training.steps = 12;
    whole.training.lr = parts.training.lr = 3e-3f;
    whole.run.eval_every = parts.run.eval_every = 1;
    train(whole);
    for (parts.run.stop_after = 5; parts.run.stop_after <= 7; parts.run.stop_after += 2) {
        train(parts);
        parts.run.resume = true;
    }
    assert_same_file(inside(whole.run.out, "best.safetensors"), inside(parts.run.out, "best.safetensors"));
    assert_same_model(&whole, &parts);
    size_t size;
    char *text = read_all(inside(whole.run.out, "metrics.jsonl"), &size), *line = text;
    double best = -1;
    int best_step = 0, evaluations = 0;
    while ((line = strstr(line, "{\"step\":")) != NULL) {
        char *end = strchr(line, '\n'), *top1;
        *end = '\0';
        if (strstr(line, "\"test\":\"dynamic\"") != NULL && (top1 = strstr(line, "\"top1\":")) != NULL) {
            evaluations++;
            if (atof(top1 + 7) > best) best = atof(top1 + 7), best_step = atoi(line + 8);
        }
        line = end + 1;
    }
    free(text);
    assert_int_equal(evaluations, 12);
    char path[2200];
    tli_safetensors st;
    snprintf(path, sizeof path, "%s/best.safetensors", whole.run.out);
    assert_int_equal(tli_st_open(path, &st, NULL), TL_OK);
    assert_int_equal(atoi(tli_st_metadata(&st, "step")), best_step);
    tli_st_close(&st);
}

/* ---- damage -------------------------------------------------------------------------------------- */

static void put(const char *out, const char *name, const char *data, size_t size)
{
    char path[2200];
    snprintf(path, sizeof path, "%s/%s", out, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, (size_t)size, f), (size_t)size);
    fclose(f);
}
#define put(...) FROM_HERE(put(__VA_ARGS__))

static uint64_t newest(const tl_settings *s)
{
    uint64_t step = 99;
    tl_error err = {0};
    if (tli_checkpoint_newest(s->run.out, NULL, &step, &err) != TL_OK) fail_msg("%s", err.text);
    return step;
}
#define newest(...) VALUE_FROM_HERE(newest(__VA_ARGS__))

/* Every bit of every byte of the header in turn, then one bit in many places of the data, then many lengths: the damaged
 * pair is never taken, and the one before it is. */
static void damage_is_found(void **unused)
{
    static const char *const names[] = {"checkpoints/4/model.safetensors", "checkpoints/4/state.safetensors"};
    tl_settings s = small_run(TL_OP_ATTENTION, "flips");
    s.model.depth = 1, s.model.dim = 8, s.model.mlp_dim = 8, s.model.head_dim = 4;
    s.run.checkpoint_every = 2;
    s.run.stop_after = 4;
    train(s);
    assert_int_equal(newest(&s), 4);
    int tried = 0;
    for (int file = 0; file < 2; file++) {
        size_t size;
        char *data = read_all(inside(s.run.out, names[file]), &size);
        const size_t header = 8 + (unsigned char)data[0] + 256u * (unsigned char)data[1];
        assert_true(header > 500);
        assert_true(header < size);
        for (size_t at = 0; at < size; at += at < header ? 1 : 101) {
            data[at] ^= (char)(1 << (at % 8));
            put(s.run.out, names[file], data, size);
            if (newest(&s) != 2)
                fail_msg("%s: byte %zu of %zu flipped, and it is taken", names[file], at, size);
            data[at] ^= (char)(1 << (at % 8));
            tried++;
        }
        for (size_t length = 0; length < size; length += length < header ? 7 : 1009) {
            put(s.run.out, names[file], data, length);
            if (newest(&s) != 2)
                fail_msg("%s: cut to %zu of %zu bytes, and it is taken", names[file], length, size);
            tried++;
        }
        put(s.run.out, names[file], data, size);
        free(data);
    }
    assert_int_equal(newest(&s), 4);
    assert_true(tried > 1000);
}

static void nothing_intact_is_said(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "all-damaged");
    s.run.stop_after = 2;
    train(s);
    size_t size;
    char *data = read_all(inside(s.run.out, "checkpoints/2/model.safetensors"), &size);
    data[size - 5] ^= 64;
    put(s.run.out, "checkpoints/2/model.safetensors", data, size);
    free(data);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    s.run.resume = true;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_INPUT);
    assert_non_null(strstr(tl_context_error(ctx)->text, "is intact"));
    assert_non_null(strstr(tl_context_error(ctx)->text, "checkpoints/2/model.safetensors is damaged"));
    assert_true(exists(inside(s.run.out, "checkpoints/2"))); /* nothing was thrown away */
    /* OUT/model.safetensors is the same file, so eval refuses it, too. */
    tl_settings e;
    tl_settings_default(&e, "mnist");
    assert_int_equal(tl_evaluate(ctx, s.run.out, &e, NULL, &result), TL_ERROR_INPUT);
    assert_non_null(strstr(tl_context_error(ctx)->text, "model.safetensors is damaged"));
    tl_context_destroy(ctx);
}

/* A checkpoint of a program that knows other ranges. */
static void unknown_numbers(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "other-ranges"), e;
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_model *model = NULL;
    tl_result result;
    char path[2200];
    MUST(ctx, tli_model_create(ctx, &s.model, &(tl_model_options){.batch = 1}, NULL, &model));
    MUST(ctx, tli_registry_init(ctx, tli_model_registry(model), 0));
    s.training.schedule_version = TL_SCHEDULE_VERSION + 1;
    snprintf(path, sizeof path, "%s/other-ranges.safetensors", folder);
    MUST(ctx, tli_model_save(ctx, tli_model_registry(model), NULL, &s, NULL, 0, path));
    tl_settings_default(&e, "mnist");
    assert_int_equal(tl_evaluate(ctx, path, &e, NULL, &result), TL_ERROR_INPUT);
    assert_non_null(strstr(tl_context_error(ctx)->text, "schedule_version takes a whole number from 1 to"));
    assert_non_null(strstr(tl_context_error(ctx)->text, "other-ranges.safetensors"));
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
}

/* ---- numbers that are not finite ------------------------------------------------------------------ */

static void refuse(tl_settings s, const char *const *words)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_DEVICE);
    for (; *words != NULL; words++)
        if (strstr(tl_context_error(ctx)->text, *words) == NULL)
            fail_msg("no '%s' in: %s", *words, tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
}
#define refuse(...)    FROM_HERE(refuse(__VA_ARGS__))
#define REFUSE(s, ...) refuse(s, (const char *const[]){__VA_ARGS__, NULL})

static void not_finite(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "diverges");
    start_from_huge_weights(&s, NULL, 1e6f);
    REFUSE(s, "step 3 ", "the gradient of ", "`run.skip_nonfinite`", "no checkpoint yet");
    s.run.checkpoint_every = 1;
    REFUSE(s, "step 3 ", "the last checkpoint is after step 2");
    s.training.grad_clip = 1.0f; /* looks before it changes anything */
    REFUSE(s, "step 3 ", "the gradient of ");

    s = small_run(TL_OP_ATTENTION, "infinite");
    start_from_huge_weights(&s, "mlp_head.bias", 1e36f);
    s.run.checkpoint_every = 1;
    REFUSE(s, "tensor ", "was not written");
    assert_false(exists(inside(s.run.out, "checkpoints/1")));
    assert_false(exists(inside(s.run.out, "model.safetensors")));
}

static void skipped_steps(void **unused)
{
    const tl_settings plain = small_run(TL_OP_ATTENTION, "skip-plain");
    tl_settings s = small_run(TL_OP_ATTENTION, "skip");
    s.run.skip_nonfinite = true;
    train(plain);
    train(s);
    assert_same_model(&plain, &s); /* the option alone changes nothing */

    s = small_run(TL_OP_ATTENTION, "skip-diverges");
    tl_settings one = small_run(TL_OP_ATTENTION, "skip-one");
    s.run.skip_nonfinite = true;
    start_from_huge_weights(&s, NULL, 1e6f);
    start_from_huge_weights(&one, NULL, 1e6f);
    s.training.schedule = one.training.schedule = TL_SCHEDULE_CONSTANT;
    one.run.stop_after = 2;
    const tl_result result = train(s);
    train(one);
    assert_int_equal(result.steps, 6);
    assert_true(isfinite(result.loss));
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tli_safetensors st, first;
    char path[2200];
    snprintf(path, sizeof path, "%s/model.safetensors", s.run.out);
    assert_int_equal(tli_st_open(path, &st, NULL), TL_OK);
    snprintf(path, sizeof path, "%s/model.safetensors", one.run.out);
    assert_int_equal(tli_st_open(path, &first, NULL), TL_OK);
    float a[10], b[10]; /* four steps were left out: the weights are those after the second */
    MUST(ctx, tli_st_read(&st, tli_st_find(&st, "mlp_head.bias"), 0, 10, a, tl_context_error(ctx)));
    MUST(ctx, tli_st_read(&first, tli_st_find(&first, "mlp_head.bias"), 0, 10, b, tl_context_error(ctx)));
    assert_memory_equal(a, b, sizeof a);
    tli_st_close(&st);
    tli_st_close(&first);
    tl_context_destroy(ctx);

    s.training.steps = 40;
    snprintf(s.run.out, sizeof s.run.out, "%s/skip-forever", folder);
    REFUSE(s, "step 22 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest), cmocka_unit_test(keeps_the_best),
        cmocka_unit_test(damage_is_found),  cmocka_unit_test(nothing_intact_is_said),
        cmocka_unit_test(unknown_numbers),  cmocka_unit_test(not_finite),
        cmocka_unit_test(skipped_steps),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

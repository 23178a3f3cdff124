/* Whole runs of GPT: equal seeds give equal files, resumed ones too, for every operation; training lowers the loss;
 * text with what blocks keep and without is the same; the synthetic text. */
#include "runs.h"

#include "data/synthetic_text.h"
#include "tasks/task.h"

static void same_seed_same_model(void **unused)
{
    const tl_settings a = small_text(TL_OP_TRANSLUTION, "same-a"),
                      b = small_text(TL_OP_TRANSLUTION, "same-b");
    const tl_result x = train(a), y = train(b);
    assert_true(x.loss == y.loss);
    assert_true(x.perplexity == y.perplexity);
    assert_true(fabs(x.perplexity - exp(x.test_loss)) < 1e-9);
    assert_same_model(&a, &b);
    tl_settings c = small_text(TL_OP_TRANSLUTION, "other-seed");
    c.training.seed = 1;
    assert_true(train(c).loss != x.loss);
}

static void resumed_equals_uninterrupted(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        char names[2][32];
        snprintf(names[0], sizeof names[0], "whole-%d", op);
        snprintf(names[1], sizeof names[1], "parts-%d", op);
        const tl_settings whole = small_text((tl_op_kind)op, names[0]);
        tl_settings parts = small_text((tl_op_kind)op, names[1]);
        train(whole);
        parts.run.stop_after = 4; /* in the middle of the second epoch */
        assert_int_equal(train(parts).steps, 4);
        parts.run.stop_after = 0;
        parts.run.resume = true;
        assert_int_equal(train(parts).steps, 6);
        assert_same_model(&whole, &parts);
    }
}

static void loss_falls_and_eval_agrees(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        char name[32];
        snprintf(name, sizeof name, "learns-%d", op);
        tl_settings s = small_text((tl_op_kind)op, name);
        s.training.steps = 150, s.training.lr = 1e-2f;
        const tl_result trained = train(s);
        if (!(trained.perplexity < 12))
            fail_msg("operation %d ends at a perplexity of %g", op, trained.perplexity);
        tl_context *ctx = new_context(TL_PATH_AUTO);
        tl_settings e;
        tl_settings_default(&e, "mnist");
        e.training.batch_size = 3;
        tl_result evaluated;
        MUST(ctx, tl_evaluate(ctx, s.run.out, &e, NULL, &evaluated));
        assert_string_equal(e.task, "gpt");
        assert_true(fabs(evaluated.perplexity - trained.perplexity) < 1e-4 * trained.perplexity);
        tl_context_destroy(ctx);
    }
}

/* Windows are a function of seed, step and data alone, and the last batch of an epoch is smaller. */
static void batches(void **unused)
{
    tl_settings s = small_text(TL_OP_ATTENTION, "none");
    tl_error err = {0};
    tli_task_data *a = NULL, *b = NULL;
    tl_batch x, y;
    const task_opening how = {.train = true};
    assert_int_equal(tli_task_text.open(&s, &how, &a, &err), TL_OK);
    assert_int_equal(tli_task_text.labels(a)[0], '{');
    tl_settings t = s;
    assert_int_equal(tli_task_text.open(&t, &how, &b, &err), TL_OK);
    assert_int_equal(tli_task_text.samples(a), 44);
    for (uint64_t step = 0; step < 5; step++) {
        assert_int_equal(tli_task_text.batch(a, step, &x, &err), TL_OK);
        assert_int_equal(tli_task_text.batch(b, 4 - step, &y, &err), TL_OK); /* in another order */
        assert_int_equal(tli_task_text.batch(b, step, &y, &err), TL_OK);
        assert_int_equal(x.count, step % 3 == 2 ? 12 : 16);
        assert_int_equal(x.length, 16);
        assert_int_equal(y.count, x.count);
        assert_memory_equal(x.tokens, y.tokens, x.count * 16 * sizeof *x.tokens);
        assert_memory_equal(x.targets, y.targets, x.count * 16 * sizeof *x.targets);
        for (uint32_t i = 0; i < x.count; i++)
            for (uint32_t k = 0; k < 15; k++)
                assert_int_equal(x.targets[i * 16 + k], x.tokens[i * 16 + k + 1]);
        assert_true(x.count < 2 || memcmp(x.tokens, x.tokens + 16, 16 * sizeof *x.tokens) != 0);
    }
    tli_task_text.close(a);
    tli_task_text.close(b);
}

static void synthetic_text(void **unused)
{
    tli_tokens a, b, test;
    tli_chars chars;
    tl_error err = {0};
    assert_int_equal(tli_text_draw(3, true, &a, &err), TL_OK);
    assert_int_equal(tli_text_draw(3, true, &b, &err), TL_OK);
    assert_int_equal(tli_text_draw(3, false, &test, &err), TL_OK);
    assert_int_equal(tli_text_chars(&chars, &err), TL_OK);
    assert_int_equal(chars.size, TLI_TEXT_SYMBOLS);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, 2 * a.count);
    assert_true(memcmp(a.bytes, test.bytes, 200) != 0);
    uint32_t seen[TLI_TEXT_SYMBOLS] = {0};
    for (uint64_t i = 0; i < a.count; i++) {
        assert_true(tli_tokens_at(&a, i) < TLI_TEXT_SYMBOLS);
        seen[tli_tokens_at(&a, i)]++;
    }
    uint8_t bytes[4];
    assert_true(tli_chars_write(&chars, 0, bytes) == 1);
    assert_true(bytes[0] == '\n');
    assert_true(tli_chars_write(&chars, 29, bytes) == 1);
    assert_true(bytes[0] == 'z');
    for (int i = 0; i < 4; i++) assert_true(seen[i] > 1000); /* line's end, space, comma, full stop */
    tli_tokens_close(&a), tli_tokens_close(&b), tli_tokens_close(&test);
    tli_chars_free(&chars);
}

/* ---- generation ---------------------------------------------------------------------------------- */

typedef struct text {
    char bytes[400];
    size_t count;
} text;

static tl_status take(void *user, int32_t id, const char *bytes, size_t count, tl_error *err)
{
    text *t = user;
    assert_true(t->count + count < sizeof t->bytes);
    memcpy(t->bytes + t->count, bytes, count);
    t->count += count;
    t->bytes[t->count] = '\0';
    return TL_OK;
}

static text written(const char *out, float temperature, bool no_cache)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    text t = {.count = 0};
    uint64_t made;
    const tl_generation g = {.size = sizeof g,
                             .prompt = "ba ",
                             .tokens = 30, /* past the context of 16 */
                             .temperature = temperature,
                             .seed = 5,
                             .no_cache = no_cache,
                             .write = take,
                             .user = &t};
    MUST(ctx, tl_generate(ctx, out, &g, &made));
    assert_int_equal(made, 30);
    assert_int_equal(t.count, 33);
    tl_context_destroy(ctx);
    return t;
}
#define written(...) VALUE_FROM_HERE(written(__VA_ARGS__))

/* For every operation and for hybrids. */
static void kept_rows_change_nothing(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_CONV; op++) {
        for (int hybrid = 0; hybrid < 2; hybrid++) {
            char name[32];
            if (hybrid && (op == TL_OP_ATTENTION || op == TL_OP_CONV)) continue;
            snprintf(name, sizeof name, "text-%d-%d", op, hybrid);
            tl_settings s = small_text((tl_op_kind)op, name);
            s.model.translution_layers = hybrid ? 1 : 0;
            s.training.steps = 12, s.training.lr = 1e-2f;
            train(s);
            for (int greedy = 0; greedy < 2; greedy++) {
                const text kept = written(s.run.out, greedy ? 0.0f : 1.0f, false),
                           again = written(s.run.out, greedy ? 0.0f : 1.0f, true);
                if (strcmp(kept.bytes, again.bytes) != 0)
                    fail_msg("operation %d: '%s', without what is kept '%s'", op, kept.bytes, again.bytes);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_model),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(loss_falls_and_eval_agrees),
        cmocka_unit_test(batches),
        cmocka_unit_test(synthetic_text),
        cmocka_unit_test(kept_rows_change_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

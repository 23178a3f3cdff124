/* Runs by every optimizer of the table: each is honoured, kept in checkpoints, and resumed to the last bit. */
#include "runs.h"

#include "core/choices.h"
#include "data/safetensors_write.h"
#include "tasks/metadata.h"

static tl_settings run_of(int which, const char *name)
{
    char out[80];
    const choice *item = &tli_optimizer_choices.items[which];
    snprintf(out, sizeof out, "%s-%s", item->name, name);
    tl_settings s = small_run(TL_OP_ATTENTION, out);
    s.training.optimizer = (tl_optimizer_kind)item->value;
    return s;
}

static void compare_files(const tl_settings *a, const tl_settings *b, const char *name, bool same)
{
    size_t n, m;
    char *x = read_all(inside(a->run.out, name), &n), *y = read_all(inside(b->run.out, name), &m);
    assert_int_equal(n == m && memcmp(x, y, (size_t)n) == 0, same);
    free(x), free(y);
}
#define compare_files(...) FROM_HERE(compare_files(__VA_ARGS__))

/* The state's tensors are the slots of the parameters, and nothing else. */
static void check_state(const tl_settings *s, const optimizer_rule *rule)
{
    char path[1200];
    tli_safetensors model, state;
    tl_error err = {0};
    snprintf(path, sizeof path, "%s/checkpoints/6/model.safetensors", s->run.out);
    if (tli_st_open(path, &model, &err) != TL_OK) fail_msg("%s", err.text);
    snprintf(path, sizeof path, "%s/checkpoints/6/state.safetensors", s->run.out);
    if (tli_st_open(path, &state, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(state.count, rule->slots * model.count);
    for (int i = 0; i < model.count; i++)
        for (int slot = 0; slot < rule->slots; slot++) {
            char name[200];
            snprintf(name, sizeof name, "%s%s", rule->slot[slot], model.entries[i].name);
            if (tli_st_find(&state, name) == NULL) fail_msg("%s holds no %s", path, name);
        }
    assert_string_equal(tli_st_metadata(&model, "optimizer"),
                        tli_choice_name(&tli_optimizer_choices, (int)s->training.optimizer));
    tli_st_close(&model), tli_st_close(&state);
}
#define check_state(...) FROM_HERE(check_state(__VA_ARGS__))

static void every_optimizer(void **unused)
{
    for (int i = 0; i < tli_optimizer_choices.count; i++) {
        tl_settings whole = run_of(i, "whole"), parts = run_of(i, "parts");
        const tl_settings plain = run_of(0, "whole");
        train(whole);
        parts.run.stop_after = 3;
        train(parts);
        parts.run.stop_after = 0, parts.run.resume = true;
        train(parts);
        assert_same_model(&whole, &parts);
        compare_files(&whole, &parts, "checkpoints/6/state.safetensors", true);
        check_state(&whole, tli_optimizer_rule_of(whole.training.optimizer));
        if (i > 0) compare_files(&whole, &plain, "model.safetensors", false);
    }
}

/* The optimizer's own numbers are what settings that do not name any get. */
static void own_numbers(void **unused)
{
    for (int i = 0; i < tli_optimizer_choices.count; i++) {
        tl_settings left = run_of(i, "left"), named = run_of(i, "named"), other = run_of(i, "other");
        const optimizer_rule *rule = tli_optimizer_rule_of(left.training.optimizer);
        named.training.beta1 = rule->beta1, named.training.beta2 = rule->beta2,
        named.training.eps = rule->eps;
        other.training.beta1 = 0.5f;
        train(left), train(named), train(other);
        assert_same_model(&left, &named);
        compare_files(&left, &other, "model.safetensors", false);
    }
}

/* A run leaves betas and eps to the optimizer in the settings that it was given: they may name another one next. */
static void settings_of_a_run_serve_another_optimizer(void **unused)
{
    tl_settings s = run_of(0, "first");
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    for (int i = 0; i < tli_optimizer_choices.count; i++) {
        s.training.optimizer = (tl_optimizer_kind)tli_optimizer_choices.items[i].value;
        snprintf(s.run.out, sizeof s.run.out, "%s", at(tli_optimizer_choices.items[i].name));
        MUST(ctx, tl_train(ctx, &s, NULL, &result));
        char name[32];
        snprintf(name, sizeof name, "fresh-%d", i);
        const tl_settings fresh = run_of(i, name);
        train(fresh);
        assert_same_model(&s, &fresh);
    }
    tl_context_destroy(ctx);
}

static void refuses(tl_settings s, const char *flag)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    if (strstr(tl_context_error(ctx)->text, flag) == NULL)
        fail_msg("no %s in: %s", flag, tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
}
#define refuses(...) FROM_HERE(refuses(__VA_ARGS__))

static void refusals(void **unused)
{
    tl_settings s = run_of(0, "refused");
    s.run.stop_after = 2;
    train(s);
    s.run.stop_after = 0, s.run.resume = true;
    tl_settings other = s;
    other.training.beta1 = 0.8f;
    refuses(other, "`training.beta1` is 0.9 in the checkpoint of step 2 and 0.8 now");
    other = s, other.training.beta2 = 0.99f;
    refuses(other, "`training.beta2` is 0.999 in the checkpoint");
    other = s, other.training.eps = 1e-4f;
    refuses(other, "`training.eps` is 1e-08 in the checkpoint");
    for (int i = 1; i < tli_optimizer_choices.count; i++) {
        other = s, other.training.optimizer = (tl_optimizer_kind)tli_optimizer_choices.items[i].value;
        refuses(other, "`training.optimizer` is adamw in the checkpoint");
    }
    s = run_of(0, "nowhere");
    s.training.beta1 = 1.0f;
    refuses(s, "beta1 takes a number from 0 to");
    s = run_of(0, "nowhere"), s.training.beta2 = -0.5f;
    refuses(s, "beta2 takes a number");
    s = run_of(0, "nowhere"), s.training.eps = 1e-20f;
    refuses(s, "eps takes a number");
    s = run_of(0, "nowhere"), s.training.optimizer = (tl_optimizer_kind)99;
    refuses(s, "no optimizer 99");
    for (int i = 0; i < tli_optimizer_choices.count; i++) {
        s = run_of(i, "nowhere"), s.training.eps = 1e-8f;
        if (tli_optimizer_rule_of(s.training.optimizer)->eps == 0) refuses(s, "has no eps");
    }
}

/* Checkpoints older than the choice are AdamW's, with its numbers. */
static void older_checkpoints(void **unused)
{
    tl_settings s = run_of(0, "older"), stored = {0};
    static const char *const younger[] = {"optimizer", "beta1", "beta2", "eps"};
    tli_metadata m;
    tli_st_item pairs[FIELDS_MAX];
    int count = 0;
    tli_metadata_write(&s, NULL, &m);
    for (int i = 0; i < m.count; i++) {
        bool is_younger = false;
        for (int k = 0; k < 4; k++) is_younger |= strcmp(m.pairs[i].key, younger[k]) == 0;
        if (!is_younger) pairs[count++] = m.pairs[i];
    }
    assert_int_equal(count, m.count - 4);
    char path[1200];
    settings_difference difference;
    snprintf(path, sizeof path, "%s/older.safetensors", folder);
    tli_st_entry entry = {.name = "t", .dtype = ST_F32, .rank = 1, .shape = {1}};
    tli_st_writer w = {0};
    tli_safetensors st;
    tl_error err = {0};
    assert_int_equal(tli_st_write_begin(&w, path, &entry, 1, pairs, count, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, &(float){0}, sizeof(float), &err), TL_OK);
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);
    assert_int_equal(tli_st_open(path, &st, &err), TL_OK);
    if (tli_settings_from_metadata(&st, &stored, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(stored.training.optimizer, TL_OPTIMIZER_ADAMW);
    assert_true(stored.training.beta1 == 0.9f);
    assert_true(stored.training.beta2 == 0.999f);
    assert_true(stored.training.eps == 1e-8f);
    assert_false(tli_settings_differ(&stored, NULL, &s, NULL, &difference));
    tli_st_close(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_optimizer), cmocka_unit_test(own_numbers),
                                       cmocka_unit_test(settings_of_a_run_serve_another_optimizer),
                                       cmocka_unit_test(refusals), cmocka_unit_test(older_checkpoints)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

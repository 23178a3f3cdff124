/* Settings before a run: what tl_train would refuse is refused without a device, and a checkpoint says its own. */
#include "own_data.h"
#include "refusals.h"

static void checked_without_a_run(void **unused)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "vit"));
    assert_int_equal(tl_settings_check(&s, NULL, &said), TL_OK);
    WRONG(tl_settings_check, "settings are missing", NULL, NULL, &said);
    WRONG(tl_settings_check, NULL, NULL, NULL, NULL);
    WRONG(tl_settings_complete, "settings are missing", NULL, NULL, &said);
    s.training.steps = s.training.warmup = 10;
    WRONG(tl_settings_check, "warm", &s, NULL, &said);
    s.training.warmup = 0, s.model.channels = 1;
    WRONG(tl_settings_check, "3 channels", &s, NULL, &said);
    WRONG(tl_settings_complete, "3 channels", &s, NULL, &said);
    s.model.channels = 3, s.run.init_partial = true;
    WRONG(tl_settings_check, "init_partial", &s, NULL, &said);
    snprintf(s.run.init, sizeof s.run.init, "%s", at("nowhere.safetensors"));
    FAILS(TL_ERROR_INPUT, tl_settings_check, "nowhere.safetensors", &s, NULL, &said);
    tl_file *init;
    FAILS(TL_ERROR_INPUT, tl_settings_open_init, "nowhere.safetensors", &s, NULL, &init, &said);
    assert_null(init);
    WRONG(tl_settings_open_init, "settings are missing", NULL, NULL, &init, &said);
    WRONG(tl_settings_open_init, "place for the file", &s, NULL, NULL, &said);
    s.run.resume = true; /* from the checkpoint in its folder */
    assert_int_equal(tl_settings_open_init(&s, NULL, &init, &said), TL_OK);
    assert_null(init);
    s.size = 0;
    WRONG(tl_settings_check, "size of the settings", &s, NULL, &said);
    WRONG(tl_settings_complete, "size of the settings", &s, NULL, &said);
}

static void completed_from_the_data(void **unused)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "vit"));
    s.model.op = TL_OP_TRANSLUTION;
    assert_int_equal(tl_settings_complete(&s, NULL, &said), TL_OK);
    assert_int_equal(s.model.classes, 10); /* of "synthetic" */
    assert_int_equal(s.model.positions, TL_POSITIONS_NONE);
    snprintf(s.run.data, sizeof s.run.data, "%s", at("nowhere"));
    FAILS(TL_ERROR_INPUT, tl_settings_complete, "nowhere", &s, NULL, &said);
    s = own_settings("own-gpt", "unused"); /* the data determine nothing */
    assert_int_equal(tl_settings_complete(&s, NULL, &said), TL_OK);
    assert_false(exists("unused"));
}

static void checkpoints_say_their_settings(void **unused)
{
    static own_data numbers;
    tl_settings s = own_settings("own-vit", "run"), found;
    const tl_data data = own_of(&numbers, &s);
    const tl_trainer_config c = {.size = sizeof c, .settings = &s, .data = &data};
    tl_trainer *trainer = NULL;
    tl_result result;
    s.training.steps = 1;
    OK(tl_trainer_create(ctx, &c, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    tl_trainer_destroy(ctx, trainer);
    assert_true(tl_settings_default(&found, "gpt"));
    found.run.workers = 7;
    assert_int_equal(tl_checkpoint_settings(result.out, &found, &said), TL_OK);
    assert_string_equal(found.task, "own-vit");
    assert_int_equal(found.model.op, TL_OP_TRANSLUTION);
    assert_int_equal(found.model.image_width, s.model.image_width);
    assert_true(found.training.lr == s.training.lr);
    assert_int_equal(found.run.workers, 7);
    WRONG(tl_checkpoint_settings, "checkpoint", NULL, &found, &said);
    WRONG(tl_checkpoint_settings, "settings", result.out, NULL, &said);
    FAILS(TL_ERROR_INPUT, tl_checkpoint_settings, "nowhere", at("nowhere"), &found, &said);
    assert_string_equal(found.task, "own-vit"); /* as it was */
    found.size = 1;
    WRONG(tl_checkpoint_settings, "size of the settings", result.out, &found, &said);
}

/* The run reads what was checked: it opens nothing, and does not see what becomes of the file's last byte meanwhile. */
static void an_open_file_is_handed_to_the_run(void **unused)
{
    static own_data numbers;
    tl_settings s = own_settings("own-vit", "origin");
    const tl_data data = own_of(&numbers, &s);
    tl_hooks hooks = {.size = sizeof hooks};
    const tl_trainer_config c = {.size = sizeof c, .settings = &s, .data = &data, .hooks = &hooks};
    tl_trainer *trainer = NULL;
    tl_result result;
    size_t bytes;
    s.training.steps = 1;
    OK(tl_trainer_create(ctx, &c, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    tl_trainer_destroy(ctx, trainer);
    snprintf(s.run.init, sizeof s.run.init, "%s", result.out);
    snprintf(s.run.out, sizeof s.run.out, "%s", at("heir"));

    const char *path = inside(result.out, "model.safetensors");
    char *weights = read_all(path, &bytes);
    weights[bytes - 1] ^= 1;
    const int watch = watch_opens(path);
    assert_int_equal(tl_settings_open_init(&s, NULL, &hooks.init, &said), TL_OK);
    assert_int_equal(opens_seen(watch), 1);
    write_file(path, weights, bytes);
    const int again = watch_opens(path);
    OK(tl_trainer_create(ctx, &c, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    tl_trainer_destroy(ctx, trainer);
    assert_int_equal(opens_seen(again), 0);
    assert_string_equal(tl_file_metadata(hooks.init, "task"), "own-vit");
    FAILS(TL_ERROR_INPUT, tl_settings_check, "is damaged", &s, NULL, &said);
    s.run.init[0] = '\0';
    WRONG(tl_trainer_create, "`run.init`, its path, is empty", ctx, &c, &trainer);
    tl_file_close(hooks.init);
    free(weights);
}

static void check_numbers(const char *task, const char *const *names, int count)
{
    const tl_result result = {.params = 1,
                              .steps = 2,
                              .loss = 3,
                              .test_loss = 4,
                              .top1 = 5,
                              .top5 = 6,
                              .perplexity = 7,
                              .top1_static = 8,
                              .top1_dynamic = 9};
    static const double values[] = {1, 2, 3, 4, 5, 6, 8, 9};
    const char *name;
    double value;
    for (int i = 0; i < count; i++) {
        assert_true(tl_result_number(&result, task, i, &name, &value));
        assert_string_equal(name, names[i]);
        assert_true(value == (strcmp(name, "perplexity") == 0 ? 7 : values[i]));
    }
    GIVES(tl_result_number, !tl_result_number(&result, task, count, &name, &value));
    GIVES(tl_result_number, !tl_result_number(&result, task, -1, &name, &value));
    GIVES(tl_result_number, !tl_result_number(NULL, task, 0, &name, &value));
    GIVES(tl_result_number, !tl_result_number(&result, task, 0, NULL, &value));
    GIVES(tl_result_number, !tl_result_number(&result, task, 0, &name, NULL));
    GIVES(tl_result_number, !tl_result_number(&result, NULL, 0, &name, &value));
    GIVES(tl_result_number, !tl_result_number(&result, "sound", 0, &name, &value));
}
#define check_numbers(...) FROM_HERE(check_numbers(__VA_ARGS__))

static void results_by_name(void **unused)
{
    static const char *const digits[] = {"params", "steps", "loss",        "test_loss",
                                         "top1",   "top5",  "top1_static", "top1_dynamic"};
    static const char *const text[] = {"params", "steps", "loss", "test_loss", "perplexity"};
    check_numbers("mnist", digits, 8);
    check_numbers("vit", digits, 6);
    check_numbers("own-gpt", text, 5);
}

/* The same scores as the trainer's, of its model and of the saved one; the caller's data alone are asked. */
static void models_are_evaluated_on_own_data(void **unused)
{
    static own_data numbers;
    static const char *const tasks[] = {"own-vit", "own-gpt"};
    for (int i = 0; i < 2; i++) {
        tl_settings s = own_settings(tasks[i], tasks[i]);
        tl_data data = own_of(&numbers, &s);
        const tl_trainer_config c = {.size = sizeof c, .settings = &s, .data = &data};
        const tl_model_options options = {.size = sizeof options, .batch = OWN_BATCH};
        tl_trainer *trainer = NULL;
        tl_model *model = NULL, *foreign = NULL;
        tl_result result;
        tl_evaluation scores, small;
        s.training.steps = 3;
        OK(tl_trainer_create(ctx, &c, &trainer));
        OK(tl_trainer_run(ctx, trainer, &result));
        OK(tl_model_evaluate(ctx, tl_trainer_model(trainer), &data, OWN_BATCH, &scores));
        assert_true(scores.loss == result.test_loss);
        assert_int_equal(scores.predictions, i == 0 ? 40 : 40 * OWN_LENGTH);
        assert_true(i == 0 ? scores.top1 == result.top1 : isnan(scores.top1));
        OK(tl_model_open(ctx, result.out, &options, &model));
        OK(tl_model_evaluate(ctx, model, &data, 7, &small));
        assert_true(fabs(small.loss - scores.loss) < 1e-5);
        WRONG(tl_model_evaluate, NULL, NULL, model, &data, 1, &scores);
        WRONG(tl_model_evaluate, "model", ctx, NULL, &data, 1, &scores);
        WRONG(tl_model_evaluate, "tl_data", ctx, model, NULL, 1, &scores);
        WRONG(tl_model_evaluate, "place for the evaluation", ctx, model, &data, 1, NULL);
        WRONG(tl_model_evaluate, "batch of 0 samples", ctx, model, &data, 0, &scores);
        WRONG(tl_model_evaluate, "batch of 17 samples", ctx, model, &data, OWN_BATCH + 1, &scores);
        OK(tl_model_open(other, result.out, &options, &foreign));
        WRONG(tl_model_evaluate, "none of this context", ctx, foreign, &data, 1, &scores);
        data.test_samples = 0;
        WRONG(tl_model_evaluate, "tl_data.test_samples is 0", ctx, model, &data, 1, &scores);
        GIVES(tl_trainer_model, tl_trainer_model(NULL) == NULL);
        tl_model_destroy(other, foreign);
        tl_model_destroy(ctx, model);
        tl_trainer_destroy(ctx, trainer);
    }
}

/* A trainer's model may be used between runs: the weights at the end are the same. After the model was destroyed
 * the trainer refuses to run. */
static void models_are_used_between_runs(void **unused)
{
    static own_data numbers;
    tl_settings s = own_settings("own-vit", "between-0");
    const tl_data data = own_of(&numbers, &s);
    const tl_trainer_config c = {.size = sizeof c, .settings = &s, .data = &data};
    tl_trainer *trainer = NULL;
    tl_result result;
    tl_evaluation scores;
    s.training.steps = 6;
    for (int used = 0; used < 2; used++) {
        snprintf(s.run.out, sizeof s.run.out, "%s", at(used ? "between-1" : "between-0"));
        s.run.stop_after = used ? 3 : 0;
        OK(tl_trainer_create(ctx, &c, &trainer));
        OK(tl_trainer_run(ctx, trainer, &result));
        if (used) OK(tl_model_evaluate(ctx, tl_trainer_model(trainer), &data, 5, &scores));
        if (used) OK(tl_trainer_run(ctx, trainer, &result));
        assert_int_equal(result.steps, 6);
        tl_trainer_destroy(ctx, trainer);
    }
    assert_same_file(at("between-0/model.safetensors"), at("between-1/model.safetensors"));
    OK(tl_trainer_create(ctx, &c, &trainer));
    tl_model_destroy(ctx, tl_trainer_model(trainer));
    WRONG(tl_trainer_run, "it was destroyed", ctx, trainer, &result);
    tl_trainer_destroy(ctx, trainer);
}

/* A program's own model says that its data are the program's. */
static void saved_models_have_no_task_of_the_program(void **unused)
{
    tl_settings s = own_settings("own-vit", "unused"), found;
    const tl_model_options options = {.size = sizeof options, .batch = 1};
    tl_model *model = NULL;
    OK(tl_model_create(ctx, &s.model, &options, &model));
    OK(tl_model_save(ctx, model, at("saved.safetensors")));
    assert_true(tl_settings_default(&found, "mnist"));
    assert_int_equal(tl_checkpoint_settings(at("saved.safetensors"), &found, &said), TL_OK);
    assert_string_equal(found.task, "own-vit");
    tl_model_destroy(ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_by_name),
        cmocka_unit_test(checked_without_a_run),
        cmocka_unit_test(completed_from_the_data),
        cmocka_unit_test(checkpoints_say_their_settings),
        cmocka_unit_test(an_open_file_is_handed_to_the_run),
        cmocka_unit_test(models_are_evaluated_on_own_data),
        cmocka_unit_test(models_are_used_between_runs),
        cmocka_unit_test(saved_models_have_no_task_of_the_program),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

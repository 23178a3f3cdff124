/* Training on the caller's own data: what is wrong is refused, and a run that was stopped ends like one that was not. */
#include "own_data.h"
#include "refusals.h"

static own_data numbers;

static tl_trainer_config config_of(const tl_settings *s, const tl_data *data)
{
    return (tl_trainer_config){.size = sizeof(tl_trainer_config), .settings = s, .data = data};
}

static tl_result run(const tl_settings *s, const tl_data *data, const tl_hooks *hooks)
{
    tl_trainer *trainer;
    tl_result result;
    tl_trainer_config c = config_of(s, data);
    c.hooks = hooks;
    OK(tl_trainer_create(ctx, &c, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    tl_trainer_destroy(ctx, trainer);
    return result;
}
#define run(...) VALUE_FROM_HERE(run(__VA_ARGS__))

static void assert_same_model(const tl_settings *a, const tl_settings *b)
{
    assert_same_file(inside(a->run.out, "model.safetensors"), inside(b->run.out, "model.safetensors"));
}
#define assert_same_model(...) FROM_HERE(assert_same_model(__VA_ARGS__))

/* ---- runs ---------------------------------------------------------------------------------------- */

/* 20 steps at once; 10, a new trainer, 10; and 10 and 10 of one trainer. */
static void check_resume(tl_settings whole, const char *name)
{
    char parts_name[32], again_name[32];
    snprintf(parts_name, sizeof parts_name, "%s-parts", name);
    snprintf(again_name, sizeof again_name, "%s-again", name);
    const tl_data data = own_of(&numbers, &whole);
    const tl_result ended = run(&whole, &data, NULL);
    assert_int_equal(ended.steps, 20);
    assert_true(isfinite(ended.test_loss));

    tl_settings parts = whole;
    snprintf(parts.run.out, sizeof parts.run.out, "%s", at(parts_name));
    parts.run.stop_after = 10;
    assert_int_equal(run(&parts, &data, NULL).steps, 10);
    parts.run.resume = true;
    assert_int_equal(run(&parts, &data, NULL).steps, 20);
    assert_same_model(&whole, &parts);
    assert_true(run(&parts, &data, NULL).loss == ended.loss); /* of a finished run: its result */

    tl_settings again = whole;
    snprintf(again.run.out, sizeof again.run.out, "%s", at(again_name));
    again.run.stop_after = 10;
    const tl_trainer_config c = config_of(&again, &data);
    tl_trainer *trainer;
    tl_result result;
    OK(tl_trainer_create(ctx, &c, &trainer));
    OK(tl_trainer_run(ctx, trainer, &result));
    assert_int_equal(result.steps, 10);
    OK(tl_trainer_run(ctx, trainer, &result));
    assert_int_equal(result.steps, 20);
    WRONG(tl_trainer_run, "done all of its 20 steps", ctx, trainer, &result);
    tl_trainer_destroy(ctx, trainer);
    assert_same_model(&whole, &again);
}
#define check_resume(...) FROM_HERE(check_resume(__VA_ARGS__))

static void resumed_images_equal_uninterrupted(void **unused)
{
    check_resume(own_settings("own-vit", "images"), "images");
}

static void resumed_volumes_equal_uninterrupted(void **unused)
{
    tl_settings s = own_settings("own-vit", "volumes");
    s.model.image_depth = 2, s.model.pool = TL_POOL_MEAN;
    check_resume(s, "volumes");
}

static void resumed_sequences_equal_uninterrupted(void **unused)
{
    check_resume(own_settings("own-gpt", "sequences"), "sequences");
}

static void own_data_are_learned(void **unused)
{
    tl_settings s = own_settings("own-vit", "learned");
    tl_data data = own_of(&numbers, &s);
    s.training.steps = 0, s.training.epochs = 20, s.training.lr = 1e-2f;
    data.labels = "[\"north\", \"east\", \"south\", \"west\"]";
    const tl_result result = run(&s, &data, NULL);
    assert_int_equal(result.steps, 20 * 8); /* 120 samples are 8 batches of 16 */
    if (!(result.top1 >= 90)) fail_msg("top-1 is %g", result.top1);
    assert_true(isnan(result.perplexity));
    assert_true(exists(inside(s.run.out, "best.safetensors")));
    s = own_settings("own-gpt", "counted");
    data = own_of(&numbers, &s);
    s.training.steps = 60, s.training.lr = 1e-2f;
    const tl_result counted = run(&s, &data, NULL);
    if (!(counted.perplexity < 4)) fail_msg("the perplexity is %g", counted.perplexity);
}

static void without_a_test_set_nothing_is_evaluated(void **unused)
{
    tl_settings s = own_settings("own-vit", "untested");
    tl_data data = own_of(&numbers, &s);
    data.test_samples = 0;
    const tl_result result = run(&s, &data, NULL);
    assert_true(isfinite(result.loss) && isnan(result.test_loss) && isnan(result.top1));
    assert_int_equal(numbers.asked[TL_SET_TEST], 0);
    assert_true(exists(inside(s.run.out, "model.safetensors")));
}

static bool *seen_samples;

static tl_status note_samples(void *user, const tl_batch_request *request, tl_batch *batch, tl_error *err)
{
    if (request->set == TL_SET_TRAIN && request->epoch == 0) {
        assert_int_equal(request->count, request->step == 7 ? 120 - 7 * OWN_BATCH : OWN_BATCH);
        for (uint32_t i = 0; i < request->count; i++) {
            assert_false(seen_samples[request->samples[i]]);
            seen_samples[request->samples[i]] = true;
        }
    }
    return own_images(user, request, batch, err);
}

static void an_epoch_has_each_sample_once(void **unused)
{
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        bool seen[120] = {false};
        tl_settings s = own_settings("own-vit", shuffle != 0 ? "shuffled" : "in-order");
        tl_data data = own_of(&numbers, &s);
        data.fill = note_samples, data.shuffle = shuffle != 0;
        s.training.steps = 8;
        seen_samples = seen;
        run(&s, &data, NULL);
        for (int i = 0; i < 120; i++) assert_true(seen[i]);
    }
}

/* Limits leave out the last samples. */
static void limits_hold_for_own_data(void **unused)
{
    tl_settings s = own_settings("own-vit", "limited");
    tl_data data = own_of(&numbers, &s);
    s.training.limit_train = 32, s.training.limit_test = 8;
    s.training.steps = 0, s.training.epochs = 2;
    assert_int_equal(run(&s, &data, NULL).steps, 4);
    assert_int_equal(numbers.asked[TL_SET_TEST], 1);
    assert_int_equal(numbers.last.count, 8);
}

static void other_data_do_not_resume(void **unused)
{
    tl_settings s = own_settings("own-vit", "other-data");
    tl_data data = own_of(&numbers, &s);
    tl_trainer *trainer = NULL;
    s.run.stop_after = 2;
    run(&s, &data, NULL);
    s.run.resume = true;
    const tl_trainer_config c = config_of(&s, &data);
    data.identity = "other numbers";
    FAILS(TL_ERROR_INPUT, tl_trainer_create, "as that of other numbers, but other contents", ctx, &c,
          &trainer);
    assert_null(trainer);
    data.identity = "numbers", data.samples = 119;
    FAILS(TL_ERROR_INPUT, tl_trainer_create, "has 120 samples, and that of numbers has 119", ctx, &c,
          &trainer);
    data.samples = 120, data.shuffle = false;
    FAILS(TL_ERROR_INPUT, tl_trainer_create, "other contents", ctx, &c, &trainer);
    s.run.allow_other_data = true;
    assert_int_equal(run(&s, &data, NULL).steps, 4);
}

/* ---- callbacks ----------------------------------------------------------------------------------- */

typedef struct told {
    uint64_t steps, evaluations, end_at, end_after;
    double loss;
} told;

static bool on_step(void *user, const tl_step *step)
{
    told *t = user;
    assert_int_equal(step->step, ++t->steps);
    assert_int_equal(step->total, 20);
    assert_int_equal(step->epoch, (step->step - 1) / 8 + 1);
    assert_true(isfinite(step->loss) && step->rate > 0 && step->lr >= 0);
    t->loss = step->loss;
    return step->step != t->end_at;
}

static bool on_evaluation(void *user, const tl_evaluation *evaluation)
{
    told *t = user;
    assert_int_equal(evaluation->predictions, 40);
    assert_string_equal(evaluation->set, "val");
    assert_true(isfinite(evaluation->loss) && evaluation->top1 >= 0 && evaluation->not_finite == 0);
    t->evaluations++;
    return evaluation->step != t->end_after;
}

static tl_hooks hooks_of(told *t)
{
    return (tl_hooks){
        .size = sizeof(tl_hooks), .user = t, .on_step = on_step, .on_evaluation = on_evaluation};
}

static void callers_are_told_and_may_stop(void **unused)
{
    told t = {0};
    tl_hooks hooks = hooks_of(&t);
    tl_settings s = own_settings("own-vit", "told");
    tl_data data = own_of(&numbers, &s);
    s.run.eval_every = 5;
    run(&s, &data, &hooks);
    assert_int_equal(t.steps, 20);
    assert_int_equal(t.evaluations, 4); /* after 5, 10, 15 and at the end */

    tl_settings stopped = s;
    snprintf(stopped.run.out, sizeof stopped.run.out, "%s", at("told-stopped"));
    t = (told){.end_after = 10};
    assert_int_equal(run(&stopped, &data, &hooks).steps, 10);
    t.evaluations = 0, t.end_after = 0;
    stopped.run.resume = true;
    assert_int_equal(run(&stopped, &data, &hooks).steps, 20);
    assert_int_equal(t.evaluations, 2);
    assert_same_model(&s, &stopped);

    snprintf(stopped.run.out, sizeof stopped.run.out, "%s", at("told-step"));
    stopped.run.resume = false, stopped.run.eval_every = 1; /* each step is read alone */
    t = (told){.end_at = 3};
    assert_int_equal(run(&stopped, &data, &hooks).steps, 3);
    assert_int_equal(t.steps, 3);
}

static bool count_set(void *user, const tl_evaluation *evaluation)
{
    int *sets = user;
    sets[strcmp(evaluation->set, "static") == 0]++;
    return true;
}

/* tl_evaluate tells of each test set. */
static void evaluations_are_told(void **unused)
{
    int sets[2] = {0};
    const tl_hooks hooks = {.size = sizeof hooks, .user = sets, .on_evaluation = count_set};
    tl_settings s;
    tl_result result;
    assert_true(tl_settings_default(&s, "mnist"));
    s.model.dim = 8, s.model.depth = 1, s.model.heads = 1, s.model.head_dim = 8, s.model.mlp_dim = 8;
    s.training.steps = 1, s.training.batch_size = 8, s.training.limit_test = 8;
    snprintf(s.run.out, sizeof s.run.out, "%s", at("mnist"));
    OK(tl_train(ctx, &s, &hooks, &result));
    OK(tl_evaluate(ctx, result.out, &s, &hooks, &result));
    assert_true(sets[0] == 2 && sets[1] == 2);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

static void configurations(void **unused)
{
    tl_settings s = own_settings("own-vit", "refused"), mnist;
    tl_data data = own_of(&numbers, &s);
    tl_trainer_config c = config_of(&s, &data);
    tl_trainer *trainer = (tl_trainer *)&c;
    tl_result result;
    WRONG(tl_trainer_create, NULL, NULL, &c, &trainer);
    WRONG(tl_trainer_create, "configuration", ctx, NULL, &trainer);
    WRONG(tl_trainer_create, "place for its handle", ctx, &c, NULL);
    c.size = 0;
    WRONG(tl_trainer_create, "size of a tl_trainer_config is 0", ctx, &c, &trainer);
    assert_null(trainer);
    c = config_of(NULL, &data);
    WRONG(tl_trainer_create, "tl_trainer_config.settings", ctx, &c, &trainer);
    c = config_of(&s, NULL);
    WRONG(tl_trainer_create, "tl_trainer_config.data", ctx, &c, &trainer);
    WRONG(tl_train, "tl_trainer_config.data", ctx, &s, NULL, &result);
    assert_true(tl_settings_default(&mnist, "mnist"));
    c = config_of(&mnist, &data);
    WRONG(tl_trainer_create, "tl_settings_default(&settings, \"own-vit\")", ctx, &c, &trainer);
    c = config_of(&s, &data);
    c.hooks = &(tl_hooks){0};
    WRONG(tl_trainer_create, "size of a tl_hooks is 0", ctx, &c, &trainer);
    c = config_of(&s, &data);
    s.size = 0;
    WRONG(tl_trainer_create, "size of the settings", ctx, &c, &trainer);
    s = own_settings("own-vit", "refused");
    s.model.classes = 0;
    WRONG(tl_trainer_create, "classes is 0", ctx, &c, &trainer);
    snprintf(s.task, sizeof s.task, "own");
    WRONG(tl_trainer_create, "own-vit and own-gpt", ctx, &c, &trainer);
    assert_false(exists("refused"));
}

static void descriptions_of_data(void **unused)
{
    static const wrong_value wrong[] = {
        VALUE(tl_data, size, 0, "size of a tl_data is 0"),
        VALUE(tl_data, samples, 0, "tl_data.samples is 0"),
        VALUE(tl_data, samples, UINT64_MAX, "tl_data.shuffle"),
        VALUE(tl_data, test_samples, 0, "tl_data.test_samples 0"),
        VALUE(tl_data, fill, 0, "tl_data.fill is NULL"),
    };
    static const char *const labels[] = {"", "north", "[\"north\"]", "[1, 2, 3, 4]", "{\"a\": 1}"};
    tl_settings s = own_settings("own-vit", "refused");
    tl_trainer *trainer;
    s.run.eval_every = 5;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        tl_data data = own_of(&numbers, &s);
        const tl_trainer_config c = config_of(&s, &data);
        set(&data, &wrong[i]);
        WRONG(tl_trainer_create, wrong[i].word, ctx, &c, &trainer);
    }
    for (size_t i = 0; i < COUNT(labels); i++) {
        tl_data data = own_of(&numbers, &s);
        const tl_trainer_config c = config_of(&s, &data);
        data.labels = labels[i];
        WRONG(tl_trainer_create, "tl_data.labels is no JSON array of 4 strings", ctx, &c, &trainer);
    }
    tl_settings text = own_settings("own-gpt", "refused");
    tl_data data = own_of(&numbers, &text);
    const tl_trainer_config c = config_of(&text, &data);
    data.labels = "[]";
    WRONG(tl_trainer_create, "a GPT has none", ctx, &c, &trainer);
    assert_false(exists("refused"));
}

static const int32_t large[OWN_BATCH * OWN_LENGTH] = {0, OWN_VOCABULARY},
                                       negative[OWN_BATCH * OWN_LENGTH] = {-1};
static void no_images(tl_batch *b)
{
    b->images = NULL;
}
static void no_targets(tl_batch *b)
{
    b->targets = NULL;
}
static void no_tokens(tl_batch *b)
{
    b->tokens = NULL;
}
static void no_length(tl_batch *b)
{
    b->length = 0;
}
static void long_length(tl_batch *b)
{
    b->length = OWN_LENGTH + 1;
}
static void later(tl_batch *b)
{
    b->first = 1;
}
static void nothing(tl_batch *b)
{
    b->count = 0;
}
static void many(tl_batch *b)
{
    b->count++;
}
static void large_targets(tl_batch *b)
{
    b->targets = large;
}
static void negative_targets(tl_batch *b)
{
    b->targets = negative;
}
static void large_tokens(tl_batch *b)
{
    b->tokens = large;
}

/* A batch that is wrong ends the run with a sentence, and the trainer runs no more. */
static void batches(void **unused)
{
    static const struct {
        const char *task;
        void (*spoil)(tl_batch *batch);
        tl_status status;
        const char *word;
    } wrong[] = {
        {"own-vit", no_images, TL_ERROR_USAGE, "takes images or image_tensor"},
        {"own-vit", no_targets, TL_ERROR_USAGE, "gave no targets or soft_targets"},
        {"own-vit", nothing, TL_ERROR_USAGE, "count of 0 where 16"},
        {"own-vit", many, TL_ERROR_USAGE, "count of 17 where 16"},
        {"own-vit", large_targets, TL_ERROR_INPUT, "sample 1 has the class 16"},
        {"own-vit", negative_targets, TL_ERROR_INPUT, "sample 0 has the class -1"},
        {"own-gpt", no_tokens, TL_ERROR_USAGE, "takes tokens"},
        {"own-gpt", no_targets, TL_ERROR_USAGE, "gave no targets"},
        {"own-gpt", no_length, TL_ERROR_USAGE, "sequences of 0 tokens"},
        {"own-gpt", long_length, TL_ERROR_USAGE, "sequences of 9 tokens"},
        {"own-gpt", later, TL_ERROR_USAGE, "has not kept 1 tokens"},
        {"own-gpt", large_tokens, TL_ERROR_INPUT, "16"},
        {"own-gpt", large_targets, TL_ERROR_INPUT, "16"},
    };
    for (size_t i = 0; i <= COUNT(wrong); i++) {
        const bool says = i == COUNT(wrong); /* the callback itself fails */
        tl_settings s = own_settings(says ? "own-vit" : wrong[i].task, "spoiled");
        const tl_data data = own_of(&numbers, &s);
        const tl_trainer_config c = config_of(&s, &data);
        tl_trainer *trainer;
        tl_result result;
        if (says)
            numbers.fails = "the camera does not answer";
        else
            numbers.spoil = wrong[i].spoil;
        OK(tl_trainer_create(ctx, &c, &trainer));
        FAILS(says ? TL_ERROR_INPUT : wrong[i].status, tl_trainer_run,
              says ? "the camera does not answer" : wrong[i].word, ctx, trainer, &result);
        WRONG(tl_trainer_run, "the trainer's run has failed", ctx, trainer, &result);
        tl_trainer_destroy(ctx, trainer);
    }
}

static void trainers(void **unused)
{
    tl_settings s = own_settings("own-gpt", "trainer");
    const tl_data data = own_of(&numbers, &s);
    const tl_trainer_config c = config_of(&s, &data);
    tl_trainer *trainer, *second;
    tl_result result;
    s.run.stop_after = 1;
    OK(tl_trainer_create(ctx, &c, &trainer));
    FAILS(TL_ERROR_INPUT, tl_trainer_create, "is writing to the folder", ctx, &c,
          &second); /* the folder is taken */
    WRONG(tl_trainer_run, NULL, NULL, trainer, &result);
    WRONG(tl_trainer_run, "the trainer or its context is missing", ctx, NULL, &result);
    WRONG(tl_trainer_run, "place for its result", ctx, trainer, NULL);
    begin();
    assert_int_equal(tl_trainer_run(other, trainer, &result), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(other)->text, "none of this context"));
    GIVES(tl_trainer_settings, tl_trainer_settings(NULL) == NULL);
    GIVES(tl_trainer_settings, tl_trainer_settings(trainer)->model.positions == TL_POSITIONS_NONE);
    assert_string_equal(tl_trainer_settings(trainer)->run.data, "numbers");
    OK(tl_trainer_run(ctx, trainer, &result));
    TRIES(tl_trainer_destroy);
    tl_trainer_destroy(ctx, NULL);
    tl_trainer_destroy(NULL, trainer);
    tl_trainer_destroy(other, trainer);
    assert_non_null(strstr(tl_context_error(other)->text, "none of this context"));
    tl_trainer_destroy(ctx, trainer);
    tl_trainer_destroy(ctx, trainer); /* once more */
    WRONG(tl_trainer_run, "it was destroyed", ctx, trainer, &result);
    assert_true(tl_memory_used(ctx, TL_MEMORY_PARAMETER) == 0);
}

/* The leak checker looks on. */
static void contexts_with_trainers(void **unused)
{
    tl_settings s = own_settings("own-vit", "left-over");
    const tl_data data = own_of(&numbers, &s);
    const tl_trainer_config c = config_of(&s, &data);
    tl_context *short_lived = NULL;
    tl_trainer *trainer;
    assert_int_equal(tl_context_create(NULL, &short_lived, &said), TL_OK);
    assert_int_equal(tl_trainer_create(short_lived, &c, &trainer), TL_OK);
    tl_context_destroy(short_lived);
}

/* What needs the data says so. */
static void checkpoints_of_own_data(void **unused)
{
    tl_settings s = own_settings("own-vit", "own-checkpoint"), e;
    const tl_data data = own_of(&numbers, &s);
    tl_result result;
    s.training.steps = 1;
    run(&s, &data, NULL);
    assert_true(tl_settings_default(&e, "mnist"));
    FAILS(TL_ERROR_INPUT, tl_evaluate, "was trained by a program on data of its own", ctx, s.run.out, &e,
          NULL, &result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_images_equal_uninterrupted),
        cmocka_unit_test(resumed_volumes_equal_uninterrupted),
        cmocka_unit_test(resumed_sequences_equal_uninterrupted),
        cmocka_unit_test(own_data_are_learned),
        cmocka_unit_test(without_a_test_set_nothing_is_evaluated),
        cmocka_unit_test(an_epoch_has_each_sample_once),
        cmocka_unit_test(limits_hold_for_own_data),
        cmocka_unit_test(other_data_do_not_resume),
        cmocka_unit_test(callers_are_told_and_may_stop),
        cmocka_unit_test(evaluations_are_told),
        cmocka_unit_test(configurations),
        cmocka_unit_test(descriptions_of_data),
        cmocka_unit_test(batches),
        cmocka_unit_test(trainers),
        cmocka_unit_test(contexts_with_trainers),
        cmocka_unit_test(checkpoints_of_own_data),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

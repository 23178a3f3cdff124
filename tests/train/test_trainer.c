/* Whole runs: the same seed gives the same losses, a resumed run equals an uninterrupted one byte for byte,
 * training lowers the loss, and what eval reads is what train wrote. */
#include "runs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "data/safetensors_write.h"
#include "tasks/metadata.h"
#include "train/run_lock.h"

static void same_seed_same_model(void **unused)
{
    const tl_settings a = small_run(TL_OP_ALPHA, "same-a"), b = small_run(TL_OP_ALPHA, "same-b");
    const tl_result x = train(a), y = train(b);
    assert_true(x.loss == y.loss);
    assert_true(x.top1_dynamic == y.top1_dynamic);
    assert_same_model(&a, &b);
    tl_settings c = small_run(TL_OP_ALPHA, "other-seed");
    c.training.seed = 1;
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
        parts.run.stop_after = 4; /* in the middle of the second epoch */
        assert_int_equal(train(parts).steps, 4);
        parts.run.stop_after = 0;
        parts.run.resume = true;
        assert_int_equal(train(parts).steps, 6);
        assert_same_model(&whole, &parts);
    }
}

static void other_settings_do_not_resume(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "refused");
    s.run.stop_after = 2;
    train(s);
    s.run.resume = true;
    s.training.lr = 0.5f;
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text,
                           "`training.lr` is 0.001 in the checkpoint of step 2 and 0.5 now"));
    tl_context_destroy(ctx);
}

/* Two runs of one process refuse each other as those of two processes do; tests/cli/test_owner.sh looks at these. */
static void a_folder_has_one_run(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "owned");
    s.training.steps = 2;
    train(s);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_log quiet = {0};
    tli_run_lock lock = {0};
    tl_result result;
    char pid[24];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    MUST(ctx, tli_run_lock_take(&lock, s.run.out, &quiet, tl_context_error(ctx)));
    for (int resume = 0; resume < 2; resume++) {
        s.run.resume = resume != 0;
        assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_INPUT);
        assert_non_null(strstr(tl_context_error(ctx)->text, pid));
        assert_non_null(strstr(tl_context_error(ctx)->text, s.run.out));
    }
    tli_run_lock_release(&lock);
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_OK);
    tl_context_destroy(ctx);
}

/* What a checkpoint says of its data is compared, and need not be said; tests/cli/test_other_data.sh looks at the tasks' data. */
static void checkpoints_say_their_data(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "said");
    s.run.stop_after = 2;
    train(s);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    for (int said = 0; said < 3; said++) { /* nothing, other data, other data that are allowed */
        tl_model *model = NULL;
        tli_train_state standing;
        tl_result result;
        tl_settings again = s, stored = s;
        snprintf(again.run.out, sizeof again.run.out, "%s/said-%d", folder, said);
        assert_int_equal(mkdir(again.run.out, 0777), 0);
        stored.model.positions = tli_model_positions(&s.model);
        MUST(ctx, tli_model_create(ctx, &stored.model, &(tl_model_options){.batch = 1, .training = true},
                                   tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &model));
        MUST(ctx,
             tli_checkpoint_resume(ctx, tli_model_registry(model), &stored, NULL, s.run.out, 2, &standing));
        assert_true(standing.data.known);
        assert_true(standing.data.train.samples == 44);
        assert_true(standing.data.test.samples == 20);
        assert_true(standing.data.limit_test == 20);
        standing.data.known = said > 0;
        standing.data.train.samples++;
        MUST(ctx, tli_checkpoint_save(ctx, tli_model_registry(model), NULL, &stored, NULL, again.run.out,
                                      &standing));
        tli_model_destroy(ctx, model);
        again.run.resume = true, again.run.stop_after = 0, again.run.allow_other_data = said == 2;
        assert_int_equal(tl_train(ctx, &again, NULL, &result), said == 1 ? TL_ERROR_INPUT : TL_OK);
        if (said == 1)
            assert_non_null(
                strstr(tl_context_error(ctx)->text, "has 45 images, and that of synthetic has 44"));
        else
            assert_int_equal(result.steps, 6);
    }
    tl_context_destroy(ctx);
}

static void loss_falls_and_eval_agrees(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        char name[32];
        snprintf(name, sizeof name, "learns-%d", op);
        tl_settings s = small_run((tl_op_kind)op, name);
        s.training.motion = s.training.test_motion = TL_MOTION_STATIC;
        s.training.limit_train = 64, s.training.steps = 60, s.training.lr = 3e-3f, s.training.batch_size = 32;
        const tl_result trained = train(s);
        if (!(trained.loss < 1.9)) fail_msg("operation %d ends at a loss of %g", op, trained.loss);
        tl_context *ctx = new_context(TL_PATH_AUTO);
        tl_settings e;
        tl_settings_default(&e, "mnist");
        e.training.batch_size = 7, e.training.test_motion = (tl_motion)-1;
        tl_result evaluated;
        MUST(ctx, tl_evaluate(ctx, s.run.out, &e, NULL, &evaluated));
        assert_int_equal(e.model.op, op);
        assert_true(evaluated.top1_static == trained.top1_static);
        assert_true(evaluated.top1_dynamic == trained.top1_dynamic);
        tl_context_destroy(ctx);
    }
}

static volatile sig_atomic_t stop = 15;

static void a_signal_saves(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "signal"), whole = small_run(TL_OP_ATTENTION, "signal-whole");
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_hooks hooks = {.size = sizeof hooks, .stop = &stop};
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, &hooks, &result), TL_INTERRUPTED);
    assert_int_equal(result.steps, 1);
    tl_context_destroy(ctx);
    s.run.resume = true;
    train(s);
    train(whole);
    assert_same_model(&s, &whole);
}

/* Fails with `status` and a message that has `word`. */
static void refuse(tl_settings s, const tl_context_options *options, tl_status status, const char *word)
{
    tl_context *ctx = NULL;
    tl_error err = {0};
    tl_result result;
    if (tl_context_create(options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(tl_train(ctx, &s, NULL, &result), status);
    if (strstr(tl_context_error(ctx)->text, word) == NULL)
        fail_msg("no '%s' in: %s", word, tl_context_error(ctx)->text);
    tl_context_destroy(ctx);
}
#define refuse(...) FROM_HERE(refuse(__VA_ARGS__))

/* --stop-after counts the steps of one process, so the same command repeated gets to the end; the reported
 * loss is the mean over the last 20 steps of all of them. */
static void stop_after_repeated(void **unused)
{
    const tl_settings whole = small_run(TL_OP_ATTENTION, "pieces-whole");
    tl_settings pieces = small_run(TL_OP_ATTENTION, "pieces");
    const tl_result one = train(whole);
    pieces.run.stop_after = 2;
    pieces.run.resume = true;
    for (uint64_t steps = 2; steps <= 6; steps += 2) {
        const tl_result piece = train(pieces);
        assert_int_equal(piece.steps, steps);
        if (steps == 6) {
            assert_true(piece.loss == one.loss);
            assert_true(piece.top1 == one.top1);
        }
    }
    assert_same_model(&whole, &pieces);
}

/* A checkpoint with a truncated file is not complete: the one before it is taken, and the end is the same. */
static void damaged_checkpoints_are_passed_over(void **unused)
{
    const tl_settings whole = small_run(TL_OP_ALPHA, "damaged-whole");
    tl_settings s = small_run(TL_OP_ALPHA, "damaged");
    char path[2200];
    train(whole);
    s.run.checkpoint_every = 2;
    s.run.stop_after = 4;
    train(s);
    snprintf(path, sizeof path, "%s/checkpoints/4/state.safetensors", s.run.out);
    assert_int_equal(truncate(path, 5000), 0);
    s.run.resume = true;
    s.run.stop_after = 1;
    assert_int_equal(train(s).steps, 3);
    s.run.stop_after = 0;
    assert_int_equal(train(s).steps, 6);
    assert_same_model(&whole, &s);
}

/* A new run in the folder of an earlier one never goes on with the earlier one's checkpoints. */
static void earlier_runs_are_set_aside(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "again");
    s.run.stop_after = 5;
    train(s);
    s.run.stop_after = 2;
    assert_int_equal(train(s).steps, 2);
    assert_true(exists(inside(s.run.out, "earlier-1/checkpoints/5/model.safetensors")));
    assert_true(exists(inside(s.run.out, "earlier-1/metrics.jsonl")));
    assert_true(exists(inside(s.run.out, "earlier-1/model.safetensors")));
    assert_false(exists(inside(s.run.out, "checkpoints/5")));
    s.run.resume = true;
    assert_int_equal(train(s).steps, 4);
    assert_false(exists(inside(s.run.out, "earlier-2")));
}

/* A bound above every norm changes nothing, not one bit; one below makes another model. AdamW forgives a
 * constant scale but for eps, so the bound is far below. */
static void gradient_clipping(void **unused)
{
    const tl_settings plain = small_run(TL_OP_TRANSLUTION, "unclipped");
    tl_settings wide = small_run(TL_OP_TRANSLUTION, "clip-wide"),
                tight = small_run(TL_OP_TRANSLUTION, "clip-tight");
    wide.training.grad_clip = 1e6f;
    tight.training.grad_clip = 1e-5f;
    const double loss = train(plain).loss;
    assert_true(train(wide).loss == loss);
    assert_true(fabs(train(tight).loss - loss) > 1e-4);
}

/* The number behind `"key":` in line `line` of a run's metrics, as text of 32 bytes at most. */
static void metric(const char *text, int line, const char *key, char *value)
{
    while (line-- > 0) text = strchr(text, '\n') + 1;
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key) + 2;
    snprintf(value, 32, "%.*s", (int)strcspn(at, ",}"), at);
}

/* Losses stay on the device and are read by the dozen: the metrics have a line a step all the same, with the very
 * numbers that reading after every step gives. */
static void losses_are_read_in_bulk(void **unused)
{
    const tl_settings bulk = small_run(TL_OP_ATTENTION, "bulk");
    tl_settings each = small_run(TL_OP_ATTENTION, "each");
    each.run.checkpoint_every = 1; /* for which losses are read */
    train(bulk);
    train(each);
    size_t size;
    char *a = read_all(inside(bulk.run.out, "metrics.jsonl"), &size),
         *b = read_all(inside(each.run.out, "metrics.jsonl"), &size);
    int together = 0;
    char previous[32] = "";
    for (int line = 0; line < 6; line++) {
        char x[32], y[32];
        metric(a, line, "step", x);
        assert_int_equal(atoi(x), line + 1);
        metric(a, line, "loss", x);
        metric(b, line, "loss", y);
        assert_string_equal(x, y);
        metric(a, line, "images_per_second", x);
        if (strcmp(x, previous) == 0) together++;
        snprintf(previous, sizeof previous, "%s", x);
    }
    assert_true(together > 0); /* steps that were read together share their time */
    free(a), free(b);
}

/* Milliseconds of a step by its line in the metrics. */
static double step_ms(const char *text, int line, int batch)
{
    char rate[32];
    metric(text, line, "images_per_second", rate);
    return 1e3 * batch / atof(rate);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median leaves out what built kernels: the first step of every batch size, 16 and, at the epoch's end, the third step, 12. A run of
 * one step has the time of that step. */
static void building_steps_are_left_out(void **unused)
{
    enum { MOST = 6, A_EPOCH = 3 };
    for (int steps = 1; steps <= MOST; steps++) {
        char name[32];
        snprintf(name, sizeof name, "times-%d", steps);
        tl_settings s = small_run(TL_OP_ATTENTION, name);
        s.training.steps = (uint64_t)steps;
        s.run.checkpoint_every = 1; /* a time of its own for every step */
        const double median = train(s).step_ms;
        size_t size;
        char *text = read_all(inside(s.run.out, "metrics.jsonl"), &size);
        double times[MOST] = {step_ms(text, 0, 16)};
        int count = steps == 1 ? 1 : 0;
        for (int step = 1; step < steps; step++)
            if (step != A_EPOCH - 1)
                times[count++] = step_ms(text, step, step % A_EPOCH == A_EPOCH - 1 ? 12 : 16);
        qsort(times, (size_t)count, sizeof *times, by_size);
        const double want = (times[(count - 1) / 2] + times[count / 2]) / 2;
        if (fabs(median - want) > 1e-3 * want) fail_msg("%d steps: %g ms instead of %g", steps, median, want);
        free(text);
    }
}

/* Evaluations on the way use the batch's memory and must not disturb the training. */
static void evaluation_leaves_no_trace(void **unused)
{
    const tl_settings plain = small_run(TL_OP_ATTENTION, "silent");
    tl_settings watched = small_run(TL_OP_ATTENTION, "watched");
    watched.run.eval_every = 2;
    train(plain);
    train(watched);
    assert_same_model(&plain, &watched);
    size_t size;
    char *text = read_all(inside(watched.run.out, "metrics.jsonl"), &size), *at = text;
    int evaluations = 0;
    while ((at = strstr(at, "\"test\":")) != NULL) evaluations++, at++;
    assert_int_equal(evaluations, 2 + 2); /* after steps 2 and 4, and both sets at the end */
    free(text);
}

static void the_device_is_too_small(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "tight");
    tl_memory_plan plan;
    tl_error err = {0};
    s.model.recompute = true; /* as `auto` does where memory is short */
    assert_int_equal(tli_model_plan(&s.model, 11, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err),
                     TL_OK);
    const tl_context_options options = {.size = sizeof options, .memory_limit = plan.total};
    refuse(s, &options, TL_ERROR_MEMORY, "is 11");
    assert_false(exists(inside(s.run.out, "")));

    s.run.exact_batch = false; /* halved: 16, 8 */
    tl_context *ctx = NULL;
    tl_result result;
    assert_int_equal(tl_context_create(&options, &ctx, &err), TL_OK);
    MUST(ctx, tl_train(ctx, &s, NULL, &result));
    assert_int_equal(s.training.batch_size, 8);
    assert_true(result.peak_device_bytes <= plan.total);
    tl_context_destroy(ctx);

    const tl_context_options nothing = {.size = sizeof nothing, .memory_limit = 100000};
    refuse(s, &nothing, TL_ERROR_MEMORY, "one sample");
}

static void wrong_places_and_numbers(void **unused)
{
    const tl_context_options options = {.size = sizeof options};
    tl_settings s = small_run(TL_OP_ATTENTION, "");
    snprintf(s.run.out, sizeof s.run.out, "/dev/null/run");
    refuse(s, &options, TL_ERROR_INPUT, "/dev/null");

    s = small_run(TL_OP_ATTENTION, "no-data");
    snprintf(s.run.data, sizeof s.run.data, "%s/nowhere", folder);
    refuse(s, &options, TL_ERROR_INPUT, "nowhere");
    assert_false(exists(inside(s.run.out, "")));

    s = small_run(TL_OP_ATTENTION, "small-field");
    s.model.image_height = s.model.image_width = 24;
    refuse(s, &options, TL_ERROR_USAGE, "24 x 24");

    s = small_run(TL_OP_ATTENTION, "diverges");
    start_from_huge_weights(&s, NULL, 1e6f);
    refuse(s, &options, TL_ERROR_DEVICE, "lower `training.lr`");
}

/* A run that was begun with the first version of the schedule is resumed with it, whatever is asked for now. */
static void old_schedule_resumes(void **unused)
{
    tl_settings whole = small_run(TL_OP_ATTENTION, "old-schedule"),
                parts = small_run(TL_OP_ATTENTION, "old-schedule-parts"),
                fresh = small_run(TL_OP_ATTENTION, "new-schedule");
    whole.training.warmup = parts.training.warmup = fresh.training.warmup = 3;
    whole.training.schedule_version = parts.training.schedule_version = 1;
    parts.run.stop_after = 3;
    assert_true(train(whole).loss != train(fresh).loss);
    train(parts);
    parts.training.schedule_version = TL_SCHEDULE_VERSION;
    parts.run.resume = true;
    train(parts);
    assert_same_model(&whole, &parts);
}

/* Checkpoints older than a setting have the value that the setting had then. */
static void metadata_without_a_version(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "unversioned"), stored = {0};
    tli_metadata m;
    tli_st_item pairs[FIELDS_MAX];
    int count = 0;
    tli_metadata_write(&s, NULL, &m);
    for (int i = 0; i < m.count; i++)
        if (strcmp(m.pairs[i].key, "schedule_version") != 0) pairs[count++] = m.pairs[i];
    assert_int_equal(count, m.count - 1);
    char path[1200];
    snprintf(path, sizeof path, "%s/unversioned.safetensors", folder);
    tli_st_entry entry = {.name = "t", .dtype = ST_F32, .rank = 1, .shape = {1}};
    tli_st_writer w = {0};
    tli_safetensors st;
    tl_error err = {0};
    assert_int_equal(tli_st_write_begin(&w, path, &entry, 1, pairs, count, &err), TL_OK);
    assert_int_equal(tli_st_write_data(&w, &(float){0}, sizeof(float), &err), TL_OK);
    assert_int_equal(tli_st_write_commit(&w, &err), TL_OK);
    assert_int_equal(tli_st_open(path, &st, &err), TL_OK);
    if (tli_settings_from_metadata(&st, &stored, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(stored.training.schedule_version, 1);
    tli_st_close(&st);
}

static void warm_up_longer_than_the_run(void **unused)
{
    tl_settings s = small_run(TL_OP_ATTENTION, "only-warm-up");
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    s.training.steps = 0, s.training.epochs = 2, s.training.warmup = 6; /* two epochs of three steps */
    assert_int_equal(tl_train(ctx, &s, NULL, &result), TL_ERROR_USAGE);
    assert_non_null(strstr(tl_context_error(ctx)->text, "`training.warmup` 6"));
    assert_false(exists(inside(s.run.out, ".")));
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_model),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(building_steps_are_left_out),
        cmocka_unit_test(old_schedule_resumes),
        cmocka_unit_test(metadata_without_a_version),
        cmocka_unit_test(warm_up_longer_than_the_run),
        cmocka_unit_test(a_folder_has_one_run),
        cmocka_unit_test(checkpoints_say_their_data),
        cmocka_unit_test(other_settings_do_not_resume),
        cmocka_unit_test(loss_falls_and_eval_agrees),
        cmocka_unit_test(a_signal_saves),
        cmocka_unit_test(stop_after_repeated),
        cmocka_unit_test(damaged_checkpoints_are_passed_over),
        cmocka_unit_test(earlier_runs_are_set_aside),
        cmocka_unit_test(gradient_clipping),
        cmocka_unit_test(losses_are_read_in_bulk),
        cmocka_unit_test(evaluation_leaves_no_trace),
        cmocka_unit_test(the_device_is_too_small),
        cmocka_unit_test(wrong_places_and_numbers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/score.h"
#include "tasks/settings_check.h"
#include "train/checkpoint.h"
#include "train/checkpoint_clock.h"
#include "train/finished_run.h"
#include "train/grad_clip.h"
#include "train/init_weights.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/run_dir.h"
#include "train/run_lock.h"
#include "train/schedule.h"
#include "train/step.h"
#include "train/step_times.h"

/* So often losses are read, and the device waited for; also before anything is saved. */
#define READ_SECONDS 0.5

/* Everything that a run holds while it lasts. */
typedef struct run {
    tl_context *ctx;
    tl_settings *s;
    const tl_hooks *hooks;
    const tli_task *task;
    tli_task_data *data;
    const char *labels;         /* of `data`; NULL: none */
    tli_data_identity identity; /* of `data` */
    tli_run_lock lock;          /* on the folder */
    tli_model *model;
    tli_grad_clip guard; /* with --grad-clip or --skip-nonfinite */
    tli_metrics metrics;
    tli_progress progress;
    tli_checkpoint_clock clock;
    uint64_t steps_per_epoch, total, done, saved, steps_run;
    tli_step_times times;         /* of the steps of this process */
    double wait;                  /* seconds that the host waited for batches since the last read */
    double all_wait, all_seconds; /* of this process's steps behind the first, which also starts things up */
    float recent[TLI_RECENT_LOSSES]; /* a ring: the loss of step n at n % TLI_RECENT_LOSSES */
    int recent_count;
    uint32_t unread; /* steps given to the device since the last read: their losses are in slots 0, 1, ... */
    uint32_t predictions[TLI_LOSS_SLOTS];
    float losses[TLI_LOSS_SLOTS];
    tli_grad_verdict verdicts[TLI_LOSS_SLOTS];
    double read_at;  /* when losses were last read */
    int skipped;     /* steps in a row, by --skip-nonfinite */
    bool other_test; /* the newest checkpoint, a resumed one, says another --limit-test or --test-motion */
    double best; /* of the main test set: top-1 or, without classes, the negative loss; NaN: not scored yet */
    char out[TLI_OUT_CAPACITY];
} run;

/* ---- setting up ---------------------------------------------------------------------------------- */

/* Steps the run off from the newest checkpoint, or from initial values. */
static tl_status begin(run *r)
{
    tli_registry *registry = tli_model_registry(r->model);
    const tl_log *log = tli_context_log(r->ctx);
    if (r->s->run.resume) {
        tli_train_state standing;
        TLI_TRY(tli_checkpoint_resume(r->ctx, registry, r->s, r->labels, r->out, &standing));
        TLI_TRY(tli_identity_check(&standing.data, &r->identity, r->task->unit, r->out, r->s->run.data,
                                   r->s->run.allow_other_data, log, tl_context_error(r->ctx)));
        r->done = r->saved = standing.step;
        r->best = standing.best;
        if (r->done > 0) {
            r->recent_count = standing.losses;
            for (int i = 0; i < standing.losses; i++)
                r->recent[(r->done - (uint64_t)(standing.losses - 1 - i)) % TLI_RECENT_LOSSES] =
                    standing.loss[i];
            tli_log_write(log, TL_LOG_NOTICE, "resuming %s after step %llu", r->out,
                          (unsigned long long)r->done);
            return TL_OK;
        }
        tli_log_write(log, TL_LOG_NOTICE, "no complete checkpoint in %s: starting anew", r->out);
    }
    TLI_TRY(tli_init_weights(r->ctx, registry, r->s,
                             r->labels)); /* before `out`, which may hold them, is cleared */
    return tli_run_dir_set_aside(r->out, log, tl_context_error(r->ctx));
}

static tli_data_identity identify(const run *r)
{
    return (tli_data_identity){.known = true,
                               .train = r->task->identify(r->data, true),
                               .test = r->task->identify(r->data, false),
                               .limit_test = r->s->training.limit_test};
}

/* A folder that exists is the run's own before anything in it is read. */
static tl_status own_existing_folder(run *r)
{
    if (r->s->run.out[0] == '\0' || access(r->s->run.out, F_OK) != 0) return TL_OK;
    return tli_run_lock_take(&r->lock, r->s->run.out, tli_context_log(r->ctx), tl_context_error(r->ctx));
}

/* A run that is resumed goes on with its own version of the schedule and, unless others are asked for, its own batch
 * size and length. */
static tl_status adopt_stored(run *r)
{
    tl_settings stored = *r->s;
    uint64_t step = 0;
    if (!r->s->run.resume || r->s->run.out[0] == '\0') return TL_OK;
    TLI_TRY(tli_checkpoint_settings(r->s->run.out, &stored, &step, tl_context_error(r->ctx)));
    if (step == 0) return TL_OK;
    r->other_test = tli_settings_test_differently(&stored, r->s);
    r->s->training.schedule_version = stored.training.schedule_version;
    if (!r->s->run.exact_batch) r->s->training.batch_size = stored.training.batch_size;
    if (r->s->run.stored_length) {
        r->s->training.steps = stored.training.steps;
        r->s->training.epochs = stored.training.epochs;
    }
    return TL_OK;
}

static tl_status set_up(run *r)
{
    tl_settings *s = r->s;
    tl_error *err = tl_context_error(r->ctx);
    TLI_TRY(tli_settings_check(s, true, err));
    TLI_TRY(tli_init_weights_flags(s, err));
    r->task = tli_task_find(s->task);
    s->model.positions = tli_model_positions(&s->model);
    tli_settings_complete_optimizer(s);
    const tl_log *log = tli_context_log(r->ctx);
    TLI_TRY(own_existing_folder(r));
    if (s->run.metrics[0] != '\0') TLI_TRY(tli_metrics_check(s->run.metrics, err));
    TLI_TRY(adopt_stored(r));
    TLI_TRY(r->task->open(s, &(task_opening){.train = true, .log = log}, &r->data, err));
    if (r->task->labels != NULL) r->labels = r->task->labels(r->data);
    r->identity = identify(r);
    TLI_TRY(tli_step_choose_batch(r->ctx, s));
    r->steps_per_epoch = (r->task->samples(r->data) + s->training.batch_size - 1) / s->training.batch_size;
    r->total = s->training.steps > 0 ? s->training.steps : s->training.epochs * r->steps_per_epoch;
    TLI_TRY(tli_schedule_check(s, r->total, err));
    if (!s->run.resume)
        TLI_TRY(tli_init_weights_check(s, true, r->labels, NULL, err)); /* or nothing is made for the run */
    TLI_TRY(tli_run_dir_make(s->run.out, s->task, tl_op_name(s->model.op), r->out, err));
    TLI_TRY(tli_run_lock_take(&r->lock, r->out, log, err));
    TLI_TRY(tli_step_times_create(&r->times, err));
    TLI_TRY(tli_model_create(r->ctx, &s->model, s->training.batch_size,
                             tli_optimizer_rule_of(s->training.optimizer), &r->model));
    if (s->training.grad_clip > 0.0f || s->run.skip_nonfinite)
        TLI_TRY(tli_grad_clip_create(r->ctx, tli_model_registry(r->model), TLI_LOSS_SLOTS, &r->guard));
    TLI_TRY(begin(r));
    tli_checkpoint_room(r->out, tli_model_registry(r->model), s, r->total - r->done, log);
    char path[TLI_OUT_CAPACITY + 32];
    snprintf(path, sizeof path, "%s/metrics.jsonl", r->out);
    TLI_TRY(tli_metrics_open(&r->metrics, s->run.metrics[0] != '\0' ? s->run.metrics : path, err));
    const uint64_t epochs = (r->total + r->steps_per_epoch - 1) / r->steps_per_epoch;
    tli_progress_begin(&r->progress, r->hooks != NULL ? r->hooks->progress : NULL, r->task->unit, r->total,
                       epochs);
    return TL_OK;
}

static void tear_down(run *r)
{
    tli_metrics_close(&r->metrics);
    tli_model_destroy(r->ctx, r->model);
    tli_grad_clip_destroy(r->ctx, &r->guard);
    if (r->task != NULL) r->task->close(r->data);
    tli_step_times_free(&r->times);
    tli_run_lock_release(&r->lock);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

/* Ends a run whose numbers are no numbers any more after step `step`. */
static tl_status not_finite(run *r, uint64_t step, const char *what)
{
    char last[64] = "there is no checkpoint yet";
    if (r->saved > 0)
        snprintf(last, sizeof last, "the last checkpoint is after step %llu", (unsigned long long)r->saved);
    return tli_fail(
        tl_context_error(r->ctx), TL_ERROR_DEVICE,
        "step %llu gave numbers that are not finite, first %s: lower --lr, or try --skip-nonfinite (%s)",
        (unsigned long long)step, what, last);
}

/* Hands the next step's batch to the device. */
static tl_status set_batch(run *r)
{
    tli_inputs inputs;
    const double begun = tli_clock_seconds();
    TLI_TRY(r->task->batch(r->data, r->done, &inputs, tl_context_error(r->ctx)));
    r->wait += tli_clock_seconds() - begun;
    return tli_model_set_batch(r->ctx, r->model, &inputs);
}

/* The step of the batch that was set, handed to the device, which may still have earlier ones in hand; while it works,
 * the host prepares the next batch. The loss, and with a guard the verdict, stay on the device until read_back. */
static tl_status step(run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    tli_registry *registry = tli_model_registry(r->model);
    const float lr = tli_schedule_lr(r->s, r->done, r->steps_per_epoch, r->total);
    optimizer_settings optimizer = tli_step_optimizer(r->s, lr, r->done + 1);
    r->predictions[r->unread] = tli_model_predictions(r->model);
    TLI_TRY(tli_step_gradients(r->ctx, r->model, r->unread));
    if (r->guard.partial != NULL)
        TLI_TRY(tli_grad_clip_decide(r->ctx, &r->guard, registry, tli_model_loss_at(r->model, r->unread),
                                     r->s->training.grad_clip, r->unread, &optimizer.verdict));
    TLI_TRY(tli_registry_update(r->ctx, registry, &optimizer));
    TLI_TRY(tli_flush(r->ctx));
    r->done++;
    r->steps_run++;
    r->unread++;
    return r->done < r->total ? r->task->prepare(r->data, r->done, err) : TL_OK;
}

/* OUT/best.safetensors: the weights of the best evaluation so far. */
static tl_status keep_best(run *r, const tli_scores *scores)
{
    const double value = r->task->classifies ? scores->top1 : -scores->loss;
    char path[TLI_OUT_CAPACITY + 32];
    if (scores->not_finite > 0 || !isfinite(value) || value <= r->best) return TL_OK;
    r->best = value;
    snprintf(path, sizeof path, "%s/best.safetensors", r->out);
    return tli_model_save(r->ctx, tli_model_registry(r->model), r->s, r->labels, r->done, path);
}

/* The line of an evaluation in the metrics, and a word about predictions that are none. */
static tl_status note_scores(void *user, const tli_task *task, int set, const tli_scores *scores)
{
    run *r = user;
    if (set == task->main_set(r->s)) TLI_TRY(keep_best(r, scores));
    if (scores->not_finite > 0)
        tli_log_write(
            tli_context_log(r->ctx), TL_LOG_NOTICE,
            "after step %llu, %llu of %llu predictions on the test set %s are not finite: they count as "
            "wrong",
            (unsigned long long)r->done, (unsigned long long)scores->not_finite,
            (unsigned long long)scores->predictions, tli_task_set_name(task, set));
    const tli_metric hits[] = {{"loss", scores->loss},
                               {"top1", scores->top1},
                               {"top5", scores->top5},
                               {"images", (double)scores->predictions},
                               {"passed_over", (double)scores->passed_over}},
                     text[] = {{"loss", scores->loss}, {"perplexity", exp(scores->loss)}};
    const int hit_values = task->files != NULL ? 5 : 3;
    return tli_metrics_line(&r->metrics, r->done, (r->done + r->steps_per_epoch - 1) / r->steps_per_epoch,
                            tli_task_set_name(task, set), task->classifies ? hits : text,
                            task->classifies ? hit_values : 2, tl_context_error(r->ctx));
}

/* The main test set alone, in the middle of a run. A signal breaks it off, so that the run can save. */
static tl_status score_main(run *r)
{
    const int set = r->task->main_set(r->s);
    tli_scores scores;
    const tl_status status = tli_score_set(r->ctx, r->task, r->model, r->data, set, r->hooks, NULL, &scores);
    if (status == TL_INTERRUPTED) {
        tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                      "the evaluation after step %llu is left out: the run is to stop",
                      (unsigned long long)r->done);
        return TL_OK;
    }
    TLI_TRY(status);
    return note_scores(r, r->task, set, &scores);
}

static tl_status save(run *r)
{
    if (r->saved == r->done) return TL_OK;
    tli_train_state standing = {
        .step = r->done, .best = r->best, .losses = r->recent_count, .data = r->identity};
    for (int i = 0; i < r->recent_count; i++)
        standing.loss[i] = r->recent[(r->done - (uint64_t)(r->recent_count - 1 - i)) % TLI_RECENT_LOSSES];
    TLI_TRY(tli_checkpoint_save(r->ctx, tli_model_registry(r->model), r->s, r->labels, r->out, &standing));
    r->saved = r->done;
    r->other_test = false;
    tli_checkpoint_clock_reset(&r->clock);
    return TL_OK;
}

/* A step's line in the metrics, and with `show` on the screen. */
static tl_status report(run *r, uint64_t step, float loss, double rate, double data_wait, bool show)
{
    const uint64_t epoch = (step - 1) / r->steps_per_epoch + 1;
    const double lr = (double)tli_schedule_lr(r->s, step - 1, r->steps_per_epoch, r->total);
    const tli_progress_point point = {.step = step,
                                      .epoch = epoch,
                                      .loss = (double)loss,
                                      .lr = lr,
                                      .rate = rate,
                                      .perplexity = r->task->classifies ? (double)NAN : exp((double)loss),
                                      .data_wait = data_wait};
    if (show) tli_progress_step(&r->progress, &point, tli_clock_seconds());
    char rate_key[32];
    snprintf(rate_key, sizeof rate_key, "%s_per_second", r->task->unit);
    tli_metric values[5] = {
        {"loss", (double)loss}, {"lr", lr}, {rate_key, rate}, {"data_wait", point.data_wait}};
    int count = 4;
    if (!r->task->classifies) values[count++] = (tli_metric){"perplexity", exp((double)loss)};
    return tli_metrics_line(&r->metrics, step, epoch, NULL, values, count, tl_context_error(r->ctx));
}

/* Looks at the loss of `step` and, with a guard, at what the device decided on it. */
static tl_status examine(run *r, uint64_t step, float loss, const tli_grad_verdict *verdict)
{
    char what[160] = "the loss";
    const bool good = isfinite(loss) && !verdict->left_out;
    if (good) r->skipped = 0;
    if (good) return TL_OK;
    if (verdict->broken != NULL)
        snprintf(what, sizeof what, "the gradient of %s", verdict->broken);
    else if (!verdict->left_out) /* a later step's numbers by now, but the damage stays in its place */
        TLI_TRY(tli_grad_clip_find(r->ctx, tli_model_registry(r->model), what, sizeof what));
    if (!r->s->run.skip_nonfinite || ++r->skipped >= TLI_RECENT_LOSSES) return not_finite(r, step, what);
    tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE, "step %llu is left out: %s is not finite",
                  (unsigned long long)step, what);
    return TL_OK;
}

/* Waits for the device and reads the losses of all steps since the last time. A step's time is their mean. */
static tl_status read_back(run *r)
{
    const uint32_t count = r->unread;
    if (count == 0) return TL_OK;
    TLI_TRY(tli_model_read_losses(r->ctx, r->model, 0, count, r->losses));
    if (r->guard.partial != NULL)
        TLI_TRY(tli_grad_clip_read(r->ctx, &r->guard, tli_model_registry(r->model), count, r->verdicts));
    const double now = tli_clock_seconds(), seconds = (now - r->read_at) / count;
    const double data_wait = r->wait / (seconds * count);
    if (r->steps_run > 1) {
        r->all_wait += r->wait;
        r->all_seconds += seconds * count;
    }
    r->read_at = now;
    r->unread = 0;
    r->wait = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t step = r->done - count + 1 + i;
        r->recent[step % TLI_RECENT_LOSSES] = r->losses[i];
        if (r->recent_count < TLI_RECENT_LOSSES) r->recent_count++;
        tli_step_times_add(&r->times, r->predictions[i], seconds * 1e3);
        TLI_TRY(examine(r, step, r->losses[i], &r->verdicts[i]));
        TLI_TRY(report(r, step, r->losses[i], r->predictions[i] / seconds, data_wait, i + 1 == count));
    }
    return TL_OK;
}

static int stop_signal(const run *r)
{
    return r->hooks != NULL && r->hooks->stop != NULL ? (int)*r->hooks->stop : 0;
}

/* Runs until the end, --stop-after or a signal. */
static tl_status loop(run *r)
{
    const tl_settings *s = r->s;
    bool stop = false;
    r->read_at = tli_clock_seconds();
    tli_checkpoint_clock_start(&r->clock, s);
    while (r->done < r->total && !stop) {
        TLI_TRY(set_batch(r));
        /* The first step of a batch size builds kernels: it is read alone, so that its time is its own. */
        const bool builds = tli_step_times_is_new(&r->times, tli_model_predictions(r->model));
        if (builds) TLI_TRY(read_back(r));
        TLI_TRY(step(r));
        stop = stop_signal(r) != 0 || (s->run.stop_after > 0 && r->steps_run >= s->run.stop_after);
        const bool score = s->run.eval_every > 0 && r->done % s->run.eval_every == 0 && r->done < r->total;
        const bool keep = tli_checkpoint_clock_due(&r->clock, r->done);
        if (stop || score || keep || r->done == r->total || r->unread == TLI_LOSS_SLOTS || builds ||
            tli_clock_seconds() - r->read_at >= READ_SECONDS)
            TLI_TRY(read_back(r));
        if (score) TLI_TRY(score_main(r));
        if (keep) TLI_TRY(save(r));
        if (score || keep) r->read_at = tli_clock_seconds();
    }
    return TL_OK;
}

static void summarise(run *r, tl_result *result)
{
    double sum = 0.0;
    int counted = 0; /* steps that were left out may have no loss */
    for (int i = 0; i < r->recent_count; i++) {
        const float loss = r->recent[(r->done - (uint64_t)i) % TLI_RECENT_LOSSES];
        if (!isfinite(loss)) continue;
        sum += (double)loss;
        counted++;
    }
    result->loss = counted > 0 ? sum / counted : (double)NAN;
    result->step_ms = tli_step_times_median(&r->times);
    if (r->all_seconds > 0) result->data_wait = r->all_wait / r->all_seconds;
    result->steps = r->done;
    if (r->task->files != NULL) result->files = r->task->files(r->data, true);
    result->params = tli_registry_count(tli_model_registry(r->model));
    result->peak_device_bytes = tl_memory_peak(r->ctx);
    snprintf(result->out, sizeof result->out, "%s", r->out);
}

static tl_status finish(run *r, tl_result *result)
{
    char path[TLI_OUT_CAPACITY + 32];
    snprintf(path, sizeof path, "%s/model.safetensors", r->out);
    TLI_TRY(r->saved != r->done
                ? save(r)
                : tli_model_save(r->ctx, tli_model_registry(r->model), r->s, r->labels, r->done, path));
    const tl_status status = tli_score_all(r->ctx, r->task, r->model, r->data, r->s, r->hooks, note_scores, r,
                                           result);
    if (status == TL_OK && r->other_test) return TL_OK; /* OUT/result.json is by the checkpoint's settings */
    if (status == TL_OK) return tli_finished_save(r->out, result, r->best, tl_context_error(r->ctx));
    if (status != TL_INTERRUPTED) return status;
    return tli_fail(
        tl_context_error(r->ctx), TL_INTERRUPTED,
        "stopped by signal %d in the last evaluation; the weights after step %llu are saved in %s: go on "
        "with --resume --out %s",
        (int)*r->hooks->stop, (unsigned long long)r->done, r->out, r->out);
}

/* Whether a run that is resumed was done and has left its result, which is then said again. */
static bool was_finished(run *r, tl_result *result)
{
    tl_result found = *result;
    if (!r->s->run.resume || r->done == 0) return false;
    if (!tli_finished_load(r->out, r->done, &found, &r->best)) return false;
    if (r->done != r->total) return false; /* it goes on for longer than it was to */
    if (r->other_test) {
        tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                      "the run in %s has done all of its %llu steps, and was tested by other settings: it is "
                      "evaluated by these",
                      r->out, (unsigned long long)r->done);
        return false;
    }
    *result = found;
    snprintf(result->out, sizeof result->out, "%s", r->out);
    tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                  "the run in %s has done all of its %llu steps: this is its result; nothing is trained or "
                  "evaluated anew",
                  r->out, (unsigned long long)r->done);
    return true;
}

static tl_status train(run *r, tl_result *result)
{
    TLI_TRY(set_up(r));
    if (was_finished(r, result)) return TL_OK;
    const tl_status status = loop(r);
    tli_progress_end(&r->progress, tli_clock_seconds());
    TLI_TRY(status);
    summarise(r, result);
    if (r->done == r->total) return finish(r, result);
    TLI_TRY(save(r));
    if (stop_signal(r) == 0) return TL_OK;
    return tli_fail(tl_context_error(r->ctx), TL_INTERRUPTED,
                    "stopped by signal %d after step %llu, saved in %s: go on with --resume --out %s",
                    stop_signal(r), (unsigned long long)r->done, r->out, r->out);
}

tl_status tl_train(tl_context *ctx, tl_settings *settings, const tl_hooks *hooks, tl_result *result)
{
    if (ctx == NULL || settings == NULL || result == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "tl_train takes a context, settings and a result");
    run r = {.ctx = ctx, .s = settings, .hooks = hooks, .best = (double)NAN};
    *result = tli_result_empty();
    const tl_status status = train(&r, result);
    if ((status == TL_ERROR_DEVICE || status == TL_ERROR_IO) && r.saved > 0)
        tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE,
                      "%s holds the checkpoint after step %llu: --resume goes on there", r.out,
                      (unsigned long long)r.saved);
    tear_down(&r);
    return status;
}

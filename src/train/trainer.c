#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "ops/precision.h"
#include "tasks/model_file.h"
#include "tasks/score.h"
#include "train/finished_run.h"
#include "train/schedule.h"
#include "train/step.h"
#include "train/training_run.h"

/* Seconds between loss readbacks (each one waits for the device); losses are also read before saving. */
#define READ_SECONDS 0.5

/* ---- the loop ------------------------------------------------------------------------------------ */

/* Ends a run whose loss or weights are not finite after step `step`. */
static tl_status not_finite(training_run *r, uint64_t step, const char *what)
{
    char last[64] = "there is no checkpoint yet";
    if (r->saved > 0)
        snprintf(last, sizeof last, "the last checkpoint is after step %llu", (unsigned long long)r->saved);
    return tli_fail(tl_context_error(r->ctx), TL_ERROR_DEVICE,
                    "step %llu gave numbers that are not finite, first %s: lower `training.lr`, or try "
                    "`run.skip_nonfinite` (%s)",
                    (unsigned long long)step, what, last);
}

/* Waits for the next step's batch. */
static tl_status take_batch(training_run *r)
{
    const double begun = tli_clock_seconds();
    TLI_TRY(r->task->batch(r->data, r->done, &r->inputs, tl_context_error(r->ctx)));
    r->wait += tli_clock_seconds() - begun;
    return TL_OK;
}

/* Enqueues the step of the batch taken, possibly behind earlier steps, and prepares the next batch on
 * the host meanwhile. The loss, and with clipping the clip result, stay on the device until read_back. */
static tl_status trainer_step(training_run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    const float lr = tli_schedule_lr(r->s, r->done, r->steps_per_epoch, r->total);
    optimizer_settings optimizer = tli_step_optimizer(r->s, lr, r->done + 1);
    r->predictions[r->unread] = tli_model_predictions_of(r->model, &r->inputs);
    TLI_TRY(tli_step_slices(r->ctx, r->model, &r->slices, &r->exchange, &r->inputs, r->unread));
    TLI_TRY(tli_step_update(r->ctx, r->model, &r->exchange, &r->grad_clip, r->s->training.grad_clip,
                            r->unread, &optimizer));
    TLI_TRY(tli_flush(r->ctx));
    r->done++;
    r->steps_run++;
    r->unread++;
    return r->done < r->total ? r->task->prepare(r->data, r->done, err) : TL_OK;
}

/* Writes the weights to a file of the run folder; called by all ranks that evaluate. */
static tl_status save_weights(training_run *r, const char *name)
{
    char path[TLI_OUT_CAPACITY + 32];
    const tli_model_writers group = {.ranks = r->offsets, .first = tl_ranks_rank(r->offsets) == 0};
    snprintf(path, sizeof path, "%s/%s", r->dir.path, name);
    return tli_model_save(r->ctx, tli_model_registry(r->model), r->offsets != NULL ? &group : NULL, r->s,
                          r->labels, r->done, path);
}

/* Writes OUT/best.safetensors: the weights with the best evaluation score so far, as rank 0 has it. */
static tl_status keep_best(training_run *r, const tli_scores *scores)
{
    const double value = r->task->classifies ? scores->top1 : -scores->loss;
    int better = scores->not_finite == 0 && isfinite(value) && !(value <= r->best);
    TLI_TRY(tli_ranks_broadcast(r->offsets, &better, sizeof better, tl_context_error(r->ctx)));
    if (!better) return TL_OK;
    r->best = value;
    return save_weights(r, "best.safetensors");
}

/* Writes numbers of a step, or of an evaluation after it on the test set `test`, to the metrics and event files. */
static tl_status trainer_note(training_run *r, uint64_t step, const char *test, const tli_metric *values,
                              int count)
{
    tl_error *err = tl_context_error(r->ctx);
    const uint64_t epoch = (step + r->steps_per_epoch - 1) / r->steps_per_epoch;
    TLI_TRY(tli_metrics_line(&r->metrics, step, epoch, test, values, count, err));
    return tli_event_file_scalars(&r->events, step, test, values, count, err);
}

/* Writes an evaluation to the metrics, with a notice if predictions were not finite, and tells the caller. */
static tl_status note_scores(void *user, const tli_task *task, int set, const tli_scores *scores)
{
    training_run *r = user;
    if (set == task->main_set(r->s)) TLI_TRY(keep_best(r, scores));
    if (!tli_run_writes(r)) return TL_OK;
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
    TLI_TRY(trainer_note(r, r->done, tli_task_set_name(task, set), task->classifies ? hits : text,
                         task->classifies ? hit_values : 2));
    if (r->hooks->on_evaluation == NULL) return TL_OK;
    const tl_evaluation evaluation = tli_score_evaluation(task, set, scores, r->done);
    if (!r->hooks->on_evaluation(r->hooks->user, &evaluation)) r->stop_asked = RUN_ENDED;
    return TL_OK;
}

/* Evaluates the main test set during training. A signal interrupts it, so that the run can save. */
static tl_status score_main(training_run *r)
{
    const int set = r->task->main_set(r->s);
    tli_scores scores;
    tli_train_progress_clear(&r->progress);
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

/* Called by all ranks alike. */
static tl_status trainer_save(training_run *r)
{
    if (r->saved == r->done) return TL_OK;
    const tli_model_writers all = {
        .ranks = r->hooks->ranks, .replicas = r->replicas != NULL, .first = tl_ranks_rank(r->offsets) == 0};
    TLI_TRY(tli_ranks_at_work(r->hooks->ranks, tl_context_error(r->ctx)));
    tli_train_state standing = {
        .step = r->done, .best = r->best, .losses = r->recent_count, .data = r->identity};
    for (int i = 0; i < r->recent_count; i++)
        standing.loss[i] = r->recent[(r->done - (uint64_t)(r->recent_count - 1 - i)) % TLI_RECENT_LOSSES];
    TLI_TRY(tli_checkpoint_save(r->ctx, tli_model_registry(r->model), all.ranks != NULL ? &all : NULL, r->s,
                                r->labels, r->dir.path, &standing));
    r->saved = r->done;
    r->other_test = false;
    tli_checkpoint_clock_reset(&r->clock);
    return TL_OK;
}

/* Writes a step to the metrics and, with `show`, to the progress, and tells the caller. */
static tl_status trainer_report_step(training_run *r, uint64_t step, float loss, double rate,
                                     double data_wait, double communication, bool show)
{
    if (!tli_run_writes(r)) return TL_OK;
    const uint64_t epoch = (step - 1) / r->steps_per_epoch + 1;
    const double lr = (double)tli_schedule_lr(r->s, step - 1, r->steps_per_epoch, r->total);
    const tli_progress_point point = {.step = step,
                                      .epoch = epoch,
                                      .loss = (double)loss,
                                      .lr = lr,
                                      .rate = rate,
                                      .perplexity = r->task->classifies ? (double)NAN : exp((double)loss),
                                      .data_wait = data_wait};
    if (show) tli_train_progress_step(&r->progress, &point, tli_clock_seconds());
    char rate_key[32];
    snprintf(rate_key, sizeof rate_key, "%s_per_second", r->task->unit);
    tli_metric values[6] = {
        {"loss", (double)loss}, {"lr", lr}, {rate_key, rate}, {"data_wait", point.data_wait}};
    int count = 4;
    if (r->hooks->ranks != NULL) values[count++] = (tli_metric){"communication", communication};
    if (!r->task->classifies) values[count++] = (tli_metric){"perplexity", exp((double)loss)};
    TLI_TRY(trainer_note(r, step, NULL, values, count));
    if (r->hooks->on_step == NULL) return TL_OK;
    const tl_step told = {
        .step = step, .total = r->total, .epoch = epoch, .loss = (double)loss, .lr = lr, .rate = rate};
    if (!r->hooks->on_step(r->hooks->user, &told)) r->stop_asked = RUN_ENDED;
    return TL_OK;
}

/* Checks the loss of `step` and, with clipping, the device's clip result on it. */
static tl_status trainer_examine(training_run *r, uint64_t step, float loss,
                                 const tli_clip_result *clip_result)
{
    char what[160] = "the loss";
    const bool good = isfinite(loss) && !clip_result->skipped;
    if (good) r->skipped = 0;
    if (good) return TL_OK;
    if (clip_result->broken != NULL)
        snprintf(what, sizeof what, "the gradient of %s", clip_result->broken);
    else if (!clip_result->skipped) /* by now a later step's values, but what is not finite stays so */
        TLI_TRY(tli_grad_clip_find(r->ctx, tli_model_registry(r->model), what, sizeof what));
    if (!r->s->run.skip_nonfinite || ++r->skipped >= TLI_RECENT_LOSSES) return not_finite(r, step, what);
    tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE, "step %llu is left out: %s is not finite",
                  (unsigned long long)step, what);
    return TL_OK;
}

/* Waits for the device and reads the losses of all steps since the last read. A step's time is their mean. */
static tl_status read_back(training_run *r)
{
    const uint32_t count = r->unread;
    if (count == 0) return TL_OK;
    TLI_TRY(tli_model_read_losses(r->ctx, r->model, 0, count, r->losses));
    TLI_TRY(tli_run_begin_writing(r)); /* no kernel was refused in the first step */
    if (r->grad_clip.partial != NULL)
        TLI_TRY(
            tli_grad_clip_read(r->ctx, &r->grad_clip, tli_model_registry(r->model), count, r->clip_results));
    const double now = tli_clock_seconds(), seconds = (now - r->read_at) / count;
    const double data_wait = r->wait / (seconds * count),
                 exchange = tli_ranks_count_steps(r->hooks->ranks, seconds * count,
                                                  r->steps_run > 1 ? count : 0);
    if (r->steps_run > 1) {
        r->all_wait += r->wait;
        r->all_exchange += exchange;
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
        TLI_TRY(trainer_examine(r, step, r->losses[i], &r->clip_results[i]));
        TLI_TRY(trainer_report_step(r, step, r->losses[i], r->predictions[i] / seconds, data_wait,
                                    exchange / (seconds * count), i + 1 == count));
    }
    return TL_OK;
}

/* The signal that this rank has had; 0: none. */
static int signal_here(const training_run *r)
{
    return r->hooks->stop != NULL ? (int)*r->hooks->stop : 0;
}

/* Why to stop now: 0, a signal number, RUN_ENDED, or both; and whether to save, which a run that stops does anyway. All
 * ranks stop after the same step, for a reason of any of them, and save when it is time in rank 0. */
static tl_status agree_to_stop(training_run *r, bool *keep)
{
    const int why = r->stop_asked | signal_here(r);
    int agreed = 2 * why + (tli_run_writes(r) && tli_checkpoint_clock_due(&r->clock, r->done));
    TLI_TRY(tli_ranks_largest(r->hooks->ranks, &agreed, tl_context_error(r->ctx)));
    r->stopped = agreed / 2;
    *keep = agreed % 2 != 0;
    return TL_OK;
}

static int stop_signal(const training_run *r)
{
    return r->stopped & (RUN_ENDED - 1);
}

/* Steps are timed from now on: what came before is no part of one. */
static void begin_timing(training_run *r)
{
    (void)tli_ranks_count_steps(r->hooks->ranks, 0, 0);
    r->read_at = tli_clock_seconds();
}

/* Runs until the end, --stop-after, a signal, or a callback that asks to stop. */
static tl_status trainer_loop(training_run *r)
{
    const tl_settings *s = r->s;
    const uint64_t stop_at = s->run.stop_after > 0 ? r->done + s->run.stop_after : UINT64_MAX;
    bool stop = false, keep;
    r->stop_asked = 0;
    begin_timing(r);
    tli_checkpoint_clock_start(&r->clock, s);
    while (r->done < r->total && !stop) {
        TLI_TRY(take_batch(r));
        /* The first step of a batch size compiles kernels: it is read alone, so that it is timed alone. */
        const bool builds = tli_step_times_is_new(&r->times, tli_model_predictions_of(r->model, &r->inputs));
        if (builds) TLI_TRY(read_back(r));
        TLI_TRY(trainer_step(r));
        TLI_TRY(agree_to_stop(r, &keep));
        stop = r->stopped != 0 || r->done >= stop_at;
        const bool score = s->run.eval_every > 0 && r->done % s->run.eval_every == 0 && r->done < r->total;
        if (stop || score || keep || r->done == r->total || r->unread == TLI_LOSS_SLOTS || builds ||
            tli_clock_seconds() - r->read_at >= READ_SECONDS)
            TLI_TRY(read_back(r));
        if (score && tli_run_evaluates(r)) TLI_TRY(score_main(r));
        if (keep) TLI_TRY(trainer_save(r));
        if (score || keep) begin_timing(r);
        stop |= r->hooks->ranks == NULL && r->stop_asked != 0; /* ranks agree on it after the next step */
    }
    return TL_OK;
}

static void trainer_summarise(training_run *r, tl_result *result)
{
    double sum = 0.0;
    int counted = 0; /* skipped steps may have no finite loss */
    for (int i = 0; i < r->recent_count; i++) {
        const float loss = r->recent[(r->done - (uint64_t)i) % TLI_RECENT_LOSSES];
        if (!isfinite(loss)) continue;
        sum += (double)loss;
        counted++;
    }
    result->loss = counted > 0 ? sum / counted : (double)NAN;
    result->step_ms = tli_step_times_median(&r->times);
    if (r->all_seconds > 0) result->data_wait = r->all_wait / r->all_seconds;
    if (r->all_seconds > 0 && r->hooks->ranks != NULL)
        result->communication = r->all_exchange / r->all_seconds;
    result->steps = r->done;
    if (r->task->files != NULL) result->files = r->task->files(r->data, true);
    result->params = tli_registry_whole(tli_model_registry(r->model));
    result->peak_device_bytes = tl_memory_peak(r->ctx);
    result->precision = tli_precision_of(r->ctx);
    snprintf(result->out, sizeof result->out, "%s", r->dir.path);
}

static tl_status trainer_finish(training_run *r, tl_result *result)
{
    char confusion[TLI_OUT_CAPACITY + 32] = "";
    if (!tli_run_evaluates(r)) return trainer_save(r);
    TLI_TRY(tli_run_begin_writing(r)); /* where a resumed run had no step left */
    TLI_TRY(r->saved != r->done ? trainer_save(r) : save_weights(r, "model.safetensors"));
    if (tli_run_writes(r) && r->task->classifies)
        snprintf(confusion, sizeof confusion, "%s/confusion.tsv", r->dir.path);
    const tl_status status = tli_score_all(r->ctx, r->task, r->model, r->data, r->s, confusion, r->hooks,
                                           note_scores, r, result);
    /* result.json is for the checkpoint's settings */
    if (status == TL_OK && (r->other_test || !tli_run_writes(r))) return TL_OK;
    if (status == TL_OK) return tli_finished_save(r->dir.path, result, r->best, tl_context_error(r->ctx));
    if (status != TL_INTERRUPTED) return status;
    int number = signal_here(r);
    TLI_TRY(tli_ranks_largest(r->offsets, &number, tl_context_error(r->ctx)));
    return tli_fail(
        tl_context_error(r->ctx), TL_INTERRUPTED,
        "stopped by signal %d in the last evaluation; the weights after step %llu are saved in %s: go on "
        "with `run.resume` and `run.out` %s",
        number, (unsigned long long)r->done, r->dir.path, r->dir.path);
}

/* Whether a resumed run was already finished and has a result file; its result is then returned again. */
static bool was_finished(training_run *r, tl_result *result)
{
    tl_result found = *result;
    if (!r->s->run.resume || r->done == 0) return false;
    if (!tli_finished_load(r->dir.path, r->done, &found, &r->best)) return false;
    if (r->done != r->total) return false; /* continues with more steps */
    if (r->other_test) {
        tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                      "the run in %s has done all of its %llu steps, and was tested by other settings: it is "
                      "evaluated by these",
                      r->dir.path, (unsigned long long)r->done);
        return false;
    }
    *result = found;
    snprintf(result->out, sizeof result->out, "%s", r->dir.path);
    tli_log_write(tli_context_log(r->ctx), TL_LOG_NOTICE,
                  "the run in %s has done all of its %llu steps: this is its result; nothing is trained or "
                  "evaluated anew",
                  r->dir.path, (unsigned long long)r->done);
    return true;
}

/* From r->done to the end or until stopped; what rank 0 does alone at the end included. */
static tl_status train_and_save(training_run *r, tl_result *result)
{
    const tl_status status = trainer_loop(r);
    tli_train_progress_end(&r->progress, tli_clock_seconds());
    TLI_TRY(status);
    trainer_summarise(r, result);
    if (r->done == r->total) return trainer_finish(r, result);
    TLI_TRY(trainer_save(r));
    if (stop_signal(r) == 0) return TL_OK;
    return tli_fail(
        tl_context_error(r->ctx), TL_INTERRUPTED,
        "stopped by signal %d after step %llu, saved in %s: go on with `run.resume` and `run.out` %s",
        stop_signal(r), (unsigned long long)r->done, r->dir.path, r->dir.path);
}

tl_status tli_run_train(training_run *r, tl_result *result)
{
    if (was_finished(r, result)) return TL_OK;
    if (r->task->forget != NULL) r->task->forget(r->data);
    const tl_status status = train_and_save(r, result);
    int ended = 0;
    if (status != TL_OK && status != TL_INTERRUPTED) return status;
    TLI_TRY(tli_ranks_largest(r->hooks->ranks, &ended, tl_context_error(r->ctx))); /* all wait for rank 0 */
    return status;
}

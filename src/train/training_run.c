#include "train/training_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/choices.h"
#include "ops/matrix_unit.h"
#include "ops/precision.h"
#include "tasks/metadata.h"
#include "tasks/settings_check.h"
#include "train/plan.h"
#include "train/run_ranks.h"
#include "train/schedule.h"
#include "train/step.h"

tl_status tli_run_check(const tl_settings *s, tl_error *err)
{
    if (s == NULL) return tli_fail(err, TL_ERROR_USAGE, "the settings are missing");
    TLI_TRY(tli_settings_check(s, true, err));
    TLI_TRY(tli_init_weights_flags(s, err));
    if (s->run.tensorboard) TLI_TRY(tli_event_file_check(err));
    if (s->training.steps == 0 || s->run.resume) return TL_OK; /* the data or the checkpoint say how many */
    return tli_schedule_check(s, s->training.steps, err);
}

bool tli_run_writes(const training_run *r)
{
    return tl_ranks_rank(r->hooks->ranks) == 0;
}

bool tli_run_evaluates(const training_run *r)
{
    return tl_ranks_rank(r->replicas) == 0;
}

static tl_status open_init(training_run *r)
{
    if (r->hooks->init != NULL && r->s->run.init[0] == '\0')
        return tli_fail(tl_context_error(r->ctx), TL_ERROR_USAGE,
                        "tl_hooks.init is an open file, but `run.init`, its path, is empty");
    return tli_init_weights_open(r->s, r->hooks->init, true, r->labels, tli_context_log(r->ctx),
                                 tl_context_error(r->ctx), &r->init);
}

static tl_status begin_anew(training_run *r)
{
    tli_registry *registry = tli_model_registry(r->model);
    TLI_TRY(tli_registry_init(r->ctx, registry, r->s->training.seed));
    if (r->init == NULL) return TL_OK;
    TLI_TRY(tli_init_weights_copy(r->ctx, r->init, registry));
    tli_init_weights_close(r->init);
    r->init = NULL;
    return TL_OK;
}

/* What the samples of its data are. */
static const char *samples_of(const training_run *r)
{
    return r->task->callers ? "samples" : r->task->unit;
}

/* Restores the newest checkpoint (--resume) or initialises the parameters. */
static tl_status begin(training_run *r)
{
    tli_registry *registry = tli_model_registry(r->model);
    const tl_log *log = tli_context_log(r->ctx);
    if (r->s->run.resume && r->found > 0) {
        tli_train_state standing;
        TLI_TRY(tli_checkpoint_resume(r->ctx, registry, r->s, r->labels, r->dir.path, r->found, &standing));
        TLI_TRY(tli_identity_check(&standing.data, &r->identity, samples_of(r), r->dir.path, r->s->run.data,
                                   r->s->run.allow_other_data, log, tl_context_error(r->ctx)));
        r->done = r->saved = standing.step;
        r->best = standing.best;
        r->recent_count = standing.losses;
        for (int i = 0; i < standing.losses; i++)
            r->recent[(r->done - (uint64_t)(standing.losses - 1 - i)) % TLI_RECENT_LOSSES] = standing.loss[i];
        tli_log_write(log, TL_LOG_NOTICE, "resuming %s after step %llu", r->dir.path,
                      (unsigned long long)r->done);
        return TL_OK;
    }
    if (r->s->run.resume) {
        tli_log_write(log, TL_LOG_NOTICE, "no complete checkpoint in %s: starting anew", r->dir.path);
        TLI_TRY(open_init(r));
    }
    return begin_anew(r);
}

static tli_data_identity identify(const training_run *r)
{
    return (tli_data_identity){.known = true,
                               .train = r->task->identify(r->data, true),
                               .test = r->task->identify(r->data, false),
                               .limit_test = r->s->training.limit_test};
}

/* Lock an existing folder before reading anything in it. */
static tl_status own_existing_folder(training_run *r)
{
    if (!tli_run_writes(r) || r->s->run.out[0] == '\0' || access(r->s->run.out, F_OK) != 0) return TL_OK;
    return tli_run_lock_take(&r->lock, r->s->run.out, tli_context_log(r->ctx), tl_context_error(r->ctx));
}

/* A resumed run keeps its schedule version and, unless given, its batch size, slices and length. */
static tl_status adopt_stored(training_run *r)
{
    tl_settings stored = *r->s;
    if (!r->s->run.resume || r->s->run.out[0] == '\0') return TL_OK;
    TLI_TRY(tli_checkpoint_settings(r->s->run.out, r->hooks->ranks, tli_context_log(r->ctx), &stored,
                                    &r->found, tl_context_error(r->ctx)));
    if (r->found == 0) return TL_OK;
    r->other_test = tli_settings_test_differently(&stored, r->s);
    r->s->training.schedule_version = stored.training.schedule_version;
    if (!r->s->run.exact_batch) r->s->training.batch_size = stored.training.batch_size;
    if (r->s->training.grad_slices == 0) r->s->training.grad_slices = stored.training.grad_slices;
    if (r->s->run.stored_length) {
        r->s->training.steps = stored.training.steps;
        r->s->training.epochs = stored.training.epochs;
    }
    return tli_settings_check_slices(r->s, tl_context_error(r->ctx));
}

/* Rank 0 makes and locks the run's folder, in which the others write parts of checkpoints. */
static tl_status take_folder(training_run *r)
{
    tl_settings *s = r->s;
    tl_error *err = tl_context_error(r->ctx);
    if (!tli_run_writes(r)) return TL_OK;
    TLI_TRY(tli_run_dir_make(&r->dir, s->run.out, s->task, tl_op_name(s->model.op), err));
    return tli_run_lock_take(&r->lock, r->dir.path, tli_context_log(r->ctx), err);
}

/* Forced, CLBlast would multiply nothing of what tensor cores compute. */
static tl_status check_gemm(const training_run *r)
{
    const tl_precision precision = r->s->training.precision;
    if (precision == TL_PRECISION_FP32 || tli_context_limits(r->ctx)->gemm != TL_GEMM_CLBLAST) return TL_OK;
    return tli_fail(
        tl_context_error(r->ctx), TL_ERROR_USAGE,
        "`training.precision` is %s, and the context's `gemm` asks for CLBlast, which multiplies in "
        "fp32: leave one of the two out",
        tli_choice_shown(&tli_precision_choices, (int)precision));
}

static tl_status create_model(training_run *r)
{
    const tl_settings *s = r->s;
    const tl_model_config model = tli_own_share(&s->model, r->offsets);
    TLI_TRY(tli_precision_choose(r->ctx, r->hooks->ranks, s->training.precision));
    TLI_TRY(tli_model_create(r->ctx, &model,
                             &(tl_model_options){.batch = tl_settings_slice_samples(s), .training = true},
                             NULL, &r->model));
    TLI_TRY(tli_model_share(r->ctx, r->model, r->offsets));
    tli_registry *registry = tli_model_registry(r->model);
    TLI_TRY(tli_grad_slices_create(r->ctx, registry, tli_settings_slices(s), r->replicas, &r->slices));
    TLI_TRY(tli_grad_exchange_create(r->ctx, r->replicas, r->offsets, &model, registry, &r->exchange));
    TLI_TRY(tli_registry_allocate_state(r->ctx, registry, tli_optimizer_rule_of(s->training.optimizer)));
    return tli_plan_clips(s) ? tli_grad_clip_create(r->ctx, registry, TLI_LOSS_SLOTS, &r->grad_clip) : TL_OK;
}

tl_status tli_run_open(training_run *r, const tl_data *own)
{
    tl_settings *s = r->s;
    tl_error *err = tl_context_error(r->ctx);
    r->task = tli_task_find(s->task);
    TLI_TRY(tli_task_check_own(r->task, own, err));
    TLI_TRY(check_gemm(r));
    s->model.positions = tli_model_positions(&s->model);
    const tl_log *log = tli_context_log(r->ctx);
    TLI_TRY(tli_run_compare_ranks(r));
    TLI_TRY(own_existing_folder(r));
    if (tli_run_writes(r) && s->run.metrics[0] != '\0') TLI_TRY(tli_metrics_check(s->run.metrics, err));
    TLI_TRY(adopt_stored(r));
    TLI_TRY(tli_share_slices(s, tl_ranks_size(r->hooks->ranks), err));
    TLI_TRY(tli_run_group_ranks(r));
    const task_opening how = {.train = true,
                              .part = tli_grad_slices_part(tli_settings_slices(s), r->replicas),
                              .own = own,
                              .log = log};
    TLI_TRY(r->task->open(s, &how, &r->data, err));
    if (r->task->labels != NULL) r->labels = r->task->labels(r->data);
    r->identity = identify(r);
    TLI_TRY(tli_run_compare_data(r, samples_of(r)));
    TLI_TRY(tli_step_choose_batch(r->ctx, s, tl_ranks_size(r->hooks->ranks)));
    r->steps_per_epoch = (r->task->samples(r->data) + s->training.batch_size - 1) / s->training.batch_size;
    r->total = s->training.steps > 0 ? s->training.steps : s->training.epochs * r->steps_per_epoch;
    TLI_TRY(tli_schedule_check(s, r->total, err));
    if (!s->run.resume) TLI_TRY(open_init(r)); /* refused before anything is created */
    TLI_TRY(take_folder(r));
    TLI_TRY(tli_run_share_folder(r));
    TLI_TRY(tli_step_times_create(&r->times, err));
    TLI_TRY(create_model(r));
    TLI_TRY(begin(r));
    TLI_TRY(tli_run_compare_ranks(r)); /* by now completed by data, device and checkpoint */
    if (!tli_run_writes(r)) return TL_OK;
    tli_checkpoint_room(r->dir.path, tli_model_registry(r->model), s, r->total - r->done, log);
    const uint64_t epochs = (r->total + r->steps_per_epoch - 1) / r->steps_per_epoch;
    tli_train_progress_begin(&r->progress, r->hooks->progress, r->task->unit, r->total, epochs);
    return TL_OK;
}

/* Where a resumed run has no step left, evaluations after its last step may come again: what earlier event files say of that
 * step no longer counts, and what is known of the step itself is written again. */
static tl_status open_events(training_run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    if (!r->s->run.tensorboard) return TL_OK;
    if (r->steps_run > 0)
        return tli_event_file_open(&r->events, r->dir.path, r->done - r->steps_run + 1, err);
    TLI_TRY(tli_event_file_open(&r->events, r->dir.path, r->done, err));
    const tli_metric known[] = {
        {"loss", (double)r->recent[r->done % TLI_RECENT_LOSSES]},
        {"lr", (double)tli_schedule_lr(r->s, r->done - 1, r->steps_per_epoch, r->total)}};
    return tli_event_file_scalars(&r->events, r->done, NULL, known, 2, err);
}

tl_status tli_run_begin_writing(training_run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    char path[TLI_OUT_CAPACITY + 32];
    if (r->metrics.file != NULL || !tli_run_writes(r)) return TL_OK;
    if (r->done == r->steps_run) TLI_TRY(tli_run_dir_set_aside(r->dir.path, tli_context_log(r->ctx), err));
    snprintf(path, sizeof path, "%s/metrics.jsonl", r->dir.path);
    TLI_TRY(tli_metrics_open(&r->metrics, r->s->run.metrics[0] != '\0' ? r->s->run.metrics : path, err));
    return open_events(r);
}

void tli_run_close(training_run *r)
{
    const bool refused = r->metrics.file == NULL && tli_run_writes(r);
    tli_metrics_close(&r->metrics);
    tli_event_file_close(&r->events);
    tli_init_weights_close(r->init);
    tli_model_destroy(r->ctx, r->model);
    tli_matrix_unit_stop(r->ctx);
    tli_grad_clip_destroy(r->ctx, &r->grad_clip);
    tli_grad_slices_destroy(r->ctx, &r->slices);
    tli_grad_exchange_destroy(r->ctx, &r->exchange);
    tli_ranks_group_free(r->offsets);
    tli_ranks_group_free(r->replicas);
    if (r->task != NULL) r->task->close(r->data);
    tli_step_times_free(&r->times);
    if (refused && r->dir.found < strlen(r->dir.path)) tli_run_lock_remove(&r->lock, r->dir.path);
    tli_run_lock_release(&r->lock);
    if (refused) tli_folder_unmake(&r->dir);
}

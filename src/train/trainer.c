#include "train/trainer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "ops/adamw.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/schedule.h"

enum { LOSS_MEAN = 20 }; /* steps that the reported loss averages */

/* Everything that a run holds while it lasts. */
typedef struct run {
    tl_context *ctx;
    tl_settings *s;
    const tl_hooks *hooks;
    tl_dataset train, test;
    tl_batch batch;
    uint32_t *order;
    tl_vit *model;
    tl_metrics metrics;
    tl_progress progress;
    uint64_t steps_per_epoch, total, done, saved;
    float *step_ms; /* one a step of this process */
    float recent[LOSS_MEAN];
    char out[1024];
} run;

/* ---- setting up ---------------------------------------------------------------------------------- */

static bool plan_fits(const tl_context *ctx, const tl_settings *s, uint32_t batch, tl_memory_plan *plan)
{
    const tl_traits *traits = tl_context_traits(ctx);
    tl_error ignored;
    return tl_vit_plan(&s->model, batch, true, plan, &ignored) == TL_OK &&
           plan->total <= traits->memory_limit && plan->largest <= traits->max_alloc_bytes;
}

/* The batch size as it was given, or halved until the plan fits when it was not. */
static tl_status choose_batch(tl_context *ctx, tl_settings *s)
{
    tl_memory_plan plan;
    const uint32_t wanted = s->batch_size;
    if (plan_fits(ctx, s, wanted, &plan)) return TL_OK;
    const double total = (double)plan.total / 0x1p20,
                 limit = (double)tl_context_traits(ctx)->memory_limit / 0x1p20;
    uint32_t fit = wanted;
    tl_memory_plan smaller;
    while (fit > 0 && !plan_fits(ctx, s, fit, &smaller)) fit /= 2;
    if (fit > 0 && !s->batch_given) {
        tl_log_write(tl_context_log(ctx), TL_LOG_NOTICE,
                     "a batch of %u needs %.0f MiB, the device gives %.0f MiB: using batches of %u", wanted,
                     total, limit, fit);
        s->batch_size = fit;
        return TL_OK;
    }
    if (fit == 0)
        return tl_fail(
            tl_context_error(ctx), TL_ERROR_MEMORY,
            "the model does not fit this device even with batches of one image: a batch of %u needs %.0f MiB "
            "and the limit is %.0f MiB; choose a smaller model or another device",
            wanted, total, limit);
    uint32_t low = fit, high = wanted; /* low fits, high does not */
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (plan_fits(ctx, s, middle, &smaller))
            low = middle;
        else
            high = middle;
    }
    return tl_fail(
        tl_context_error(ctx), TL_ERROR_MEMORY,
        "a batch of %u needs %.0f MiB and the limit is %.0f MiB: the largest --batch-size that fits is %u",
        wanted, total, limit, low);
}

static tl_status unwritable(tl_error *err, const char *path)
{
    return tl_fail(err, TL_ERROR_INPUT, "cannot write the output folder %s: %s; choose another --out", path,
                   strerror(errno));
}

/* Makes a folder and those above it. */
static tl_status make_folders(const char *path, tl_error *err)
{
    char part[1024];
    for (size_t i = 0; i < sizeof part; i++) {
        part[i] = path[i];
        if ((path[i] != '/' && path[i] != '\0') || i == 0) continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return unwritable(err, part);
        if (path[i] == '\0') break;
        part[i] = '/';
    }
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode) && access(path, W_OK) == 0) return TL_OK;
    if (errno == 0) errno = ENOTDIR;
    return unwritable(err, path);
}

/* --out, or the first of runs/TASK-OP-1, -2, ... that is free. */
static tl_status make_out(run *r)
{
    tl_error *err = tl_context_error(r->ctx);
    if (r->s->out[0] != '\0') {
        snprintf(r->out, sizeof r->out, "%s", r->s->out);
        return make_folders(r->out, err);
    }
    TL_TRY(make_folders("runs", err));
    for (int n = 1; n < 1000000; n++) {
        snprintf(r->out, sizeof r->out, "runs/%s-%s-%d", r->s->task, tl_op_name(r->s->model.op), n);
        if (mkdir(r->out, 0777) == 0) return TL_OK;
        if (errno != EEXIST) return unwritable(err, r->out);
    }
    return tl_fail(err, TL_ERROR_INPUT, "the folder runs is full of earlier runs: give an --out");
}

static tl_status set_up(run *r)
{
    tl_settings *s = r->s;
    tl_error *err = tl_context_error(r->ctx);
    if (s->grad_clip > 0.0f)
        return tl_fail(err, TL_ERROR_USAGE, "--grad-clip is not offered for %s: leave it out", s->task);
    TL_TRY(choose_batch(r->ctx, s));
    TL_TRY(tl_batches_load(s, true, &r->train, err));
    TL_TRY(tl_batches_load(s, false, &r->test, err));
    TL_TRY(make_out(r));
    r->steps_per_epoch = (r->train.count + s->batch_size - 1) / s->batch_size;
    r->total = s->steps > 0 ? s->steps : s->epochs * r->steps_per_epoch;
    TL_TRY(tl_batch_create(s, s->batch_size, &r->batch, err));
    r->order = malloc(r->train.count * sizeof *r->order);
    r->step_ms = malloc(r->total * sizeof *r->step_ms);
    if (r->order == NULL || r->step_ms == NULL)
        return tl_fail(err, TL_ERROR_MEMORY, "out of host memory for a run of %llu steps",
                       (unsigned long long)r->total);
    TL_TRY(tl_vit_create(r->ctx, &s->model, s->batch_size, true, &r->model));
    if (s->resume) {
        TL_TRY(tl_checkpoint_resume(r->ctx, tl_vit_registry(r->model), s, r->out, &r->done));
        if (r->done > 0)
            tl_log_write(tl_context_log(r->ctx), TL_LOG_NOTICE, "resuming %s after step %llu", r->out,
                         (unsigned long long)r->done);
        else
            tl_log_write(tl_context_log(r->ctx), TL_LOG_NOTICE, "no complete checkpoint in %s: starting anew",
                         r->out);
    }
    r->saved = r->done;
    if (r->done == 0) TL_TRY(tl_registry_init(r->ctx, tl_vit_registry(r->model), s->seed));
    char path[1100];
    snprintf(path, sizeof path, "%s/metrics.jsonl", r->out);
    TL_TRY(tl_metrics_open(&r->metrics, s->metrics[0] != '\0' ? s->metrics : path, err));
    const uint64_t epochs = (r->total + r->steps_per_epoch - 1) / r->steps_per_epoch;
    tl_progress_begin(&r->progress, r->hooks != NULL ? r->hooks->progress : NULL, r->total, epochs);
    return TL_OK;
}

static void tear_down(run *r)
{
    tl_metrics_close(&r->metrics);
    tl_vit_destroy(r->ctx, r->model);
    tl_batch_free(&r->batch);
    tl_dataset_free(&r->train);
    tl_dataset_free(&r->test);
    free(r->order);
    free(r->step_ms);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static tl_status update(run *r, float lr)
{
    tl_registry *registry = tl_vit_registry(r->model);
    const tl_adamw_settings adamw = {.lr = lr,
                                     .beta1 = 0.9f,
                                     .beta2 = 0.999f,
                                     .eps = 1e-8f,
                                     .weight_decay = r->s->weight_decay,
                                     .gradient_scale = 1.0f,
                                     .step = r->done + 1};
    for (int i = 0; i < registry->count; i++) {
        tl_parameter *p = &registry->items[i];
        TL_TRY(tl_adamw_step(r->ctx, p->value, p->gradient, p->moment1, p->moment2, &adamw));
    }
    return TL_OK;
}

static tl_status step(run *r, float *loss)
{
    const uint64_t epoch = r->done / r->steps_per_epoch, within = r->done % r->steps_per_epoch;
    const uint32_t first = (uint32_t)within * r->s->batch_size;
    const uint32_t left = r->train.count - first;
    tl_batch_fill(&r->batch, r->s, &r->train, r->order, first,
                  left < r->s->batch_size ? left : r->s->batch_size, r->s->motion, "motion/train", epoch);
    TL_TRY(tl_vit_set_batch(r->ctx, r->model, r->batch.images, r->batch.targets, r->batch.count));
    TL_TRY(tl_vit_forward(r->ctx, r->model));
    TL_TRY(tl_vit_loss(r->ctx, r->model, 0));
    TL_TRY(tl_vit_backward(r->ctx, r->model));
    TL_TRY(update(r, tl_schedule_lr(r->s, r->done, r->steps_per_epoch, r->total)));
    return tl_vit_read_losses(r->ctx, r->model, 0, 1, loss);
}

static tl_status score(run *r, tl_motion motion, tl_scores *scores)
{
    TL_TRY(tl_batches_score(r->ctx, r->model, r->s, &r->test, motion, &r->batch, r->s->batch_size, scores));
    return tl_metrics_eval(&r->metrics, r->done, (r->done + r->steps_per_epoch - 1) / r->steps_per_epoch,
                           tl_motion_name(motion), scores->loss, scores->top1, scores->top5,
                           tl_context_error(r->ctx));
}

static tl_status save(run *r)
{
    if (r->saved == r->done) return TL_OK;
    TL_TRY(tl_checkpoint_save(r->ctx, tl_vit_registry(r->model), r->s, r->out, r->done));
    r->saved = r->done;
    return TL_OK;
}

static tl_status report(run *r, float loss, double seconds)
{
    const uint64_t epoch = (r->done - 1) / r->steps_per_epoch + 1;
    const double lr = (double)tl_schedule_lr(r->s, r->done - 1, r->steps_per_epoch, r->total);
    const double rate = r->batch.count / seconds;
    const tl_progress_point point = {
        .step = r->done, .epoch = epoch, .loss = (double)loss, .lr = lr, .images_per_second = rate};
    tl_progress_step(&r->progress, &point, tl_clock_seconds());
    return tl_metrics_step(&r->metrics, r->done, epoch, (double)loss, lr, rate, tl_context_error(r->ctx));
}

static int stop_signal(const run *r)
{
    return r->hooks != NULL && r->hooks->stop != NULL ? (int)*r->hooks->stop : 0;
}

/* Runs until the end, --stop-after or a signal. */
static tl_status loop(run *r, uint64_t *steps_run)
{
    tl_settings *s = r->s;
    uint64_t ordered = UINT64_MAX; /* epoch that `order` stands for */
    for (*steps_run = 0; r->done < r->total;) {
        const double begin = tl_clock_seconds();
        const uint64_t epoch = r->done / r->steps_per_epoch;
        if (epoch != ordered) tl_epoch_order(s->seed, epoch, r->train.count, r->order);
        ordered = epoch;
        float loss;
        TL_TRY(step(r, &loss));
        r->done++;
        r->recent[r->done % LOSS_MEAN] = loss;
        const double seconds = tl_clock_seconds() - begin;
        r->step_ms[(*steps_run)++] = (float)(seconds * 1e3);
        if (!isfinite(loss))
            return tl_fail(
                tl_context_error(r->ctx), TL_ERROR_DEVICE,
                "the loss is no longer a number after step %llu: lower --lr (the last checkpoint is after "
                "step %llu)",
                (unsigned long long)r->done, (unsigned long long)r->saved);
        TL_TRY(report(r, loss, seconds));
        if (s->eval_every > 0 && r->done % s->eval_every == 0 && r->done < r->total) {
            tl_scores scores;
            TL_TRY(score(r, s->test_motion, &scores));
        }
        if (s->checkpoint_every > 0 && r->done % s->checkpoint_every == 0) TL_TRY(save(r));
        if (stop_signal(r) != 0 || (s->stop_after > 0 && r->done >= s->stop_after)) break;
    }
    return TL_OK;
}

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void summarise(run *r, uint64_t steps_run, tl_result *result)
{
    const uint64_t count = steps_run < LOSS_MEAN ? steps_run : LOSS_MEAN;
    double sum = 0.0;
    for (uint64_t i = 0; i < count; i++) sum += (double)r->recent[(r->done - i) % LOSS_MEAN];
    result->loss = count > 0 ? sum / (double)count : (double)NAN;
    qsort(r->step_ms, steps_run, sizeof *r->step_ms, compare_floats);
    result->step_ms = steps_run > 0 ? (double)r->step_ms[steps_run / 2] : (double)NAN;
    result->steps = r->done;
    result->params = tl_registry_count(tl_vit_registry(r->model));
    result->peak_device_bytes = tl_memory_peak(r->ctx);
    result->top1 = result->top5 = result->top1_static = result->top1_dynamic = (double)NAN;
    snprintf(result->out, sizeof result->out, "%s", r->out);
}

static tl_status finish(run *r, tl_result *result)
{
    tl_scores scores[2];
    char path[1100];
    if (r->s->checkpoint_every > 0) TL_TRY(save(r));
    snprintf(path, sizeof path, "%s/model.safetensors", r->out);
    TL_TRY(tl_model_save(r->ctx, tl_vit_registry(r->model), r->s, path));
    TL_TRY(score(r, TL_MOTION_STATIC, &scores[TL_MOTION_STATIC]));
    TL_TRY(score(r, TL_MOTION_DYNAMIC, &scores[TL_MOTION_DYNAMIC]));
    result->top1 = scores[r->s->test_motion].top1;
    result->top5 = scores[r->s->test_motion].top5;
    result->top1_static = scores[TL_MOTION_STATIC].top1;
    result->top1_dynamic = scores[TL_MOTION_DYNAMIC].top1;
    return TL_OK;
}

static tl_status train(run *r, tl_result *result)
{
    uint64_t steps_run = 0;
    TL_TRY(set_up(r));
    const tl_status status = loop(r, &steps_run);
    tl_progress_end(&r->progress, tl_clock_seconds());
    TL_TRY(status);
    summarise(r, steps_run, result);
    if (r->done == r->total) return finish(r, result);
    TL_TRY(save(r));
    if (stop_signal(r) == 0) return TL_OK;
    return tl_fail(tl_context_error(r->ctx), TL_INTERRUPTED,
                   "stopped by signal %d after step %llu, saved in %s: go on with --resume --out %s",
                   stop_signal(r), (unsigned long long)r->done, r->out, r->out);
}

tl_status tl_train(tl_context *ctx, tl_settings *settings, const tl_hooks *hooks, tl_result *result)
{
    run r = {.ctx = ctx, .s = settings, .hooks = hooks};
    *result = (tl_result){0};
    const tl_status status = train(&r, result);
    tear_down(&r);
    return status;
}

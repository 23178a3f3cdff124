/* Evaluation of a checkpoint on the test sets of its task. */
#include <math.h>

#include "core/log.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/score.h"
#include "tasks/settings_check.h"

/* Large enough to keep a device busy, small enough for any memory; results do not depend on it beyond
 * rounding. */
enum { EVAL_BATCH = 64 };

/* The batch size, halved while it does not fit. */
static uint32_t fitting_batch(const tl_context *ctx, const tl_settings *s)
{
    const tl_traits *traits = tl_context_traits(ctx);
    uint32_t batch = s->batch_size;
    tl_memory_plan plan;
    while (batch > 1 && (tl_model_plan(&s->model, batch, NULL, &plan, NULL) != TL_OK ||
                         plan.total > traits->memory_limit || plan.largest > traits->max_alloc_bytes))
        batch /= 2;
    return batch;
}

/* Weights whose predictions are not finite have no score. */
static tl_status refuse_not_finite(void *user, const tl_task *task, int set, const tl_scores *scores)
{
    tl_context *ctx = user;
    if (scores->not_finite == 0) return TL_OK;
    return tl_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                   "%llu of %llu predictions on the test set %s are not finite: these weights are of no use",
                   (unsigned long long)scores->not_finite, (unsigned long long)scores->predictions,
                   tl_task_set_name(task, set));
}

static tl_status score_model(tl_context *ctx, const tl_task *task, tl_safetensors *st, tl_settings *s,
                             tl_task_data *data, const tl_hooks *hooks, tl_result *result)
{
    tl_model *model = NULL;
    result->steps = tl_model_step(st);
    TL_TRY(tl_model_create(ctx, &s->model, s->batch_size, NULL, &model));
    tl_status status = tl_model_load(ctx, tl_model_registry(model), st);
    result->params = tl_registry_count(tl_model_registry(model));
    if (status == TL_OK && hooks != NULL && hooks->progress != NULL)
        tl_log_print(hooks->progress, 0, "evaluating\n");
    if (status == TL_OK)
        status = tl_score_all(ctx, task, model, data, s, hooks, refuse_not_finite, ctx, result);
    result->loss = result->test_loss;
    result->files = result->test_files;
    result->peak_device_bytes = tl_memory_peak(ctx);
    tl_model_destroy(ctx, model);
    return status;
}

static tl_status evaluate(tl_context *ctx, tl_safetensors *st, tl_settings *s, const tl_hooks *hooks,
                          tl_result *result)
{
    const tl_task *task = tl_task_find(s->task);
    tl_task_data *data = NULL;
    s->log = tl_context_log(ctx);
    if (s->confusion[0] != '\0' && !task->classifies)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "--confusion is a table of classes, and %s has none: leave it away", task->name);
    TL_TRY(task->open(s, false, &data, tl_context_error(ctx)));
    const tl_status status = score_model(ctx, task, st, s, data, hooks, result);
    task->close(data);
    return status;
}

tl_status tl_evaluate(tl_context *ctx, const char *checkpoint, tl_settings *settings, const tl_hooks *hooks,
                      tl_result *result)
{
    tl_error *err = tl_context_error(ctx);
    if (ctx == NULL || checkpoint == NULL || settings == NULL || result == NULL)
        return tl_fail(err, TL_ERROR_USAGE,
                       "tl_evaluate takes a context, a checkpoint, settings and a result");
    TL_TRY(settings_check(settings, false, err));
    tl_safetensors st;
    const tl_status opened = tl_checkpoint_open(checkpoint, &st, err);
    *result = tl_result_empty(); /* behind it, as `checkpoint` may be the `out` of this very result */
    TL_TRY(opened);
    tl_settings stored = *settings; /* data and the other things that no checkpoint holds are the caller's */
    tl_status status = tl_settings_from_metadata(&st, &stored, err);
    if (status == TL_OK) {
        if (settings->limit_test != 0) /* UINT32_MAX: all, whatever training took */
            stored.limit_test = settings->limit_test != UINT32_MAX ? settings->limit_test : 0;
        if ((int)settings->test_motion >= 0) stored.test_motion = settings->test_motion;
        stored.batch_size = settings->batch_size != 0 ? settings->batch_size : EVAL_BATCH;
        if (settings->batch_size == 0) stored.batch_size = fitting_batch(ctx, &stored);
        *settings = stored;
        status = evaluate(ctx, &st, settings, hooks, result);
    }
    settings->vocabulary = settings->class_names = NULL; /* they were the file's */
    tl_st_close(&st);
    return status;
}

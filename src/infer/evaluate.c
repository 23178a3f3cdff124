/* Evaluation of a checkpoint on the test sets of its task. */
#include <math.h>

#include "core/config.h"
#include "core/log.h"
#include "core/terminal.h"
#include "infer/attention_maps.h"
#include "tasks/metadata.h"
#include "tasks/model_file.h"
#include "tasks/offset_share.h"
#include "tasks/score.h"
#include "tasks/settings_check.h"

/* Large enough to keep a device busy, small enough for any memory; results differ only by rounding. */
enum { EVAL_BATCH = 64 };

/* The batch size, halved until it fits. */
static uint32_t fitting_batch(const tl_context *ctx, const tl_model_config *model, uint32_t batch)
{
    const tli_limits *limits = tli_context_limits(ctx);
    tl_memory_plan plan;
    while (batch > 1 && (tli_model_plan(model, batch, NULL, &plan, NULL) != TL_OK ||
                         plan.total > limits->memory_limit || plan.largest > limits->max_alloc_bytes))
        batch /= 2;
    return batch;
}

/* The batch size that is asked for, 0: that fits; of several ranks the smallest, as they compute a batch together. */
static tl_status agree_on_batch(tl_context *ctx, const tl_settings *s, uint32_t asked, tl_ranks *ranks,
                                uint32_t *batch)
{
    const tl_model_config own = tli_own_share(&s->model, ranks);
    int smallest = -(int)(asked != 0 ? asked : fitting_batch(ctx, &own, EVAL_BATCH));
    TLI_TRY(tli_ranks_largest(ranks, &smallest, tl_context_error(ctx)));
    *batch = (uint32_t)-smallest;
    return TL_OK;
}

/* Who is told of scores. */
typedef struct listener {
    tl_context *ctx;
    const tl_hooks *hooks;
    uint64_t step;
    int main_set;
    double rate; /* of the main set */
} listener;

/* Tells the caller; predictions that are not finite have no score. */
static tl_status note_scores(void *user, const tli_task *task, int set, const tli_scores *scores)
{
    listener *e = user;
    tl_context *ctx = e->ctx;
    if (set == e->main_set) e->rate = scores->rate;
    const tl_evaluation told = tli_score_evaluation(task, set, scores, e->step);
    if (scores->not_finite == 0 && e->hooks->on_evaluation != NULL)
        (void)e->hooks->on_evaluation(e->hooks->user, &told); /* there is nothing to stop */
    if (scores->not_finite == 0) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                    "%llu of %llu predictions on the test set %s are not finite: these weights are of no use",
                    (unsigned long long)scores->not_finite, (unsigned long long)scores->predictions,
                    tli_task_set_name(task, set));
}

static tl_status score_model(tl_context *ctx, const tli_task *task, tli_safetensors *st, tl_settings *s,
                             tli_task_data *data, const tl_hooks *hooks, tl_result *result)
{
    tl_model *model = NULL;
    const tl_model_config own = tli_own_share(&s->model, hooks->ranks);
    result->steps = tli_model_step(st);
    TLI_TRY(tli_model_create(ctx, &own, &(tl_model_options){.batch = s->training.batch_size}, NULL, &model));
    tl_status status = tli_model_share(ctx, model, hooks->ranks);
    if (status == TL_OK) status = tli_model_load(ctx, tli_model_registry(model), st);
    listener e = {.ctx = ctx, .hooks = hooks, .step = result->steps, .main_set = task->main_set(s)};
    result->params = tli_registry_whole(tli_model_registry(model));
    if (status == TL_OK && hooks->progress != NULL && !tli_is_terminal(hooks->progress))
        tli_log_print(hooks->progress, 0, "evaluating\n");
    if (status == TL_OK)
        status = tli_score_all(ctx, task, model, data, s, s->run.confusion, hooks, note_scores, &e, result);
    if (status == TL_OK && s->run.attention_maps[0] != '\0')
        status = tli_attention_maps_write(ctx, task, model, data, s, result->steps, hooks);
    result->loss = result->test_loss;
    const tl_batch full = {.count = s->training.batch_size, .length = s->model.seq_len};
    result->step_ms = 1e3 * tli_model_predictions_of(model, &full) / e.rate;
    result->files = result->test_files;
    result->peak_device_bytes = tl_memory_peak(ctx);
    tli_model_destroy(ctx, model);
    return status;
}

static tl_status evaluate_open_model(tl_context *ctx, tli_safetensors *st, tl_settings *s,
                                     const tl_hooks *hooks, tl_result *result)
{
    const tli_task *task = tli_task_find(s->task);
    tli_task_data *data = NULL;
    const task_opening how = {.labels = tli_labels_of(st, s->task), .log = tli_context_log(ctx)};
    TLI_TRY(tli_task_check_offered(task, st->path, tl_context_error(ctx)));
    if (s->run.confusion[0] != '\0' && !task->classifies)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "`run.confusion` is a table of classes, and %s has none: leave it out", task->name);
    if (s->run.attention_maps[0] != '\0')
        TLI_TRY(tli_attention_maps_check(s, hooks->ranks, tl_context_error(ctx)));
    TLI_TRY(task->open(s, &how, &data, tl_context_error(ctx)));
    const tl_status status = score_model(ctx, task, st, s, data, hooks, result);
    task->close(data);
    return status;
}

tl_status tl_evaluate(tl_context *ctx, const char *checkpoint, tl_settings *settings, const tl_hooks *hooks,
                      tl_result *result)
{
    tl_error *err = tl_context_error(ctx);
    if (ctx == NULL || checkpoint == NULL || settings == NULL || result == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tl_evaluate takes a context, a checkpoint, settings and a result");
    tl_hooks own = {.size = sizeof own};
    if (hooks != NULL) TLI_TRY(TLI_CONFIG_TAKE(&own, hooks, tl_hooks, err));
    TLI_TRY(tli_settings_check(settings, false, err));
    tli_safetensors st;
    const tl_status opened = tli_checkpoint_open(checkpoint, &st, err);
    *result = tli_result_empty(); /* only now, as `checkpoint` may point to result->out */
    TLI_TRY(opened);
    tl_settings stored = *settings; /* whatever checkpoints do not store: from the caller */
    tl_status status = tli_settings_from_metadata(&st, &stored, err);
    if (status == TL_OK) {
        tli_settings_take_tested(&stored, settings);
        status = tli_check_all_share(&stored.model, stored.run.offset_ranks, own.ranks, err);
        if (status == TL_OK)
            status = agree_on_batch(ctx, &stored, settings->training.batch_size, own.ranks,
                                    &stored.training.batch_size);
        *settings = stored;
        if (status == TL_OK) status = evaluate_open_model(ctx, &st, settings, &own, result);
    }
    tli_st_close(&st);
    return status;
}

/* ---- a model on the caller's batches ---------------------------------------------------------------- */

static tl_status evaluate_own(tl_context *ctx, tl_model *model, const tl_data *data, uint32_t batch,
                              tl_evaluation *evaluation)
{
    tl_error *err = tl_context_error(ctx);
    const tl_model_config *config = tl_model_configuration(model);
    const tli_task *task = tli_task_of_own(config->arch);
    tli_task_data *opened = NULL;
    tl_settings s;
    tl_settings_default(&s, task->name);
    s.model = *config;
    s.training.batch_size = batch;
    TLI_TRY(task->open(&s, &(task_opening){.own = data}, &opened, err));
    tli_scores scores;
    tl_status status = task->tests(opened)
                           ? tli_score_set(ctx, task, model, opened, 0, NULL, NULL, &scores)
                           : tli_fail(err, TL_ERROR_USAGE,
                                      "tl_data.test_samples is 0: there is nothing to evaluate");
    task->close(opened);
    if (status == TL_OK) *evaluation = tli_score_evaluation(task, 0, &scores, 0);
    return status;
}

tl_status tl_model_evaluate(tl_context *ctx, tl_model *model, const tl_data *data, uint32_t batch,
                            tl_evaluation *evaluation)
{
    TLI_TRY(tli_model_own_check(ctx, model));
    if (data == NULL || evaluation == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "tl_model_evaluate takes a tl_data and a place for the evaluation");
    if (batch == 0 || batch > tli_model_capacity(model))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "a batch of %u samples does not fit a model made for 1 to %u", batch,
                        tli_model_capacity(model));
    return evaluate_own(ctx, model, data, batch, evaluation);
}

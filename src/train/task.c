#include "train/task.h"

#include <math.h>
#include <string.h>

static const tl_task *const tasks[] = {&tl_task_mnist, &tl_task_vit, &tl_task_gpt};
enum { TASKS = sizeof tasks / sizeof *tasks };

const tl_task *tl_task_find(const char *name)
{
    for (int i = 0; i < TASKS; i++)
        if (strcmp(name, tasks[i]->name) == 0) return tasks[i];
    return NULL;
}

const char *tl_task_names(void)
{
    return "mnist, vit, gpt";
}

tl_status tl_task_score(tl_context *ctx, const tl_task *task, tl_model *model, tl_task_data *data,
                        const tl_settings *s, tl_task_each each, void *user, tl_result *result)
{
    tl_scores scores[TL_TASK_MOST_SETS] = {{0}};
    for (int set = 0; set < task->sets; set++) {
        TL_TRY(task->score(ctx, model, data, set, &scores[set]));
        if (each != NULL) TL_TRY(each(user, task, set, &scores[set]));
    }
    const tl_scores *chosen = &scores[task->main_set(s)];
    result->test_loss = chosen->loss;
    if (task->classifies) {
        result->top1 = chosen->top1;
        result->top5 = chosen->top5;
    } else {
        result->perplexity = exp(chosen->loss);
    }
    if (task->report != NULL) task->report(scores, result);
    return TL_OK;
}

tl_status tl_scores_add(tl_context *ctx, tl_model *model, float *losses, int32_t *ranks, tl_scores *sums)
{
    TL_TRY(tl_model_forward(ctx, model));
    TL_TRY(tl_model_loss(ctx, model, 0));
    TL_TRY(tl_model_read_row_losses(ctx, model, losses));
    TL_TRY(tl_model_read_ranks(ctx, model, ranks));
    const uint32_t count = tl_model_predictions(model);
    for (uint32_t i = 0; i < count; i++) {
        sums->loss += (double)losses[i];
        sums->top1 += ranks[i] == 0;
        sums->top5 += ranks[i] < 5;
    }
    return TL_OK;
}

void tl_scores_mean(tl_scores *sums, double predictions)
{
    sums->loss /= predictions;
    sums->top1 *= 100.0 / predictions;
    sums->top5 *= 100.0 / predictions;
}

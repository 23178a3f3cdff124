/* The evaluation loop of all tasks: runs a test set's batches through the model and averages losses and
 * ranks; for classification also the confusion matrix. */
#ifndef TASKS_SCORE_H
#define TASKS_SCORE_H

#include "tasks/task.h"

/* Confusion matrix. */
typedef struct tli_confusion {
    uint32_t classes;
    uint64_t *counts; /* [true class][predicted class] */
} tli_confusion;

/* Scores one test set. Predictions are added to `confusion` (classification only; NULL: not wanted).
 * TL_INTERRUPTED when hooks->stop is set between two batches; `hooks` may be NULL. */
tl_status tli_score_set(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data, int set,
                        const tl_hooks *hooks, tli_confusion *confusion, tli_scores *scores);

/* Scores every test set of the task, or none if the data have none; the main set's scores and the task's own go to `result`, and each
 * set's to `each` (NULL: not wanted) when done. The main set's confusion matrix is written to the file `confusion`; empty: not
 * wanted. */
typedef tl_status (*tli_score_each)(void *user, const tli_task *task, int set, const tli_scores *scores);
tl_status tli_score_all(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data,
                        const tl_settings *s, const char *confusion, const tl_hooks *hooks,
                        tli_score_each each, void *user, tl_result *result);

/* Before each batch of a set: other ranks hear that this one is at work. TL_INTERRUPTED where this one, or one that computes the
 * batch with it, has had a signal. */
tl_status tli_score_heed_others(tl_context *ctx, const tli_task *task, const tl_model *model, int set,
                                const tl_hooks *hooks);

/* The scores of a set as the library's user is told of them. */
tl_evaluation tli_score_evaluation(const tli_task *task, int set, const tli_scores *scores, uint64_t step);

#endif

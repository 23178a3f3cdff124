/* The one loop over a test set, for every task: batches through the model, losses and ranks into means, and, for tasks
 * that classify, the table of true and found classes. */
#ifndef TASKS_SCORE_H
#define TASKS_SCORE_H

#include "tasks/task.h"

/* How often samples of a class were found to be of another. */
typedef struct tli_confusion {
    uint32_t classes;
    uint64_t *counts; /* [true class][found class] */
} tli_confusion;

/* Scores one test set. What is found is added to `confusion`, of tasks that classify; NULL: not wanted.
 * TL_INTERRUPTED when hooks->stop asks for it between two batches; `hooks` may be NULL. */
tl_status tli_score_set(tl_context *ctx, const tli_task *task, tli_model *model, tli_task_data *data, int set,
                        const tl_hooks *hooks, tli_confusion *confusion, tli_scores *scores);

/* Scores every test set of the task; the main set's numbers and the task's own go to `result`, and every set
 * to `each` (NULL: not wanted) as it is done. With s->confusion, the main set's table of classes goes to that file. */
typedef tl_status (*tli_score_each)(void *user, const tli_task *task, int set, const tli_scores *scores);
tl_status tli_score_all(tl_context *ctx, const tli_task *task, tli_model *model, tli_task_data *data,
                        const tl_settings *s, const tl_hooks *hooks, tli_score_each each, void *user,
                        tl_result *result);

#endif

/* The one loop over a test set, for every task: batches through the model, losses and ranks into means, and, for tasks
 * that classify, the table of true and found classes. */
#ifndef TL_TASKS_SCORE_H
#define TL_TASKS_SCORE_H

#include "tasks/task.h"

/* How often samples of a class were found to be of another. */
typedef struct tl_confusion {
    uint32_t classes;
    uint64_t *counts; /* [true class][found class] */
} tl_confusion;

/* Scores one test set. What is found is added to `confusion`, of tasks that classify; NULL: not wanted.
 * TL_INTERRUPTED when hooks->stop asks for it between two batches; `hooks` may be NULL. */
tl_status tl_score_set(tl_context *ctx, const tl_task *task, tl_model *model, tl_task_data *data, int set,
                       const tl_hooks *hooks, tl_confusion *confusion, tl_scores *scores);

/* Scores every test set of the task; the main set's numbers and the task's own go to `result`, and every set
 * to `each` (NULL: not wanted) as it is done. With s->confusion, the main set's table of classes goes to that file. */
typedef tl_status (*tl_score_each)(void *user, const tl_task *task, int set, const tl_scores *scores);
tl_status tl_score_all(tl_context *ctx, const tl_task *task, tl_model *model, tl_task_data *data,
                       const tl_settings *s, const tl_hooks *hooks, tl_score_each each, void *user,
                       tl_result *result);

#endif

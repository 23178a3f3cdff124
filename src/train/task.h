/* What differs between tasks: where samples come from and how a model is scored on them. The trainer and the
 * evaluation know no more of a task than this table. */
#ifndef TL_TRAIN_TASK_H
#define TL_TRAIN_TASK_H

#include "models/model.h"
#include "train/settings.h"

typedef struct tl_scores {
    double loss;       /* mean over the set */
    double top1, top5; /* percent, of tasks that classify */
} tl_scores;

typedef struct tl_task_data tl_task_data; /* what a task keeps open during a run: its own struct */

enum { TL_TASK_MOST_SETS = 2 };

typedef struct tl_task {
    const char *name; /* "mnist" */
    const char *unit; /* what a rate counts, one a prediction of the model: "images", "tokens" */
    bool classifies;  /* scores are top-1 and top-5; otherwise perplexity */
    int sets;         /* test sets, up to TL_TASK_MOST_SETS */
    const char *set_names[TL_TASK_MOST_SETS];

    /* Settings that make no run of this task; neither data nor device are needed. */
    tl_status (*check)(const tl_settings *s, tl_error *err);
    /* Opens the data that the settings name, with `train` those for training too, and completes s->model by
     * what the data alone know. Keeps `s`, whose batch size may still change before the first batch. */
    tl_status (*open)(tl_settings *s, bool train, tl_task_data **data, tl_error *err);
    void (*close)(tl_task_data *data);             /* NULL is fine */
    uint64_t (*samples)(const tl_task_data *data); /* of an epoch of training */
    /* The batch of the step behind `done` steps: a function of the settings, the data and `done` alone. It
     * belongs to `data` and stands until the next call of batch, prepare or score. */
    tl_status (*batch)(tl_task_data *data, uint64_t done, tl_inputs *inputs, tl_error *err);
    /* Called while the device works on the step before: makes ready what batch(done) will give. */
    tl_status (*prepare)(tl_task_data *data, uint64_t done, tl_error *err);
    /* The set that result->loss and top1 speak of. */
    int (*main_set)(const tl_settings *s);
    tl_status (*score)(tl_context *ctx, tl_model *model, tl_task_data *data, int set, tl_scores *scores);
    /* Beside loss, top1, top5 and perplexity of the main set: what this task reports of its sets. NULL:
     * nothing. */
    void (*report)(const tl_scores scores[TL_TASK_MOST_SETS], tl_result *result);
} tl_task;

const tl_task *tl_task_find(const char *name); /* NULL: there is none of this name */
const char *tl_task_names(void);               /* "mnist, vit" */

/* Scores every test set of the task; the main set's numbers and the task's own go to `result`, and every set
 * to `each` (NULL: not wanted) as it is done. */
typedef tl_status (*tl_task_each)(void *user, const tl_task *task, int set, const tl_scores *scores);
tl_status tl_task_score(tl_context *ctx, const tl_task *task, tl_model *model, tl_task_data *data,
                        const tl_settings *s, tl_task_each each, void *user, tl_result *result);

/* Adds up the batch that a model has just scored: the sums of its losses and hits, for the means over a set.
 * `losses` and `ranks` hold a value a prediction. */
tl_status tl_scores_add(tl_context *ctx, tl_model *model, float *losses, int32_t *ranks, tl_scores *sums);
/* Sums over a set of `predictions` become its mean loss and its hits in percent. */
void tl_scores_mean(tl_scores *sums, double predictions);

extern const tl_task tl_task_mnist, tl_task_vit, tl_task_gpt;

#endif

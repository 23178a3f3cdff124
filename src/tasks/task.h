/* What differs between tasks: where samples come from, which settings there are and what they begin with, and how a model
 * is scored. Everybody else knows no more of a task than this table: a task is one file and one line in task.c. */
#ifndef TASKS_TASK_H
#define TASKS_TASK_H

#include "core/choices.h"
#include "data/identity.h"
#include "data/resample.h"
#include "models/model.h"
#include "tasks/settings.h"

typedef struct tli_scores {
    double loss;          /* mean over the set */
    double top1, top5;    /* percent, of tasks that classify */
    uint64_t predictions; /* that the means are over: images or tokens */
    uint64_t not_finite;  /* of them, those with a logit that is not finite: they count as wrong */
    uint64_t passed_over; /* samples of the set that could not be read */
} tli_scores;

/* A batch of a test set. */
typedef struct tli_test_batch {
    tli_inputs inputs;    /* count 0: all of the batch was skipped */
    uint32_t passed_over; /* samples that are missing because they cannot be read */
} tli_test_batch;

typedef struct tli_task_data tli_task_data; /* what a task keeps open during a run: its own struct */

enum { TLI_TASK_MAX_SETS = 2 };

/* How a task's data are opened. */
typedef struct task_opening {
    bool train; /* those for training, too */
    const char *
        labels; /* of the model to be tested, see tli_labels_of: the data must have the same; lives on with them */
    const tl_log *log; /* for notices about the data */
} task_opening;

/* A number that a task alone reports, in the result's JSON object. */
typedef struct task_result {
    const char *key;
    size_t at; /* a double in tl_result */
} task_result;

typedef struct tli_task {
    const char *name;           /* "mnist" */
    const char *unit;           /* what a rate counts, one a prediction of the model: "images", "tokens" */
    bool classifies;            /* scores are top-1 and top-5; otherwise perplexity */
    int sets;                   /* test sets, up to TLI_TASK_MAX_SETS */
    const choices *set_choices; /* names of the sets, by number; NULL: the only one is "val" */
    tl_arch arch;               /* of its models */
    const char *example;        /* of its training, what follows the name: "--epochs 5", for --help */
    const char *data_help;      /* what --data names, for --help */
    field_table fields;         /* settings that only this task has, or reads */
    const task_result *results; /* ends with a key of NULL; NULL: none of its own */

    /* What the task begins with; what all tasks have in common is set. */
    void (*set_defaults)(tl_settings *s);

    /* Settings that make no run of this task; neither data nor device are needed. */
    tl_status (*check)(const tl_settings *s, tl_error *err);
    /* Completes s->model by what the data alone know, its vocabulary or classes, as `open` for training would, reading
     * no samples. NULL: they know nothing. */
    tl_status (*look)(tl_settings *s, tl_error *err);
    /* Opens the data that the settings name, and for training completes s->model by what the data alone know. Keeps
     * `s`, whose batch size may still change before the first batch. */
    tl_status (*open)(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err);
    void (*close)(tli_task_data *data); /* NULL is fine */
    /* What the classes or ids of data that were opened for training stand for, until they are closed. NULL: no labels. */
    const char *(*labels)(const tli_task_data *data);
    uint64_t (*samples)(const tli_task_data *data); /* of an epoch of training */
    /* What identifies one of the two sets: that of training, or of testing, as it was opened. Drawn data by their name. */
    tli_set_identity (*identify)(const tli_task_data *data, bool train);
    /* The batch of the step behind `done` steps: a function of the settings, the data and `done` alone. It
     * belongs to `data` and stands until the next call of batch, prepare or test_begin. */
    tl_status (*batch)(tli_task_data *data, uint64_t done, tli_inputs *inputs, tl_error *err);
    /* Called while the device works on the step before: makes ready what batch(done) will give. */
    tl_status (*prepare)(tli_task_data *data, uint64_t done, tl_error *err);
    /* The set that result->loss and top1 speak of. */
    int (*main_set)(const tl_settings *s);
    /* A test set: test_begin says how many batches it has, test_batch gives them by number, in order from 0; one
     * stands until the next call. test_end releases what the test took (NULL: nothing) and follows every
     * test_begin, also one that failed. */
    tl_status (*test_begin)(tli_task_data *data, int set, uint64_t *batches, tl_error *err);
    tl_status (*test_batch)(tli_task_data *data, int set, uint64_t number, tli_test_batch *batch,
                            tl_error *err);
    void (*test_end)(tli_task_data *data);
    /* The files of the training set, or of the test set as far as they were counted: what was skipped there a test
     * knows. NULL: the task does not read images of files. */
    tl_set_files (*files)(const tli_task_data *data, bool train);
    /* An image file as the model takes it: `values` for tli_inputs, and `seen`, which people can look at. The picture was
     * decoded at full size, width x height. NULL: the task's models do not classify images. */
    tl_status (*picture)(const tl_settings *s, const tli_image *decoded, uint32_t width, uint32_t height,
                         tli_resampler *resampler, float *values, tli_image *seen, tl_error *err);
    /* The name of a class, for people and tables; NULL: classes have numbers only. */
    const char *(*class_name)(const tli_task_data *data, uint32_t class_index);
    /* Beside loss, top1, top5 and perplexity of the main set: what this task reports of its sets. NULL:
     * nothing. */
    void (*report)(const tli_scores scores[TLI_TASK_MAX_SETS], tl_result *result);
} tli_task;

const tli_task *tli_task_find(const char *name); /* NULL: there is none of this name */
const tli_task *tli_task_at(int index);          /* NULL: past the last */
/* Of a test set, for metrics and messages. */
const char *tli_task_set_name(const tli_task *task, int set);

enum { TASK_NAMES_CAPACITY = 128 };
/* "mnist, vit" of the tasks for which `has` is true (NULL: all), parted by `between`. */
char *tli_task_names(bool (*has)(const tli_task *task), const char *between, char names[TASK_NAMES_CAPACITY]);
bool tli_task_classifies(const tli_task *task);
bool tli_task_takes_pictures(const tli_task *task);

extern const tli_task tli_task_digits, tli_task_images, tli_task_text;

#endif

/* Interface of a task: where its samples come from, its settings and their defaults, and how its models
 * are scored. All other code knows tasks only through this table: a task is one file and one line in
 * task.c. */
#ifndef TASKS_TASK_H
#define TASKS_TASK_H

#include "core/choices.h"
#include "data/batch_part.h"
#include "data/identity.h"
#include "data/resample.h"
#include "models/model.h"
#include "tasks/settings.h"

typedef struct tli_scores {
    double loss;          /* mean over the set */
    double top1, top5;    /* percent; classification only */
    uint64_t predictions; /* number of predictions averaged: images or tokens */
    uint64_t not_finite;  /* predictions with a logit that is not finite: counted as wrong */
    uint64_t passed_over; /* samples that could not be read */
    double rate;          /* predictions a second after the first batch; NaN: there was one batch */
} tli_scores;

/* A batch of a test set. */
typedef struct tli_test_batch {
    tl_batch inputs;      /* count 0: all of the batch was skipped */
    uint32_t passed_over; /* samples missing because they could not be read */
} tli_test_batch;

typedef struct tli_task_data tli_task_data; /* the task's own struct: its open data during a run */

enum { TLI_TASK_MAX_SETS = 2 };

/* How to open a task's data. */
typedef struct task_opening {
    bool train;          /* also the training set */
    tli_batch_part part; /* of training batches: other samples need not be made */
    const char *
        labels; /* of a model to be tested, see tli_labels_of: must equal the data's; must outlive the data */
    const tl_data *own; /* the caller's data; NULL: none */
    const tl_log *log;  /* for notices about the data */
} task_opening;

/* A number that only this task reports, a member of the result's JSON object. */
typedef struct task_result {
    const char *key;
    size_t at; /* offset of a double in tl_result */
} task_result;

typedef struct tli_task {
    const char *name;           /* "mnist" */
    const char *unit;           /* unit of rates, one per prediction: "images", "tokens" */
    bool classifies;            /* scored by top-1 and top-5; otherwise perplexity */
    int sets;                   /* number of test sets, at most TLI_TASK_MAX_SETS */
    const choices *set_choices; /* names of the sets by number; NULL: one set, "val" */
    tl_arch arch;               /* architecture of its models */
    bool callers;               /* its data are the library's caller's: the command line does not offer it */
    const char *example;        /* example for --help: what follows "train NAME": "--epochs 5" */
    const char *data_help;      /* for --help: what --data names */
    field_table fields;         /* settings that only this task has or reads */
    const task_result *results; /* ends with a key of NULL; NULL: none */

    /* Sets the task's defaults; those common to all tasks are already set. */
    void (*set_defaults)(tl_settings *s);

    /* Refuses settings that are invalid for this task; needs neither data nor device. */
    tl_status (*check)(const tl_settings *s, tl_error *err);
    /* Completes s->model from the data (vocabulary or classes) as `open` for training would, without
     * reading samples. NULL: the data determine nothing. */
    tl_status (*look)(tl_settings *s, tl_error *err);
    /* Opens the data that the settings name, and for training completes s->model from them. Keeps the
     * pointer `s`, whose batch size may still change before the first batch. */
    tl_status (*open)(tl_settings *s, const task_opening *how, tli_task_data **data, tl_error *err);
    void (*close)(tli_task_data *data); /* NULL is allowed */
    /* Class names or vocabulary of data opened for training, valid until they are closed. NULL: none. */
    const char *(*labels)(const tli_task_data *data);
    uint64_t (*samples)(const tli_task_data *data); /* per training epoch */
    /* Identity of the training set, or of the test set as opened; generated data by name. */
    tli_set_identity (*identify)(const tli_task_data *data, bool train);
    /* The training batch after `done` steps: a function of settings, data and `done` only, with anything
     * in the place of samples that are not in the part it was opened for. Owned by `data`; valid until the next call of batch, prepare or test_begin. */
    tl_status (*batch)(tli_task_data *data, uint64_t done, tl_batch *inputs, tl_error *err);
    /* Called while the device runs the previous step: prepares batch(done). */
    tl_status (*prepare)(tli_task_data *data, uint64_t done, tl_error *err);
    /* Drops the prepared batch, when a run begins again. NULL: the memory is the task's, and unchanged. */
    void (*forget)(tli_task_data *data);
    /* The main test set, whose scores are result->loss and top1. */
    int (*main_set)(const tl_settings *s);
    bool (*tests)(const tli_task_data *data); /* false: the data have no test set. NULL: they have */
    /* A test set: test_begin returns the number of batches; test_batch returns them in order from 0, each
     * valid until the next call. test_end frees the test's buffers (NULL: nothing to do) and is called
     * after every test_begin, even a failed one. */
    tl_status (*test_begin)(tli_task_data *data, int set, uint64_t *batches, tl_error *err);
    tl_status (*test_batch)(tli_task_data *data, int set, uint64_t number, tli_test_batch *batch,
                            tl_error *err);
    void (*test_end)(tli_task_data *data);
    /* File counts of the training set, or of the test set as far as it was read. NULL: the task does not
     * read image files. */
    tl_set_files (*files)(const tli_task_data *data, bool train);
    /* Preprocesses an image file for the model: `values` for tl_batch, and `seen` for display. The image
     * was decoded at full size, width x height. NULL: the task's models do not classify images. */
    tl_status (*picture)(const tl_settings *s, const tli_image *decoded, uint32_t width, uint32_t height,
                         tli_resampler *resampler, float *values, tli_image *seen, tl_error *err);
    /* Name of a class; NULL: classes have numbers only. */
    const char *(*class_name)(const tli_task_data *data, uint32_t class_index);
    /* Fills the task's own members of the result, besides the main set's loss, top1, top5 and perplexity.
     * NULL: none. */
    void (*report)(const tli_scores scores[TLI_TASK_MAX_SETS], tl_result *result);
} tli_task;

const tli_task *tli_task_find(const char *name); /* NULL: unknown name */
const tli_task *tli_task_at(int index);          /* of the command line's; NULL: past the last */
/* Name of a test set, for metrics and messages. */
const char *tli_task_set_name(const tli_task *task, int set);

enum { TASK_NAMES_CAPACITY = 128 };
/* Names of the tasks for which `has` is true (NULL: all), separated by `between`: "mnist, vit". */
char *tli_task_names(bool (*has)(const tli_task *task), const char *between, char names[TASK_NAMES_CAPACITY]);
bool tli_task_classifies(const tli_task *task);
bool tli_task_takes_pictures(const tli_task *task);

/* The task of models of this architecture on the caller's data. */
const tli_task *tli_task_of_own(tl_arch arch);
/* TL_ERROR_USAGE when the caller gives data to a task that has its own; `own` NULL: none given. */
tl_status tli_task_check_own(const tli_task *task, const tl_data *own, tl_error *err);
/* TL_ERROR_INPUT when the data of the checkpoint at `path` are a program's own: commands do not have them. */
tl_status tli_task_check_offered(const tli_task *task, const char *path, tl_error *err);

extern const tli_task tli_task_digits, tli_task_images, tli_task_text, tli_task_own_vit, tli_task_own_gpt;

#endif

/* State of a training run, and how it is opened: data, model, folder, checkpoint. The training loop is in
 * trainer.c, the library's trainer in trainer_public.c. */
#ifndef TRAIN_TRAINING_RUN_H
#define TRAIN_TRAINING_RUN_H

#include "data/identity.h"
#include "tasks/task.h"
#include "train/checkpoint.h"
#include "train/checkpoint_clock.h"
#include "train/event_file.h"
#include "train/grad_clip.h"
#include "train/grad_exchange.h"
#include "train/grad_slices.h"
#include "train/init_weights.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/run_dir.h"
#include "train/run_lock.h"
#include "train/step_times.h"

enum { RUN_ENDED = 1 << 16 }; /* beyond all signal numbers: a callback ends the run */

/* State of a training run. */
typedef struct training_run {
    tl_context *ctx;
    tl_settings *s;
    const tl_hooks *hooks;
    const tli_task *task;
    tli_task_data *data;
    const char *labels;         /* class names or vocabulary of `data`; NULL: none */
    tli_data_identity identity; /* of `data` */
    tli_run_lock lock;          /* lock of the folder */
    tli_init_weights *init;     /* run.init, until its weights are copied; NULL: none */
    tl_ranks *offsets;          /* that share the matrices by offset out with this one; NULL: none */
    tl_ranks *replicas;         /* that have what this one has, and different slices; NULL: none */
    tl_model *model;
    tli_grad_clip grad_clip; /* with --grad-clip or --skip-nonfinite */
    tli_grad_slices slices;
    tli_grad_exchange exchange;
    tl_batch inputs; /* of the next step, in memory of `data` */
    tli_metrics metrics;
    tli_event_file events; /* with run.tensorboard */
    tli_train_progress progress;
    tli_checkpoint_clock clock;
    uint64_t steps_per_epoch, total, done, saved, steps_run;
    uint64_t found;                             /* step of the checkpoint to resume; 0: none */
    tli_step_times times;                       /* steps of this process */
    double wait;                                /* seconds spent waiting for batches since the last read */
    double all_wait, all_exchange, all_seconds; /* totals of this process without its first step */
    float recent[TLI_RECENT_LOSSES];            /* ring: the loss of step n is at n % TLI_RECENT_LOSSES */
    int recent_count;
    uint32_t unread; /* steps enqueued since the last read: their losses are in slots 0, 1, ... */
    uint32_t predictions[TLI_LOSS_SLOTS];
    float losses[TLI_LOSS_SLOTS];
    tli_clip_result clip_results[TLI_LOSS_SLOTS];
    double read_at;  /* time of the last read */
    int stop_asked;  /* by a callback: RUN_ENDED */
    int stopped;     /* by any rank: a signal number, RUN_ENDED, or both */
    int skipped;     /* consecutive steps skipped by --skip-nonfinite */
    bool other_test; /* the checkpoint to resume has another --limit-test or --test-motion */
    double best;     /* best score on the main test set: top-1 or, without classes, -loss; NaN: none yet */
    tli_folder dir;  /* the output folder */
} training_run;

/* Whether this process writes files and calls hooks: rank 0. */
bool tli_run_writes(const training_run *r);
/* Whether it evaluates: rank 0 and those that share its matrices out. */
bool tli_run_evaluates(const training_run *r);
/* What a run refuses of its settings without a look at data, files or a device. `s` may be NULL. */
tl_status tli_run_check(const tl_settings *s, tl_error *err);
/* Opens the run for ctx, s (checked: tli_run_check) and hooks, to continue at r->done. `own`: the caller's data, copied; NULL: the task's.
 * Nothing is written to its folder yet but the lock, so that a run that is refused leaves an earlier one as it
 * was. Call tli_run_close afterwards even on failure. */
tl_status tli_run_open(training_run *r, const tl_data *own);
/* Before the first file is written: moves an earlier run in the folder aside unless this one resumes it, and
 * opens the metrics and, with run.tensorboard, an event file. Later calls do nothing. */
tl_status tli_run_begin_writing(training_run *r);
/* Trains, evaluates and saves, from r->done to the end or until stopped. */
tl_status tli_run_train(training_run *r, tl_result *result);
/* Removes the folder, too, if this run made it and has written nothing. */
void tli_run_close(training_run *r);

#endif

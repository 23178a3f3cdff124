/* What a run of training holds while it lasts, and how it is opened: data, model, folder, checkpoint. The loop over its steps
 * is trainer.c's. */
#ifndef TRAIN_TRAINING_RUN_H
#define TRAIN_TRAINING_RUN_H

#include "data/identity.h"
#include "tasks/task.h"
#include "train/checkpoint.h"
#include "train/checkpoint_clock.h"
#include "train/grad_clip.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/run_dir.h"
#include "train/run_lock.h"
#include "train/step_times.h"

/* Everything that a run holds while it lasts. */
typedef struct training_run {
    tl_context *ctx;
    tl_settings *s;
    const tl_hooks *hooks;
    const tli_task *task;
    tli_task_data *data;
    const char *labels;         /* of `data`; NULL: none */
    tli_data_identity identity; /* of `data` */
    tli_run_lock lock;          /* on the folder */
    tli_model *model;
    tli_grad_clip guard; /* with --grad-clip or --skip-nonfinite */
    tli_metrics metrics;
    tli_train_progress progress;
    tli_checkpoint_clock clock;
    uint64_t steps_per_epoch, total, done, saved, steps_run;
    tli_step_times times;         /* of the steps of this process */
    double wait;                  /* seconds that the host waited for batches since the last read */
    double all_wait, all_seconds; /* of this process's steps behind the first, which also starts things up */
    float recent[TLI_RECENT_LOSSES]; /* a ring: the loss of step n at n % TLI_RECENT_LOSSES */
    int recent_count;
    uint32_t unread; /* steps given to the device since the last read: their losses are in slots 0, 1, ... */
    uint32_t predictions[TLI_LOSS_SLOTS];
    float losses[TLI_LOSS_SLOTS];
    tli_grad_verdict verdicts[TLI_LOSS_SLOTS];
    double read_at;  /* when losses were last read */
    int skipped;     /* steps in a row, by --skip-nonfinite */
    bool other_test; /* the newest checkpoint, a resumed one, says another --limit-test or --test-motion */
    double best; /* of the main test set: top-1 or, without classes, the negative loss; NaN: not scored yet */
    char out[TLI_OUT_CAPACITY];
} training_run;

/* Opens the run that ctx, s and hooks stand for, to go on at r->done. tli_run_close follows in any case. */
tl_status tli_run_open(training_run *r);
void tli_run_close(training_run *r);

#endif

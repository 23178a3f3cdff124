/* What a run is: every setting of `train` and `eval`, filled by the command line, used by the trainer, stored in
 * the checkpoint's metadata (only what shapes the model and its training; no path, host, device or time). */
#ifndef TL_TRAIN_SETTINGS_H
#define TL_TRAIN_SETTINGS_H

#include <stdbool.h>

#include "data/motion.h"
#include "models/vit.h"

typedef enum tl_schedule { TL_SCHEDULE_COSINE, TL_SCHEDULE_COSINE_EPOCH, TL_SCHEDULE_CONSTANT } tl_schedule;

typedef struct tl_settings {
    char task[16];               /* "mnist" */
    tl_vit_config model;
    tl_motion motion, test_motion;
    uint64_t seed, epochs, steps; /* steps 0: from epochs */
    uint32_t batch_size;
    float lr, weight_decay, grad_clip; /* grad_clip 0: off */
    tl_schedule schedule;
    uint64_t warmup;             /* steps of linear warm-up */
    uint32_t limit_train, limit_test; /* 0: all */
    /* Not stored: where and how. */
    char data[1024];             /* folder, or "synthetic" */
    char out[1024];              /* empty: runs/TASK-OP-N */
    char metrics[1024];          /* empty: OUT/metrics.jsonl */
    uint64_t stop_after, checkpoint_every, eval_every; /* steps; 0: never / at each epoch's end for eval */
    bool resume, batch_given, quiet, profile;
} tl_settings;

/* DESIGN's defaults for mnist: operation attention, size tiny, pool cls, relenc 8; image 84, patch 12, 1 channel, 10 classes,
 * batch 256, 20 epochs, lr 3e-4, weight decay 0.05, cosine, static, seed 0, data "synthetic". */
void tl_settings_default_mnist(tl_settings *s);

const char *tl_op_name(tl_op_kind op); /* "attention", "translution", "alpha" */
const char *tl_motion_name(tl_motion motion);
const char *tl_schedule_name(tl_schedule schedule);

#endif

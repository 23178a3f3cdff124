/* The training loop: data -> model -> optimizer -> metrics, progress and checkpoints. */
#ifndef TL_TRAIN_TRAINER_H
#define TL_TRAIN_TRAINER_H

#include <signal.h>
#include <stdio.h>

#include "train/safetensors.h"
#include "train/settings.h"

typedef struct tl_result {
    uint64_t steps, params, peak_device_bytes;
    double loss;              /* train: mean of the last 20 steps; eval: of the test set */
    double top1, top5;        /* percent, on settings->test_motion */
    double top1_static, top1_dynamic;
    double step_ms;           /* median */
    char out[1024];
} tl_result;

/* Where the loop reports: progress lines go to `progress` (NULL: none; a terminal is recognised by isatty and
 * gets a rewritten line, anything else plain lines). *stop (may be NULL) is looked at after every step: when it
 * becomes a signal number the run saves and returns TL_INTERRUPTED. */
typedef struct tl_hooks {
    FILE *progress;
    const volatile sig_atomic_t *stop;
} tl_hooks;

/* When !settings->batch_given and the plan does not fit, halves settings->batch_size until it does, with a notice;
 * otherwise TL_ERROR_MEMORY whose message holds the plan's sum and the largest batch that would fit. */
tl_status tl_train(tl_context *ctx, tl_settings *settings, const tl_hooks *hooks, tl_result *result);

/* Evaluates a checkpoint (a .safetensors file or an OUT folder) on static and dynamic test sets. `settings`
 * comes back as stored in the checkpoint, except data, limit_test, test_motion and batch_size, which the caller
 * sets beforehand (batch_size 0: as stored; test_motion -1: as stored). */
tl_status tl_evaluate(tl_context *ctx, const char *checkpoint, tl_settings *settings, const tl_hooks *hooks,
                      tl_result *result);

/* Metadata of a checkpoint -> settings; used by eval, info and resume. */

tl_status tl_settings_from_metadata(const tl_safetensors *st, tl_settings *settings, tl_error *err);

#endif

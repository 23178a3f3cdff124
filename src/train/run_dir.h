/* The folder of a run. */
#ifndef TRAIN_RUN_DIR_H
#define TRAIN_RUN_DIR_H

#include "device/device.h"

enum { TLI_OUT_CAPACITY = 1024 };

/* Makes `wanted`, and the folders above it, or when it is empty the first of runs/TASK-OP-1, -2, ... that is
 * free; its name comes back in `out`. TL_ERROR_INPUT names what cannot be written. */
tl_status tli_run_dir_make(const char *wanted, const char *task, const char *op, char out[TLI_OUT_CAPACITY],
                           tl_error *err);

/* Moves checkpoints, metrics and weights of an earlier run in `out` to OUT/earlier-N, so that a run that
 * starts anew cannot be mixed up with it, in a resume above all. Says so in the log; nothing to move is fine.
 */
tl_status tli_run_dir_set_aside(const char *out, const tl_log *log, tl_error *err);

#endif

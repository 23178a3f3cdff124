/* The output folder of a run. */
#ifndef TRAIN_RUN_DIR_H
#define TRAIN_RUN_DIR_H

#include "core/folder.h"
#include "core/log.h"

enum { TLI_OUT_CAPACITY = TLI_FOLDER_CAPACITY };

/* Creates `wanted` and its parent folders or, if it is empty, the first free one of runs/TASK-OP-1, -2,
 * ... TL_ERROR_INPUT names a path that cannot be written. */
tl_status tli_run_dir_make(tli_folder *dir, const char *wanted, const char *task, const char *op,
                           tl_error *err);

/* Moves checkpoints, metrics, event files and weights of an earlier run in `out` to OUT/earlier-N, so that a new run,
 * or a later resume, does not mix with it. Logs what it moves; nothing to move is fine. */
tl_status tli_run_dir_set_aside(const char *out, const tl_log *log, tl_error *err);

#endif

/* The checkpoints that lie below OUT/checkpoints: which is the newest that can be trusted, and which may go. */
#ifndef TRAIN_CHECKPOINT_LIST_H
#define TRAIN_CHECKPOINT_LIST_H

#include "core/log.h"
#include "core/status.h"

enum { TLI_CHECKPOINT_PATH = 1280 };

/* OUT/checkpoints/STEP/NAME.safetensors */
void tli_checkpoint_file(char path[TLI_CHECKPOINT_PATH], const char *out, uint64_t step, const char *name);

/* The largest step whose pair of files is intact, to the last byte; 0: there are no checkpoints. Damaged ones are passed
 * over with a notice; where all are damaged, that is TL_ERROR_INPUT. */
tl_status tli_checkpoint_newest(const char *out, const tl_log *log, uint64_t *step, tl_error *err);

/* Makes the pair in `temporary` the checkpoint of a step. At any moment the old one, if there is one, or the new one is
 * whole. */
tl_status tli_checkpoint_place(const char *out, uint64_t step, const char *temporary, tl_error *err);

/* Removes all but the newest `keep` checkpoints (0: keeps all) and what killed runs have left half done. */
void tli_checkpoint_prune(const char *out, uint64_t keep);

/* Removes a folder with a pair of files, as far as it is there. */
void tli_checkpoint_remove(const char *folder);

#endif

/* The checkpoints below OUT/checkpoints: finds the newest intact one, adds one, and removes old ones. */
#ifndef TRAIN_CHECKPOINT_LIST_H
#define TRAIN_CHECKPOINT_LIST_H

#include "core/log.h"
#include "core/status.h"

enum { TLI_CHECKPOINT_PATH = 1280 };

/* OUT/checkpoints/STEP/NAME.safetensors */
void tli_checkpoint_file(char path[TLI_CHECKPOINT_PATH], const char *out, uint64_t step, const char *name);

/* The largest step whose pair of files is intact, by checksum; 0: there are no checkpoints. Damaged ones
 * are skipped with a notice; if all are damaged: TL_ERROR_INPUT. */
tl_status tli_checkpoint_newest(const char *out, const tl_log *log, uint64_t *step, tl_error *err);

/* Renames the pair in `temporary` to the checkpoint of a step. At any moment the old one, if there is one,
 * or the new one is complete. */
tl_status tli_checkpoint_place(const char *out, uint64_t step, const char *temporary, tl_error *err);

/* Removes all but the newest `keep` checkpoints (0: keeps all) and leftovers of interrupted writes. */
void tli_checkpoint_prune(const char *out, uint64_t keep);

/* Removes a folder and its pair of files, ignoring missing ones. */
void tli_checkpoint_remove(const char *folder);

#endif

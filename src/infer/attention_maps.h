/* What tokens attend to, on average over a test set: by offset, and of the class token by patch. */
#ifndef INFER_ATTENTION_MAPS_H
#define INFER_ATTENTION_MAPS_H

#include "tasks/task.h"

/* TL_ERROR_USAGE when the model has no maps, TL_ERROR_IO when rank 0 cannot write the file. */
tl_status tli_attention_maps_check(const tl_settings *s, const tl_ranks *ranks, tl_error *err);

/* Averages over the main test set, which is read again, and writes a safetensors file (docs/file-formats.md). Computes the blocks
 * anew for every one that is read. Ranks that share the model compute together, and rank 0 writes. TL_INTERRUPTED when hooks->stop is set between two batches: nothing is written. */
tl_status tli_attention_maps_write(tl_context *ctx, const tli_task *task, tl_model *model,
                                   tli_task_data *data, const tl_settings *s, uint64_t step,
                                   const tl_hooks *hooks);

#endif

/* One training step, shared by the trainer and `bench step`: choosing the batch size, forward and
 * backward, optimizer. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "ops/optimizer.h"
#include "tasks/settings.h"
#include "train/grad_clip.h"
#include "train/grad_exchange.h"
#include "train/grad_slices.h"

/* Checks that training.batch_size fits the device or, unless run.exact_batch, halves it with a notice
 * until it does. Decides settings->model.recompute and chunk_bytes. `ranks` share the slices out. TL_ERROR_MEMORY when it does not fit, naming a size
 * that would. */
tl_status tli_step_choose_batch(tl_context *ctx, tl_settings *settings, int ranks);

/* Enqueues forward, loss (into a slot of the model's ring) and backward of the current batch: computes all
 * gradients. */
tl_status tli_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot);

/* The same of a whole batch, slice by slice, and summed over the ranks: its loss goes to the slot, its gradients, of
 * several ranks those of each one's share, to the registry. */
tl_status tli_step_slices(tl_context *ctx, tl_model *model, const tli_grad_slices *sums,
                          tli_grad_exchange *exchange, const tl_batch *inputs, uint32_t slot);

/* Then the optimizer's step, of each rank in its share, after which all ranks have all weights. With partial sums in
 * `grad_clip` the clip result of the slot is decided first, for a norm of at most `clip`, and passed to `optimizer`. */
tl_status tli_step_update(tl_context *ctx, tl_model *model, tli_grad_exchange *exchange,
                          const tli_grad_clip *grad_clip, float clip, uint32_t slot,
                          optimizer_settings *optimizer);

/* Arguments of tli_registry_update for step `step` (from 1), without gradient scaling. */
optimizer_settings tli_step_optimizer(const tl_settings *settings, float lr, uint64_t step);

#endif

/* One step of training, shared by the trainer and `bench step`: the batch that fits, forward and backward,
 * the optimizer. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "ops/optimizer.h"
#include "tasks/settings.h"

/* training.batch_size as it was given, or, when !run.exact_batch, halved until the plan fits the
 * device, with a notice. Decides settings->model.recompute. TL_ERROR_MEMORY when it does not fit, naming what
 * would. */
tl_status tli_step_choose_batch(tl_context *ctx, tl_settings *settings);

/* Enqueues forward, loss (into a slot of the model's ring) and backward of the batch that was set: all gradients. */
tl_status tli_step_gradients(tl_context *ctx, tli_model *model, uint32_t slot);

/* What tli_registry_update takes at step `step` (from 1), gradients as they are. */
optimizer_settings tli_step_optimizer(const tl_settings *settings, float lr, uint64_t step);

#endif

/* One step of training, shared by the trainer and `bench step`: the batch that fits, forward and backward,
 * AdamW. */
#ifndef TL_TRAIN_STEP_H
#define TL_TRAIN_STEP_H

#include "ops/adamw.h"
#include "tasks/settings.h"

/* settings->batch_size as it was given, or, when !settings->batch_given, halved until the plan fits the
 * device, with a notice. Decides settings->model.recompute. TL_ERROR_MEMORY when it does not fit, naming what
 * would. */
tl_status tl_step_choose_batch(tl_context *ctx, tl_settings *settings);

/* Enqueues forward, loss (into a slot of the model's ring) and backward of the batch that was set: all gradients. */
tl_status tl_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot);

/* AdamW's settings of step `step` (from 1): betas 0.9 and 0.999, eps 1e-8, gradients as they are. */
tl_adamw_settings tl_step_adamw(const tl_settings *settings, float lr, uint64_t step);
/* Enqueues one AdamW step on every parameter. */
tl_status tl_step_update(tl_context *ctx, tl_registry *registry, const tl_adamw_settings *adamw);

#endif

/* One training step, shared by the trainer and `bench step`: choosing the batch size, forward and
 * backward, optimizer. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "ops/optimizer.h"
#include "tasks/settings.h"

/* Whether steps of a run check and clip their gradients, see train/grad_clip.h. */
bool tli_step_clips(const tl_settings *settings);

/* Plans a run of these settings in batches of `batch` samples, as tli_model_plan_training does, with all
 * that steps take beside the model. Decides settings->model.recompute. */
tl_status tli_step_plan(tl_settings *settings, uint32_t batch, uint64_t total_bytes, uint64_t max_alloc_bytes,
                        tl_memory_plan *plan, bool *fits, tl_error *err);

/* The largest batch up to `upper` for which `fits` holds; 0: none. */
typedef bool (*tli_batch_fits)(const void *user, uint32_t batch);
uint32_t tli_largest_batch(uint32_t upper, tli_batch_fits fits, const void *user);
/* Whether a run with this batch fits: a tli_batch_fits on a tli_step_limits. */
typedef struct tli_step_limits {
    const tl_settings *settings;
    uint64_t total_bytes, max_alloc_bytes;
} tli_step_limits;
bool tli_step_fits(const void *limits, uint32_t batch);

/* Checks that training.batch_size fits the device or, unless run.exact_batch, halves it with a notice
 * until it does. Decides settings->model.recompute. TL_ERROR_MEMORY when it does not fit, naming a size
 * that would. */
tl_status tli_step_choose_batch(tl_context *ctx, tl_settings *settings);

/* Enqueues forward, loss (into a slot of the model's ring) and backward of the current batch: computes all
 * gradients. */
tl_status tli_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot);

/* Arguments of tli_registry_update for step `step` (from 1), without gradient scaling. */
optimizer_settings tli_step_optimizer(const tl_settings *settings, float lr, uint64_t step);

#endif

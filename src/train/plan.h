/* What a model takes on the device, in a run or alone, counted without one: tl_model_plan and tl_train_plan of the
 * public header stand on this. */
#ifndef TRAIN_PLAN_H
#define TRAIN_PLAN_H

#include "models/model.h"

/* Whether steps of a run check and clip their gradients, see train/grad_clip.h. */
bool tli_plan_clips(const tl_settings *settings);
/* The options that plan a run of these settings; limits in bytes, 0: none. */
tl_plan_options tli_plan_of_run(const tl_settings *settings, uint64_t memory_limit, uint64_t max_alloc_bytes);

/* tl_model_plan without the checks of its arguments, the members `largest_batch` and `params`. Fails for invalid
 * configurations and batches too large to count. */
tl_status tli_plan(const tl_model_config *config, const tl_plan_options *options, tl_memory_plan *plan,
                   tl_error *err);
/* The largest batch up to `upper` that fits; 0: none. */
uint32_t tli_plan_largest_batch(const tl_model_config *config, const tl_plan_options *options,
                                uint32_t upper);

#endif

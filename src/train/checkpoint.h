/* Checkpoints: OUT/checkpoints/STEP/{model,state}.safetensors, written under a temporary name, fsynced and
 * renamed as a folder; OUT/model.safetensors holds the newest weights. */
#ifndef TL_TRAIN_CHECKPOINT_H
#define TL_TRAIN_CHECKPOINT_H

#include "models/registry.h"
#include "train/safetensors.h"
#include "train/settings.h"

/* Writes the weights with the run's settings as metadata. */
tl_status tl_model_save(tl_context *ctx, const tl_registry *registry, const tl_settings *settings,
                        const char *path);
/* Reads every parameter of the registry; names, shapes and dtype must match exactly. */
tl_status tl_model_load(tl_context *ctx, tl_registry *registry, tl_safetensors *st);

/* Weights, moments and step after `step` steps. */
tl_status tl_checkpoint_save(tl_context *ctx, const tl_registry *registry, const tl_settings *settings,
                             const char *out, uint64_t step);
/* The newest complete pair below OUT: *step comes back, 0 when there is none. A stored setting that differs
 * from `settings` is refused by name. */
tl_status tl_checkpoint_resume(tl_context *ctx, tl_registry *registry, const tl_settings *settings,
                               const char *out, uint64_t *step);

#endif

/* Checkpoints: OUT/checkpoints/STEP/{model,state}.safetensors, written under a temporary name, fsynced and
 * renamed as a folder; OUT/model.safetensors holds the newest weights. */
#ifndef TL_TRAIN_CHECKPOINT_H
#define TL_TRAIN_CHECKPOINT_H

#include "data/identity.h"
#include "models/registry.h"
#include "tasks/settings.h"

/* Where a run stands: steps done, and the losses of the newest of them (oldest first), so that what a resumed
 * run reports is the mean over the same steps. */
enum { TL_RECENT_LOSSES = 20 };
typedef struct tl_standing {
    uint64_t step;
    double best; /* the best score of an evaluation so far; NaN: none */
    int losses;
    float loss[TL_RECENT_LOSSES];
    tl_data_identity data; /* what the steps were trained on */
} tl_standing;

/* Weights, moments and standing; OUT/model.safetensors becomes these weights too. */
tl_status tl_checkpoint_save(tl_context *ctx, const tl_registry *registry, const tl_settings *settings,
                             const char *out, const tl_standing *standing);
/* The settings of the newest complete pair below OUT (what no checkpoint holds stays as it is); *step is 0
 * when there is none. */
tl_status tl_checkpoint_settings(const char *out, tl_settings *settings, uint64_t *step, tl_error *err);
/* Loads the newest complete pair below OUT; standing->step is 0 when there is none. A stored setting that
 * shapes the training and differs from `settings` is refused by name. */
tl_status tl_checkpoint_resume(tl_context *ctx, tl_registry *registry, const tl_settings *settings,
                               const char *out, tl_standing *standing);

#endif

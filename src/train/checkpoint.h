/* Checkpoints: OUT/checkpoints/STEP/{model,state}.safetensors, written under a temporary name, fsynced and
 * renamed as a folder; OUT/model.safetensors holds the newest weights. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "data/identity.h"
#include "models/registry.h"
#include "tasks/settings.h"

/* Where a run stands: steps done, and the losses of the newest of them (oldest first), so that what a resumed
 * run reports is the mean over the same steps. */
enum { TLI_RECENT_LOSSES = 20 };
typedef struct tli_train_state {
    uint64_t step;
    double best; /* the best score of an evaluation so far; NaN: none */
    int losses;
    float loss[TLI_RECENT_LOSSES];
    tli_data_identity data; /* what the steps were trained on */
} tli_train_state;

/* Weights, moments and standing; OUT/model.safetensors becomes these weights too. */
tl_status tli_checkpoint_save(tl_context *ctx, const tli_registry *registry, const tl_settings *settings,
                              const char *labels, const char *out, const tli_train_state *standing);
/* The settings of the newest complete pair below OUT (what no checkpoint holds stays as it is); *step is 0
 * when there is none. */
tl_status tli_checkpoint_settings(const char *out, tl_settings *settings, uint64_t *step, tl_error *err);
/* Loads the newest complete pair below OUT; standing->step is 0 when there is none. A stored setting that
 * shapes the training and differs from `settings` is refused by name. */
tl_status tli_checkpoint_resume(tl_context *ctx, tli_registry *registry, const tl_settings *settings,
                                const char *labels, const char *out, tli_train_state *standing);

#endif

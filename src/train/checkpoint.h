/* Checkpoints: OUT/checkpoints/STEP/{model,state}.safetensors, written under a temporary name, fsynced and
 * renamed as a folder; OUT/model.safetensors holds the newest weights. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "data/identity.h"
#include "models/registry.h"
#include "tasks/model_file.h"
#include "tasks/settings.h"

/* Train state: steps done, and the losses of the latest steps (oldest first), so that a resumed run
 * reports the mean over the same steps. */
enum { TLI_RECENT_LOSSES = 20 };
typedef struct tli_train_state {
    uint64_t step;
    double best; /* best evaluation score so far; NaN: none */
    int losses;
    float loss[TLI_RECENT_LOSSES];
    tli_data_identity data; /* identifies the training data */
} tli_train_state;

/* Saves weights, optimizer state and train state, which is that of rank 0; OUT/model.safetensors becomes these weights too.
 * `writers`: all ranks, which call this together; NULL: the registry has all of it. */
tl_status tli_checkpoint_save(tl_context *ctx, const tli_registry *registry, const tli_model_writers *writers,
                              const tl_settings *settings, const char *labels, const char *out,
                              const tli_train_state *standing);
/* The step of the newest complete checkpoint below OUT, 0 when there is none, and its settings (values that checkpoints do not
 * store are unchanged). Rank 0 alone reads all of it for its checksum; all ranks must find it. */
tl_status tli_checkpoint_settings(const char *out, tl_ranks *ranks, const tl_log *log, tl_settings *settings,
                                  uint64_t *step, tl_error *err);
/* Loads that checkpoint, of `step`, not 0, what the registry has of it. A stored setting that affects training and differs from
 * `settings` is an error that names it. */
tl_status tli_checkpoint_resume(tl_context *ctx, tli_registry *registry, const tl_settings *settings,
                                const char *labels, const char *out, uint64_t step,
                                tli_train_state *standing);

#endif

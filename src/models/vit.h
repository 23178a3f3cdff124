/* The Vision Transformer of the paper with any attention-like operation: patches -> LN -> Linear -> LN, class
 * token, positions, `depth` blocks (x += op(LN x); x += MLP(LN x)), LN, Linear head on the class token or the
 * mean over tokens. */
#ifndef TL_MODELS_VIT_H
#define TL_MODELS_VIT_H

#include "models/registry.h"
#include "ops/attention_like.h"

/* TL_ERROR_USAGE with one sentence when the values make no model (image not divisible by patch, zero sizes,
 * head_dim 0, ...). */
tl_status tl_vit_config_check(const tl_vit_config *config, tl_error *err);

/* The parameters in the reference's order and under its names; no device needed. */
tl_status tl_vit_parameters(const tl_vit_config *config, tl_registry *registry, tl_error *err);

/* Bytes by kind for a training step (or inference) at this batch size; no device needed. */
typedef struct tl_memory_plan {
    uint64_t bytes[TL_MEMORY_KINDS];
    uint64_t total;
    uint64_t largest; /* the largest tensor that cannot be split, or largest shard unit, in bytes */
    char largest_name[96];
} tl_memory_plan;
tl_status tl_vit_plan(const tl_vit_config *config, uint32_t batch, bool training, tl_memory_plan *plan,
                      tl_error *err);
/* Plans training and decides config->recompute: AUTO keeps what can be kept if that fits. Returns whether the
 * plan, that of the last choice tried, fits. */
bool tl_vit_plan_training(tl_vit_config *config, uint32_t batch, tl_recompute recompute, uint64_t total_bytes,
                          uint64_t max_alloc_bytes, tl_memory_plan *plan);

typedef struct tl_vit tl_vit;
/* Allocates parameters (uninitialised: call tl_registry_init or load) and everything that a step needs.
 * Batches may be smaller than `batch` (the last partial one). */
tl_status tl_vit_create(tl_context *ctx, const tl_vit_config *config, uint32_t batch, bool training,
                        tl_vit **out);
void tl_vit_destroy(tl_context *ctx, tl_vit *model);
tl_registry *tl_vit_registry(tl_vit *model);

/* images: host, [batch][channels][height][width], copied before return. Enqueues; does not wait. */
tl_status tl_vit_set_batch(tl_context *ctx, tl_vit *model, const float *images, const int32_t *targets,
                           uint32_t batch);
tl_status tl_vit_forward(tl_context *ctx, tl_vit *model); /* logits of the batch that was set */
/* Cross-entropy of the logits: mean loss into slot `slot` of the loss ring (below), ranks per image, and the
 * gradient of the mean when training. */
tl_status tl_vit_loss(tl_context *ctx, tl_vit *model, uint32_t slot);
tl_status tl_vit_backward(tl_context *ctx, tl_vit *model); /* all gradients; after tl_vit_loss */

enum { TL_LOSS_SLOTS = 1024 };
/* Blocking reads. */
tl_status tl_vit_read_losses(tl_context *ctx, tl_vit *model, uint32_t first_slot, uint32_t count,
                             float *losses);
tl_status tl_vit_read_ranks(tl_context *ctx, tl_vit *model,
                            int32_t *ranks); /* batch values, see ops/loss.h */
tl_status tl_vit_read_row_losses(tl_context *ctx, tl_vit *model, float *losses); /* batch values */
tl_status tl_vit_read_logits(tl_context *ctx, tl_vit *model, float *logits);     /* [batch][classes] */

#endif

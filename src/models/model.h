/* A model as the trainer sees it: an embedding that makes rows of tokens, blocks with any attention-like
 * operation (x += op(LN x); x += MLP(LN x)), and a head with its loss. What an architecture (Vision Transformer,
 * GPT) adds to them is in models/arch.h. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "models/block.h"
#include "models/registry.h"
#include "ops/op_check.h"
#include "ops/op_rules.h"

/* Ranges, each from 1; those of the operation are in ops/op_rules.h. */
enum {
    MODEL_MAX_DEPTH = 1024,
    MODEL_MAX_IMAGE = 16384, /* pixels, slices or frames along an axis; of a patch, too */
    MODEL_MAX_MLP_DIM = 1 << 20,
    MODEL_MAX_CLASSES = 1 << 20,
    MODEL_MAX_VOCABULARY = 1 << 24
};

/* ---- without a device ---------------------------------------------------------------------------- */

/* TL_ERROR_USAGE with one sentence when the values make no model (image not divisible by patch, zero sizes,
 * head_dim 0, ...). */
tl_status tli_model_check(const tl_model_config *config, tl_error *err);
/* TL_ERROR_USAGE when rows or buffers of this batch pass what 32-bit row counts can address. */
tl_status tli_model_batch_check(const tl_model_config *config, uint32_t batch, tl_error *err);

/* The parameters in the reference's order and under its names. */
tl_status tli_model_parameters(const tl_model_config *config, tli_registry *registry, tl_error *err);

/* What the configuration says or, with TL_POSITIONS_DEFAULT, what its operation has. */
tl_positions tli_model_positions(const tl_model_config *config);
/* Whether --recompute decides something: training may keep q_ij and k_ij of every pair, or compute them again. */
bool tli_model_saves_pairs(const tl_model_config *config);
uint32_t tli_model_tokens(const tl_model_config *config);       /* of one sample, a class token among them */
uint64_t tli_model_image_values(const tl_model_config *config); /* ViT: floats of one image */
const char *tli_model_block_prefix(const tl_model_config *config); /* "transformer" or "translution" */
tli_block_shape tli_model_block_shape(const tl_model_config *config, uint32_t batch, bool training,
                                      uint32_t layer);

/* Bytes by kind for a step of training by `rule`, or, where that is NULL, of inference at this batch size. */
typedef struct tli_memory_plan {
    uint64_t bytes[TL_MEMORY_KINDS];
    uint64_t total;
    uint64_t largest; /* the largest tensor that cannot be split, or largest shard unit, in bytes */
    char largest_name[96];
} tli_memory_plan;
tl_status tli_model_plan(const tl_model_config *config, uint32_t batch, const optimizer_rule *rule,
                         tli_memory_plan *plan, tl_error *err);
/* Plans training and decides config->recompute: AUTO keeps what can be kept if that fits. *fits: whether the plan, that of
 * the last choice tried, fits. Fails as tli_model_plan does, for configurations that are no model and for batches that are
 * too large to count. */
tl_status tli_model_plan_training(tl_model_config *config, uint32_t batch, const optimizer_rule *rule,
                                  tl_recompute recompute, uint64_t total_bytes, uint64_t max_alloc_bytes,
                                  tli_memory_plan *plan, bool *fits, tl_error *err);

/* ---- on a device --------------------------------------------------------------------------------- */

typedef struct tli_model tli_model;
/* Allocates parameters (uninitialised: call tli_registry_init or load) and everything that a step of training by `rule`
 * needs, or, where that is NULL, of inference.
 * Batches may be smaller than `batch` (the last partial one). */
tl_status tli_model_create(tl_context *ctx, const tl_model_config *config, uint32_t batch,
                           const optimizer_rule *rule, tli_model **out);
/* For inference on sequences that grow: every block keeps what the tokens so far left in it, see tli_inputs.first. All
 * batches have `batch` samples. */
tl_status tli_model_create_cached(tl_context *ctx, const tl_model_config *config, uint32_t batch,
                                  tli_model **out);
void tli_model_destroy(tl_context *ctx, tli_model *model);
tli_registry *tli_model_registry(tli_model *model);

/* A batch in host memory; what the model's architecture does not take is ignored. */
typedef struct tli_inputs {
    uint32_t count;        /* samples */
    const float *images;   /* ViT: [count][channels][depth][height][width] */
    const int32_t *tokens; /* GPT: [count][length] ids */
    uint32_t length;       /* GPT: tokens a sample, 1 to seq_len */
    uint32_t first; /* GPT: tokens of every sample that a cached model has seen and that stand before these */
    /* ViT: [count] classes; GPT: [count][length] ids of the next tokens, or NULL: no loss */
    const int32_t *targets;
    const float *soft_targets; /* ViT, or NULL: [count][classes] probabilities, instead of `targets` */
} tli_inputs;

/* Copied before return. Enqueues; waits for no more than that the batch before the last has gone to the device. */
tl_status tli_model_set_batch(tl_context *ctx, tli_model *model, const tli_inputs *inputs);
tl_status tli_model_forward(tl_context *ctx, tli_model *model);
/* Cross-entropy: mean loss into slot `slot` of the loss ring (below), loss and rank of every prediction, and
 * the gradient of the mean when training. After tli_model_forward. */
tl_status tli_model_loss(tl_context *ctx, tli_model *model, uint32_t slot);
tl_status tli_model_backward(tl_context *ctx, tli_model *model); /* all gradients; after tli_model_loss */

enum { TLI_LOSS_SLOTS = 1024 };
tli_view tli_model_loss_at(const tli_model *model, uint32_t slot); /* where the loss in this slot lies */
/* Predictions of the batch that was set: one an image, one a token. */
uint32_t tli_model_predictions(const tli_model *model);
/* Blocking reads. Predictions of sequences come as the device has them, [token][batch]. */
tl_status tli_model_read_losses(tl_context *ctx, tli_model *model, uint32_t first_slot, uint32_t count,
                                float *losses);
tl_status tli_model_read_ranks(tl_context *ctx, tli_model *model,
                               int32_t *ranks); /* a prediction each, see ops/loss.h */
tl_status tli_model_read_row_losses(tl_context *ctx, tli_model *model, float *losses); /* the same */
/* ViT: [batch][classes]. TL_ERROR_USAGE for architectures that do not keep logits. */
tl_status tli_model_read_logits(tl_context *ctx, tli_model *model, float *logits);
/* How much the first token (the class token, if there is one) of a sample of the batch that was set looks at every
 * token in block `layer`, counted from 0: weights [heads][tokens]. Computes the blocks up to that one again. */
tl_status tli_model_read_attention(tl_context *ctx, tli_model *model, uint32_t layer, uint32_t sample,
                                   float *weights);

#endif

/* A model: an embedding, blocks with an attention operation (x += op(LN x); x += MLP(LN x)), and a head
 * with its loss. The architectures (Vision Transformer, GPT) implement models/arch.h. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "models/block.h"
#include "models/registry.h"
#include "ops/op_check.h"
#include "ops/op_rules.h"

/* Upper limits, each range starts at 1; those of the operation are in ops/op_check.h. */
enum {
    MODEL_MAX_DEPTH = 1024,
    MODEL_MAX_IMAGE = 16384, /* pixels, slices or frames on an axis; also of a patch */
    MODEL_MAX_MLP_DIM = 1 << 20,
    MODEL_MAX_CLASSES = 1 << 20,
    MODEL_MAX_VOCABULARY = 1 << 24
};

/* ---- without a device ---------------------------------------------------------------------------- */

/* TL_ERROR_USAGE with one sentence when the values are not a valid model (image not divisible by patch,
 * zero sizes, head_dim 0, ...). */
tl_status tli_model_check(const tl_model_config *config, tl_error *err);
/* TL_ERROR_USAGE when a batch of this size needs more rows or elements than 32-bit row counts can address. */
tl_status tli_model_batch_check(const tl_model_config *config, uint32_t batch, tl_error *err);

/* The parameters, in the reference's order and with its names. */
tl_status tli_model_parameters(const tl_model_config *config, tli_registry *registry, tl_error *err);

/* The configured positions; for TL_POSITIONS_DEFAULT the operation's default. */
tl_positions tli_model_positions(const tl_model_config *config);
uint32_t tli_model_tokens(const tl_model_config *config);          /* per sample, including the class token */
uint64_t tli_model_image_values(const tl_model_config *config);    /* ViT: floats per image */
const char *tli_model_block_prefix(const tl_model_config *config); /* "transformer" or "translution" */
tli_block_shape tli_model_block_shape(const tl_model_config *config, uint32_t batch, bool training,
                                      uint32_t layer);

/* Saturates. */
void tli_memory_plan_add(tl_memory_plan *plan, tl_memory_kind kind, uint64_t bytes);
/* Bytes by kind and the largest buffer, of a training step with `rule` or, if NULL, of inference; the other
 * members are 0. */
tl_status tli_model_plan(const tl_model_config *config, uint32_t batch, const optimizer_rule *rule,
                         tl_memory_plan *plan, tl_error *err);

/* ---- with a device ---------------------------------------------------------------------------------- */

/* The public tl_model_* check their arguments, and stand on these. */

/* As tl_model_create, but parameters are uninitialised: call tli_registry_init or load them. With `rule`
 * (NULL: none) the registry holds that optimizer's state. */
tl_status tli_model_create(tl_context *ctx, const tl_model_config *config, const tl_model_options *options,
                           const optimizer_rule *rule, tl_model **out);
/* For a configuration with offset_ranks: these are they, with which the model goes forward and backward. They must outlive it. */
tl_status tli_model_share(tl_context *ctx, tl_model *model, tl_ranks *offset_group);
/* The ranks that compute every batch together with this one; NULL: none. */
tl_ranks *tli_model_group(const tl_model *model);
void tli_model_destroy(tl_context *ctx, tl_model *model); /* NULL is allowed */
/* Takes the caller's options, checked. */
tl_status tli_model_options_take(tl_context *ctx, const tl_model_options *options, tl_model_options *own);
/* Memory of whoever opened the model from a file, by malloc; freed with the model. */
void **tli_model_origin(tl_model *model);
/* TL_ERROR_USAGE unless the model, which may be the handle of a destroyed one, belongs to this context. */
tl_status tli_model_own_check(tl_context *ctx, const tl_model *model);
uint32_t tli_model_capacity(const tl_model *model); /* samples of the largest batch */
tli_registry *tli_model_registry(tl_model *model);

/* Inputs are copied before return. Enqueues; waits only until the batch before the previous one has been
 * copied to the device. */
tl_status tli_model_set_batch(tl_context *ctx, tl_model *model, const tl_batch *inputs);
/* The same for a slice: `count` samples of the batch from `sample` on. Loss and gradients are then the slice's part
 * of the whole batch's: those of all slices add up to them. */
tl_status tli_model_set_slice(tl_context *ctx, tl_model *model, const tl_batch *inputs, uint32_t sample,
                              uint32_t count);
tl_status tli_model_forward(tl_context *ctx, tl_model *model);
/* Cross-entropy: writes the mean loss (of a slice: its part of it) to slot `slot` of the loss ring (below), loss and
 * rank of every prediction, and in training the gradient of the mean. After tli_model_forward. */
tl_status tli_model_loss(tl_context *ctx, tl_model *model, uint32_t slot);
tl_status tli_model_backward(tl_context *ctx, tl_model *model); /* all gradients; after tli_model_loss */
/* Whom the backward pass tells, while it enqueues, that what it has enqueued so far completes the gradients of the registry's
 * parameters from `first` on: of the head, of one block after another from the last, and of all. */
typedef struct tli_gradient_listener {
    tl_status (*ready)(void *user, int first);
    void *user;
} tli_gradient_listener;
tl_status tli_model_backward_to(tl_context *ctx, tl_model *model, const tli_gradient_listener *listener);
/* What it says after `blocks` blocks: the first parameter of the last `blocks` of `depth`, or of the head. */
int tli_model_first_ready(const tl_model_config *config, const tli_registry *registry, uint32_t blocks);

enum { TLI_LOSS_SLOTS = 1024 };
tli_view tli_model_loss_at(const tl_model *model, uint32_t slot); /* where the loss of this slot is stored */
/* Predictions in the current batch: one per image or token. */
uint32_t tli_model_predictions(const tl_model *model);
uint32_t tli_model_predictions_of(const tl_model *model, const tl_batch *inputs); /* in this batch */
/* Blocking reads. Predictions of sequences are in the device's order, [token][batch]. */
tl_status tli_model_read_losses(tl_context *ctx, tl_model *model, uint32_t first_slot, uint32_t count,
                                float *losses);
tl_status tli_model_read_ranks(tl_context *ctx, tl_model *model,
                               int32_t *ranks); /* one per prediction, see ops/loss.h */
tl_status tli_model_read_row_losses(tl_context *ctx, tl_model *model, float *losses); /* in the same order */
/* Attention weights of the first token (the class token, if there is one) of one sample of the current
 * batch over all tokens, in block `layer`, counted from 0: [heads][tokens]. Recomputes the blocks up to
 * that one. */
tl_status tli_model_read_attention(tl_context *ctx, tl_model *model, uint32_t layer, uint32_t sample,
                                   float *weights);
/* The same of all samples and of all tokens whose output the block computes (tli_model_block_shape: op.queries):
 * [batch][heads][queries][tokens]. */
tl_status tli_model_read_attention_matrices(tl_context *ctx, tl_model *model, uint32_t layer, float *weights);

#endif

/* One block of a model: x_mid = x + to_out(op(LN x)); x_out = x_mid + W2 gelu(W1 LN(x_mid) + b1) + b2.
 *
 * Activations saved per block: the statistics of both LayerNorms, the operation's output, x_mid and the
 * MLP's hidden values before GELU. Recomputed in backward: both LayerNorm outputs and the GELU output.
 * With save_rows these outputs are saved, too, and the hidden values give way to GELU's slope.
 * When shape.op.queries is 1, only the rows of the first token continue after the operation. */
#ifndef MODELS_BLOCK_H
#define MODELS_BLOCK_H

#include "models/registry.h"
#include "ops/attention.h"

typedef struct tli_block_shape {
    tli_op_shape op; /* op.batch: the maximum */
    uint32_t mlp_dim;
    bool save_rows; /* training: the outputs of the LayerNorms and of GELU are saved, not recomputed */
} tli_block_shape;

typedef enum tli_block_buffer {
    TLI_BLOCK_STATS1, /* 2 * tokens * batch */
    TLI_BLOCK_O,      /* queries * batch * heads * head_dim; backward writes its gradient over it */
    TLI_BLOCK_STATS2, /* 2 * queries * batch */
    TLI_BLOCK_HIDDEN, /* queries * batch * mlp_dim; with save_rows, from forward on, GELU's slope */
    TLI_BLOCK_MIDDLE, /* queries * batch * dim, training only: inference works in place */
    TLI_BLOCK_OUTPUT, /* as TLI_BLOCK_MIDDLE */
    /* With save_rows: */
    TLI_BLOCK_NORMED,     /* tokens * batch * dim */
    TLI_BLOCK_MLP_NORMED, /* queries * batch * dim; backward writes its gradient over it */
    TLI_BLOCK_ACTIVATED,  /* queries * batch * mlp_dim; as TLI_BLOCK_MLP_NORMED */
    TLI_BLOCK_BUFFERS
} tli_block_buffer;

uint64_t tli_block_buffer_count(const tli_block_shape *shape, bool training,
                                tli_block_buffer which); /* floats */
/* Floats that LayerNorm, Linear and the operation need of the shared workspace. */
uint64_t tli_block_workspace_count(const tli_block_shape *shape, bool training);
/* A single head as wide as the model has no output projection. */
bool tli_block_has_to_out(const tli_op_shape *op);

/* Adds the parameters of layer `layer` of `blocks` ("transformer", "translution"). */
tl_status tli_block_parameters(tli_registry *registry, const char *prefix, uint32_t layer,
                               const tli_block_shape *shape, tl_error *err);

typedef struct tli_block tli_block;

/* With `cached` the block owns a KV cache (incremental decoding); `buffer_owner` must then be NULL.
 * `buffer_owner` (inference only; NULL: none): another block whose buffers, and operation state if the
 * queries agree, are used instead of own ones. The registry must be allocated and must not grow any more. */
tl_status tli_block_create(tl_context *ctx, tli_registry *registry, const char *prefix, uint32_t layer,
                           const tli_block_shape *shape, bool training, bool cached, tli_block *buffer_owner,
                           tli_block **out);
void tli_block_destroy(tl_context *ctx, tli_block *block); /* NULL is allowed */
/* See tli_op_share; for training. */
void tli_block_share(tli_block *block, const tli_rank_sum *sum);
/* Sets the current size: `batch` samples of `tokens` tokens (at most the shape's; fewer tokens in
 * sequences only); allocates nothing. `first` above 0, only with `cached` and the same batch as before:
 * forward computes tokens [first, tokens), and x and y hold the rows of these. */
tl_status tli_block_set_batch(tl_context *ctx, tli_block *block, uint32_t batch, uint32_t first,
                              uint32_t tokens);

/* Scratch shared by all blocks. rows1, rows2: tokens * batch * dim; hidden, without save_rows: queries * batch *
 * mlp_dim. */
typedef struct tli_block_scratch {
    tli_view rows1, rows2, hidden, workspace; /* rows2: backward only */
} tli_block_scratch;

/* x: tokens * batch rows; *y: where the queries * batch rows of the output are (x itself in inference). */
tl_status tli_block_forward(tl_context *ctx, tli_block *block, tli_view x, tli_view *y,
                            const tli_block_scratch *scratch);
/* Call right after tli_block_forward, see tli_op_read_attention. */
tl_status tli_block_read_attention(tl_context *ctx, tli_block *block, uint32_t sample, uint32_t query,
                                   float *weights);
tl_status tli_block_read_attention_matrices(tl_context *ctx, tli_block *block, float *weights);
/* On input the first queries * batch rows of dx hold the gradient of the output; on return all rows hold
 * that of x. Gradients of the block's parameters are overwritten. */
tl_status tli_block_backward(tl_context *ctx, tli_block *block, tli_view x, tli_view dx,
                             const tli_block_scratch *scratch);

#endif

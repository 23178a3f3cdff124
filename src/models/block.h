/* One block of a model: x_mid = x + to_out(op(LN x)); x_out = x_mid + W2 gelu(W1 LN(x_mid) + b1) + b2.
 *
 * Kept for backward per block: the statistics of both LayerNorms, the operation's output, x_mid and the MLP's
 * hidden values before GELU. What is cheap is computed again: the LayerNorms' outputs and GELU's.
 * When shape.op.queries is 1, only the rows of the first token go on behind the operation. */
#ifndef MODELS_BLOCK_H
#define MODELS_BLOCK_H

#include "models/registry.h"
#include "ops/attention.h"

typedef struct tli_block_shape {
    tli_op_shape op; /* op.batch: the largest batch */
    uint32_t mlp_dim;
} tli_block_shape;

typedef enum tli_block_buffer {
    TLI_BLOCK_STATS1, /* 2 * tokens * batch */
    TLI_BLOCK_O,      /* queries * batch * heads * head_dim; backward writes its gradient over it */
    TLI_BLOCK_STATS2, /* 2 * queries * batch */
    TLI_BLOCK_HIDDEN, /* queries * batch * mlp_dim */
    TLI_BLOCK_MIDDLE, /* queries * batch * dim, training only: inference works in place */
    TLI_BLOCK_OUTPUT, /* the same */
    TLI_BLOCK_BUFFERS
} tli_block_buffer;

uint64_t tli_block_buffer_count(const tli_block_shape *shape, bool training,
                                tli_block_buffer which); /* floats */
/* Scratch floats that LayerNorm, Linear and the operation need of the shared workspace. */
uint64_t tli_block_workspace_count(const tli_block_shape *shape, bool training);
/* One head as wide as the model has no output projection. */
bool tli_block_has_to_out(const tli_op_shape *op);

/* Adds the parameters of layer `layer` of `blocks` ("transformer", "translution"). */
tl_status tli_block_parameters(tli_registry *registry, const char *prefix, uint32_t layer,
                               const tli_block_shape *shape, tl_error *err);

typedef struct tli_block tli_block;

/* A cached block keeps what earlier tokens left, so that later ones can be added to a sequence: for generation. It has
 * no buffer_owner. The registry must be allocated and must not grow any more. `buffer_owner` (NULL: none) is another block whose
 * buffers, and operation state where the queries agree, are used instead of own ones: for inference. */
tl_status tli_block_create(tl_context *ctx, tli_registry *registry, const char *prefix, uint32_t layer,
                           const tli_block_shape *shape, bool training, bool cached, tli_block *buffer_owner,
                           tli_block **out);
void tli_block_destroy(tl_context *ctx, tli_block *block); /* NULL is fine */
/* Forward and backward compute `batch` samples of `tokens` tokens from then on (at most the shape's; fewer tokens in
 * sequences only); allocates nothing. `first` above 0, in cached blocks alone and with the batch that they were made
 * for: forward computes tokens [first, tokens), and x and y are the rows of these. */
tl_status tli_block_set_batch(tl_context *ctx, tli_block *block, uint32_t batch, uint32_t first,
                              uint32_t tokens);

/* Space that all blocks share. rows1, rows2: tokens * batch * dim; hidden: queries * batch * mlp_dim. */
typedef struct tli_block_scratch {
    tli_view rows1, rows2, hidden, workspace; /* rows2 is used by backward only */
} tli_block_scratch;

/* x: tokens * batch rows; *y: where the queries * batch rows of the output are (x itself in inference). */
tl_status tli_block_forward(tl_context *ctx, tli_block *block, tli_view x, tli_view *y,
                            const tli_block_scratch *scratch);
/* Right after tli_block_forward, see tli_op_read_attention. */
tl_status tli_block_read_attention(tl_context *ctx, tli_block *block, uint32_t sample, uint32_t query,
                                   float *weights);
/* dx holds the gradient of the output in its first queries * batch rows and receives that of x in all rows.
 * The gradients of the block's parameters are overwritten. */
tl_status tli_block_backward(tl_context *ctx, tli_block *block, tli_view x, tli_view dx,
                             const tli_block_scratch *scratch);

#endif

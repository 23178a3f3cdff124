/* One block of a trunk: x_mid = x + to_out(op(LN x)); x_out = x_mid + W2 gelu(W1 LN(x_mid) + b1) + b2.
 *
 * Kept for backward per block: the statistics of both LayerNorms, the operation's output, x_mid and the MLP's
 * hidden values before GELU. What is cheap is computed again: the LayerNorms' outputs and GELU's.
 * When shape.op.queries is 1, only the rows of the first token go on behind the operation. */
#ifndef TL_MODELS_BLOCK_H
#define TL_MODELS_BLOCK_H

#include "models/registry.h"
#include "ops/attention.h"

typedef struct tl_block_shape {
    tl_op_shape op; /* op.batch: the largest batch */
    uint32_t mlp_dim;
} tl_block_shape;

typedef enum tl_block_buffer {
    TL_BLOCK_STATS1, /* 2 * tokens * batch */
    TL_BLOCK_O,      /* queries * batch * heads * head_dim; backward writes its gradient over it */
    TL_BLOCK_STATS2, /* 2 * queries * batch */
    TL_BLOCK_HIDDEN, /* queries * batch * mlp_dim */
    TL_BLOCK_MIDDLE, /* queries * batch * dim, training only: inference works in place */
    TL_BLOCK_OUTPUT, /* the same */
    TL_BLOCK_BUFFERS
} tl_block_buffer;

uint64_t tl_block_buffer_count(const tl_block_shape *shape, bool training,
                               tl_block_buffer which); /* floats */
/* Scratch floats that LayerNorm, Linear and the operation need of the shared workspace. */
uint64_t tl_block_workspace_count(const tl_block_shape *shape, bool training);
/* One head as wide as the model has no output projection. */
bool tl_block_has_to_out(const tl_op_shape *op);

/* Adds the parameters of layer `layer` of `trunk` ("transformer", "translution"). */
tl_status tl_block_parameters(tl_registry *registry, const char *trunk, uint32_t layer,
                              const tl_block_shape *shape, tl_error *err);

typedef struct tl_block tl_block;

/* A cached block keeps what earlier tokens left, so that later ones can be added to a sequence: for generation. It has
 * no lender. The registry must be allocated and must not grow any more. `lender` (NULL: none) is another block whose
 * buffers, and operation state where the queries agree, are used instead of own ones: for inference. */
tl_status tl_block_create(tl_context *ctx, tl_registry *registry, const char *trunk, uint32_t layer,
                          const tl_block_shape *shape, bool training, bool cached, tl_block *lender,
                          tl_block **out);
void tl_block_destroy(tl_context *ctx, tl_block *block); /* NULL is fine */
/* Forward and backward compute `batch` samples of `tokens` tokens from then on (at most the shape's; fewer tokens in
 * sequences only); allocates nothing. `first` above 0, in cached blocks alone and with the batch that they were made
 * for: forward computes tokens [first, tokens), and x and y are the rows of these. */
tl_status tl_block_set_batch(tl_context *ctx, tl_block *block, uint32_t batch, uint32_t first,
                             uint32_t tokens);

/* Space that all blocks share. rows1, rows2: tokens * batch * dim; hidden: queries * batch * mlp_dim. */
typedef struct tl_block_scratch {
    tl_view rows1, rows2, hidden, workspace; /* rows2 is used by backward only */
} tl_block_scratch;

/* x: tokens * batch rows; *y: where the queries * batch rows of the output are (x itself in inference). */
tl_status tl_block_forward(tl_context *ctx, tl_block *block, tl_view x, tl_view *y,
                           const tl_block_scratch *scratch);
/* Right after tl_block_forward, see tl_op_read_attention. */
tl_status tl_block_read_attention(tl_context *ctx, tl_block *block, uint32_t sample, uint32_t query,
                                  float *weights);
/* dx holds the gradient of the output in its first queries * batch rows and receives that of x in all rows.
 * The gradients of the block's parameters are overwritten. */
tl_status tl_block_backward(tl_context *ctx, tl_block *block, tl_view x, tl_view dx,
                            const tl_block_scratch *scratch);

#endif

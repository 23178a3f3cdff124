/* All attention variants behind one interface: softmax attention, Translution, low-rank Translution and
 * convolution, each with the terms of its shape (attention_terms.h). x (after LayerNorm) -> o (before
 * to_out), rows [token][batch][channel]. */
#ifndef OPS_ATTENTION_H
#define OPS_ATTENTION_H

#include "ops/op_sizes.h"

typedef struct tli_op_state
    tli_op_state; /* one per layer: pair table, mask, and the activations saved for backward */

/* Allocates for this shape as the maximum, and starts at it. */
tl_status tli_op_create(tl_context *ctx, const char *name, const tli_op_shape *shape, tli_op_state **out);
void tli_op_destroy(tl_context *ctx, tli_op_state *state);

/* For a shape whose geometry is a share: completes the sums over pairs, which forward and backward then do together with
 * the other ranks. `sum` must outlive the state. */
void tli_op_share(tli_op_state *state, const tli_rank_sum *sum);

/* Sets the current size: `batch` samples of `tokens` tokens, at most those of the shape; allocates
 * nothing. Fewer tokens: causal sequences only. `first` above 0 uses the state as a KV cache (incremental
 * decoding): the queries are tokens [first, tokens); forward projects only these and reuses k and v of
 * tokens [0, first) from earlier calls with this batch; x still holds the rows of all tokens. */
tl_status tli_op_fit(tl_context *ctx, const char *name, tli_op_state *state, uint32_t batch, uint32_t first,
                     uint32_t tokens);

/* o overwritten; workspace: tli_op_workspace_count floats, shared between layers. */
tl_status tli_op_forward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                         tli_view o, tli_view workspace);
/* dx overwritten (tokens * batch rows); all of `gradients` overwritten, with exact zeros in matrices that
 * no pair uses. */
tl_status tli_op_backward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                          tli_view d_o, tli_view dx, const tli_op_tensors *gradients, tli_view workspace);

/* After forward: the attention weights of `query` in `sample` over all keys, [heads][keys], copied to the
 * host; for ConViT those of the content softmax. Blocking. TL_ERROR_USAGE for operations without a
 * softmax. */
tl_status tli_op_read_attention(tl_context *ctx, const tli_op_state *state, uint32_t sample, uint32_t query,
                                float *weights);
/* The same of all queries and samples: [batch][heads][queries][keys]. */
tl_status tli_op_read_attention_matrices(tl_context *ctx, const tli_op_state *state, float *weights);

#endif

/* Attention and what is like it behind one interface: softmax attention, Translution, low-rank Translution, convolution,
 * each with the terms of its shape (attention_terms.h). x (after LayerNorm) -> o (before to_out), rows
 * [token][batch][channel]. */
#ifndef TL_OPS_ATTENTION_H
#define TL_OPS_ATTENTION_H

#include "ops/op_sizes.h"

typedef struct tl_op_state
    tl_op_state; /* pair table, mask, and what forward saves for backward; one a layer */

/* Allocates for this shape, which is then also the one in use. */
tl_status tl_op_create(tl_context *ctx, const char *name, const tl_op_shape *shape, tl_op_state **out);
void tl_op_destroy(tl_context *ctx, tl_op_state *state);

/* From now on the state serves `batch` samples of `tokens` tokens, at most as many as it was made for; allocates
 * nothing. Fewer tokens are for causal sequences alone. `first` above 0 makes the state a KV cache: the queries are
 * tokens [first, tokens); forward projects these alone and reuses what it computed for the tokens before them in
 * earlier calls with this batch; x holds the rows of all tokens. */
tl_status tl_op_fit(tl_context *ctx, const char *name, tl_op_state *state, uint32_t batch, uint32_t first,
                    uint32_t tokens);

/* o overwritten; workspace: tl_op_workspace_count floats, shared between layers. */
tl_status tl_op_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                        tl_view o, tl_view workspace);
/* dx overwritten (tokens * batch rows); every gradient in `gradients` overwritten, exact zeros where no pair
 * uses a matrix. */
tl_status tl_op_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                         tl_view d_o, tl_view dx, const tl_op_weights *gradients, tl_view workspace);

/* After forward: how much `query` of `sample` looks at every token, weights [heads][keys] on the host; for ConViT
 * the part that goes by content. Waits. TL_ERROR_USAGE for operations without a softmax. */
tl_status tl_op_read_attention(tl_context *ctx, const tl_op_state *state, uint32_t sample, uint32_t query,
                               float *weights);

#endif

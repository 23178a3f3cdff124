/* Attention and what is like it behind one interface: softmax attention, Translution, low-rank Translution, convolution,
 * each with the terms of its shape (attention_terms.h). x (after LayerNorm) -> o (before to_out), rows
 * [token][batch][channel]. */
#ifndef OPS_ATTENTION_H
#define OPS_ATTENTION_H

#include "ops/op_sizes.h"

typedef struct tli_op_state
    tli_op_state; /* pair table, mask, and what forward saves for backward; one a layer */

/* Allocates for this shape, which is then also the one in use. */
tl_status tli_op_create(tl_context *ctx, const char *name, const tli_op_shape *shape, tli_op_state **out);
void tli_op_destroy(tl_context *ctx, tli_op_state *state);

/* From now on the state serves `batch` samples of `tokens` tokens, at most as many as it was made for; allocates
 * nothing. Fewer tokens are for causal sequences alone. `first` above 0 makes the state a KV cache: the queries are
 * tokens [first, tokens); forward projects these alone and reuses what it computed for the tokens before them in
 * earlier calls with this batch; x holds the rows of all tokens. */
tl_status tli_op_fit(tl_context *ctx, const char *name, tli_op_state *state, uint32_t batch, uint32_t first,
                     uint32_t tokens);

/* o overwritten; workspace: tli_op_workspace_count floats, shared between layers. */
tl_status tli_op_forward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                         tli_view o, tli_view workspace);
/* dx overwritten (tokens * batch rows); every gradient in `gradients` overwritten, exact zeros where no pair
 * uses a matrix. */
tl_status tli_op_backward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                          tli_view d_o, tli_view dx, const tli_op_tensors *gradients, tli_view workspace);

/* After forward: how much `query` of `sample` looks at every token, weights [heads][keys] on the host; for ConViT
 * the part that goes by content. Waits. TL_ERROR_USAGE for operations without a softmax. */
tl_status tli_op_read_attention(tl_context *ctx, const tli_op_state *state, uint32_t sample, uint32_t query,
                                float *weights);

#endif

/* The attention-like operations behind one interface: softmax attention, Translution and alpha-Translution
 * with any roles relative. x (after LayerNorm) -> o (before to_out), rows [token][batch][channel]. */
#ifndef TL_OPS_ATTENTION_LIKE_H
#define TL_OPS_ATTENTION_LIKE_H

#include "device/device.h"
#include "ops/op_shape.h"

typedef struct tl_op_state tl_op_state; /* pair tables and what forward keeps for backward; one a layer */

/* Allocates for exactly this shape. */
tl_status tl_op_create(tl_context *ctx, const char *name, const tl_op_shape *shape, tl_op_state **out);
void tl_op_destroy(tl_context *ctx, tl_op_state *state);

/* For generation, in a state made for a causal sequence: the queries are tokens [first, tokens) from now on. Forward
 * then projects these alone and finds what the tokens before them left in the state, where it must have been computed
 * since the state was made; x holds the rows of all tokens. At most as many tokens as the state was made for. */
tl_status tl_op_window(tl_context *ctx, const char *name, tl_op_state *state, uint32_t first,
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

/* The three attention-like operations behind one interface: softmax attention, Translution and
 * alpha-Translution. x (after LayerNorm) -> o (before to_out), rows [token][batch][channel]. */
#ifndef TL_OPS_ATTENTION_LIKE_H
#define TL_OPS_ATTENTION_LIKE_H

#include "ops/geometry.h"

typedef struct tl_op_shape {
    tl_op_kind kind;
    tl_geometry geometry;
    uint32_t batch, dim;      /* rows are tokens * batch; x has dim channels */
    uint32_t heads, head_dim; /* o has heads * head_dim channels */
    uint32_t relenc_dim;      /* alpha: relative width per head */
    uint32_t queries;         /* the first `queries` tokens are queries: all of them, or 1 when only the class
                               * token's output is read; o and do have queries * batch rows */
    bool keep; /* translution: forward keeps q_ij and k_ij, [pair][batch][2D] floats, for backward */
} tl_op_shape;

/* Parameters and their gradients, NULL where the kind has none:
 *   attention    qkv [3D][C]
 *   translution  q, k, v [K][C][D]
 *   alpha        qkv [3D][C]; a_q, a_k, a_v [R][C]; q, k, v [K][R][R]; v3 [D][R] */
typedef struct tl_op_weights {
    tl_tensor *qkv, *q, *k, *v, *a_q, *a_k, *a_v, *v3;
} tl_op_weights;

typedef struct tl_op_state tl_op_state; /* pair tables and what forward keeps for backward; one a layer */

/* Allocates for exactly this shape. `shared` workspace is taken from tl_op_workspace. */
tl_status tl_op_create(tl_context *ctx, const char *name, const tl_op_shape *shape, tl_op_state **out);
void tl_op_destroy(tl_context *ctx, tl_op_state *state);

/* Floats that tl_op_create will keep (activations) and that forward/backward need as workspace shared between
 * layers, without a device; max_alloc and the budget for workspace come from `traits` (NULL: generous). */
uint64_t tl_op_activation_count(const tl_op_shape *shape);
uint64_t tl_op_workspace_count(const tl_op_shape *shape);
/* Of the activations, the one tensor of q_ij and k_ij that `keep` asks for. */
uint64_t tl_op_kept_count(const tl_op_shape *shape);

/* o overwritten. */
tl_status tl_op_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                        tl_view o, tl_view workspace);
/* dx overwritten (tokens * batch rows); every gradient in `gradients` overwritten, exact zeros where no pair
 * uses a matrix. */
tl_status tl_op_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                         tl_view d_o, tl_view dx, const tl_op_weights *gradients, tl_view workspace);

#endif

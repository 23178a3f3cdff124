/* One attention operation with its parameters, gradients, state and workspace: implements the public
 * tl_layer (layer_public.c), and is used by `bench op` and the tests of the operation. */
#ifndef MODELS_LAYER_H
#define MODELS_LAYER_H

#include "models/registry.h"
#include "ops/attention.h"

/* What a layer is made for. */
typedef struct tli_layer_use {
    bool training; /* with gradients, and for backward */
    bool kv_cache; /* inference on causal sequences: x and o hold the rows of new tokens only */
} tli_layer_use;

struct tl_layer {
    tli_op_shape shape; /* the largest */
    tli_layer_use use;
    tli_registry registry;
    tli_op_tensors values, gradients; /* of the registry, by role */
    tli_op_state *state;
    tl_tensor *workspace;
    tl_tensor *rows;               /* with kv_cache: the input of all tokens so far */
    uint32_t batch, first, tokens; /* current size: tokens [first, tokens) of `batch` samples */
    uint32_t kept;                 /* tokens that the cache holds */
    bool forwarded;                /* forward has run: the state holds the activations for backward */
};

/* The shape must have passed tli_op_check. Parameters are drawn from `seed`, uniform as in the reference;
 * gradients are 0. */
tl_status tli_layer_create(tl_context *ctx, const tli_op_shape *shape, tli_layer_use use, uint64_t seed,
                           tl_layer **out);
void tli_layer_destroy(tl_context *ctx, tl_layer *layer); /* NULL is allowed */

/* tl_layer_forward and tl_layer_backward without validation of the arguments. */
tl_status tli_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o);
tl_status tli_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                             tl_tensor *dx);
/* TL_ERROR_USAGE unless the layer, which may be the handle of a destroyed one, belongs to this context. */
tl_status tli_layer_own_check(tl_context *ctx, const tl_layer *layer);

#endif

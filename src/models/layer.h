/* One attention operation with its parameters, gradients, state and workspace: implements the public
 * tl_layer, and is used by `bench op` and the tests of the operation. */
#ifndef MODELS_LAYER_H
#define MODELS_LAYER_H

#include "ops/attention.h"

struct tl_layer {
    tli_op_shape shape;
    tl_parameter parameters[OP_MAX_PARAMETERS];
    int count;
    tli_op_tensors values, gradients; /* `parameters` by role */
    tli_op_state *state;
    tl_tensor *workspace;
    bool forwarded; /* forward has run: the state holds the activations for backward */
};

/* The shape must have passed tli_op_check. Parameters are drawn from `seed`, uniform as in the reference;
 * gradients are 0. */
tl_status tli_layer_create(tl_context *ctx, const tli_op_shape *shape, uint64_t seed, tl_layer **out);
void tli_layer_destroy(tl_context *ctx, tl_layer *layer); /* NULL is allowed */

/* tl_layer_forward and tl_layer_backward without validation of the arguments. */
tl_status tli_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o);
tl_status tli_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                             tl_tensor *dx);

#endif

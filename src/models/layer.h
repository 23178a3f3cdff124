/* One attention-like operation alone, with its parameters, gradients, state and workspace: what the public header's tl_layer
 * is, what `bench op` times and what tests of the operation run. */
#ifndef MODELS_LAYER_H
#define MODELS_LAYER_H

#include "ops/attention.h"

struct tl_layer {
    tl_op_shape shape;
    tl_layer_parameter parameters[OP_MAX_PARAMETERS];
    int count;
    tl_op_weights values, gradients; /* the tensors of `parameters` by their role */
    tl_op_state *state;
    tl_tensor *workspace;
    bool forwarded; /* since it was made: the state holds what backward needs */
};

/* Of a shape that op_check accepts; parameters are drawn from `seed`, uniform as the reference's, gradients are 0. */
tl_status layer_create(tl_context *ctx, const tl_op_shape *shape, uint64_t seed, tl_layer **out);
void layer_destroy(tl_context *ctx, tl_layer *layer); /* NULL is fine */

/* tl_layer_forward and tl_layer_backward, without their checks of what the caller gave. */
tl_status layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o);
tl_status layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                         tl_tensor *dx);

#endif

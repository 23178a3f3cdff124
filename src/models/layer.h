/* One attention-like operation alone, with its parameters, gradients, state and workspace: what the public header's tl_layer
 * is, what `bench op` times and what tests of the operation run. */
#ifndef MODELS_LAYER_H
#define MODELS_LAYER_H

#include "ops/attention.h"

struct tl_layer {
    tli_op_shape shape;
    tl_layer_parameter parameters[OP_MAX_PARAMETERS];
    int count;
    tli_op_tensors values, gradients; /* the tensors of `parameters` by their role */
    tli_op_state *state;
    tl_tensor *workspace;
    bool forwarded; /* since it was made: the state holds what backward needs */
};

/* Of a shape that tli_op_check accepts; parameters are drawn from `seed`, uniform as the reference's, gradients are 0. */
tl_status tli_layer_create(tl_context *ctx, const tli_op_shape *shape, uint64_t seed, tl_layer **out);
void tli_layer_destroy(tl_context *ctx, tl_layer *layer); /* NULL is fine */

/* tl_layer_forward and tl_layer_backward, without their checks of what the caller gave. */
tl_status tli_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o);
tl_status tli_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                             tl_tensor *dx);

#endif

/* y = x W^T + bias, nn.Linear: W [out][in]. Rows of x, y, dx, dy have strides ldx, ldy in floats. */
#ifndef OPS_LINEAR_H
#define OPS_LINEAR_H

#include "device/device.h"

/* bias and residual may have mem NULL; residual (stride ldy) is added to y. y overwritten. */
tl_status tli_linear_forward(tl_context *ctx, tli_view x, uint32_t ldx, tli_view weight, tli_view bias,
                             tli_view residual, tli_view y, uint32_t ldy, uint64_t rows, uint32_t in,
                             uint32_t out);

/* dx = dy W (mem NULL: skip), added to when `accumulate`; dweight = dy^T x and dbias = column sums of dy
 * (mem NULL: skip) are overwritten. workspace: tli_linear_workspace floats; without dbias it may have mem NULL, and dweight
 * then has few work-groups on a GPU. */
tl_status tli_linear_backward(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view x, uint32_t ldx,
                              tli_view weight, tli_view dx, bool accumulate, tli_view dweight, tli_view dbias,
                              tli_view workspace, uint64_t rows, uint32_t in, uint32_t out);
/* The part for dx alone: dx = (dy W) * factor, element by element; `accumulate` adds dx before the factor. factor has
 * the strides of dx, mem NULL: none. */
tl_status tli_linear_backward_input(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view weight, tli_view dx,
                                    tli_view factor, bool accumulate, uint32_t ldx, uint64_t rows,
                                    uint32_t in, uint32_t out);
uint64_t tli_linear_workspace(uint64_t rows, uint32_t in, uint32_t out);

#endif

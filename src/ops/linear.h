/* y = x W^T + bias, nn.Linear: W [out][in]. Rows of x, y, dx, dy have strides ldx, ldy in floats. */
#ifndef TL_OPS_LINEAR_H
#define TL_OPS_LINEAR_H

#include "device/device.h"

/* bias and residual may have mem NULL; residual (stride ldy) is added to y. y overwritten. */
tl_status tl_linear_forward(tl_context *ctx, tl_view x, uint32_t ldx, tl_view weight, tl_view bias,
                            tl_view residual, tl_view y, uint32_t ldy, uint64_t rows, uint32_t in,
                            uint32_t out);

/* dx = dy W (mem NULL: skip), added to when `accumulate`; dweight = dy^T x and dbias = column sums of dy
 * (mem NULL: skip) are overwritten. workspace: tl_linear_workspace floats. */
tl_status tl_linear_backward(tl_context *ctx, tl_view dy, uint32_t ldy, tl_view x, uint32_t ldx,
                             tl_view weight, tl_view dx, bool accumulate, tl_view dweight, tl_view dbias,
                             tl_view workspace, uint64_t rows, uint32_t in, uint32_t out);
uint64_t tl_linear_workspace(uint64_t rows, uint32_t out);

#endif

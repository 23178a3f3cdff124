/* Exact GELU: y = x Phi(x), with Phi computed by erf. */
#ifndef OPS_GELU_H
#define OPS_GELU_H

#include "device/device.h"

tl_status tli_gelu_forward(tl_context *ctx, tli_view x, tli_view y, uint64_t count);
/* dx = dy (Phi(x) + x phi(x)), overwritten; dx may be dy. */
tl_status tli_gelu_backward(tl_context *ctx, tli_view x, tli_view dy, tli_view dx, uint64_t count);

#endif

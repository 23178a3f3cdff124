/* Exact GELU: y = x Phi(x), Phi by erf. */
#ifndef TL_OPS_GELU_H
#define TL_OPS_GELU_H

#include "device/device.h"

tl_status tl_gelu_forward(tl_context *ctx, tl_view x, tl_view y, uint64_t count);
/* dx = dy (Phi(x) + x phi(x)), overwritten; dx may be dy. */
tl_status tl_gelu_backward(tl_context *ctx, tl_view x, tl_view dy, tl_view dx, uint64_t count);

#endif

/* Exact GELU: y = x Phi(x), with Phi computed by erf. */
#ifndef OPS_GELU_H
#define OPS_GELU_H

#include "device/device.h"

tl_status tli_gelu_forward(tl_context *ctx, tli_view x, tli_view y, uint64_t count);
/* The same y, and x becomes the slope Phi(x) + x phi(x): dx = dy * slope, which GEMM's `factor` multiplies by. */
tl_status tli_gelu_slope(tl_context *ctx, tli_view x, tli_view y, uint64_t count);

#endif

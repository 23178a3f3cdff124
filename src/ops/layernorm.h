/* LayerNorm over channels, eps 1e-5. Rows are any number of contiguous vectors of `channels` floats. */
#ifndef TL_OPS_LAYERNORM_H
#define TL_OPS_LAYERNORM_H

#include "device/device.h"

/* y[r] = (x[r] - mean) * rstd * weight + bias. stats[r] = {mean, rstd}, 2 * rows floats, kept for backward.
 */
tl_status tl_layernorm_forward(tl_context *ctx, tl_view x, tl_view weight, tl_view bias, tl_view y,
                               tl_view stats, uint64_t rows, uint32_t channels);

/* dx: added to when `accumulate`, else overwritten; a dx with mem NULL is not computed. dweight and dbias
 * (channels floats) are overwritten. workspace: tl_layernorm_workspace floats. */
tl_status tl_layernorm_backward(tl_context *ctx, tl_view dy, tl_view x, tl_view weight, tl_view stats,
                                tl_view dx, bool accumulate, tl_view dweight, tl_view dbias,
                                tl_view workspace, uint64_t rows, uint32_t channels);
uint64_t tl_layernorm_workspace(uint64_t rows, uint32_t channels);

#endif

/* LayerNorm over channels, eps 1e-5. Rows are any number of contiguous vectors of `channels` floats. */
#ifndef OPS_LAYERNORM_H
#define OPS_LAYERNORM_H

#include "device/device.h"

/* y[r] = (x[r] - mean) * rstd * weight + bias. stats[r] = {mean, rstd}, 2 * rows floats, saved for
 * backward. */
tl_status tli_layernorm_forward(tl_context *ctx, tli_view x, tli_view weight, tli_view bias, tli_view y,
                                tli_view stats, uint64_t rows, uint32_t channels);

/* dx: added to when `accumulate`, else overwritten; mem NULL: skipped. dweight and dbias (channels floats)
 * are overwritten. workspace: tli_layernorm_workspace floats. */
tl_status tli_layernorm_backward(tl_context *ctx, tli_view dy, tli_view x, tli_view weight, tli_view stats,
                                 tli_view dx, bool accumulate, tli_view dweight, tli_view dbias,
                                 tli_view workspace, uint64_t rows, uint32_t channels);
uint64_t tli_layernorm_workspace(uint64_t rows, uint32_t channels);

#endif

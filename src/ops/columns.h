/* Column sums of a row-major matrix: bias gradients and the second pass of LayerNorm's. */
#ifndef TL_OPS_COLUMNS_H
#define TL_OPS_COLUMNS_H

#include "device/device.h"

/* sums[c] = sum_r x[r * ld + c], overwritten, in a fixed order. workspace: tl_columns_workspace floats. */
tl_status tl_columns_sum(tl_context *ctx, tl_view x, uint32_t ld, tl_view sums, tl_view workspace,
                         uint64_t rows, uint32_t columns);
uint64_t tl_columns_workspace(uint64_t rows, uint32_t columns);

#endif

/* Column sums of a row-major matrix: bias gradients and the second pass of LayerNorm's. */
#ifndef OPS_COLUMNS_H
#define OPS_COLUMNS_H

#include "device/device.h"

/* sums[c] = sum_r x[r * ld + c], overwritten, in a fixed order. workspace: tli_columns_workspace floats. */
tl_status tli_columns_sum(tl_context *ctx, tli_view x, uint32_t ld, tli_view sums, tli_view workspace,
                          uint64_t rows, uint32_t columns);
uint64_t tli_columns_workspace(uint64_t rows, uint32_t columns);

#endif

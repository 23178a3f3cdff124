/* Column sums of a row-major matrix: bias gradients and the second pass of LayerNorm's. */
#ifndef OPS_COLUMN_SUM_H
#define OPS_COLUMN_SUM_H

#include "device/device.h"

/* sums[c] = sum_r x[r * ld + c], overwritten, in a fixed order. workspace: tli_column_sum_workspace floats. */
tl_status tli_column_sum(tl_context *ctx, tli_view x, uint32_t ld, tli_view sums, tli_view workspace,
                         uint64_t rows, uint32_t columns);
uint64_t tli_column_sum_workspace(uint64_t rows, uint32_t columns);

#endif

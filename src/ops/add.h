/* Elementwise sums. */
#ifndef OPS_ADD_H
#define OPS_ADD_H

#include "device/device.h"

/* y = a + b, overwritten; y may be a or b. */
tl_status tli_add(tl_context *ctx, tli_view a, tli_view b, tli_view y, uint64_t count);

/* c = (c + bias + residual) * factor, for `batches` matrices [rows][columns] with row stride `ld` and matrix
 * stride `stride`. bias [columns]; residual and factor have the strides of c; each may have mem NULL. */
tl_status tli_add_extras(tl_context *ctx, tli_view bias, tli_view residual, tli_view factor, tli_view c,
                         uint32_t rows, uint32_t columns, uint32_t ld, uint32_t batches, uint64_t stride);

#endif

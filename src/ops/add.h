/* Sums of equally shaped arrays. */
#ifndef TL_OPS_ADD_H
#define TL_OPS_ADD_H

#include "device/device.h"

/* y = a + b, overwritten; y may be a or b. */
tl_status tl_add(tl_context *ctx, tl_view a, tl_view b, tl_view y, uint64_t count);

/* total[0] = sum of squares of the `count` values, in a fixed order; overwritten. workspace:
 * tl_squares_workspace floats. */
tl_status tl_squares_sum(tl_context *ctx, tl_view values, uint64_t count, tl_view total, tl_view workspace);
uint64_t tl_squares_workspace(uint64_t count);

#endif

/* Sums of equally shaped arrays. */
#ifndef TL_OPS_ADD_H
#define TL_OPS_ADD_H

#include "device/device.h"

/* y = a + b, overwritten; y may be a or b. */
tl_status tl_add(tl_context *ctx, tl_view a, tl_view b, tl_view y, uint64_t count);

#endif

/* Sums of equally shaped arrays. */
#ifndef OPS_ADD_H
#define OPS_ADD_H

#include "device/device.h"

/* y = a + b, overwritten; y may be a or b. */
tl_status tli_add(tl_context *ctx, tli_view a, tli_view b, tli_view y, uint64_t count);

#endif

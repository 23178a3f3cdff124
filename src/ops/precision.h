/* Which precision the matrix products of a context have: the one that is asked for, where its device passes the comparison with plain
 * loops, else fp32. precision.c has tl_precision_test of the public header, too. */
#ifndef OPS_PRECISION_H
#define OPS_PRECISION_H

#include "comm/ranks.h"
#include "device/device.h"

/* From now on. A notice says what they have, unless fp32 was asked for, and why it is fp32 where it is. `ranks`, all of which ask for the
 * same, have one precision: fp32 where the device of one of them does not pass, which the notice then names. */
tl_status tli_precision_choose(tl_context *ctx, tl_ranks *ranks, tl_precision wanted);
tl_precision tli_precision_of(tl_context *ctx);

#endif

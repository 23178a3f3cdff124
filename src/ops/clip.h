/* Gradient clipping by the norm over all parameters, decided on the device: nobody waits for it. */
#ifndef OPS_CLIP_H
#define OPS_CLIP_H

#include "device/device.h"

/* partial[i] = sum of squares of the i-th piece of the `count` values, overwritten; tli_squares_count of them. */
tl_status tli_squares(tl_context *ctx, tli_view values, uint64_t count, tli_view partial);
uint64_t tli_squares_count(uint64_t count);

/* From `count` partial sums of all gradients, added in a fixed order, so that equal runs clip alike:
 *   verdict[0]  factor of the gradients that makes their norm at most `most` (0: any norm is welcome); -1, leave the
 *               step out, when they or loss[0] are not finite
 *   verdict[1]  the first partial sum that is not finite, `count` when all are. */
tl_status tli_clip_verdict(tl_context *ctx, tli_view partial, uint32_t count, tli_view loss, float most,
                           tli_view verdict);

#endif

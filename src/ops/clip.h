/* Gradient clipping by the global norm, computed on the device without a readback. */
#ifndef OPS_CLIP_H
#define OPS_CLIP_H

#include "device/device.h"

enum { TLI_SQUARES_PIECE = 4096 };

/* partial[i] = sum of squares of the i-th TLI_SQUARES_PIECE of the `count` values, overwritten; there are
 * tli_squares_count pieces. */
tl_status tli_squares(tl_context *ctx, tli_view values, uint64_t count, tli_view partial);
uint64_t tli_squares_count(uint64_t count);

/* From `count` partial sums of all gradients, added in a fixed order (bitwise repeatable):
 *   clip_result[0]  gradient scale that limits the norm to `max_norm` (0: no clipping); -1: skip the step, as a
 *   gradient or loss[0] is not finite
 *   clip_result[1]  index of the first partial sum that is not finite; `count` when all are finite. */
tl_status tli_clip_decide(tl_context *ctx, tli_view partial, uint32_t count, tli_view loss, float max_norm,
                          tli_view clip_result);

#endif

/* Initial values, drawn on the device: element e of a parameter is a function of (seed, stream, e) alone. */
#ifndef TL_OPS_INIT_H
#define TL_OPS_INIT_H

#include "device/device.h"

typedef enum tl_init {
    TL_INIT_UNIFORM, /* U(-bound, bound) */
    TL_INIT_NORMAL,
    TL_INIT_ONE,
    TL_INIT_ZERO,
    TL_INIT_LOCAL /* ConViT's start, convit_local of ops/convit.h */
} tl_init;

/* U(-bound, bound): bound * (2 u - 1), u the Philox uniform of core/random.h at index e, bitwise the same as
 * on the host. All shards. */
tl_status tl_init_uniform(tl_context *ctx, tl_tensor *tensor, float bound, uint64_t seed, uint64_t stream);
/* Every element = value. */
tl_status tl_init_constant(tl_context *ctx, tl_tensor *tensor, float value);

#endif

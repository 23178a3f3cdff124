/* Initial values, drawn on the device: element e of a parameter is a function of (seed, stream, e) alone. */
#ifndef OPS_INIT_H
#define OPS_INIT_H

#include "device/device.h"

typedef enum tli_init {
    TLI_INIT_UNIFORM, /* U(-bound, bound) */
    TLI_INIT_NORMAL,
    TLI_INIT_ONE,
    TLI_INIT_ZERO,
    TLI_INIT_LOCAL /* ConViT's start, tli_convit_local of ops/convit.h */
} tli_init;

/* U(-bound, bound): bound * (2 u - 1), u the Philox uniform of core/random.h at index e, bitwise the same as
 * on the host. All shards. */
tl_status tli_init_uniform(tl_context *ctx, tl_tensor *tensor, float bound, uint64_t seed, uint64_t stream);
/* Every element = value. */
tl_status tli_init_constant(tl_context *ctx, tl_tensor *tensor, float value);

#endif

/* Initial values, computed on the device: element e of a parameter depends on (seed, stream, e) only. */
#ifndef OPS_INIT_H
#define OPS_INIT_H

#include "device/device.h"

typedef enum tli_init {
    TLI_INIT_UNIFORM, /* U(-bound, bound) */
    TLI_INIT_NORMAL,
    TLI_INIT_ONE,
    TLI_INIT_ZERO,
    TLI_INIT_LOCAL /* ConViT's local initialisation, see ops/convit.h */
} tli_init;

/* values[0..count) are U(-bound, bound): bound * (2 u - 1), where u is the Philox uniform of core/random.h at the indices
 * from `first` on, bitwise equal to the host's. */
tl_status tli_init_uniform_part(tl_context *ctx, tli_view values, uint64_t first, uint64_t count, float bound,
                                uint64_t seed, uint64_t stream);
/* The same of a whole tensor: element e from index e. */
tl_status tli_init_uniform(tl_context *ctx, tl_tensor *tensor, float bound, uint64_t seed, uint64_t stream);
/* Every element = value. */
tl_status tli_init_constant(tl_context *ctx, tl_tensor *tensor, float value);

#endif

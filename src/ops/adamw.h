/* AdamW with decoupled weight decay, PyTorch's formula:
 *   p *= 1 - lr wd;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
 *   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 * At step 1 the moments count as 0, whatever they hold. */
#ifndef TL_OPS_ADAMW_H
#define TL_OPS_ADAMW_H

#include "device/device.h"

typedef struct tl_adamw_settings {
    float lr, beta1, beta2, eps, weight_decay;
    float gradient_scale; /* multiplies g first (1: none; gradient clipping) */
    uint64_t step;        /* t, counted from 1 */
    tl_view verdict; /* on the device, see ops/clip.h: multiplies g, too, or leaves the step out; or none */
} tl_adamw_settings;

/* One step on a parameter with its gradient and moments, shard by shard; the four are shaped alike. */
tl_status tl_adamw_step(tl_context *ctx, tl_tensor *parameter, const tl_tensor *gradient, tl_tensor *moment1,
                        tl_tensor *moment2, const tl_adamw_settings *settings);

#endif

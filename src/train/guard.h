/* The norm of all gradients, for clipping, and the search for what is not finite. */
#ifndef TL_TRAIN_GUARD_H
#define TL_TRAIN_GUARD_H

#include "models/registry.h"

typedef struct tl_guard {
    tl_tensor *squares; /* a sum of squares a gradient's shard, behind them partial sums; NULL: not created */
    float *host;
    uint64_t shards;
} tl_guard;

tl_status tl_guard_create(tl_context *ctx, const tl_registry *registry, tl_guard *guard);
void tl_guard_destroy(tl_context *ctx, tl_guard *guard);

/* Waits for the gradients. *norm is over all parameters, its sums added in a fixed order, so that equal runs clip alike;
 * *broken names the first parameter whose gradient is not finite, NULL: all are. */
tl_status tl_guard_norm(tl_context *ctx, tl_guard *guard, const tl_registry *registry, double *norm,
                        const char **broken);

/* Reads gradients and weights until one is found that is not finite: "the gradient of NAME", "the weight NAME", or "the
 * loss alone". Slow: for the message of a run that ends. */
tl_status tl_guard_find(tl_context *ctx, const tl_registry *registry, char *text, size_t room);

#endif

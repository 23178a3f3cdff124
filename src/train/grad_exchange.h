/* Sums gradients and losses of ranks along the upper levels of the tree of slices (train/grad_slices.h): rank r holds
 * the sum of the r-th of as many subtrees as there are ranks, and in the end every rank the sum of all. */
#ifndef TRAIN_GRAD_EXCHANGE_H
#define TRAIN_GRAD_EXCHANGE_H

#include "comm/ranks.h"
#include "models/registry.h"

typedef struct tli_grad_exchange {
    tl_ranks *ranks;     /* NULL: alone, and the other members are, too */
    tl_tensor *received; /* a piece of the partner's gradient */
    float *own, *theirs; /* pieces on the host */
} tli_grad_exchange;

/* Bytes of the device that tli_grad_exchange_create takes, of the kind TL_MEMORY_WORKSPACE. */
uint64_t tli_grad_exchange_bytes(int ranks);
/* The ranks remain the caller's. After a failure call tli_grad_exchange_destroy, too. */
tl_status tli_grad_exchange_create(tl_context *ctx, tl_ranks *ranks, tli_grad_exchange *exchange);
void tli_grad_exchange_destroy(tl_context *ctx, tli_grad_exchange *exchange);

/* Called by all ranks alike. The first `present` ranks have a sum in the registry's gradients and `loss`; those of the
 * others are overwritten. Waits for the device and for partners. */
tl_status tli_grad_exchange_sum(tl_context *ctx, const tli_grad_exchange *exchange,
                                const tli_registry *registry, tli_view loss, int present);

#endif

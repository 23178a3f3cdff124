/* What ranks share out, weights by offset and the optimizer's state, in rank 0's checkpoint, which does not know ranks. */
#ifndef TRAIN_CHECKPOINT_GATHER_H
#define TRAIN_CHECKPOINT_GATHER_H

#include "tasks/model_file.h"
#include "train/grad_exchange.h"

typedef struct tli_checkpoint_gather {
    const tli_registry *registry;
    const tli_grad_exchange *exchange;
    tl_ranks *ranks; /* all, of whom groups of `offset_ranks` behind one another share matrices out */
    int offset_ranks;
    float *packed; /* what travels at a time */
} tli_checkpoint_gather;

/* The ranks remain the caller's. */
tl_status tli_checkpoint_gather_create(const tli_registry *registry, const tli_grad_exchange *exchange,
                                       tl_ranks *ranks, int offset_ranks, tli_checkpoint_gather *gather,
                                       tl_error *err);
void tli_checkpoint_gather_free(tli_checkpoint_gather *gather);

/* Rank 0 writes a part from this source, while the others send it: of values those that have the weights by offset that
 * rank 0 has not, the ranks before `offset_ranks`; of state all. */
tli_model_source tli_checkpoint_gather_source(const tli_checkpoint_gather *gather);
tl_status tli_checkpoint_gather_send(tl_context *ctx, const tli_checkpoint_gather *gather,
                                     tli_model_part part);

#endif

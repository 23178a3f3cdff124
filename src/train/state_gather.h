/* The optimizer state of all ranks in rank 0's checkpoint, which does not know ranks. */
#ifndef TRAIN_STATE_GATHER_H
#define TRAIN_STATE_GATHER_H

#include "tasks/model_file.h"
#include "train/grad_exchange.h"

typedef struct tli_state_gather {
    const tli_registry *registry;
    const tli_grad_exchange *exchange;
} tli_state_gather;

/* Rank 0 writes a checkpoint from this source, while the others send. */
tli_state_source tli_state_gather_source(const tli_state_gather *gather);
tl_status tli_state_gather_send(tl_context *ctx, const tli_state_gather *gather);

#endif

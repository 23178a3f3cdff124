/* Sums over the ranks that share the matrices of tables by offset out: each has the logits, outputs and gradients of its own
 * pairs, and the sum of all is complete. Called by all of them alike, and waits for the device and for the others. */
#ifndef OPS_RANK_SUM_H
#define OPS_RANK_SUM_H

#include "comm/ranks.h"
#include "device/device.h"

typedef struct tli_rank_sum {
    tl_ranks *ranks;
    tl_tensor *staging;   /* a piece that travels, on the device */
    float *own, *scratch; /* and on the host */
} tli_rank_sum;

/* Bytes of the device that tli_rank_sum_create takes, of the kind TL_MEMORY_WORKSPACE. */
uint64_t tli_rank_sum_bytes(int ranks);
/* The ranks remain the caller's. After a failure call tli_rank_sum_destroy, too. */
tl_status tli_rank_sum_create(tl_context *ctx, tl_ranks *ranks, tli_rank_sum *sum);
void tli_rank_sum_destroy(tl_context *ctx, tli_rank_sum *sum);

/* rows[0..count) become the sums of all ranks' rows, the same bits in every rank. `sum` NULL: stay as they are. */
tl_status tli_rank_sum_rows(tl_context *ctx, const tli_rank_sum *sum, tli_view rows, uint64_t count);
/* Of several ranks only the first keeps numbers that all have computed alike, and that are to be summed with others:
 * elsewhere they are zeroed. */
tl_status tli_rank_sum_keep_one(tl_context *ctx, const tli_rank_sum *sum, tli_view rows, uint64_t count);

/* Bytes that a rank sends in `sums` sums of `count` numbers together; adds the most messages that they can take. */
uint64_t tli_rank_sum_sent(int ranks, uint64_t count, uint64_t sums, uint64_t *messages);

#endif

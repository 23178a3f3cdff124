/* Softmax over keys. Rows of `keys` contiguous floats; row r belongs to query r % queries. With `causal`
 * above 0, query i sees the first causal + i keys only (1: the usual causal mask); the other probabilities
 * and gradients are exactly 0. */
#ifndef OPS_SOFTMAX_H
#define OPS_SOFTMAX_H

#include "device/device.h"

/* In place: logits become probabilities. */
tl_status tli_softmax_forward(tl_context *ctx, tli_view logits, uint64_t rows, uint32_t queries,
                              uint32_t keys, uint32_t causal);
/* In place on dprob: da = scale * p (dp - sum_j p dp). */
tl_status tli_softmax_backward(tl_context *ctx, tli_view prob, tli_view dprob, uint64_t rows,
                               uint32_t queries, uint32_t keys, uint32_t causal, float scale);

#endif

/* Cross-entropy with integer or soft targets. */
#ifndef OPS_LOSS_H
#define OPS_LOSS_H

#include "device/device.h"

/* The rank of a row without a rank: greater than any class index. */
#define TLI_NO_RANK INT32_MAX

/* Per row: losses[r] = logsumexp(logits[r]) - logits[r][target]; ranks[r], int32 = number of classes with
 * a larger logit than the target's, or an equal one and a smaller index (0: top-1 correct, < 5: top-5
 * correct). A logit that is not finite gives the rank TLI_NO_RANK, a NaN also a NaN loss. dlogits (mem
 * NULL: skipped) = scale * (softmax - onehot), overwritten, may alias logits. targets: int32 in [0,
 * classes). */
tl_status tli_cross_entropy(tl_context *ctx, tli_view logits, tli_view targets, tli_view losses,
                            tli_view ranks, tli_view dlogits, float scale, uint64_t rows, uint32_t classes);

/* The same with soft targets [rows][classes], whose rows sum to 1: losses[r] = logsumexp(logits[r]) - sum
 * of soft[r] * logits[r], dlogits = scale * (softmax - soft), ranks[r] = TLI_NO_RANK. */
tl_status tli_cross_entropy_soft(tl_context *ctx, tli_view logits, tli_view soft, tli_view losses,
                                 tli_view ranks, tli_view dlogits, float scale, uint64_t rows,
                                 uint32_t classes);

/* total[0] = sum of values[0..count) in a fixed order (bitwise repeatable), times scale; overwritten. */
tl_status tli_sum(tl_context *ctx, tli_view values, uint64_t count, float scale, tli_view total);

#endif

/* Cross-entropy with integer targets or probabilities. */
#ifndef OPS_LOSS_H
#define OPS_LOSS_H

#include "device/device.h"

/* The rank of a row that has none: it is past the end of any list. */
#define TLI_NO_RANK INT32_MAX

/* Per row: losses[r] = logsumexp(logits[r]) - logits[r][target]; ranks[r] = how many classes are ahead of the target
 * (0: top-1 correct, < 5: top-5 correct), int32: those with a larger logit, or with an equal one and a smaller index.
 * A logit anywhere in the row that is not finite gives TLI_NO_RANK, a NaN also a NaN loss. dlogits (mem NULL: skip) = scale * (softmax - onehot), overwritten, may be logits.
 * targets: int32 in [0, classes). */
tl_status tli_cross_entropy(tl_context *ctx, tli_view logits, tli_view targets, tli_view losses,
                            tli_view ranks, tli_view dlogits, float scale, uint64_t rows, uint32_t classes);

/* The same against probabilities, soft [rows][classes], whose rows add up to 1: losses[r] = logsumexp(logits[r]) - sum
 * of soft[r] * logits[r], dlogits = scale * (softmax - soft). No class is the target: ranks[r] = TLI_NO_RANK. */
tl_status tli_cross_entropy_soft(tl_context *ctx, tli_view logits, tli_view soft, tli_view losses,
                                 tli_view ranks, tli_view dlogits, float scale, uint64_t rows,
                                 uint32_t classes);

/* total[0] = sum of values[0..count) in a fixed order (bitwise repeatable), times scale; overwritten. */
tl_status tli_sum(tl_context *ctx, tli_view values, uint64_t count, float scale, tli_view total);

#endif

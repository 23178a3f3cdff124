/* Softmax attention of one query a sample, the newest token of a sequence, in one launch. */
#ifndef OPS_DECODE_ATTENTION_H
#define OPS_DECODE_ATTENTION_H

#include "ops/attention_dense.h"

/* weights = softmax(scale * q . k_j), with `adds` of what they hold plus that, [batch][head][key], and
 * o = output_scale * sum_j weight v_j, rows [batch][D]: both overwritten. a->queries is 1, and the query sees all keys. */
tl_status tli_decode_attention(tl_context *ctx, const tli_attention *a, tli_view qkv, float scale, bool adds,
                               float output_scale, tli_view weights, tli_view o);

#endif

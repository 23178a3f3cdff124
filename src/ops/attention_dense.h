/* Dense products of softmax attention. qkv rows [token][batch][stride] hold packed q, k, v; attention
 * weights are [batch][head][query][key]. */
#ifndef OPS_ATTENTION_DENSE_H
#define OPS_ATTENTION_DENSE_H

#include "ops/attention_terms.h"

typedef struct tli_attention {
    uint32_t queries, keys, batch, heads, head_dim; /* D = heads * head_dim */
    uint32_t stride;                                /* floats between rows: D per packed role */
    /* columns where the roles start (only those used need be set); q's row is the first query's */
    uint64_t q, k, v;
    bool has_q; /* the first D columns are q, needed in the queries' rows only */
} tli_attention;

/* Arguments for the pass's packed rows. */
tli_attention tli_attention_of(const attention_pass *pass);

/* qkv = x W^T, W [stride][C]; q only in the queries' rows. */
tl_status tli_attention_project(tl_context *ctx, const tli_attention *a, tli_view x, tli_view weight,
                                uint32_t dim, tli_view qkv);
/* dx (added to when `accumulate`) and dweight (overwritten) from dqkv; its q columns are read in the
 * queries' rows only. workspace: tli_op_sizes.begin floats. */
tl_status tli_attention_project_backward(tl_context *ctx, const tli_attention *a, tli_view dqkv, tli_view x,
                                         tli_view weight, uint32_t dim, tli_view dx, bool accumulate,
                                         tli_view dweight, tli_view workspace);

/* logits = scale * q_i . k_j, overwritten. */
tl_status tli_attention_logits(tl_context *ctx, const tli_attention *a, tli_view qkv, float scale,
                               tli_view logits);
/* dq and dk of dqkv, overwritten, from dlogits (already multiplied by the scale). */
tl_status tli_attention_logits_backward(tl_context *ctx, const tli_attention *a, tli_view qkv,
                                        tli_view dlogits, tli_view dqkv);
/* o_i = scale * sum_j prob v_j, overwritten, rows [query][batch][D]. */
tl_status tli_attention_values(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                               float scale, tli_view o);
/* dprob overwritten; dv of dqkv overwritten. */
tl_status tli_attention_values_backward(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                                        tli_view d_o, float scale, tli_view dprob, tli_view dqkv);

#endif

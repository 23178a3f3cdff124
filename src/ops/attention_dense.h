/* Softmax attention's products on packed projections: qkv rows [token][batch][stride] hold q, k, v side by
 * side. Weights are rows [batch][head][query][key]. */
#ifndef OPS_ATTENTION_DENSE_H
#define OPS_ATTENTION_DENSE_H

#include "ops/attention_terms.h"

typedef struct tli_attention {
    uint32_t queries, keys, batch, heads, head_dim; /* D = heads * head_dim */
    uint32_t stride;                                /* floats between rows: D for each role that they hold */
    /* where the roles' columns start, for the products that need them; q in the first query's row */
    uint64_t q, k, v;
    bool has_q; /* the first D columns are q, needed for the queries' rows only */
} tli_attention;

/* Of the pass's packed rows. */
tli_attention tli_attention_of(const attention_pass *pass);

/* qkv = x W^T, W [stride][C]; the q part only for the queries' rows. */
tl_status tli_attention_project(tl_context *ctx, const tli_attention *a, tli_view x, tli_view weight,
                                uint32_t dim, tli_view qkv);
/* dx (added to when `accumulate`) and dweight (overwritten) from dqkv; its q part beyond the queries' rows is
 * not read. */
tl_status tli_attention_project_backward(tl_context *ctx, const tli_attention *a, tli_view dqkv, tli_view x,
                                         tli_view weight, uint32_t dim, tli_view dx, bool accumulate,
                                         tli_view dweight);

/* logits = scale * q_i . k_j, overwritten. */
tl_status tli_attention_logits(tl_context *ctx, const tli_attention *a, tli_view qkv, float scale,
                               tli_view logits);
/* dq and dk of dqkv, overwritten, from dlogits (which hold the scale already). */
tl_status tli_attention_logits_backward(tl_context *ctx, const tli_attention *a, tli_view qkv,
                                        tli_view dlogits, tli_view dqkv);
/* o_i = scale * sum_j prob v_j, overwritten, rows [query][batch][D]. */
tl_status tli_attention_values(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                               float scale, tli_view o);
/* dprob overwritten; dv of dqkv overwritten. */
tl_status tli_attention_values_backward(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                                        tli_view d_o, float scale, tli_view dprob, tli_view dqkv);

#endif

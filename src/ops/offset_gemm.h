/* Grouped GEMM over the token pairs that share an offset, for logits and values and their gradients,
 * without gathered matrices and without an [N][N][D] tensor. Rows are [token][batch][channel]; pair
 * weights [head][pair][batch]; per-offset tables [offset][inner][heads * head_dim], possibly sharded. */
#ifndef OPS_OFFSET_GEMM_H
#define OPS_OFFSET_GEMM_H

#include "ops/pair_table.h"

typedef struct tli_offset_gemm {
    const tli_pair_table *pairs;
    uint32_t batch, inner, heads, head_dim;
    /* Row strides of xq and xk in floats; 0: inner. If wq (wk) is NULL, xq (xk) already holds the
     * projected q (k), heads * head_dim channels, and its gradient is written there. */
    uint32_t q_stride, k_stride;
    uint64_t chunk_bytes; /* of backward's workspace: as of tli_offset_gemm_workspace */
    bool decodes;         /* one query of one sequence, whose q and k are not saved: see offset_gemv.h */
} tli_offset_gemm;

/* q_ij = xq_i Wq[query matrix] and k_ij = xk_j Wk[key matrix] of all pairs, [pair][batch][heads *
 * head_dim]. Saving them saves a quarter of the arithmetic of the logits' backward. mem NULL: not saved
 * but recomputed, as narrow rows always are (narrow_offset_gemm.h). */
typedef struct tli_offset_rows {
    tli_view q, k;
} tli_offset_rows;

/* weights = scale * q_ij . k_ij per head; overwritten, as are the saved q and k. One of wq and wk may be
 * NULL. */
tl_status tli_offset_gemm_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq, const tl_tensor *wq,
                                 tli_view xk, const tl_tensor *wk, float scale, tli_view weights,
                                 tli_offset_rows kept, tli_view workspace);
/* From dweights: dxq, dxk added to; dwq, dwk overwritten in the matrices that pairs use. Results depend on
 * whether q and k were saved by rounding alone. */
tl_status tli_offset_gemm_logits_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                          const tl_tensor *wq, tli_view xk, const tl_tensor *wk,
                                          tli_view dweights, tli_offset_rows kept, tli_view dxq, tli_view dxk,
                                          tl_tensor *dwq, tl_tensor *dwk, tli_view workspace);
/* y_i += sum_j weights * x_j W[key matrix]. */
tl_status tli_offset_gemm_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x, const tl_tensor *w,
                                 tli_view weights, tli_view y, tli_view workspace);
/* From dy: dweights overwritten, dx added to, dw overwritten in the matrices that pairs use. */
tl_status tli_offset_gemm_values_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                          const tl_tensor *w, tli_view weights, tli_view dy,
                                          tli_view dweights, tli_view dx, tl_tensor *dw, tli_view workspace);

/* Workspace floats for any of these functions, for up to `tokens` queries and keys, up to `pairs` pairs, up to
 * `largest` of them in a group, and batches of up to `batch`, with q and k saved or not. chunk_bytes: how much of it backward
 * takes at a time, more only where a single group does; 0: 32 MiB. Whatever it is, results
 * are the same bits in the form for CPUs; in that for GPUs the gradients of rows, to which every chunk adds a sum, are to rounding. */
uint64_t tli_offset_gemm_workspace(uint64_t chunk_bytes, uint32_t tokens, uint32_t pairs, uint32_t largest,
                                   uint32_t batch, uint32_t inner, uint32_t heads, uint32_t head_dim,
                                   bool kept);

#endif

/* The offset GEMMs of offset_gemm.h for one query of one sample, as of a token that is generated, on CPUs: each matrix is
 * read once, as it lies. Functions of offset_gemm.h call these where they suit. */
#ifndef OPS_OFFSET_GEMV_H
#define OPS_OFFSET_GEMV_H

#include "ops/offset_gemm.h"

/* Whether the functions below compute this on this device; tables may be NULL. */
bool tli_offset_gemv_suits(tl_context *ctx, const tli_offset_gemm *r, const tl_tensor *query,
                           const tl_tensor *key);

/* Workspace floats for up to so many keys. */
uint64_t tli_offset_gemv_workspace(uint32_t keys, uint32_t heads, uint32_t head_dim);

/* As tli_offset_gemm_logits, without saving q and k, and tli_offset_gemm_values. */
tl_status tli_offset_gemv_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq, const tl_tensor *wq,
                                 tli_view xk, const tl_tensor *wk, float scale, tli_view weights);
tl_status tli_offset_gemv_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x, const tl_tensor *w,
                                 tli_view weights, tli_view y, tli_view workspace);

#endif

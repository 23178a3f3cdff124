/* The offset GEMMs of offset_gemm.h for narrow rows, on CPUs: with the batch as the innermost dimension, full vectors
 * however few channels a head has. Functions of offset_gemm.h call these where they suit. */
#ifndef OPS_NARROW_OFFSET_GEMM_H
#define OPS_NARROW_OFFSET_GEMM_H

#include "ops/offset_gemm.h"

/* Whether rows of these widths and this batch are computed by the functions below on this device; tables may be NULL. */
bool tli_narrow_offset_gemm_suits(tl_context *ctx, const tli_offset_gemm *r, const tl_tensor *query,
                                  const tl_tensor *key);

/* Workspace floats that any of them needs for up to this batch; 0 for widths that they do not suit. */
uint64_t tli_narrow_offset_gemm_workspace(uint32_t tokens, uint32_t batch, uint32_t inner, uint32_t heads,
                                          uint32_t head_dim);

/* As those of offset_gemm.h without `narrow_`; q and k are never saved. */
tl_status tli_narrow_offset_gemm_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                        const tl_tensor *wq, tli_view xk, const tl_tensor *wk, float scale,
                                        tli_view weights, tli_view workspace);
tl_status tli_narrow_offset_gemm_logits_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                                 const tl_tensor *wq, tli_view xk, const tl_tensor *wk,
                                                 tli_view dweights, tli_view dxq, tli_view dxk,
                                                 tl_tensor *dwq, tl_tensor *dwk, tli_view workspace);
tl_status tli_narrow_offset_gemm_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                        const tl_tensor *w, tli_view weights, tli_view y, tli_view workspace);
tl_status tli_narrow_offset_gemm_values_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                                 const tl_tensor *w, tli_view weights, tli_view dy,
                                                 tli_view dweights, tli_view dx, tl_tensor *dw,
                                                 tli_view workspace);

#endif

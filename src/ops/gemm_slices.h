/* Products with few tiles and a long inner dimension: slices of it are multiplied side by side and then added in order. */
#ifndef OPS_GEMM_SLICES_H
#define OPS_GEMM_SLICES_H

#include "ops/gemm.h"

/* Floats for the slices of an m x n product over k; 0: it has one slice. */
uint64_t tli_gemm_slices_workspace(uint64_t m, uint64_t n, uint64_t k);
/* At least as many as any product takes that has no more rows: a product with fewer rows may have more slices. */
uint64_t tli_gemm_slices_workspace_most(uint64_t m, uint64_t n, uint64_t k);

/* tli_gemm for a single product without beta, bias, residual and factor. C is dense (ldc is n) where there are slices.
 * workspace: tli_gemm_slices_workspace floats and, with `sums`, 1 / n of that more. */
tl_status tli_gemm_slices(tl_context *ctx, const tli_gemm_args *args, tli_view workspace);

#endif

/* Dense products by the matrix units of GPUs (kernels/gemm_tensor.cl). */
#ifndef OPS_GEMM_TENSOR_H
#define OPS_GEMM_TENSOR_H

#include "ops/gemm.h"
#include "ops/matrix_unit.h"

/* The files of a unit's program, as of tli_kernel_family. */
#define TLI_GEMM_MMA_FILES  "gemm_sizes+gemm_finish+bf16+mma+mma_fragment+gemm_tensor"
#define TLI_GEMM_MFMA_FILES "gemm_sizes+gemm_finish+bf16+mfma+mma_fragment+gemm_tensor"
#define TLI_GEMM_DPAS_FILES "gemm_sizes+gemm_finish+bf16+dpas+mma_fragment+gemm_tensor"

/* Whether matrix units compute this product: where the context has products computed by them, and it is not so narrow that a tile would be
 * nearly empty. */
bool tli_gemm_tensor_serves(tl_context *ctx, const tli_gemm_args *args);

/* In the context's precision. */
tl_status tli_gemm_tensor(tl_context *ctx, const tli_gemm_args *args);

/* The kernel of a precision with tiles of `side` rows and columns, 64 or 128. */
tl_status tli_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                 bool transpose_a, bool transpose_b, uint32_t side, tli_kernel **out);

#endif

/* Dense products by tensor cores (kernels/gemm_tensor.cl), where a context's precision is not fp32: NVIDIA's from compute capability 8.0 on. */
#ifndef OPS_GEMM_TENSOR_H
#define OPS_GEMM_TENSOR_H

#include "ops/gemm.h"

/* The files of its program, as of tli_kernel_family. */
#define TLI_GEMM_TENSOR_FILES "gemm_sizes+gemm_finish+mma+gemm_tensor"

/* Whether tensor cores compute this product: in a precision that is not fp32, and not so narrow that a tile would be nearly empty. */
bool tli_gemm_tensor_serves(tl_context *ctx, const tli_gemm_args *args);

/* In the context's precision, which must not be fp32. */
tl_status tli_gemm_tensor(tl_context *ctx, const tli_gemm_args *args);

/* The kernel of a precision with tiles of `side` rows and columns, 64 or 128. */
tl_status tli_gemm_tensor_kernel(tl_context *ctx, tl_precision precision, bool transpose_a, bool transpose_b,
                                 uint32_t side, tli_kernel **out);

/* Dense products from now on have this precision, without a check. */
tl_status tli_gemm_tensor_use(tl_context *ctx, tl_precision precision);
tl_precision tli_gemm_tensor_precision(tl_context *ctx);

/* Whether the context's device may have tensor cores: NVIDIA's, whose compiler takes PTX, with kernels in the form for GPUs. Others are not asked:
 * their compilers may end the program at an instruction that they do not know. */
bool tli_gemm_tensor_may(tl_context *ctx);
/* For tests on other devices: from now on kernels emulate the instruction, and tli_gemm_tensor_may is true. */
tl_status tli_gemm_tensor_emulate(tl_context *ctx);

#endif

/* The project's own GEMM kernels, for CPUs and GPUs; they support every shape. */
#ifndef OPS_GEMM_OWN_H
#define OPS_GEMM_OWN_H

#include "ops/gemm.h"

tl_status tli_gemm_own(tl_context *ctx, const tli_gemm_args *args);

#endif

/* The project's own matrix products, on CPUs and GPUs: serves every shape. */
#ifndef TL_OPS_GEMM_OWN_H
#define TL_OPS_GEMM_OWN_H

#include "ops/gemm.h"

tl_status tl_gemm_own(tl_context *ctx, const tl_gemm_args *args);

#endif

/* Matrix products by CLBlast. */
#ifndef OPS_GEMM_CLBLAST_H
#define OPS_GEMM_CLBLAST_H

#include "ops/gemm.h"

/* Whether CLBlast can compute it: its offsets and strides are ints, and one launch has one batch stride. */
bool tli_gemm_clblast_can(const tli_gemm_args *args);
/* Bias and residual, which CLBlast lacks, are added by a second kernel. */
tl_status tli_gemm_clblast(tl_context *ctx, const tli_gemm_args *args);

#endif

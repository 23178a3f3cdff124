/* Matrix products by CLBlast. */
#ifndef OPS_GEMM_CLBLAST_H
#define OPS_GEMM_CLBLAST_H

#include "ops/gemm.h"

/* Whether CLBlast can do it: it counts offsets and strides in ints, and one launch takes batches at one
 * stride. */
bool tli_gemm_clblast_can(const tli_gemm_args *args);
/* Bias and residual, which CLBlast does not know, are added by a kernel behind it. */
tl_status tli_gemm_clblast(tl_context *ctx, const tli_gemm_args *args);

#endif

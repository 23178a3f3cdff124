/* Matrix-vector product: one row by the weights of a Linear, with what stands before and behind it in a block. */
#ifndef OPS_GEMV_H
#define OPS_GEMV_H

#include "ops/gemm.h"

/* y = gelu(alpha W x' + bias) + residual; x' = LayerNorm(x) where norm_weight is given. */
typedef struct tli_gemv_args {
    uint32_t n, k, ld;               /* W is n x k, with ld floats between rows */
    tli_view x, weight, y;           /* k, n x k and n floats; y is overwritten, and is not x */
    tli_view norm_weight, norm_bias; /* k floats each; mem NULL: x as it is */
    tli_view bias, residual;         /* n floats; mem NULL: none; residual may be y itself */
    float alpha;
    bool gelu;
} tli_gemv_args;

tl_status tli_gemv(tl_context *ctx, const tli_gemv_args *args);

/* Whether a product is such a one, and its arguments. */
bool tli_gemv_serves(const tli_gemm_args *g, tli_gemv_args *args);

#endif

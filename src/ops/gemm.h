/* GEMM: C = alpha op(A) op(B) + beta C, row-major, single or batched, with optional bias, residual and factor.
 * gemm_choice.c selects CLBlast or the project's own kernels. */
#ifndef OPS_GEMM_H
#define OPS_GEMM_H

#include "device/device.h"

typedef struct tli_gemm_args {
    bool transpose_a, transpose_b; /* op(A) is m x k, op(B) is k x n */
    uint32_t m, n, k;
    tli_view a, b, c;
    uint32_t lda, ldb, ldc; /* row strides in elements */
    float alpha, beta;      /* beta 0: C is overwritten and never read */
    tli_view bias;          /* n floats added to every row; mem NULL: none */
    tli_view residual;      /* m x n, row stride ldc, added to C; mem NULL: none; may be C itself */
    tli_view factor;        /* as residual; the result is multiplied by it; mem NULL: none */
    /* m floats of each outer matrix, one behind the other: the sums of the rows of op(A), overwritten; mem NULL: none. For a
     * transposed A where tli_gemm_sums_rows says so. */
    tli_view sums;
    /* Batches: one matrix per (outer, inner); 0 counts as 1. Strides in elements. */
    uint32_t outer, inner;
    uint64_t a_outer, a_inner, b_outer, b_inner, c_outer, c_inner;
} tli_gemm_args;

/* Whether tli_gemm can write `sums` of this product beside C. */
bool tli_gemm_sums_rows(tl_context *ctx, const tli_gemm_args *args);

tl_status tli_gemm(tl_context *ctx, const tli_gemm_args *args);

#endif

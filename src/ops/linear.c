#include "ops/linear.h"

#include "ops/columns.h"
#include "ops/gemm.h"

tl_status tl_linear_forward(tl_context *ctx, tl_view x, uint32_t ldx, tl_view weight, tl_view bias,
                            tl_view residual, tl_view y, uint32_t ldy, uint64_t rows, uint32_t in,
                            uint32_t out)
{
    return tl_gemm(ctx, &(tl_gemm_args){.transpose_b = true,
                                        .m = (uint32_t)rows,
                                        .n = out,
                                        .k = in,
                                        .a = x,
                                        .lda = ldx,
                                        .b = weight,
                                        .ldb = in,
                                        .c = y,
                                        .ldc = ldy,
                                        .alpha = 1.0f,
                                        .bias = bias,
                                        .residual = residual});
}

uint64_t tl_linear_workspace(uint64_t rows, uint32_t out)
{
    return tl_columns_workspace(rows, out);
}

tl_status tl_linear_backward(tl_context *ctx, tl_view dy, uint32_t ldy, tl_view x, uint32_t ldx,
                             tl_view weight, tl_view dx, bool accumulate, tl_view dweight, tl_view dbias,
                             tl_view workspace, uint64_t rows, uint32_t in, uint32_t out)
{
    if (dbias.mem != NULL) TL_TRY(tl_columns_sum(ctx, dy, ldy, dbias, workspace, rows, out));
    if (dweight.mem != NULL) {
        TL_TRY(tl_gemm(ctx, &(tl_gemm_args){.transpose_a = true,
                                            .m = out,
                                            .n = in,
                                            .k = (uint32_t)rows,
                                            .a = dy,
                                            .lda = ldy,
                                            .b = x,
                                            .ldb = ldx,
                                            .c = dweight,
                                            .ldc = in,
                                            .alpha = 1.0f}));
    }
    if (dx.mem == NULL) return TL_OK;
    return tl_gemm(ctx, &(tl_gemm_args){.m = (uint32_t)rows,
                                        .n = in,
                                        .k = out,
                                        .a = dy,
                                        .lda = ldy,
                                        .b = weight,
                                        .ldb = in,
                                        .c = dx,
                                        .ldc = ldx,
                                        .alpha = 1.0f,
                                        .beta = accumulate ? 1.0f : 0.0f});
}

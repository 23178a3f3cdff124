#include "ops/linear.h"

#include "core/arithmetic.h"
#include "ops/column_sum.h"
#include "ops/gemm_slices.h"

tl_status tli_linear_forward(tl_context *ctx, tli_view x, uint32_t ldx, tli_view weight, tli_view bias,
                             tli_view residual, tli_view y, uint32_t ldy, uint64_t rows, uint32_t in,
                             uint32_t out)
{
    return tli_gemm(ctx, &(tli_gemm_args){.transpose_b = true,
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

uint64_t tli_linear_workspace(uint64_t rows, uint32_t in, uint32_t out)
{
    const uint64_t slices = tli_gemm_slices_workspace(out, in, rows), sums = in > 0 ? slices / in : 0;
    return tli_larger(tli_column_sum_workspace(rows, out), slices + sums);
}

tl_status tli_linear_backward_input(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view weight, tli_view dx,
                                    tli_view factor, bool accumulate, uint32_t ldx, uint64_t rows,
                                    uint32_t in, uint32_t out)
{
    return tli_gemm(ctx, &(tli_gemm_args){.m = (uint32_t)rows,
                                          .n = in,
                                          .k = out,
                                          .a = dy,
                                          .lda = ldy,
                                          .b = weight,
                                          .ldb = in,
                                          .c = dx,
                                          .ldc = ldx,
                                          .alpha = 1.0f,
                                          .beta = accumulate ? 1.0f : 0.0f,
                                          .factor = factor});
}

tl_status tli_linear_backward(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view x, uint32_t ldx,
                              tli_view weight, tli_view dx, bool accumulate, tli_view dweight, tli_view dbias,
                              tli_view workspace, uint64_t rows, uint32_t in, uint32_t out)
{
    tli_gemm_args g = {.transpose_a = true,
                       .m = out,
                       .n = in,
                       .k = (uint32_t)rows,
                       .a = dy,
                       .lda = ldy,
                       .b = x,
                       .ldb = ldx,
                       .c = dweight,
                       .ldc = in,
                       .alpha = 1.0f};
    if (dweight.mem != NULL && tli_gemm_sums_rows(ctx, &g))
        g.sums = dbias;
    else if (dbias.mem != NULL)
        TLI_TRY(tli_column_sum(ctx, dy, ldy, dbias, workspace, rows, out));
    if (dweight.mem != NULL)
        TLI_TRY(workspace.mem != NULL ? tli_gemm_slices(ctx, &g, workspace) : tli_gemm(ctx, &g));
    if (dx.mem == NULL) return TL_OK;
    return tli_linear_backward_input(ctx, dy, ldy, weight, dx, (tli_view){0}, accumulate, ldx, rows, in, out);
}

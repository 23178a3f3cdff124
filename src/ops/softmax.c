#include "ops/softmax.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_softmax_forward(tl_context *ctx, tl_view logits, uint64_t rows, uint32_t queries, uint32_t keys,
                             uint32_t causal)
{
    if (rows == 0 || keys == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, keys);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "softmax", "softmax_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(logits), TL_ARG_U64(rows), TL_ARG_U32(queries),
                  TL_ARG_U32(keys), TL_ARG_U32(causal), TL_ARG_U32(plan.rows_per_group));
}

tl_status tl_softmax_backward(tl_context *ctx, tl_view prob, tl_view dprob, uint64_t rows, uint32_t queries,
                              uint32_t keys, uint32_t causal, float scale)
{
    if (rows == 0 || keys == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, keys);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "softmax", "softmax_backward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(prob), TL_ARG_VIEW(dprob), TL_ARG_U64(rows),
                  TL_ARG_U32(queries), TL_ARG_U32(keys), TL_ARG_U32(causal), TL_ARG_F32(scale),
                  TL_ARG_U32(plan.rows_per_group));
}

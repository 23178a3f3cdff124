#include "ops/softmax.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_softmax_forward(tl_context *ctx, tli_view logits, uint64_t rows, uint32_t queries,
                              uint32_t keys, uint32_t causal)
{
    if (rows == 0 || keys == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "softmax", rows, keys);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "softmax", "softmax_forward", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(logits), TLI_ARG_U64(rows), TLI_ARG_U32(queries),
                      TLI_ARG_U32(keys), TLI_ARG_U32(causal), TLI_ARG_U32(plan.rows_per_group));
}

tl_status tli_softmax_backward(tl_context *ctx, tli_view prob, tli_view dprob, uint64_t rows,
                               uint32_t queries, uint32_t keys, uint32_t causal, float scale)
{
    if (rows == 0 || keys == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "softmax", rows, keys);
    plan.launch.bytes *= 1.5; /* of two matrices one is overwritten */
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "softmax", "softmax_backward", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(prob), TLI_ARG_VIEW(dprob), TLI_ARG_U64(rows),
                      TLI_ARG_U32(queries), TLI_ARG_U32(keys), TLI_ARG_U32(causal), TLI_ARG_F32(scale),
                      TLI_ARG_U32(plan.rows_per_group));
}

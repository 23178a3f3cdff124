#include "ops/loss.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

/* One of targets and soft is given; for the other, logits are bound as an unused argument. */
static tl_status cross_entropy(tl_context *ctx, tli_view logits, tli_view targets, tli_view soft,
                               tli_view losses, tli_view ranks, tli_view dlogits, float scale, uint64_t rows,
                               uint32_t classes)
{
    if (rows == 0 || classes == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "loss", rows, classes);
    bool has_dlogits = dlogits.mem != NULL, has_soft = soft.mem != NULL;
    if (!has_dlogits) dlogits = logits; /* bound, never written */
    if (has_soft)
        targets = logits;
    else
        soft = logits;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "loss", "cross_entropy", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(logits), TLI_ARG_VIEW(targets),
                      TLI_ARG_VIEW(soft), TLI_ARG_U32(has_soft), TLI_ARG_VIEW(losses), TLI_ARG_VIEW(ranks),
                      TLI_ARG_VIEW(dlogits), TLI_ARG_U32(has_dlogits), TLI_ARG_F32(scale), TLI_ARG_U64(rows),
                      TLI_ARG_U32(classes), TLI_ARG_U32(plan.rows_per_group));
}

tl_status tli_cross_entropy(tl_context *ctx, tli_view logits, tli_view targets, tli_view losses,
                            tli_view ranks, tli_view dlogits, float scale, uint64_t rows, uint32_t classes)
{
    return cross_entropy(ctx, logits, targets, (tli_view){0}, losses, ranks, dlogits, scale, rows, classes);
}

tl_status tli_cross_entropy_soft(tl_context *ctx, tli_view logits, tli_view soft, tli_view losses,
                                 tli_view ranks, tli_view dlogits, float scale, uint64_t rows,
                                 uint32_t classes)
{
    return cross_entropy(ctx, logits, (tli_view){0}, soft, losses, ranks, dlogits, scale, rows, classes);
}

tl_status tli_sum(tl_context *ctx, tli_view values, uint64_t count, float scale, tli_view total)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "loss", "sum", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1(1, tli_kernel_form_of(ctx, "loss").row_group),
                      TLI_ARG_VIEW(values), TLI_ARG_U64(count), TLI_ARG_F32(scale), TLI_ARG_VIEW(total));
}

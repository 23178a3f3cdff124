#include "ops/loss.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

/* One of targets and soft is given; in the place of what is not, the logits are bound and never read. */
static tl_status cross_entropy(tl_context *ctx, tl_view logits, tl_view targets, tl_view soft, tl_view losses,
                               tl_view ranks, tl_view dlogits, float scale, uint64_t rows, uint32_t classes)
{
    if (rows == 0 || classes == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, classes);
    bool has_dlogits = dlogits.mem != NULL, has_soft = soft.mem != NULL;
    if (!has_dlogits) dlogits = logits; /* bound, never written */
    if (has_soft)
        targets = logits;
    else
        soft = logits;
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "loss", "cross_entropy", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(logits), TL_ARG_VIEW(targets), TL_ARG_VIEW(soft),
                  TL_ARG_U32(has_soft), TL_ARG_VIEW(losses), TL_ARG_VIEW(ranks), TL_ARG_VIEW(dlogits),
                  TL_ARG_U32(has_dlogits), TL_ARG_F32(scale), TL_ARG_U64(rows), TL_ARG_U32(classes),
                  TL_ARG_U32(plan.rows_per_group));
}

tl_status tl_cross_entropy(tl_context *ctx, tl_view logits, tl_view targets, tl_view losses, tl_view ranks,
                           tl_view dlogits, float scale, uint64_t rows, uint32_t classes)
{
    return cross_entropy(ctx, logits, targets, (tl_view){0}, losses, ranks, dlogits, scale, rows, classes);
}

tl_status tl_cross_entropy_soft(tl_context *ctx, tl_view logits, tl_view soft, tl_view losses, tl_view ranks,
                                tl_view dlogits, float scale, uint64_t rows, uint32_t classes)
{
    return cross_entropy(ctx, logits, (tl_view){0}, soft, losses, ranks, dlogits, scale, rows, classes);
}

tl_status tl_sum(tl_context *ctx, tl_view values, uint64_t count, float scale, tl_view total)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "loss", "sum", "", &kernel));
    return TL_RUN(ctx, kernel, tl_grid1(1, tl_context_traits(ctx)->row_group), TL_ARG_VIEW(values),
                  TL_ARG_U64(count), TL_ARG_F32(scale), TL_ARG_VIEW(total));
}

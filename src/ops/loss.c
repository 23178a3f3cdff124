#include "ops/loss.h"

#include "kernels/loss_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(cross_entropy_sizes) == 72,
               "cross_entropy_sizes has the same layout in kernels and here");

/* One of targets and soft is given. */
static tl_status cross_entropy(tl_context *ctx, tli_view logits, tli_view targets, tli_view soft,
                               tli_view losses, tli_view ranks, tli_view dlogits, float scale, uint64_t rows,
                               uint32_t classes)
{
    if (rows == 0 || classes == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "loss", rows, classes);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "loss", "cross_entropy", plan.options, &kernel));
    const cross_entropy_sizes sizes = {.logits_at = logits.at,
                                       .targets_at = targets.at,
                                       .soft_at = soft.at,
                                       .losses_at = losses.at,
                                       .ranks_at = ranks.at,
                                       .dlogits_at = dlogits.at,
                                       .rows = rows,
                                       .classes = classes,
                                       .rows_per_group = plan.rows_per_group,
                                       .scale = scale};
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(logits.mem), TLI_ARG_MEM(targets.mem),
                      TLI_ARG_MEM(soft.mem), TLI_ARG_MEM(losses.mem), TLI_ARG_MEM(ranks.mem),
                      TLI_ARG_MEM(dlogits.mem), TLI_ARG_STRUCT(sizes));
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

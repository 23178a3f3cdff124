#include "ops/image.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

static bool divides(uint32_t patch, uint32_t image)
{
    return patch > 0 && image % patch == 0;
}

tl_status tl_patches_forward(tl_context *ctx, tl_view images, tl_view patches, uint32_t batch,
                             uint32_t channels, tl_extent i, tl_extent p)
{
    if (!divides(p.depth, i.depth) || !divides(p.height, i.height) || !divides(p.width, i.width))
        return tl_fail(
            tl_context_error(ctx), TL_ERROR_USAGE,
            "images of %ux%ux%u cannot be cut into patches of %ux%ux%u; choose a patch that divides "
            "all sides.",
            i.depth, i.height, i.width, p.depth, p.height, p.width);
    const uint64_t rows = (uint64_t)(i.depth / p.depth) * (i.height / p.height) * (i.width / p.width) * batch;
    if (rows == 0 || channels == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, p.depth * p.height * p.width * channels);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "image", "patches_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(images), TL_ARG_VIEW(patches), TL_ARG_U64(rows),
                  TL_ARG_U32(batch), TL_ARG_U32(channels), TL_ARG_U32(i.width), TL_ARG_U32(i.height),
                  TL_ARG_U32(i.depth), TL_ARG_U32(p.width), TL_ARG_U32(p.height), TL_ARG_U32(p.depth),
                  TL_ARG_U32(plan.rows_per_group));
}

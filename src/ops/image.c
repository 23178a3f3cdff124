#include "ops/image.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_patches_forward(tl_context *ctx, tl_view images, tl_view patches, uint32_t batch,
                             uint32_t channels, uint32_t height, uint32_t width, uint32_t patch)
{
    if (patch == 0 || height % patch != 0 || width % patch != 0)
        return tl_fail(
            tl_context_error(ctx), TL_ERROR_USAGE,
            "images of %ux%u cannot be cut into patches of %u; choose a patch that divides both sides.",
            height, width, patch);
    uint64_t rows = (uint64_t)(height / patch) * (width / patch) * batch;
    if (rows == 0 || channels == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, patch * patch * channels);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "image", "patches_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_VIEW(images), TL_VIEW(patches), TL_U64(rows), TL_U32(batch),
                  TL_U32(channels), TL_U32(height), TL_U32(width), TL_U32(patch),
                  TL_U32(plan.rows_per_group));
}

#include "ops/image.h"

#include "kernels/image_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(patches_sizes) == 64, "patches_sizes has the same layout in kernels and here");

static bool image_divides(uint32_t patch, uint32_t image)
{
    return patch > 0 && image % patch == 0;
}

tl_status tli_patches_forward(tl_context *ctx, tli_view images, tli_view patches, uint32_t batch,
                              uint32_t channels, tli_extent i, tli_extent p)
{
    if (!image_divides(p.depth, i.depth) || !image_divides(p.height, i.height) ||
        !image_divides(p.width, i.width))
        return tli_fail(
            tl_context_error(ctx), TL_ERROR_USAGE,
            "images of %ux%ux%u cannot be cut into patches of %ux%ux%u; choose a patch that divides "
            "all sides.",
            i.depth, i.height, i.width, p.depth, p.height, p.width);
    const uint64_t rows = (uint64_t)(i.depth / p.depth) * (i.height / p.height) * (i.width / p.width) * batch;
    if (rows == 0 || channels == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "image", rows, p.depth * p.height * p.width * channels);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "image", "patches_forward", plan.options, &kernel));
    const patches_sizes sizes = {.images_at = images.at,
                                 .patches_at = patches.at,
                                 .rows = rows,
                                 .batch = batch,
                                 .channels = channels,
                                 .width = i.width,
                                 .height = i.height,
                                 .depth = i.depth,
                                 .patch_width = p.width,
                                 .patch_height = p.height,
                                 .patch_depth = p.depth,
                                 .rows_per_group = plan.rows_per_group};
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(images.mem), TLI_ARG_MEM(patches.mem),
                      TLI_ARG_STRUCT(sizes));
}

#include "ops/image.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

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
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(images), TLI_ARG_VIEW(patches),
                      TLI_ARG_U64(rows), TLI_ARG_U32(batch), TLI_ARG_U32(channels), TLI_ARG_U32(i.width),
                      TLI_ARG_U32(i.height), TLI_ARG_U32(i.depth), TLI_ARG_U32(p.width),
                      TLI_ARG_U32(p.height), TLI_ARG_U32(p.depth), TLI_ARG_U32(plan.rows_per_group));
}

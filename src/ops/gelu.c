#include "ops/gelu.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_gelu_forward(tl_context *ctx, tli_view x, tli_view y, uint64_t count)
{
    if (count == 0) return TL_OK;
    uint32_t block;
    tli_launch launch = tli_elements_cut(ctx, "gelu", count, &block);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "gelu", "gelu_forward", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(x), TLI_ARG_VIEW(y), TLI_ARG_U64(count),
                      TLI_ARG_U32(block));
}

tl_status tli_gelu_slope(tl_context *ctx, tli_view x, tli_view y, uint64_t count)
{
    if (count == 0) return TL_OK;
    uint32_t block;
    tli_launch launch = tli_elements_cut(ctx, "gelu", count, &block);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "gelu", "gelu_slope", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(x), TLI_ARG_VIEW(y), TLI_ARG_U64(count),
                      TLI_ARG_U32(block));
}

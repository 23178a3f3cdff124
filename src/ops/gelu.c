#include "ops/gelu.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_gelu_forward(tl_context *ctx, tl_view x, tl_view y, uint64_t count)
{
    if (count == 0) return TL_OK;
    uint32_t block;
    tl_grid grid = tl_elements_cut(ctx, count, &block);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "gelu", "gelu_forward", "", &kernel));
    return TL_RUN(ctx, kernel, grid, TL_ARG_VIEW(x), TL_ARG_VIEW(y), TL_ARG_U64(count), TL_ARG_U32(block));
}

tl_status tl_gelu_backward(tl_context *ctx, tl_view x, tl_view dy, tl_view dx, uint64_t count)
{
    if (count == 0) return TL_OK;
    uint32_t block;
    tl_grid grid = tl_elements_cut(ctx, count, &block);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "gelu", "gelu_backward", "", &kernel));
    return TL_RUN(ctx, kernel, grid, TL_ARG_VIEW(x), TL_ARG_VIEW(dy), TL_ARG_VIEW(dx), TL_ARG_U64(count),
                  TL_ARG_U32(block));
}

#include "ops/clip.h"

#include "ops/row_kernels.h"

enum { PIECE = 4096 };

uint64_t tl_squares_count(uint64_t count)
{
    return (count + PIECE - 1) / PIECE;
}

tl_status tl_squares(tl_context *ctx, tl_view values, uint64_t count, tl_view partial)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "clip", "squares", "", &kernel));
    tl_grid grid = tl_grid1(tl_squares_count(count), tl_context_traits(ctx)->row_group);
    grid.flops = 2.0 * (double)count;
    grid.bytes = 4.0 * (double)count;
    return TL_RUN(ctx, kernel, grid, TL_ARG_VIEW(values), TL_ARG_U64(count), TL_ARG_U64(PIECE),
                  TL_ARG_VIEW(partial));
}

tl_status tl_clip_verdict(tl_context *ctx, tl_view partial, uint32_t count, tl_view loss, float most,
                          tl_view verdict)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "clip", "clip_verdict", "", &kernel));
    return TL_RUN(ctx, kernel, tl_grid1(1, tl_context_traits(ctx)->row_group), TL_ARG_VIEW(partial),
                  TL_ARG_U32(count), TL_ARG_VIEW(loss), TL_ARG_F32(most), TL_ARG_VIEW(verdict));
}

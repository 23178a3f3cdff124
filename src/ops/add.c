#include "ops/add.h"

#include "ops/loss.h"
#include "ops/row_kernels.h"

enum { ADD_ITEMS = 64, SQUARES_PIECE = 4096 };

tl_status tl_add(tl_context *ctx, tl_view a, tl_view b, tl_view y, uint64_t count)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "add", "add", "", &kernel));
    return TL_RUN(ctx, kernel, tl_grid1((count + ADD_ITEMS - 1) / ADD_ITEMS, ADD_ITEMS), TL_VIEW(a),
                  TL_VIEW(b), TL_VIEW(y), TL_U64(count));
}

uint64_t tl_squares_workspace(uint64_t count)
{
    return (count + SQUARES_PIECE - 1) / SQUARES_PIECE;
}

tl_status tl_squares_sum(tl_context *ctx, tl_view values, uint64_t count, tl_view total, tl_view workspace)
{
    tl_kernel *kernel;
    uint64_t pieces = tl_squares_workspace(count);
    TL_TRY(tl_row_kernel(ctx, "add", "squares", "", &kernel));
    TL_TRY(TL_RUN(ctx, kernel, tl_grid1(pieces, tl_context_traits(ctx)->row_group), TL_VIEW(values),
                  TL_U64(count), TL_U64(SQUARES_PIECE), TL_VIEW(workspace)));
    return tl_sum(ctx, workspace, pieces, 1.0f, total);
}

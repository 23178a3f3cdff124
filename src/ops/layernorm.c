#include "ops/layernorm.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_layernorm_forward(tl_context *ctx, tl_view x, tl_view weight, tl_view bias, tl_view y,
                               tl_view stats, uint64_t rows, uint32_t channels)
{
    if (rows == 0 || channels == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, channels);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "layernorm", "layernorm_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(x), TL_ARG_VIEW(weight), TL_ARG_VIEW(bias),
                  TL_ARG_VIEW(y), TL_ARG_VIEW(stats), TL_ARG_U64(rows), TL_ARG_U32(channels),
                  TL_ARG_U32(plan.rows_per_group));
}

tl_status tl_layernorm_backward(tl_context *ctx, tl_view dy, tl_view x, tl_view weight, tl_view stats,
                                tl_view dx, bool accumulate, tl_view dweight, tl_view dbias,
                                tl_view workspace, uint64_t rows, uint32_t channels)
{
    if (channels == 0) return TL_OK;
    if (rows == 0) {
        TL_TRY(tl_zero(ctx, dweight, channels));
        return tl_zero(ctx, dbias, channels);
    }
    uint32_t rows_per_block = tl_rows_per_block(rows), blocks = tl_row_blocks(rows);
    bool has_dx = dx.mem != NULL, one_pass = tl_context_traits(ctx)->row_group == 1;
    if (!has_dx) dx = dy; /* bound, never written */

    tl_kernel *kernel;
    if (!one_pass) { /* first, as dx may be dy */
        uint32_t items = tl_context_traits(ctx)->row_group;
        TL_TRY(tl_row_kernel(ctx, "layernorm", "layernorm_backward_dw", "", &kernel));
        TL_TRY(TL_RUN(ctx, kernel, tl_grid3(tl_ceil_div(channels, items), blocks, 1, items), TL_ARG_VIEW(dy),
                      TL_ARG_VIEW(x), TL_ARG_VIEW(stats), TL_ARG_VIEW(workspace), TL_ARG_U64(rows),
                      TL_ARG_U32(channels), TL_ARG_U32(rows_per_block)));
    }
    if (one_pass || has_dx) {
        tl_rows_plan plan = tl_rows_cut(ctx, rows, channels);
        if (one_pass) { /* a work-group is a block of the column sums */
            plan.rows_per_group = rows_per_block;
            plan.grid = tl_grid1(blocks, 1);
        }
        TL_TRY(tl_row_kernel(ctx, "layernorm", "layernorm_backward_dx", plan.options, &kernel));
        TL_TRY(TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(dy), TL_ARG_VIEW(x), TL_ARG_VIEW(weight),
                      TL_ARG_VIEW(stats), TL_ARG_VIEW(dx), TL_ARG_VIEW(workspace), TL_ARG_U64(rows),
                      TL_ARG_U32(channels), TL_ARG_U32(plan.rows_per_group), TL_ARG_U32(has_dx),
                      TL_ARG_U32(accumulate)));
    }
    uint64_t ld = 2 * (uint64_t)channels; /* workspace [block][dweight, dbias][channel] */
    TL_TRY(tl_columns_blocks(ctx, workspace, ld, dweight, blocks, blocks, channels, 1.0f));
    return tl_columns_blocks(ctx, tl_view_add(workspace, channels), ld, dbias, blocks, blocks, channels,
                             1.0f);
}

uint64_t tl_layernorm_workspace(uint64_t rows, uint32_t channels)
{
    return (uint64_t)tl_row_blocks_max(rows) * 2 * channels;
}

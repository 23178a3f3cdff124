#include "ops/columns.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_columns_blocks(tl_context *ctx, tl_view x, uint64_t ld, tl_view out, uint64_t rows,
                            uint32_t rows_per_block, uint64_t columns, float scale)
{
    if (columns == 0) return TL_OK;
    if (rows == 0) return tl_zero(ctx, out, columns);
    const tl_traits *traits = tl_context_traits(ctx);
    uint64_t blocks = tl_ceil_div(rows, rows_per_block);
    uint32_t chunk = traits->row_group;
    if (traits->row_group == 1) {
        /* 4 KiB of sums stay in the nearest cache; narrower when the groups would be too few. */
        uint64_t fair = tl_ceil_div(columns * blocks, 4u * (uint64_t)traits->compute_units);
        chunk = fair > 1024 ? 1024 : fair < 64 ? 64 : (uint32_t)((fair + 15) / 16 * 16);
    }
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "columns", "columns_blocks", "", &kernel));
    return TL_RUN(ctx, kernel, tl_grid3(tl_ceil_div(columns, chunk), blocks, 1, traits->row_group),
                  TL_ARG_VIEW(x), TL_ARG_U64(ld), TL_ARG_VIEW(out), TL_ARG_U64(rows),
                  TL_ARG_U32(rows_per_block), TL_ARG_U64(columns), TL_ARG_U32(chunk), TL_ARG_F32(scale));
}

tl_status tl_columns_sum(tl_context *ctx, tl_view x, uint32_t ld, tl_view sums, tl_view workspace,
                         uint64_t rows, uint32_t columns)
{
    uint32_t blocks = tl_row_blocks(rows);
    if (blocks == 1) return tl_columns_blocks(ctx, x, ld, sums, rows, tl_rows_per_block(rows), columns, 1.0f);
    TL_TRY(tl_columns_blocks(ctx, x, ld, workspace, rows, tl_rows_per_block(rows), columns, 1.0f));
    return tl_columns_blocks(ctx, workspace, columns, sums, blocks, blocks, columns, 1.0f);
}

uint64_t tl_columns_workspace(uint64_t rows, uint32_t columns)
{
    return (uint64_t)tl_row_blocks_max(rows) * columns;
}

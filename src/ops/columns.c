#include "ops/columns.h"

#include "ops/rows.h"

tl_status tl_columns_blocks(tl_context *ctx, tl_view x, uint64_t ld, tl_view out, uint64_t rows,
                            uint32_t rows_per_block, uint64_t columns, float scale)
{
    const uint32_t group = tl_context_traits(ctx)->row_group;
    const uint32_t chunk = group == 1 ? 256 : group;
    tl_kernel *kernel;
    TL_TRY(tl_kernel_get(ctx, "columns", "columns_blocks", "", &kernel));
    return TL_RUN(ctx, kernel,
                  tl_grid3(tl_ceil_div(columns, chunk), tl_ceil_div(rows, rows_per_block), 1, group),
                  TL_VIEW(x), TL_U64(ld), TL_VIEW(out), TL_U64(rows), TL_U32(rows_per_block), TL_U64(columns),
                  TL_U32(chunk), TL_F32(scale));
}

uint64_t tl_columns_workspace(uint64_t rows, uint32_t columns)
{
    return (uint64_t)tl_row_blocks(rows) * columns;
}

tl_status tl_columns_sum(tl_context *ctx, tl_view x, uint32_t ld, tl_view sums, tl_view workspace,
                         uint64_t rows, uint32_t columns)
{
    const uint32_t blocks = tl_row_blocks(rows);
    TL_TRY(tl_columns_blocks(ctx, x, ld, workspace, rows, tl_rows_per_block(rows), columns, 1.0f));
    return tl_columns_blocks(ctx, workspace, columns, sums, blocks, blocks, columns, 1.0f);
}

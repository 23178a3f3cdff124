#include "ops/column_sum.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_column_sum_blocks(tl_context *ctx, tli_view x, uint64_t ld, tli_view out, uint64_t rows,
                                uint32_t rows_per_block, uint64_t columns, float scale)
{
    if (columns == 0) return TL_OK;
    if (rows == 0) return tli_zero(ctx, out, columns);
    const tli_limits *limits = tli_context_limits(ctx);
    uint64_t blocks = tli_ceil_div(rows, rows_per_block);
    const uint32_t group = tli_kernel_form_of(ctx, "column_sum").row_group;
    uint32_t chunk = group;
    if (group == 1) {
        /* 4 KiB of sums stay in the first-level cache; narrower if there would be too few groups. */
        uint64_t fair = tli_ceil_div(columns * blocks, 4u * (uint64_t)limits->compute_units);
        chunk = fair > 1024 ? 1024 : fair < 64 ? 64 : (uint32_t)((fair + 15) / 16 * 16);
    }
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "column_sum", "column_sum_blocks", "", &kernel));
    tli_launch launch = tli_launch3(tli_ceil_div(columns, chunk), blocks, 1, group);
    launch.bytes = 4.0 * (double)columns * (double)(rows + blocks);
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(x), TLI_ARG_U64(ld), TLI_ARG_VIEW(out),
                      TLI_ARG_U64(rows), TLI_ARG_U32(rows_per_block), TLI_ARG_U64(columns),
                      TLI_ARG_U32(chunk), TLI_ARG_F32(scale));
}

tl_status tli_column_sum(tl_context *ctx, tli_view x, uint32_t ld, tli_view sums, tli_view workspace,
                         uint64_t rows, uint32_t columns)
{
    uint32_t blocks = tli_row_blocks(rows);
    if (blocks == 1)
        return tli_column_sum_blocks(ctx, x, ld, sums, rows, tli_rows_per_block(rows), columns, 1.0f);
    TLI_TRY(tli_column_sum_blocks(ctx, x, ld, workspace, rows, tli_rows_per_block(rows), columns, 1.0f));
    return tli_column_sum_blocks(ctx, workspace, columns, sums, blocks, blocks, columns, 1.0f);
}

uint64_t tli_column_sum_workspace(uint64_t rows, uint32_t columns)
{
    return (uint64_t)tli_row_blocks_max(rows) * columns;
}

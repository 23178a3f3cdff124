#include "ops/layernorm.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_layernorm_forward(tl_context *ctx, tli_view x, tli_view weight, tli_view bias, tli_view y,
                                tli_view stats, uint64_t rows, uint32_t channels)
{
    if (rows == 0 || channels == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "layernorm", rows, channels);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_forward", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(x), TLI_ARG_VIEW(weight), TLI_ARG_VIEW(bias),
                      TLI_ARG_VIEW(y), TLI_ARG_VIEW(stats), TLI_ARG_U64(rows), TLI_ARG_U32(channels),
                      TLI_ARG_U32(plan.rows_per_group));
}

tl_status tli_layernorm_backward(tl_context *ctx, tli_view dy, tli_view x, tli_view weight, tli_view stats,
                                 tli_view dx, bool accumulate, tli_view dweight, tli_view dbias,
                                 tli_view workspace, uint64_t rows, uint32_t channels)
{
    if (channels == 0) return TL_OK;
    if (rows == 0) {
        TLI_TRY(tli_zero(ctx, dweight, channels));
        return tli_zero(ctx, dbias, channels);
    }
    uint32_t rows_per_block = tli_rows_per_block(rows), blocks = tli_row_blocks(rows);
    bool has_dx = dx.mem != NULL, one_pass = tli_kernel_form_of(ctx, "layernorm").row_group == 1;
    if (!has_dx) dx = dy; /* bound, never written */

    tli_kernel *kernel;
    if (!one_pass) { /* first, as dx may be dy */
        uint32_t items = tli_kernel_form_of(ctx, "layernorm").row_group;
        TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_backward_dw", "", &kernel));
        TLI_TRY(TLI_LAUNCH(ctx, kernel, tli_launch3(tli_ceil_div(channels, items), blocks, 1, items),
                           TLI_ARG_VIEW(dy), TLI_ARG_VIEW(x), TLI_ARG_VIEW(stats), TLI_ARG_VIEW(workspace),
                           TLI_ARG_U64(rows), TLI_ARG_U32(channels), TLI_ARG_U32(rows_per_block)));
    }
    if (one_pass || has_dx) {
        tli_rowwise plan = tli_rowwise_cut(ctx, "layernorm", rows, channels);
        if (one_pass) { /* a work-group is a block of the column sums */
            plan.rows_per_group = rows_per_block;
            plan.launch = tli_launch1(blocks, 1);
        }
        TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_backward_dx", plan.options, &kernel));
        TLI_TRY(TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(dy), TLI_ARG_VIEW(x), TLI_ARG_VIEW(weight),
                           TLI_ARG_VIEW(stats), TLI_ARG_VIEW(dx), TLI_ARG_VIEW(workspace), TLI_ARG_U64(rows),
                           TLI_ARG_U32(channels), TLI_ARG_U32(plan.rows_per_group), TLI_ARG_U32(has_dx),
                           TLI_ARG_U32(accumulate)));
    }
    uint64_t ld = 2 * (uint64_t)channels; /* workspace [block][dweight, dbias][channel] */
    TLI_TRY(tli_column_sum_blocks(ctx, workspace, ld, dweight, blocks, blocks, channels, 1.0f));
    return tli_column_sum_blocks(ctx, tli_view_add(workspace, channels), ld, dbias, blocks, blocks, channels,
                                 1.0f);
}

uint64_t tli_layernorm_workspace(uint64_t rows, uint32_t channels)
{
    return (uint64_t)tli_row_blocks_max(rows) * 2 * channels;
}

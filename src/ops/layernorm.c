#include "ops/layernorm.h"

#include "kernels/layernorm_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(layernorm_sizes) == 88, "layernorm_sizes has the same layout in kernels and here");

tl_status tli_layernorm_forward(tl_context *ctx, tli_view x, tli_view weight, tli_view bias, tli_view y,
                                tli_view stats, uint64_t rows, uint32_t channels)
{
    if (rows == 0 || channels == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "layernorm", rows, channels);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_forward", plan.options, &kernel));
    const layernorm_sizes sizes = {.x_at = x.at,
                                   .weight_at = weight.at,
                                   .bias_at = bias.at,
                                   .y_at = y.at,
                                   .stats_at = stats.at,
                                   .rows = rows,
                                   .channels = channels,
                                   .rows_per_group = plan.rows_per_group};
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(x.mem), TLI_ARG_MEM(weight.mem),
                      TLI_ARG_MEM(bias.mem), TLI_ARG_MEM(y.mem), TLI_ARG_MEM(stats.mem),
                      TLI_ARG_STRUCT(sizes));
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
    layernorm_sizes sizes = {.x_at = x.at,
                             .weight_at = weight.at,
                             .stats_at = stats.at,
                             .dy_at = dy.at,
                             .dx_at = dx.at,
                             .partial_at = workspace.at,
                             .rows = rows,
                             .channels = channels,
                             .rows_per_group = rows_per_block,
                             .accumulate = accumulate};

    tli_kernel *kernel;
    if (!one_pass) { /* first, as dx may be dy */
        uint32_t items = tli_kernel_form_of(ctx, "layernorm").row_group;
        TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_backward_dw", "", &kernel));
        tli_launch launch = tli_launch3(tli_ceil_div(channels, items), blocks, 1, items);
        launch.bytes = 8.0 * (double)rows * channels;
        TLI_TRY(TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(dy.mem), TLI_ARG_MEM(x.mem),
                           TLI_ARG_MEM(stats.mem), TLI_ARG_MEM(workspace.mem), TLI_ARG_STRUCT(sizes)));
    }
    if (one_pass || has_dx) {
        tli_rowwise plan = tli_rowwise_cut(ctx, "layernorm", rows, channels);
        if (one_pass) { /* a work-group is a block of the column sums */
            plan.rows_per_group = rows_per_block;
            plan.launch.groups[0] = blocks;
        }
        plan.launch.bytes = (has_dx ? 12.0 : 8.0) * (double)rows * channels;
        sizes.rows_per_group = plan.rows_per_group;
        TLI_TRY(tli_family_kernel(ctx, "layernorm", "layernorm_backward_dx", plan.options, &kernel));
        TLI_TRY(TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(dy.mem), TLI_ARG_MEM(x.mem),
                           TLI_ARG_MEM(weight.mem), TLI_ARG_MEM(stats.mem), TLI_ARG_MEM(dx.mem),
                           TLI_ARG_MEM(workspace.mem), TLI_ARG_STRUCT(sizes)));
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

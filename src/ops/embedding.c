#include "ops/embedding.h"

#include "ops/rows.h"

tl_status tl_tokens_forward(tl_context *ctx, tl_view patches, tl_view class_token, tl_view position,
                            tl_view x, uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    const uint64_t rows = (uint64_t)tokens * batch;
    const tl_rows_plan plan = tl_rows_cut(ctx, rows, channels);
    tl_kernel *kernel;
    TL_TRY(tl_kernel_get(ctx, "embedding", "tokens_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_VIEW(patches), TL_VIEW(class_token), TL_VIEW(position),
                  TL_U32(position.mem != NULL), TL_VIEW(x), TL_U64(rows), TL_U32(batch), TL_U32(channels),
                  TL_U32(cls), TL_U32(plan.rows_per_group));
}

tl_status tl_tokens_backward(tl_context *ctx, tl_view dx, tl_view dclass_token, tl_view dposition,
                             uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    /* The rows of a token are the blocks of a column sum. */
    if (cls > 0 && dclass_token.mem != NULL)
        TL_TRY(tl_columns_blocks(ctx, dx, channels, dclass_token, batch, batch, channels, 1.0f));
    if (dposition.mem == NULL) return TL_OK;
    return tl_columns_blocks(ctx, dx, channels, dposition, (uint64_t)tokens * batch, batch, channels, 1.0f);
}

tl_status tl_mean_tokens_forward(tl_context *ctx, tl_view x, tl_view y, uint32_t tokens, uint32_t batch,
                                 uint32_t channels)
{
    const uint64_t row = (uint64_t)batch * channels; /* a token's rows, seen as one long row */
    return tl_columns_blocks(ctx, x, row, y, tokens, tokens, row, 1.0f / (float)tokens);
}

tl_status tl_mean_tokens_backward(tl_context *ctx, tl_view dy, tl_view dx, uint32_t tokens, uint32_t batch,
                                  uint32_t channels)
{
    const uint64_t period = (uint64_t)batch * channels, count = tokens * period;
    tl_kernel *kernel;
    uint32_t block;
    const tl_grid grid = tl_elements_cut(ctx, count, &block);
    TL_TRY(tl_kernel_get(ctx, "embedding", "mean_tokens_backward", "", &kernel));
    return TL_RUN(ctx, kernel, grid, TL_VIEW(dy), TL_VIEW(dx), TL_U64(count), TL_U64(period),
                  TL_F32(1.0f / (float)tokens), TL_U32(block));
}

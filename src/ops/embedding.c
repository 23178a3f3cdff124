#include "ops/embedding.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_tokens_forward(tl_context *ctx, tl_view patches, tl_view class_token, tl_view position,
                            tl_view x, uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    if (cls > 1 || (cls == 1 && class_token.mem == NULL))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "the tokens' embedding takes no class token or one, with its parameter; cls is %u.",
                       cls);
    uint64_t rows = (uint64_t)tokens * batch;
    bool has_position = position.mem != NULL;
    bool in_place = patches.mem == x.mem && patches.at == x.at + (uint64_t)cls * batch * channels;
    if (in_place && !has_position)
        rows = (uint64_t)cls * batch; /* the patches' rows are where they should be */
    if (rows == 0 || channels == 0) return TL_OK;
    if (patches.mem == NULL) patches = x; /* bound, never read */
    if (class_token.mem == NULL) class_token = x;
    if (position.mem == NULL) position = x;
    tl_rows_plan plan = tl_rows_cut(ctx, rows, channels);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "embedding", "tokens_forward", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_VIEW(patches), TL_VIEW(class_token), TL_VIEW(position),
                  TL_U32(has_position), TL_VIEW(x), TL_U64(rows), TL_U32(batch), TL_U32(channels),
                  TL_U32(cls), TL_U32(plan.rows_per_group));
}

tl_status tl_tokens_backward(tl_context *ctx, tl_view dx, tl_view dclass_token, tl_view dposition,
                             uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    bool want_class = cls == 1 && dclass_token.mem != NULL;
    if (batch == 0) {
        if (dposition.mem != NULL) TL_TRY(tl_zero(ctx, dposition, (uint64_t)tokens * channels));
        return want_class ? tl_zero(ctx, dclass_token, channels) : TL_OK;
    }
    if (dposition.mem != NULL) { /* a token's rows are one block of a column sum */
        TL_TRY(
            tl_columns_blocks(ctx, dx, channels, dposition, (uint64_t)tokens * batch, batch, channels, 1.0f));
        return want_class ? tl_copy(ctx, dposition, dclass_token, channels) : TL_OK;
    }
    if (!want_class) return TL_OK;
    return tl_columns_blocks(ctx, dx, channels, dclass_token, batch, batch, channels, 1.0f);
}

tl_status tl_mean_tokens_forward(tl_context *ctx, tl_view x, tl_view y, uint32_t tokens, uint32_t batch,
                                 uint32_t channels)
{
    uint64_t columns = (uint64_t)batch * channels; /* x is [token][batch * channel] */
    return tl_columns_blocks(ctx, x, columns, y, tokens, tokens, columns, 1.0f / (float)tokens);
}

tl_status tl_mean_tokens_backward(tl_context *ctx, tl_view dy, tl_view dx, uint32_t tokens, uint32_t batch,
                                  uint32_t channels)
{
    uint64_t period = (uint64_t)batch * channels;
    if (tokens == 0 || period == 0) return TL_OK;
    uint32_t block;
    tl_grid grid = tl_elements_cut(ctx, period, &block);
    grid.groups[1] = tokens;
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "embedding", "mean_tokens_backward", "", &kernel));
    return TL_RUN(ctx, kernel, grid, TL_VIEW(dy), TL_VIEW(dx), TL_U64(period), TL_F32(1.0f / (float)tokens),
                  TL_U32(block));
}

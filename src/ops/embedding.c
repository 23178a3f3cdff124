#include "ops/embedding.h"

#include <stdlib.h>

#include "kernels/embedding_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(tokens_sizes) == 56, "tokens_sizes has the same layout in kernels and here");

tl_status tli_tokens_forward(tl_context *ctx, tli_view patches, tli_view class_token, tli_view position,
                             tli_view x, uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    if (cls > 1 || (cls == 1 && class_token.mem == NULL))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the tokens' embedding takes no class token or one, with its parameter; cls is %u.",
                        cls);
    uint64_t rows = (uint64_t)tokens * batch;
    bool in_place = patches.mem == x.mem && patches.at == x.at + (uint64_t)cls * batch * channels;
    if (in_place && position.mem == NULL)
        rows = (uint64_t)cls * batch; /* the patches' rows are already in place */
    if (rows == 0 || channels == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "embedding", rows, channels);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "embedding", "tokens_forward", plan.options, &kernel));
    const tokens_sizes sizes = {.patches_at = patches.at,
                                .class_at = class_token.at,
                                .position_at = position.at,
                                .x_at = x.at,
                                .rows = rows,
                                .batch = batch,
                                .channels = channels,
                                .cls = cls,
                                .rows_per_group = plan.rows_per_group};
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(patches.mem), TLI_ARG_MEM(class_token.mem),
                      TLI_ARG_MEM(position.mem), TLI_ARG_MEM(x.mem), TLI_ARG_STRUCT(sizes));
}

tl_status tli_tokens_backward(tl_context *ctx, tli_view dx, tli_view dclass_token, tli_view dposition,
                              uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls)
{
    bool want_class = cls == 1 && dclass_token.mem != NULL;
    if (batch == 0) {
        if (dposition.mem != NULL) TLI_TRY(tli_zero(ctx, dposition, (uint64_t)tokens * channels));
        return want_class ? tli_zero(ctx, dclass_token, channels) : TL_OK;
    }
    if (dposition.mem != NULL) { /* a token's rows are one block of a column sum */
        TLI_TRY(tli_column_sum_blocks(ctx, dx, channels, dposition, (uint64_t)tokens * batch, batch, channels,
                                      1.0f));
        return want_class ? tli_copy(ctx, dposition, dclass_token, channels) : TL_OK;
    }
    if (!want_class) return TL_OK;
    return tli_column_sum_blocks(ctx, dx, channels, dclass_token, batch, batch, channels, 1.0f);
}

tl_status tli_mean_tokens_forward(tl_context *ctx, tli_view x, tli_view y, uint32_t tokens, uint32_t batch,
                                  uint32_t channels)
{
    uint64_t columns = (uint64_t)batch * channels; /* x is [token][batch * channel] */
    return tli_column_sum_blocks(ctx, x, columns, y, tokens, tokens, columns, 1.0f / (float)tokens);
}

tl_status tli_mean_tokens_backward(tl_context *ctx, tli_view dy, tli_view dx, uint32_t tokens, uint32_t batch,
                                   uint32_t channels)
{
    uint64_t period = (uint64_t)batch * channels;
    if (tokens == 0 || period == 0) return TL_OK;
    uint32_t block;
    tli_launch launch = tli_elements_cut(ctx, "embedding", period, &block);
    launch.groups[1] = tokens;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "embedding", "mean_tokens_backward", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(dy), TLI_ARG_VIEW(dx), TLI_ARG_U64(period),
                      TLI_ARG_F32(1.0f / (float)tokens), TLI_ARG_U32(block));
}

/* ---- token embedding: one row per id ---------------------------------------------------------------- */

tl_status tli_embedding_forward(tl_context *ctx, tli_view table, tli_view ids, tli_view position, tli_view x,
                                uint32_t tokens, uint32_t batch, uint32_t channels)
{
    const uint64_t rows = (uint64_t)tokens * batch;
    if (rows == 0 || channels == 0) return TL_OK;
    const tli_rowwise plan = tli_rowwise_cut(ctx, "embedding", rows, channels);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "embedding", "embedding_forward", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(table), TLI_ARG_VIEW(ids),
                      TLI_ARG_VIEW(position), TLI_ARG_VIEW(x), TLI_ARG_U64(rows), TLI_ARG_U32(batch),
                      TLI_ARG_U32(channels), TLI_ARG_U32(plan.rows_per_group));
}

uint64_t tli_embedding_index_count(uint64_t rows)
{
    return 4 * rows;
}

static int embedding_ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint32_t tli_embedding_sort(const int32_t *ids, uint32_t rows, uint64_t *keys, int32_t *index)
{
    uint32_t spans = 0;
    int32_t *order = index + 3 * (size_t)rows;
    for (uint32_t r = 0; r < rows; r++) keys[r] = (uint64_t)(uint32_t)ids[r] << 32 | r;
    qsort(keys, rows, sizeof *keys, embedding_ascending);
    for (uint32_t at = 0; at < rows; at++) {
        const int32_t id = (int32_t)(keys[at] >> 32);
        order[at] = (int32_t)(uint32_t)keys[at];
        if (at == 0 || index[3 * (size_t)spans - 3] != id) {
            int32_t *span = index + 3 * (size_t)spans++;
            span[0] = id;
            span[1] = (int32_t)at;
        }
        index[3 * (size_t)spans - 1] = (int32_t)at + 1;
    }
    return spans;
}

tl_status tli_embedding_backward(tl_context *ctx, tli_view index, uint32_t spans, tli_view dx,
                                 tli_view dtable, uint64_t rows, uint32_t table_rows, uint32_t channels)
{
    TLI_TRY(tli_zero(ctx, dtable, (uint64_t)table_rows * channels));
    if (channels == 0) return TL_OK;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "embedding", "embedding_backward", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1(spans, tli_kernel_form_of(ctx, "embedding").row_group),
                      TLI_ARG_VIEW(index), TLI_ARG_VIEW(tli_view_add(index, 3 * rows)), TLI_ARG_VIEW(dx),
                      TLI_ARG_VIEW(dtable), TLI_ARG_U32(channels));
}

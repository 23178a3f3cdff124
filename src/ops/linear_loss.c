#include "ops/linear_loss.h"

#include "ops/gemm.h"
#include "ops/linear.h"
#include "ops/loss.h"

/* Logits of a chunk: enough rows that reading and writing dweight once a chunk is little beside the products. */
enum { CHUNK_BYTES = 64 << 20 };

static uint64_t most_rows(uint32_t classes)
{
    const uint64_t fit = CHUNK_BYTES / (4 * (uint64_t)(classes > 0 ? classes : 1));
    return fit > 0 ? fit : 1;
}

/* Equal chunks rather than full ones and a rest. */
static uint64_t chunk_rows(uint64_t rows, uint32_t classes)
{
    const uint64_t chunks = (rows + most_rows(classes) - 1) / most_rows(classes);
    return chunks > 0 ? (rows + chunks - 1) / chunks : 0;
}

uint64_t tl_linear_loss_workspace(uint64_t rows, uint32_t classes)
{
    return (rows < most_rows(classes) ? rows : most_rows(classes)) * classes; /* never less for fewer rows */
}

/* dweight (+)= dlogits^T x, then dx = dlogits W, which may take x's place. */
static tl_status backward(tl_context *ctx, tl_view dlogits, tl_view x, tl_view weight, tl_view dx,
                          tl_view dweight, bool first, uint32_t rows, uint32_t in, uint32_t classes)
{
    tl_gemm_args g = {.m = classes, .n = in, .k = rows, .alpha = 1.0f};
    g.transpose_a = true, g.a = dlogits, g.lda = classes, g.b = x, g.ldb = in;
    g.c = dweight, g.ldc = in, g.beta = first ? 0.0f : 1.0f;
    TL_TRY(tl_gemm(ctx, &g));
    return tl_linear_backward(ctx, dlogits, classes, (tl_view){0}, in, weight, dx, false, (tl_view){0},
                              (tl_view){0}, (tl_view){0}, rows, in, classes);
}

tl_status tl_linear_loss(tl_context *ctx, tl_view x, tl_view weight, tl_view targets, float scale,
                         tl_view losses, tl_view ranks, tl_view dx, tl_view dweight, tl_view workspace,
                         uint64_t rows, uint32_t in, uint32_t classes)
{
    const tl_view none = {0};
    const bool training = dx.mem != NULL;
    const uint64_t chunk = chunk_rows(rows, classes);
    for (uint64_t at = 0; at < rows; at += chunk) {
        const uint32_t n = (uint32_t)(rows - at < chunk ? rows - at : chunk);
        const tl_view rows_x = tl_view_add(x, at * in);
        TL_TRY(tl_linear_forward(ctx, rows_x, in, weight, none, none, workspace, classes, n, in, classes));
        TL_TRY(tl_cross_entropy(ctx, workspace, tl_view_add(targets, at), tl_view_add(losses, at),
                                tl_view_add(ranks, at), training ? workspace : none, scale, n, classes));
        if (training)
            TL_TRY(backward(ctx, workspace, rows_x, weight, tl_view_add(dx, at * in), dweight, at == 0, n, in,
                            classes));
    }
    return TL_OK;
}

#include "ops/linear_loss.h"

#include "ops/gemm_slices.h"
#include "ops/linear.h"
#include "ops/loss.h"

/* Rows per chunk: enough that reading and writing dweight once per chunk is cheap compared with the GEMMs. */
enum { LEAST_BYTES = 64 << 20 };

static uint64_t most_rows(uint64_t chunk_bytes, uint32_t classes)
{
    const uint64_t fit = tli_chunk_bytes(chunk_bytes, LEAST_BYTES) /
                         (4 * (uint64_t)(classes > 0 ? classes : 1));
    return fit > 0 ? fit : 1;
}

/* Equal chunks instead of full ones and a remainder. */
static uint64_t chunk_rows(uint64_t chunk_bytes, uint64_t rows, uint32_t classes)
{
    const uint64_t chunks = (rows + most_rows(chunk_bytes, classes) - 1) / most_rows(chunk_bytes, classes);
    return chunks > 0 ? (rows + chunks - 1) / chunks : 0;
}

uint64_t tli_linear_loss_workspace(uint64_t chunk_bytes, uint64_t rows, uint32_t classes)
{
    return (rows < most_rows(chunk_bytes, classes) ? rows : most_rows(chunk_bytes, classes)) *
           classes; /* monotonic in rows */
}

uint64_t tli_linear_loss_sums(uint64_t chunk_bytes, uint64_t rows, uint32_t in, uint32_t classes)
{
    return tli_gemm_slices_workspace_most(
        rows < most_rows(chunk_bytes, classes) ? rows : most_rows(chunk_bytes, classes), in, classes);
}

tl_status tli_linear_loss_backward(tl_context *ctx, tli_view dlogits, tli_view x, tli_view weight,
                                   tli_view dx, tli_view dweight, tli_view sums, bool first, uint32_t rows,
                                   uint32_t in, uint32_t classes)
{
    tli_gemm_args g = {.m = classes, .n = in, .k = rows, .alpha = 1.0f};
    g.transpose_a = true, g.a = dlogits, g.lda = classes, g.b = x, g.ldb = in;
    g.c = dweight, g.ldc = in, g.beta = first ? 0.0f : 1.0f;
    TLI_TRY(tli_gemm(ctx, &g));
    g = (tli_gemm_args){.m = rows, .n = in, .k = classes, .alpha = 1.0f};
    g.a = dlogits, g.lda = classes, g.b = weight, g.ldb = in, g.c = dx, g.ldc = in;
    return tli_gemm_slices(ctx, &g, sums);
}

tl_status tli_linear_loss(tl_context *ctx, tli_view x, tli_view weight, tli_view targets, float scale,
                          tli_view losses, tli_view ranks, tli_view dx, tli_view dweight, tli_view workspace,
                          tli_view sums, uint64_t chunk_bytes, uint64_t rows, uint32_t in, uint32_t classes)
{
    const tli_view none = {0};
    const bool training = dx.mem != NULL;
    const uint64_t chunk = chunk_rows(chunk_bytes, rows, classes);
    for (uint64_t at = 0; at < rows; at += chunk) {
        const uint32_t n = (uint32_t)(rows - at < chunk ? rows - at : chunk);
        const tli_view rows_x = tli_view_add(x, at * in);
        TLI_TRY(tli_linear_forward(ctx, rows_x, in, weight, none, none, workspace, classes, n, in, classes));
        TLI_TRY(tli_cross_entropy(ctx, workspace, tli_view_add(targets, at), tli_view_add(losses, at),
                                  tli_view_add(ranks, at), training ? workspace : none, scale, n, classes));
        if (training)
            TLI_TRY(tli_linear_loss_backward(ctx, workspace, rows_x, weight, tli_view_add(dx, at * in),
                                             dweight, sums, at == 0, n, in, classes));
    }
    return TL_OK;
}

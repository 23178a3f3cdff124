#include "ops/linear.h"

#include "core/arithmetic.h"
#include "ops/column_sum.h"
#include "ops/gemm.h"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_linear_forward(tl_context *ctx, tli_view x, uint32_t ldx, tli_view weight, tli_view bias,
                             tli_view residual, tli_view y, uint32_t ldy, uint64_t rows, uint32_t in,
                             uint32_t out)
{
    return tli_gemm(ctx, &(tli_gemm_args){.transpose_b = true,
                                          .m = (uint32_t)rows,
                                          .n = out,
                                          .k = in,
                                          .a = x,
                                          .lda = ldx,
                                          .b = weight,
                                          .ldb = in,
                                          .c = y,
                                          .ldc = ldy,
                                          .alpha = 1.0f,
                                          .bias = bias,
                                          .residual = residual});
}

/* A weight's gradient has few tiles and a long inner dimension, the rows: on GPUs slices of the rows are multiplied side by
 * side and then added in order. So many tiles keep a large GPU's compute units busy; a slice has so many rows at least. */
enum { SPLIT_TILE = 64, SPLIT_TILES = 528, SPLIT_ROWS = 64 };

/* By the shape alone, so that results do not depend on the device. */
static uint32_t gradient_slices(uint64_t rows, uint32_t in, uint32_t out)
{
    const uint64_t tiles = tli_ceil_div(in, SPLIT_TILE) * tli_ceil_div(out, SPLIT_TILE),
                   most = rows / SPLIT_ROWS, fair = SPLIT_TILES / tiles, slices = fair < most ? fair : most;
    return slices > 1 ? (uint32_t)slices : 1;
}

uint64_t tli_linear_workspace(uint64_t rows, uint32_t in, uint32_t out)
{
    const uint32_t slices = gradient_slices(rows, in, out);
    return tli_larger(tli_column_sum_workspace(rows, out), slices > 1 ? (uint64_t)slices * in * out : 0);
}

/* The product g, which is long in its inner dimension, by `slices` slices of it through the workspace. */
static tl_status multiply_slices(tl_context *ctx, const tli_gemm_args *g, uint32_t slices, tli_view workspace)
{
    const uint32_t depth = (uint32_t)tli_ceil_div(g->k, slices), full = g->k / depth, rest = g->k % depth;
    const uint64_t size = (uint64_t)g->m * g->n;
    tli_gemm_args part = *g;
    part.k = depth, part.c = workspace;
    part.outer = full, part.a_outer = (uint64_t)depth * g->lda, part.b_outer = (uint64_t)depth * g->ldb,
    part.c_outer = size;
    TLI_TRY(tli_gemm(ctx, &part));
    part.a = tli_view_add(g->a, full * part.a_outer), part.b = tli_view_add(g->b, full * part.b_outer),
    part.c = tli_view_add(workspace, full * size);
    part.k = rest, part.outer = 1;
    if (rest > 0) TLI_TRY(tli_gemm(ctx, &part));
    const uint32_t parts = full + (rest > 0);
    return tli_column_sum_blocks(ctx, workspace, size, g->c, parts, parts, size, 1.0f);
}

tl_status tli_linear_backward_input(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view weight, tli_view dx,
                                    tli_view factor, bool accumulate, uint32_t ldx, uint64_t rows,
                                    uint32_t in, uint32_t out)
{
    return tli_gemm(ctx, &(tli_gemm_args){.m = (uint32_t)rows,
                                          .n = in,
                                          .k = out,
                                          .a = dy,
                                          .lda = ldy,
                                          .b = weight,
                                          .ldb = in,
                                          .c = dx,
                                          .ldc = ldx,
                                          .alpha = 1.0f,
                                          .beta = accumulate ? 1.0f : 0.0f,
                                          .factor = factor});
}

tl_status tli_linear_backward(tl_context *ctx, tli_view dy, uint32_t ldy, tli_view x, uint32_t ldx,
                              tli_view weight, tli_view dx, bool accumulate, tli_view dweight, tli_view dbias,
                              tli_view workspace, uint64_t rows, uint32_t in, uint32_t out)
{
    if (dbias.mem != NULL) TLI_TRY(tli_column_sum(ctx, dy, ldy, dbias, workspace, rows, out));
    if (dweight.mem != NULL) {
        const tli_gemm_args g = {.transpose_a = true,
                                 .m = out,
                                 .n = in,
                                 .k = (uint32_t)rows,
                                 .a = dy,
                                 .lda = ldy,
                                 .b = x,
                                 .ldb = ldx,
                                 .c = dweight,
                                 .ldc = in,
                                 .alpha = 1.0f};
        const bool split = workspace.mem != NULL && !tli_kernel_form_of(ctx, "gemm").cpu;
        const uint32_t slices = split ? gradient_slices(rows, in, out) : 1;
        TLI_TRY(slices > 1 ? multiply_slices(ctx, &g, slices, workspace) : tli_gemm(ctx, &g));
    }
    if (dx.mem == NULL) return TL_OK;
    return tli_linear_backward_input(ctx, dy, ldy, weight, dx, (tli_view){0}, accumulate, ldx, rows, in, out);
}

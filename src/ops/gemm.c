#include "ops/gemm.h"

#include <stdio.h>

enum { TILE_ROWS = 6 };

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

static uint32_t round_up(uint32_t a, uint32_t unit)
{
    return ceil_div(a, unit) * unit;
}

static uint32_t at_least_one(uint32_t n)
{
    return n > 0 ? n : 1;
}

/* Splits m x n into blocks of whole tiles so that every unit gets several of them, since units may run at
 * different speeds; a block keeps enough rows to pay for packing its columns of B. */
static void choose_blocks(const tl_gemm_args *g, uint32_t units, uint32_t batches, uint32_t tile_columns,
                          uint32_t *rows, uint32_t *columns)
{
    const uint32_t wanted = 8 * units;
    *columns = round_up(g->n < 4 * tile_columns ? g->n : 4 * tile_columns, tile_columns);
    const uint32_t column_blocks = ceil_div(g->n, *columns);
    uint32_t row_blocks = ceil_div(wanted, at_least_one(column_blocks * batches));
    const uint32_t most = at_least_one(g->m / (8 * TILE_ROWS));
    if (row_blocks > most) row_blocks = most;
    *rows = round_up(ceil_div(g->m, row_blocks), TILE_ROWS);
    if (ceil_div(g->m, *rows) * column_blocks * batches<4 * units && * columns> tile_columns)
        *columns = tile_columns;
}

tl_status tl_gemm(tl_context *ctx, const tl_gemm_args *g)
{
    const tl_traits *traits = tl_context_traits(ctx);
    const uint32_t inner = at_least_one(g->inner), batches = at_least_one(g->outer) * inner;
    if (g->m == 0 || g->n == 0) return TL_OK;
    char options[64];
    snprintf(options, sizeof options, "-DTA=%d -DTB=%d", g->transpose_a, g->transpose_b);
    tl_kernel *kernel;
    TL_TRY(
        tl_kernel_get(ctx, traits->cpu_path ? "tile+gemm" : "tile_gpu+gemm_gpu", "gemm", options, &kernel));
    uint32_t rows = 64, columns = 64, items = 256; /* kernels/tile_gpu.cl */
    if (traits->cpu_path) {
        items = 1;
        choose_blocks(g, traits->compute_units, batches,
                      (traits->vector_width == 16 ? 4 : 2) * traits->vector_width, &rows, &columns);
    }
    return TL_RUN(ctx, kernel, tl_grid3(ceil_div(g->n, columns), ceil_div(g->m, rows), batches, items),
                  TL_VIEW(g->a), TL_VIEW(g->b), TL_VIEW(g->c), TL_VIEW(g->bias), TL_VIEW(g->residual),
                  TL_I32(g->m), TL_I32(g->n), TL_I32(g->k), TL_I32(g->lda), TL_I32(g->ldb), TL_I32(g->ldc),
                  TL_F32(g->alpha), TL_F32(g->beta), TL_I32(rows), TL_I32(columns), TL_I32(inner),
                  TL_U64(g->a_outer), TL_U64(g->a_inner), TL_U64(g->b_outer), TL_U64(g->b_inner),
                  TL_U64(g->c_outer), TL_U64(g->c_inner));
}

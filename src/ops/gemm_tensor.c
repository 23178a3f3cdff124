#include "ops/gemm_tensor.h"

#include <stdio.h>

#include "ops/gemm_own.h"
#include "ops/gpu_tile.h"

/* Of kernels/gemm_tensor.cl: rows and columns of its tiles, and work-items for each. */
enum { SMALL = 64, LARGE = 128, ITEMS_A_ROW = 2 };
enum { NARROWEST = 32 }; /* rows and columns of a product */

bool tli_gemm_tensor_serves(tl_context *ctx, const tli_gemm_args *g)
{
    return tli_matrix_unit_is_on(ctx) && g->m >= NARROWEST && g->n >= NARROWEST;
}

tl_status tli_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                 bool transpose_a, bool transpose_b, uint32_t side, tli_kernel **out)
{
    const char *const files[] = {[TLI_UNIT_MMA] = TLI_GEMM_MMA_FILES,
                                 [TLI_UNIT_MFMA] = TLI_GEMM_MFMA_FILES,
                                 [TLI_UNIT_DPAS8] = TLI_GEMM_DPAS_FILES,
                                 [TLI_UNIT_DPAS16] = TLI_GEMM_DPAS_FILES};
    char options[160];
    (void)snprintf(options, sizeof options, "-DTA=%d -DTB=%d -DTILE=%u", transpose_a, transpose_b,
                   (unsigned)side);
    tli_matrix_unit_add_options(ctx, unit, precision, options, sizeof options);
    return tli_kernel_get_form(ctx, false, files[unit], "gemm_tensor", options, out);
}

tl_status tli_gemm_tensor(tl_context *ctx, const tli_gemm_args *g)
{
    if (g->m == 0 || g->n == 0) return TL_OK;
    const tli_tile chosen = tli_gpu_tile_choose_gemm(tli_context_form(ctx, false), g->m, g->n,
                                                     tli_gemm_batches(g)),
                   tile = {.side = chosen.side == LARGE ? LARGE : SMALL};
    tli_kernel *kernel;
    TLI_TRY(tli_gemm_tensor_kernel(ctx, tli_matrix_unit_of(ctx), tli_matrix_unit_precision(ctx),
                                   g->transpose_a, g->transpose_b, tile.side, &kernel));
    return tli_gemm_launch(ctx, kernel, g, tile.side, tile.side, ITEMS_A_ROW * tile.side, &tile);
}

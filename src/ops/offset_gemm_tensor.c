#include "ops/offset_gemm_tensor.h"

#include <stdio.h>

enum { TILE = 64 }; /* rows and columns, as of kernels/tile_tensor.cl */

bool tli_offset_gemm_tensor_serves(tl_context *ctx, tli_kernel_form form, uint64_t rows, uint64_t columns)
{
    if (form.cpu || !tli_matrix_unit_is_on(ctx)) return false;
    return form.tile > 0 ? form.tile >= TILE : rows > TILE / 2 && columns > TILE / 2;
}

tli_tile tli_offset_gemm_tensor_tile(void)
{
    return (tli_tile){.side = TILE, .parts = 1};
}

tl_status tli_offset_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                        const char *name, const char *widths, tli_kernel **out)
{
    char options[256];
    (void)snprintf(options, sizeof options, "%s%s", widths, unit == TLI_UNIT_MFMA ? " -DMFMA_SIDE=16" : "");
    tli_matrix_unit_add_options(ctx, precision, options, sizeof options);
    return tli_kernel_get_form(ctx, false,
                               unit == TLI_UNIT_MFMA ? TLI_OFFSET_GEMM_MFMA_FILES : TLI_OFFSET_GEMM_MMA_FILES,
                               name, options, out);
}

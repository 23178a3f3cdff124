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
    /* Of fragments in which a work-item has four rows at most. */
    static const struct {
        const char *files, *options;
    } units[] = {[TLI_UNIT_MMA] = {TLI_OFFSET_GEMM_MMA_FILES, ""},
                 [TLI_UNIT_MFMA] = {TLI_OFFSET_GEMM_MFMA_FILES, " -DMFMA_SIDE=16"},
                 [TLI_UNIT_DPAS8] = {TLI_OFFSET_GEMM_DPAS_FILES, " -DDPAS_ROWS=4"},
                 [TLI_UNIT_DPAS16] = {TLI_OFFSET_GEMM_DPAS_FILES, " -DDPAS_ROWS=4"}};
    char options[320];
    (void)snprintf(options, sizeof options, "%s%s", widths, units[unit].options);
    tli_matrix_unit_add_options(ctx, unit, precision, options, sizeof options);
    return tli_kernel_get_form(ctx, false, units[unit].files, name, options, out);
}

#include "ops/gemm_tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/gemm_own.h"
#include "ops/gpu_tile.h"

/* Of kernels/gemm_tensor.cl: rows and columns of its tiles, and work-items for each. */
enum { SMALL = 64, LARGE = 128, ITEMS_A_ROW = 2 };
enum { NARROWEST = 32 }; /* rows and columns of a product */

/* Stored with the context. */
typedef struct state {
    bool on;
    tl_precision precision;
    tli_matrix_unit emulated;
} state;

static state *find_state(tl_context *ctx)
{
    return tli_context_user_data(ctx, TLI_SLOT_PRECISION)->data;
}

static tl_status state_of(tl_context *ctx, state **out)
{
    tli_user_data *slot = tli_context_user_data(ctx, TLI_SLOT_PRECISION);
    if (slot->data == NULL) *slot = (tli_user_data){calloc(1, sizeof(state)), free};
    *out = slot->data;
    if (*out != NULL) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                    "the host has no memory left for the precision of products");
}

tl_status tli_gemm_tensor_use(tl_context *ctx, tl_precision precision)
{
    state *s;
    TLI_TRY(state_of(ctx, &s));
    s->on = true;
    s->precision = precision;
    return TL_OK;
}

void tli_gemm_tensor_stop(tl_context *ctx)
{
    state *s = find_state(ctx);
    if (s != NULL) s->on = false;
}

bool tli_gemm_tensor_is_on(tl_context *ctx)
{
    const state *s = find_state(ctx);
    return s != NULL && s->on;
}

tl_precision tli_gemm_tensor_precision(tl_context *ctx)
{
    return tli_gemm_tensor_is_on(ctx) ? find_state(ctx)->precision : TL_PRECISION_FP32;
}

tl_status tli_gemm_tensor_emulate(tl_context *ctx, tli_matrix_unit unit)
{
    state *s;
    TLI_TRY(state_of(ctx, &s));
    s->emulated = unit;
    return TL_OK;
}

/* ROCm names devices by their instruction set: gfx90a is CDNA2, gfx940 to gfx942 are CDNA3. */
static bool is_cdna(const tl_device_info *device)
{
    return strstr(device->platform_name, "AMD") != NULL &&
           (strstr(device->name, "gfx90a") != NULL || strstr(device->name, "gfx94") != NULL);
}

tli_matrix_unit tli_gemm_tensor_unit(tl_context *ctx)
{
    const state *s = find_state(ctx);
    const tl_device_info *device = tl_context_device(ctx);
    if (tli_context_limits(ctx)->cpu_path) return TLI_UNIT_NONE;
    if (s != NULL && s->emulated != TLI_UNIT_NONE) return s->emulated;
    if (strstr(device->platform_name, "NVIDIA") != NULL) return TLI_UNIT_MMA;
    return is_cdna(device) ? TLI_UNIT_MFMA : TLI_UNIT_NONE;
}

bool tli_matrix_unit_has(tli_matrix_unit unit, tl_precision precision)
{
    if (unit == TLI_UNIT_MMA) return precision != TL_PRECISION_FP32;
    return unit == TLI_UNIT_MFMA && (precision == TL_PRECISION_FP32 || precision == TL_PRECISION_BF16);
}

bool tli_gemm_tensor_may(tl_context *ctx, tl_precision precision)
{
    return tli_matrix_unit_has(tli_gemm_tensor_unit(ctx), precision);
}

bool tli_gemm_tensor_serves(tl_context *ctx, const tli_gemm_args *g)
{
    return tli_gemm_tensor_is_on(ctx) && g->m >= NARROWEST && g->n >= NARROWEST;
}

tl_status tli_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                 bool transpose_a, bool transpose_b, uint32_t side, tli_kernel **out)
{
    const state *s = find_state(ctx);
    char options[120];
    (void)snprintf(options, sizeof options, "-DTA=%d -DTB=%d -DTILE=%u -DBF16=%d -DSPLIT=%d%s", transpose_a,
                   transpose_b, (unsigned)side, precision == TL_PRECISION_BF16,
                   precision == TL_PRECISION_TF32X3,
                   s != NULL && s->emulated != TLI_UNIT_NONE ? " -DMMA_EMULATED" : "");
    return tli_kernel_get_form(ctx, false, unit == TLI_UNIT_MFMA ? TLI_GEMM_MFMA_FILES : TLI_GEMM_MMA_FILES,
                               "gemm_tensor", options, out);
}

tl_status tli_gemm_tensor(tl_context *ctx, const tli_gemm_args *g)
{
    if (g->m == 0 || g->n == 0) return TL_OK;
    const tli_tile chosen = tli_gpu_tile_choose_gemm(tli_context_form(ctx, false), g->m, g->n,
                                                     tli_gemm_batches(g)),
                   tile = {.side = chosen.side == LARGE ? LARGE : SMALL};
    tli_kernel *kernel;
    TLI_TRY(tli_gemm_tensor_kernel(ctx, tli_gemm_tensor_unit(ctx), tli_gemm_tensor_precision(ctx),
                                   g->transpose_a, g->transpose_b, tile.side, &kernel));
    return tli_gemm_launch(ctx, kernel, g, tile.side, tile.side, ITEMS_A_ROW * tile.side, &tile);
}

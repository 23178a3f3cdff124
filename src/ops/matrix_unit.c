#include "ops/matrix_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

tl_status tli_matrix_unit_use(tl_context *ctx, tl_precision precision)
{
    state *s;
    TLI_TRY(state_of(ctx, &s));
    s->on = true;
    s->precision = precision;
    return TL_OK;
}

void tli_matrix_unit_stop(tl_context *ctx)
{
    state *s = find_state(ctx);
    if (s != NULL) s->on = false;
}

bool tli_matrix_unit_is_on(tl_context *ctx)
{
    const state *s = find_state(ctx);
    return s != NULL && s->on;
}

tl_precision tli_matrix_unit_precision(tl_context *ctx)
{
    return tli_matrix_unit_is_on(ctx) ? find_state(ctx)->precision : TL_PRECISION_FP32;
}

tli_matrix_unit_pause tli_matrix_unit_stop_for_now(tl_context *ctx)
{
    const tli_matrix_unit_pause before = {tli_matrix_unit_is_on(ctx), tli_matrix_unit_precision(ctx)};
    tli_matrix_unit_stop(ctx);
    return before;
}

void tli_matrix_unit_resume(tl_context *ctx, tli_matrix_unit_pause before)
{
    state *s = find_state(ctx);
    if (s == NULL) return; /* then there was none before */
    s->on = before.on;
    s->precision = before.precision;
}

/* tf32x3 keeps 21 bits of operands and leaves the product of the two rests out, which sums of fp32 cover. */
double tli_precision_unit(tl_precision precision)
{
    switch (precision) {
    case TL_PRECISION_TF32: return 0x1p-11;
    case TL_PRECISION_BF16: return 0x1p-8;
    case TL_PRECISION_FP32:
    case TL_PRECISION_TF32X3: break;
    }
    return 0;
}

tl_status tli_matrix_unit_emulate(tl_context *ctx, tli_matrix_unit unit)
{
    state *s;
    TLI_TRY(state_of(ctx, &s));
    s->emulated = unit;
    return TL_OK;
}

bool tli_matrix_unit_is_emulated(tl_context *ctx)
{
    const state *s = find_state(ctx);
    return s != NULL && s->emulated != TLI_UNIT_NONE;
}

/* ROCm names devices by their instruction set: gfx90a is CDNA2, gfx940 to gfx942 are CDNA3. */
static bool is_cdna(const tl_device_info *device)
{
    return strstr(device->platform_name, "AMD") != NULL &&
           (strstr(device->name, "gfx90a") != NULL || strstr(device->name, "gfx94") != NULL);
}

tli_matrix_unit tli_matrix_unit_of_device(const tl_device_info *device, uint32_t dpas_group)
{
    if (strstr(device->platform_name, "NVIDIA") != NULL) return TLI_UNIT_MMA;
    if (is_cdna(device)) return TLI_UNIT_MFMA;
    return dpas_group == 8 ? TLI_UNIT_DPAS8 : dpas_group == 16 ? TLI_UNIT_DPAS16 : TLI_UNIT_NONE;
}

tli_matrix_unit tli_matrix_unit_of(tl_context *ctx)
{
    const tli_limits *limits = tli_context_limits(ctx);
    if (limits->cpu_path) return TLI_UNIT_NONE;
    if (tli_matrix_unit_is_emulated(ctx)) return find_state(ctx)->emulated;
    return tli_matrix_unit_of_device(tl_context_device(ctx), limits->dpas_group);
}

bool tli_matrix_unit_has(tli_matrix_unit unit, tl_precision precision)
{
    switch (unit) {
    case TLI_UNIT_MMA: return precision != TL_PRECISION_FP32;
    case TLI_UNIT_MFMA: return precision == TL_PRECISION_FP32 || precision == TL_PRECISION_BF16;
    case TLI_UNIT_DPAS8:
    case TLI_UNIT_DPAS16: return precision == TL_PRECISION_BF16;
    case TLI_UNIT_NONE: break;
    }
    return false;
}

bool tli_matrix_unit_may(tl_context *ctx, tl_precision precision)
{
    return tli_matrix_unit_has(tli_matrix_unit_of(ctx), precision);
}

/* Intel's work-items may have twice as many registers, of which there are then half as many work-items; with the usual number the
 * compiler keeps the tile's results in memory. */
#define MANY_REGISTERS " -cl-intel-256-GRF-per-thread"

void tli_matrix_unit_add_options(tl_context *ctx, tli_matrix_unit unit, tl_precision precision, char *options,
                                 size_t capacity)
{
    const bool emulated = tli_matrix_unit_is_emulated(ctx),
               dpas = unit == TLI_UNIT_DPAS8 || unit == TLI_UNIT_DPAS16;
    const size_t used = strlen(options);
    (void)snprintf(options + used, capacity - used, "%s -DBF16=%d -DSPLIT=%d%s",
                   unit == TLI_UNIT_DPAS8    ? " -DDPAS_ITEMS=8"
                   : unit == TLI_UNIT_DPAS16 ? " -DDPAS_ITEMS=16"
                                             : "",
                   precision == TL_PRECISION_BF16, precision == TL_PRECISION_TF32X3,
                   emulated ? " -DMMA_EMULATED"
                   : dpas   ? MANY_REGISTERS
                            : "");
}

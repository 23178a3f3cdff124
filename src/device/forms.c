/* The CPU and GPU forms of the kernels: build parameters for a device. */
#include <string.h>

#include "core/variable.h"
#include "device/internal.h"

static uint32_t power_of_two_up_to(uint32_t limit, uint32_t top)
{
    uint32_t value = 1;
    while (value * 2 <= limit && value * 2 <= top) value *= 2;
    return value;
}

bool tli_device_has_form(const tl_device_info *device, bool cpu)
{
    return cpu || device->max_work_group >= 256;
}

/* TRANSLUTION_FORM (for tests) is the preferred form. Unlike a path in the options it still allows falling back to the other. */
bool tli_device_prefers_cpu(const tl_device_info *device, tl_kernel_path path)
{
    if (path == TL_PATH_AUTO) path = (tl_kernel_path)tli_variable_value(TLI_VARIABLE_FORM, TL_PATH_AUTO);
    const bool cpu = path == TL_PATH_AUTO ? device->type == TL_DEVICE_CPU : path == TL_PATH_CPU;
    return cpu || !tli_device_has_form(device, false);
}

tli_kernel_form tli_device_form(const tl_device_info *device, bool cpu)
{
    tli_kernel_form form = {.cpu = cpu, .vector_width = 4, .row_group = 1};
    if (!cpu)
        form.row_group = power_of_two_up_to(device->max_work_group, 64);
    else if (device->native_float_width > 4)
        form.vector_width = power_of_two_up_to(device->native_float_width, 16);
    return form;
}

enum { NARROW_SUB_GROUP = 8 }; /* Intel's with 128 registers a work-item; those of 16 spill a few */

/* NVIDIA's GPUs, those of Intel's that have narrow sub-groups, and a device that stands for any. Compilers for some of the others spill
 * registers. Results are the same. */
static bool has_wide_tiles(const tl_context *ctx)
{
    return strstr(ctx->device.platform_name, "NVIDIA") != NULL || ctx->limits.sub_group == NARROW_SUB_GROUP ||
           tli_context_is_dry(ctx);
}

tli_kernel_form tli_context_form(const tl_context *ctx, bool cpu)
{
    tli_kernel_form form = tli_device_form(&ctx->device, cpu);
    form.tile = ctx->limits.tile;
    form.sub_group = cpu ? 0 : ctx->limits.sub_group;
    form.wide_tiles = has_wide_tiles(ctx);
    return form;
}

bool tli_context_has_form(const tl_context *ctx, bool cpu)
{
    return tli_device_has_form(&ctx->device, cpu);
}

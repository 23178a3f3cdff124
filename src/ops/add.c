#include "ops/add.h"

#include "ops/kernel_forms.h"

enum { ADD_ITEMS = 64 };

tl_status tli_add(tl_context *ctx, tli_view a, tli_view b, tli_view y, uint64_t count)
{
    tli_kernel *kernel;
    const uint32_t most = tl_context_device(ctx)->max_work_group, items = most < ADD_ITEMS ? most : ADD_ITEMS;
    TLI_TRY(tli_family_kernel(ctx, "add", "add", "", &kernel));
    tli_launch launch = tli_launch1((count + items - 1) / items, items);
    launch.bytes = 12.0 * (double)count;
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(a), TLI_ARG_VIEW(b), TLI_ARG_VIEW(y),
                      TLI_ARG_U64(count));
}

tl_status tli_add_extras(tl_context *ctx, tli_view bias, tli_view residual, tli_view factor, tli_view c,
                         uint32_t rows, uint32_t columns, uint32_t ld, uint32_t batches, uint64_t stride)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "add", "add_extras", "", &kernel));
    const tli_launch grid = tli_launch3(rows, batches, 1, tli_kernel_form_of(ctx, "add").row_group);
    return TLI_LAUNCH(ctx, kernel, grid, TLI_ARG_VIEW(bias), TLI_ARG_VIEW(residual), TLI_ARG_VIEW(factor),
                      TLI_ARG_VIEW(c), TLI_ARG_U32(columns), TLI_ARG_U32(ld), TLI_ARG_U64(stride));
}

#include "ops/add.h"

#include "ops/row_kernels.h"

enum { ADD_ITEMS = 64 };

tl_status tl_add(tl_context *ctx, tl_view a, tl_view b, tl_view y, uint64_t count)
{
    tl_kernel *kernel;
    const uint32_t most = tl_context_device(ctx)->max_work_group, items = most < ADD_ITEMS ? most : ADD_ITEMS;
    TL_TRY(tl_row_kernel(ctx, "add", "add", "", &kernel));
    return TL_RUN(ctx, kernel, tl_grid1((count + items - 1) / items, items), TL_ARG_VIEW(a), TL_ARG_VIEW(b),
                  TL_ARG_VIEW(y), TL_ARG_U64(count));
}

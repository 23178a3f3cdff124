#include "ops/add.h"

#include "ops/rowwise_kernels.h"

enum { ADD_ITEMS = 64 };

tl_status tli_add(tl_context *ctx, tli_view a, tli_view b, tli_view y, uint64_t count)
{
    tli_kernel *kernel;
    const uint32_t most = tl_context_device(ctx)->max_work_group, items = most < ADD_ITEMS ? most : ADD_ITEMS;
    TLI_TRY(tli_rowwise_kernel(ctx, "add", "add", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1((count + items - 1) / items, items), TLI_ARG_VIEW(a),
                      TLI_ARG_VIEW(b), TLI_ARG_VIEW(y), TLI_ARG_U64(count));
}

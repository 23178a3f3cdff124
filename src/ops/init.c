#include "ops/init.h"

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_init_uniform(tl_context *ctx, tl_tensor *tensor, float bound, uint64_t seed, uint64_t stream)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "random", "uniform_fill", "", &kernel));
    for (int s = 0; s < tensor->shards; s++) {
        uint64_t first = (uint64_t)s * tensor->lead_per_shard * tensor->row,
                 count = tl_shard_count(tensor, s);
        if (count == 0) continue;
        uint32_t block; /* counted in Philox blocks of four elements */
        tl_grid grid = tl_elements_cut(ctx, tl_ceil_div(first % 4 + count, 4), &block);
        TL_TRY(TL_RUN(ctx, kernel, grid, TL_ARG_MEM(tensor->mem[s]), TL_ARG_U64(first), TL_ARG_U64(count),
                      TL_ARG_U64(seed), TL_ARG_U64(stream), TL_ARG_F32(bound), TL_ARG_U32(block)));
    }
    return TL_OK;
}

tl_status tl_init_constant(tl_context *ctx, tl_tensor *tensor, float value)
{
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "random", "constant_fill", "", &kernel));
    for (int s = 0; s < tensor->shards; s++) {
        uint64_t count = tl_shard_count(tensor, s);
        if (count == 0) continue;
        uint32_t block;
        tl_grid grid = tl_elements_cut(ctx, count, &block);
        TL_TRY(TL_RUN(ctx, kernel, grid, TL_ARG_MEM(tensor->mem[s]), TL_ARG_U64(count), TL_ARG_F32(value),
                      TL_ARG_U32(block)));
    }
    return TL_OK;
}

#include "ops/init.h"

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

tl_status tli_init_uniform_part(tl_context *ctx, tli_view values, uint64_t first, uint64_t count, float bound,
                                uint64_t seed, uint64_t stream)
{
    tli_kernel *kernel;
    uint32_t block; /* counted in Philox blocks of four elements */
    TLI_TRY(tli_family_kernel(ctx, "init", "init_uniform", "", &kernel));
    const tli_launch launch = tli_elements_cut(ctx, "init", tli_ceil_div(first % 4 + count, 4), &block);
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(values), TLI_ARG_U64(first), TLI_ARG_U64(count),
                      TLI_ARG_U64(seed), TLI_ARG_U64(stream), TLI_ARG_F32(bound), TLI_ARG_U32(block));
}

tl_status tli_init_uniform(tl_context *ctx, tl_tensor *tensor, float bound, uint64_t seed, uint64_t stream)
{
    for (int s = 0; s < tensor->shards; s++)
        TLI_TRY(tli_init_uniform_part(ctx, tli_shard_view(tensor, s),
                                      (uint64_t)s * tensor->lead_per_shard * tensor->row,
                                      tli_shard_count(tensor, s), bound, seed, stream));
    return TL_OK;
}

tl_status tli_init_constant(tl_context *ctx, tl_tensor *tensor, float value)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "init", "init_constant", "", &kernel));
    for (int s = 0; s < tensor->shards; s++) {
        uint64_t count = tli_shard_count(tensor, s);
        if (count == 0) continue;
        uint32_t block;
        tli_launch launch = tli_elements_cut(ctx, "init", count, &block);
        TLI_TRY(TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(tensor->mem[s]), TLI_ARG_U64(count),
                           TLI_ARG_F32(value), TLI_ARG_U32(block)));
    }
    return TL_OK;
}

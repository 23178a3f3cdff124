#include "ops/adamw.h"

#include <math.h>

#include "ops/rows.h"

tl_status tl_adamw_step(tl_context *ctx, tl_tensor *parameter, const tl_tensor *gradient, tl_tensor *moment1,
                        tl_tensor *moment2, const tl_adamw_settings *s)
{
    /* The bias corrections in double precision: 1 - beta2^t is a small difference in the first steps. */
    const double correction1 = 1.0 - pow((double)s->beta1, (double)s->step);
    const double correction2 = 1.0 - pow((double)s->beta2, (double)s->step);
    const float keep = (float)(1.0 - (double)s->lr * (double)s->weight_decay);
    const float step_size = (float)((double)s->lr / correction1),
                root_scale = (float)(1.0 / sqrt(correction2));
    tl_kernel *kernel;
    TL_TRY(tl_kernel_get(ctx, "optimizer", "adamw", "", &kernel));
    for (int shard = 0; shard < parameter->shards; shard++) {
        const uint64_t count = tl_shard_count(parameter, shard);
        uint32_t block;
        const tl_grid grid = tl_elements_cut(ctx, count, &block);
        TL_TRY(TL_RUN(ctx, kernel, grid, TL_MEM(parameter->mem[shard]), TL_MEM(gradient->mem[shard]),
                      TL_MEM(moment1->mem[shard]), TL_MEM(moment2->mem[shard]), TL_U64(count), TL_U32(block),
                      TL_F32(keep), TL_F32(s->beta1), TL_F32(s->beta2), TL_F32(1.0f - s->beta1),
                      TL_F32(1.0f - s->beta2), TL_F32(step_size), TL_F32(root_scale), TL_F32(s->eps),
                      TL_F32(s->gradient_scale)));
    }
    return TL_OK;
}

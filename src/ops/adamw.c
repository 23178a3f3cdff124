#include "ops/adamw.h"

#include <math.h>

#include "ops/row_kernels.h"
#include "ops/rows.h"

/* A beta was written as a short decimal: 0.999f stands for 0.999, from which it differs by 1.3e-8, and 1 -
 * beta by 1.3e-5 of itself. Takes the seven-digit decimal wherever that is the very same float. */
static double written(float beta)
{
    double decimal = nearbyint((double)beta * 1e7) / 1e7;
    return (float)decimal == beta ? decimal : (double)beta;
}

static bool same_shape(const tl_tensor *a, const tl_tensor *b)
{
    return a->lead == b->lead && a->row == b->row && a->lead_per_shard == b->lead_per_shard &&
           a->shards == b->shards;
}

tl_status tl_adamw_step(tl_context *ctx, tl_tensor *parameter, const tl_tensor *gradient, tl_tensor *moment1,
                        tl_tensor *moment2, const tl_adamw_settings *settings)
{
    if (!same_shape(parameter, gradient) || !same_shape(parameter, moment1) ||
        !same_shape(parameter, moment2))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "AdamW of %s needs a gradient and moments of its own shape; create them alike.",
                       parameter->name);
    if (settings->step == 0)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "AdamW steps count from 1, but %s was given step 0.", parameter->name);
    double beta1 = written(settings->beta1), beta2 = written(settings->beta2), lr = settings->lr;
    double step_size = lr / (1.0 - pow(beta1, (double)settings->step));
    double root_scale = 1.0 / sqrt(1.0 - pow(beta2, (double)settings->step));

    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "optimizer", "adamw", "", &kernel));
    for (int s = 0; s < parameter->shards; s++) {
        uint64_t count = tl_shard_count(parameter, s);
        if (count == 0) continue;
        uint32_t block;
        tl_grid grid = tl_elements_cut(ctx, count, &block);
        grid.bytes = 28.0 * (double)count;
        TL_TRY(TL_RUN(
            ctx, kernel, grid, TL_ARG_MEM(parameter->mem[s]), TL_ARG_MEM(gradient->mem[s]),
            TL_ARG_MEM(moment1->mem[s]), TL_ARG_MEM(moment2->mem[s]), TL_ARG_U64(count), TL_ARG_U32(block),
            TL_ARG_U32(settings->step == 1), TL_ARG_F32((float)(1.0 - lr * settings->weight_decay)),
            TL_ARG_F32((float)beta1), TL_ARG_F32((float)beta2), TL_ARG_F32((float)(1.0 - beta1)),
            TL_ARG_F32((float)(1.0 - beta2)), TL_ARG_F32((float)step_size), TL_ARG_F32((float)root_scale),
            TL_ARG_F32(settings->eps), TL_ARG_F32(settings->gradient_scale), TL_ARG_VIEW(settings->verdict)));
    }
    return TL_OK;
}

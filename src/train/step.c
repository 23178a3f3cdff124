#include "train/step.h"

/* Whether the model trains at this batch size; decides s->model.recompute on the way. */
static bool plan_fits(const tl_context *ctx, tl_settings *s, uint32_t batch, tl_memory_plan *plan)
{
    const tl_traits *traits = tl_context_traits(ctx);
    return tl_model_plan_training(&s->model, batch, s->recompute, traits->memory_limit,
                                  traits->max_alloc_bytes, plan);
}

tl_status tl_step_choose_batch(tl_context *ctx, tl_settings *s)
{
    tl_memory_plan plan;
    const uint32_t wanted = s->batch_size;
    if (plan_fits(ctx, s, wanted, &plan)) return TL_OK;
    const double total = (double)plan.total / 0x1p20,
                 limit = (double)tl_context_traits(ctx)->memory_limit / 0x1p20;
    uint32_t fit = wanted;
    tl_memory_plan smaller;
    while (fit > 0 && !plan_fits(ctx, s, fit, &smaller)) fit /= 2;
    if (fit > 0 && !s->batch_given) {
        tl_log_write(tl_context_log(ctx), TL_LOG_NOTICE,
                     "a batch of %u needs %.0f MiB, the device gives %.0f MiB: using batches of %u", wanted,
                     total, limit, fit);
        s->batch_size = fit;
        return TL_OK;
    }
    if (fit == 0)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                       "the model does not fit this device even with batches of one sample: a batch of %u "
                       "needs %.0f MiB "
                       "and the limit is %.0f MiB; choose a smaller model or another device",
                       wanted, total, limit);
    uint32_t low = fit, high = wanted; /* low fits, high does not */
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (plan_fits(ctx, s, middle, &smaller))
            low = middle;
        else
            high = middle;
    }
    return tl_fail(
        tl_context_error(ctx), TL_ERROR_MEMORY,
        "a batch of %u needs %.0f MiB and the limit is %.0f MiB: the largest --batch-size that fits is %u",
        wanted, total, limit, low);
}

tl_status tl_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot)
{
    TL_TRY(tl_model_forward(ctx, model));
    TL_TRY(tl_model_loss(ctx, model, slot));
    return tl_model_backward(ctx, model);
}

tl_adamw_settings tl_step_adamw(const tl_settings *s, float lr, uint64_t step)
{
    return (tl_adamw_settings){.lr = lr,
                               .beta1 = 0.9f,
                               .beta2 = 0.999f,
                               .eps = 1e-8f,
                               .weight_decay = s->weight_decay,
                               .gradient_scale = 1.0f,
                               .step = step};
}

tl_status tl_step_update(tl_context *ctx, tl_registry *registry, const tl_adamw_settings *adamw)
{
    for (int i = 0; i < registry->count; i++) {
        tl_parameter *p = &registry->items[i];
        TL_TRY(tl_adamw_step(ctx, p->value, p->gradient, p->moment1, p->moment2, adamw));
    }
    return TL_OK;
}

#include "train/step.h"

#include "train/grad_clip.h"

bool tli_step_clips(const tl_settings *s)
{
    return s->training.grad_clip > 0.0f || s->run.skip_nonfinite;
}

/* Bytes for gradient clipping; 0 without it. */
static tl_status clip_bytes(const tl_settings *s, uint64_t max_alloc_bytes, uint64_t *bytes, tl_error *err)
{
    *bytes = 0;
    if (!tli_step_clips(s)) return TL_OK;
    tli_registry registry = {0};
    const tl_status status = tli_model_parameters(&s->model, &registry, err);
    if (status == TL_OK) *bytes = tli_grad_clip_bytes(&registry, TLI_LOSS_SLOTS, max_alloc_bytes);
    tli_registry_free(NULL, &registry);
    return status;
}

tl_status tli_step_plan(tl_settings *s, uint32_t batch, uint64_t total_bytes, uint64_t max_alloc_bytes,
                        tl_memory_plan *plan, bool *fits, tl_error *err)
{
    uint64_t clip;
    TLI_TRY(clip_bytes(s, max_alloc_bytes, &clip, err));
    const uint64_t left = total_bytes > clip ? total_bytes - clip : 0;
    TLI_TRY(tli_model_plan_training(&s->model, batch, tli_optimizer_rule_of(s->training.optimizer),
                                    s->run.recompute, left, max_alloc_bytes, plan, fits, err));
    tli_memory_plan_add(plan, TL_MEMORY_WORKSPACE, clip);
    return TL_OK;
}

/* Whether training at this batch size fits; decides s->model.recompute. */
static tl_status plan_batch(tl_context *ctx, tl_settings *s, uint32_t batch, tl_memory_plan *plan, bool *fits)
{
    const tli_limits *limits = tli_context_limits(ctx);
    return tli_step_plan(s, batch, limits->memory_limit, limits->max_alloc_bytes, plan, fits,
                         tl_context_error(ctx));
}

uint32_t tli_largest_batch(uint32_t upper, tli_batch_fits fits, const void *user)
{
    uint32_t good = 0, bad = upper + 1; /* bisection: memory grows with the batch */
    while (bad - good > 1) {
        const uint32_t middle = good + (bad - good) / 2;
        if (fits(user, middle))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

bool tli_step_fits(const void *user, uint32_t batch)
{
    const tli_step_limits *l = user;
    tl_settings s = *l->settings;
    tl_memory_plan plan;
    bool fits;
    return tli_step_plan(&s, batch, l->total_bytes, l->max_alloc_bytes, &plan, &fits, NULL) == TL_OK && fits;
}

tl_status tli_step_choose_batch(tl_context *ctx, tl_settings *s)
{
    tl_memory_plan plan, smaller;
    const uint32_t wanted = s->training.batch_size;
    bool fits;
    TLI_TRY(plan_batch(ctx, s, wanted, &plan, &fits));
    if (fits) return TL_OK;
    const double total = (double)plan.total / 0x1p20,
                 limit = (double)tli_context_limits(ctx)->memory_limit / 0x1p20;
    uint32_t half = wanted;
    while (half > 0 && !fits) {
        half /= 2;
        if (half > 0) TLI_TRY(plan_batch(ctx, s, half, &smaller, &fits));
    }
    if (fits && !s->run.exact_batch) {
        tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE,
                      "a batch of %u needs %.0f MiB, the device gives %.0f MiB: using batches of %u", wanted,
                      total, limit, half);
        s->training.batch_size = half;
        return TL_OK;
    }
    if (!fits)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "the model does not fit this device even with batches of one sample: a batch of %u "
                        "needs %.0f MiB "
                        "and the limit is %.0f MiB; choose a smaller model or another device",
                        wanted, total, limit);
    const tli_limits *device = tli_context_limits(ctx);
    const tli_step_limits limits = {s, device->memory_limit, device->max_alloc_bytes};
    const uint32_t largest = tli_largest_batch(wanted - 1, tli_step_fits, &limits);
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                    "a batch of %u needs %.0f MiB and the limit is %.0f MiB: the largest "
                    "`training.batch_size` that fits is %u",
                    wanted, total, limit, largest);
}

tl_status tli_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot)
{
    TLI_TRY(tli_model_forward(ctx, model));
    TLI_TRY(tli_model_loss(ctx, model, slot));
    return tli_model_backward(ctx, model);
}

optimizer_settings tli_step_optimizer(const tl_settings *s, float lr, uint64_t step)
{
    tl_settings own = *s;
    tli_settings_complete_optimizer(&own);
    return (optimizer_settings){.lr = lr,
                                .beta1 = own.training.beta1,
                                .beta2 = own.training.beta2,
                                .eps = own.training.eps,
                                .weight_decay = s->training.weight_decay,
                                .gradient_scale = 1.0f,
                                .step = step};
}

#include "train/step.h"

#include "core/arithmetic.h"
#include "core/number.h"
#include "train/plan.h"

tl_status tli_step_choose_batch(tl_context *ctx, tl_settings *s, int ranks)
{
    tl_error *err = tl_context_error(ctx);
    const tli_limits *device = tli_context_limits(ctx);
    tl_plan_options o = tli_plan_of_run(s, device->memory_limit, device->max_alloc_bytes);
    tl_memory_plan plan;
    o.ranks = (uint64_t)ranks;
    s->model.chunk_bytes = device->chunk_bytes;
    TLI_TRY(tli_plan(&s->model, &o, &plan, err));
    const uint32_t slices = tli_settings_slices(s);
    const uint64_t total = plan.total, limit = device->memory_limit;
    while (!plan.fits && o.batch > slices) {
        o.batch /= 2;
        TLI_TRY(tli_plan(&s->model, &o, &plan, err));
    }
    s->model.recompute = plan.recompute;
    s->model.chunk_bytes = plan.chunk_bytes;
    const bool shares = tli_op_rule_of(s->model.op)->per_offset != 0;
    if (!plan.fits)
        return tli_fail(
            err, TL_ERROR_MEMORY,
            "the model does not fit this device even with %s of one sample: a batch of %u "
            "needs %.2f MiB and the limit is %.2f MiB; choose a smaller model or another device%s",
            slices > 1 ? "slices" : "batches", s->training.batch_size, TLI_MIB(total), TLI_MIB(limit),
            shares ? ", or share its matrices out by `run.offset_ranks`" : "");
    if (o.batch == s->training.batch_size) return TL_OK;
    if (s->run.exact_batch)
        return tli_fail(err, TL_ERROR_MEMORY,
                        "a batch of %u needs %.2f MiB and the limit is %.2f MiB: the largest "
                        "`training.batch_size` that fits is %u; `run.accumulate` takes a batch in parts",
                        s->training.batch_size, TLI_MIB(total), TLI_MIB(limit),
                        tli_plan_largest_batch(&s->model, &o, s->training.batch_size - 1));
    tli_log_write(tli_context_log(ctx), TL_LOG_NOTICE,
                  "a batch of %u needs %.2f MiB, the device gives %.2f MiB: using batches of %u "
                  "(`run.accumulate` takes larger ones in parts)",
                  s->training.batch_size, TLI_MIB(total), TLI_MIB(limit), o.batch);
    s->training.batch_size = o.batch;
    return TL_OK;
}

tl_status tli_step_gradients(tl_context *ctx, tl_model *model, uint32_t slot)
{
    TLI_TRY(tli_model_forward(ctx, model));
    TLI_TRY(tli_model_loss(ctx, model, slot));
    return tli_model_backward(ctx, model);
}

/* The last slice of a rank, whose gradients complete the sums. */
typedef struct last_slice {
    tl_context *ctx;
    const tli_registry *registry;
    const tli_grad_slices *sums;
    tli_grad_exchange *exchange;
    uint32_t slice;
    int until; /* parameters from here on are complete */
} last_slice;

static tl_status gradients_ready(void *user, int first)
{
    last_slice *l = user;
    TLI_TRY(tli_grad_slices_complete(l->ctx, l->sums, l->registry, l->slice, first, l->until));
    l->until = first;
    return tli_grad_exchange_ready(l->ctx, l->exchange, first);
}

static tl_status complete_slices(tl_context *ctx, tl_model *model, last_slice *l, uint32_t slot)
{
    TLI_TRY(tli_model_forward(ctx, model));
    TLI_TRY(tli_model_loss(ctx, model, slot));
    TLI_TRY(tli_model_backward_to(ctx, model, &(tli_gradient_listener){gradients_ready, l}));
    return tli_grad_slices_complete_loss(ctx, l->sums, tli_model_loss_at(model, slot), l->slice);
}

tl_status tli_step_slices(tl_context *ctx, tl_model *model, const tli_grad_slices *sums,
                          tli_grad_exchange *exchange, const tl_batch *inputs, uint32_t slot)
{
    const tli_registry *registry = tli_model_registry(model);
    const tli_view loss = tli_model_loss_at(model, slot);
    const uint32_t most = tli_batch_slice(sums->part.slices, inputs->count),
                   slices = (uint32_t)tli_ceil_div(tli_larger(inputs->count, 1), most);
    const tli_batch_range own = tli_batch_part_range(&sums->part, inputs->count);
    for (uint32_t i = 0, at = own.from; at < own.to; i++, at += most) {
        const uint32_t left = own.to - at;
        TLI_TRY(tli_model_set_slice(ctx, model, inputs, at, left < most ? left : most));
        if (left <= most) {
            last_slice last = {ctx, registry, sums, exchange, i, registry->count};
            TLI_TRY(complete_slices(ctx, model, &last, slot));
        } else {
            TLI_TRY(tli_step_gradients(ctx, model, slot));
            TLI_TRY(tli_grad_slices_add(ctx, sums, registry, loss, i, false));
        }
    }
    return tli_grad_exchange_sum(ctx, exchange, loss, (int)((slices - 1) / sums->part.count) + 1);
}

tl_status tli_step_update(tl_context *ctx, tl_model *model, tli_grad_exchange *exchange,
                          const tli_grad_clip *grad_clip, float clip, uint32_t slot,
                          optimizer_settings *optimizer)
{
    tli_registry *registry = tli_model_registry(model);
    if (grad_clip->partial != NULL) {
        TLI_TRY(tli_grad_clip_measure(ctx, grad_clip, registry));
        TLI_TRY(tli_grad_exchange_squares(ctx, exchange, grad_clip->partial));
        TLI_TRY(tli_grad_clip_decide(ctx, grad_clip, tli_model_loss_at(model, slot), clip, slot,
                                     &optimizer->clip_result));
    }
    TLI_TRY(tli_registry_update(ctx, registry, optimizer));
    return tli_grad_exchange_values(ctx, exchange);
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

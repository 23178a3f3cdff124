#include "train/plan.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/choices.h"
#include "core/config.h"
#include "tasks/settings_check.h"
#include "train/grad_clip.h"
#include "train/grad_exchange.h"
#include "train/grad_slices.h"
#include "train/run_ranks.h"

enum { LARGEST_BATCH = 1 << 20 };

bool tli_plan_clips(const tl_settings *s)
{
    return s->training.grad_clip > 0.0f || s->run.skip_nonfinite;
}

tl_plan_options tli_plan_of_run(const tl_settings *s, uint64_t memory_limit, uint64_t max_alloc_bytes)
{
    return (tl_plan_options){.size = sizeof(tl_plan_options),
                             .batch = s->training.batch_size,
                             .training = true,
                             .optimizer = s->training.optimizer,
                             .recompute = s->run.recompute,
                             .memory_limit = memory_limit,
                             .max_alloc_bytes = max_alloc_bytes,
                             .no_clipping = !tli_plan_clips(s),
                             .grad_slices = tli_settings_slices(s),
                             .offset_ranks = s->run.offset_ranks};
}

static uint64_t limit_of(uint64_t bytes)
{
    return bytes > 0 ? bytes : UINT64_MAX;
}

/* Sums of gradients and losses that train/grad_slices.h keeps. */
static void count_slices(uint32_t slices, int ranks, tl_memory_plan *plan)
{
    const uint64_t gradients = plan->bytes[TL_MEMORY_GRADIENT];
    for (int level = 0; level < tli_grad_slices_levels(slices, ranks); level++) {
        tli_memory_plan_add(plan, TL_MEMORY_GRADIENT, gradients);
        tli_memory_plan_add(plan, TL_MEMORY_GRADIENT, tli_element_bytes(TLI_DTYPE_F32));
    }
}

/* Of the optimizer's state only what belongs to the largest share. */
static tl_status count_share(const tli_registry *registry, const optimizer_rule *rule, int ranks,
                             uint64_t max_alloc_bytes, tl_memory_plan *plan, tl_error *err)
{
    tli_shares shares;
    TLI_TRY(tli_shares_create(registry, ranks, max_alloc_bytes, &shares, err));
    const uint64_t state = (uint64_t)rule->slots * tli_element_bytes(TLI_DTYPE_F32) *
                           tli_shares_largest(&shares);
    tli_shares_free(&shares);
    if (plan->total == UINT64_MAX) return TL_OK; /* saturated */
    plan->total -= plan->bytes[TL_MEMORY_MOMENT];
    plan->bytes[TL_MEMORY_MOMENT] = 0;
    tli_memory_plan_add(plan, TL_MEMORY_MOMENT, state);
    return TL_OK;
}

/* Ranks that share the matrices by offset out. */
static int sharing_of(const tl_plan_options *o)
{
    return o->offset_ranks > 1 ? (int)o->offset_ranks : 1;
}

/* What a trainer has beside its model. */
static tl_status count_trainer(const tl_model_config *c, const tl_plan_options *o, uint32_t slices,
                               const optimizer_rule *rule, tl_memory_plan *plan, tl_error *err)
{
    const int all = o->ranks > 1 ? (int)o->ranks : 1, sharing = sharing_of(o), ranks = all / sharing;
    tli_registry registry = {0};
    tl_status status = tli_model_parameters(c, &registry, err);
    count_slices(slices, ranks, plan);
    if (all > 1) tli_memory_plan_add(plan, TL_MEMORY_WORKSPACE, tli_grad_exchange_bytes(all));
    tli_memory_plan_add(plan, TL_MEMORY_WORKSPACE, tli_rank_sum_bytes(sharing));
    if (status == TL_OK && ranks > 1)
        status = count_share(&registry, rule, ranks, limit_of(o->max_alloc_bytes), plan, err);
    if (status == TL_OK && !o->no_clipping)
        tli_memory_plan_add(plan, TL_MEMORY_WORKSPACE,
                            tli_grad_clip_bytes(&registry, TLI_LOSS_SLOTS, limit_of(o->max_alloc_bytes)));
    tli_registry_free(NULL, &registry);
    return status;
}

tl_status tli_plan(const tl_model_config *config, const tl_plan_options *o, tl_memory_plan *plan,
                   tl_error *err)
{
    const optimizer_rule *rule = o->training ? tli_optimizer_rule_of(o->optimizer) : NULL;
    const bool never = !o->training || o->recompute == TL_RECOMPUTE_NEVER;
    const uint32_t slices = o->training && o->grad_slices > 0 ? (uint32_t)o->grad_slices : 1;
    tl_model_config c = *config;
    c.recompute = !never && o->recompute == TL_RECOMPUTE_ALWAYS;
    c.offset_ranks = (uint32_t)sharing_of(o);
    c.offset_rank = c.offset_ranks; /* whichever has most */
    /* from what is fastest to what takes least: kept activations save more time than large chunks */
    for (;;) {
        TLI_TRY(tli_model_plan(&c, (uint32_t)tli_ceil_div(o->batch, slices), rule, plan, err));
        if (o->training) TLI_TRY(count_trainer(&c, o, slices, rule, plan, err));
        plan->fits = plan->total <= limit_of(o->memory_limit) &&
                     plan->largest <= limit_of(o->max_alloc_bytes);
        plan->recompute = c.recompute;
        plan->can_recompute = o->training;
        plan->chunk_bytes = c.chunk_bytes;
        if (plan->fits) return TL_OK;
        if (c.chunk_bytes > 0) {
            c.chunk_bytes = 0;
        } else {
            if (never || c.recompute) return TL_OK;
            c.recompute = true;
            c.chunk_bytes = config->chunk_bytes;
        }
    }
}

uint32_t tli_plan_largest_batch(const tl_model_config *config, const tl_plan_options *options, uint32_t upper)
{
    tl_plan_options o = *options;
    tl_memory_plan plan;
    uint32_t good = 0, bad = upper + 1; /* bisection: memory grows with the batch */
    while (bad - good > 1) {
        o.batch = good + (bad - good) / 2;
        if (tli_plan(config, &o, &plan, NULL) == TL_OK && plan.fits)
            good = o.batch;
        else
            bad = o.batch;
    }
    return good;
}

/* ---- the public header ----------------------------------------------------------------------------- */

static tl_status make_plan(const tl_model_config *c, const tl_plan_options *o, tl_memory_plan *plan,
                           tl_error *err)
{
    tli_registry registry = {0};
    TLI_TRY(tli_choice_check(&tli_optimizer_choices, (int)o->optimizer, err));
    TLI_TRY(tli_choice_check(&tli_recompute_choices, (int)o->recompute, err));
    if (o->grad_slices > SETTINGS_MOST_SLICES)
        return tli_fail(err, TL_ERROR_USAGE, "grad_slices is %llu: a batch has at most %d slices",
                        (unsigned long long)o->grad_slices, SETTINGS_MOST_SLICES);
    if (o->ranks > SETTINGS_MOST_SLICES)
        return tli_fail(err, TL_ERROR_USAGE, "ranks is %llu: at most %d share a batch's slices",
                        (unsigned long long)o->ranks, SETTINGS_MOST_SLICES);
    TLI_TRY(tli_model_check(c, err));
    TLI_TRY(tli_check_offset_ranks(c, o->offset_ranks, o->ranks > 1 ? o->ranks : 1, err));
    TLI_TRY(tli_plan(c, o, plan, err));
    plan->largest_batch = tli_plan_largest_batch(c, o, LARGEST_BATCH);
    const tl_status status = tli_model_parameters(c, &registry, err);
    plan->params = tli_registry_whole(&registry);
    tli_registry_free(NULL, &registry);
    return status;
}

tl_status tl_model_plan(const tl_model_config *config, const tl_plan_options *options, tl_memory_plan *plan,
                        tl_error *err)
{
    tl_model_config c;
    tl_plan_options o;
    if (config == NULL || options == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a plan needs a configuration, options and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(TLI_CONFIG_TAKE(&c, config, tl_model_config, err));
    TLI_TRY(TLI_CONFIG_TAKE(&o, options, tl_plan_options, err));
    return make_plan(&c, &o, plan, err);
}

tl_status tl_train_plan(tl_settings *settings, uint64_t memory_limit, uint64_t max_alloc_bytes,
                        tl_memory_plan *plan, tl_error *err)
{
    if (settings == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "a plan needs settings and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(tli_settings_check(settings, true, err));
    const tl_plan_options o = tli_plan_of_run(settings, memory_limit, max_alloc_bytes);
    TLI_TRY(make_plan(&settings->model, &o, plan, err));
    settings->model.recompute = plan->recompute;
    settings->model.chunk_bytes = plan->chunk_bytes;
    return TL_OK;
}

/* tl_model_plan and tl_train_plan of the public header. */
#include <string.h>

#include "core/choices.h"
#include "core/config.h"
#include "tasks/settings_check.h"
#include "train/step.h"

enum { LARGEST_BATCH = 1 << 20 };

/* A model and what it is planned for. Steps are planned with all that tl_optimizer allocates. */
typedef struct planned {
    tl_settings settings;
    tl_plan_options options; /* without limits of 0 */
} planned;

static tl_status plan_batch(planned *p, uint32_t batch, tl_memory_plan *plan, tl_error *err)
{
    const tl_plan_options *o = &p->options;
    bool fits;
    if (o->training) {
        TLI_TRY(tli_step_plan(&p->settings, batch, o->memory_limit, o->max_alloc_bytes, plan, &fits, err));
    } else {
        TLI_TRY(tli_model_plan(&p->settings.model, batch, NULL, plan, err));
        fits = plan->total <= o->memory_limit && plan->largest <= o->max_alloc_bytes;
    }
    plan->fits = fits;
    return TL_OK;
}

static bool batch_fits(const void *user, uint32_t batch)
{
    planned p = *(const planned *)user;
    tl_memory_plan plan;
    return plan_batch(&p, batch, &plan, NULL) == TL_OK && plan.fits;
}

static void open_limits(tl_plan_options *o)
{
    if (o->memory_limit == 0) o->memory_limit = UINT64_MAX;
    if (o->max_alloc_bytes == 0) o->max_alloc_bytes = UINT64_MAX;
}

static tl_status take_options(const tl_model_config *config, const tl_plan_options *options, planned *p,
                              tl_error *err)
{
    tl_plan_options *o = &p->options;
    memset(p, 0, sizeof *p);
    TLI_TRY(TLI_CONFIG_TAKE(&p->settings.model, config, tl_model_config, err));
    TLI_TRY(TLI_CONFIG_TAKE(o, options, tl_plan_options, err));
    TLI_TRY(tli_choice_check(&tli_optimizer_choices, (int)o->optimizer, err));
    TLI_TRY(tli_choice_check(&tli_recompute_choices, (int)o->recompute, err));
    open_limits(o);
    p->settings.training.optimizer = o->optimizer;
    p->settings.run.recompute = o->recompute;
    p->settings.run.skip_nonfinite = true;
    return TL_OK;
}

static tl_status make_plan(planned *p, tl_memory_plan *plan, tl_error *err)
{
    tli_registry registry = {0};
    memset(plan, 0, sizeof *plan);
    TLI_TRY(plan_batch(p, p->options.batch, plan, err));
    plan->recompute = p->settings.model.recompute;
    plan->largest_batch = tli_largest_batch(LARGEST_BATCH, batch_fits, p);
    const tl_status status = tli_model_parameters(&p->settings.model, &registry, err);
    plan->params = tli_registry_count(&registry);
    tli_registry_free(NULL, &registry);
    return status;
}

tl_status tl_model_plan(const tl_model_config *config, const tl_plan_options *options, tl_memory_plan *plan,
                        tl_error *err)
{
    planned p;
    if (config == NULL || options == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a plan needs a configuration, options and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(take_options(config, options, &p, err));
    return make_plan(&p, plan, err);
}

tl_status tl_train_plan(tl_settings *settings, uint64_t memory_limit, uint64_t max_alloc_bytes,
                        tl_memory_plan *plan, tl_error *err)
{
    if (settings == NULL || plan == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "a plan needs settings and a place for its numbers");
    memset(plan, 0, sizeof *plan);
    TLI_TRY(tli_settings_check(settings, true, err));
    planned p = {.settings = *settings,
                 .options = {.batch = settings->training.batch_size,
                             .training = true,
                             .memory_limit = memory_limit,
                             .max_alloc_bytes = max_alloc_bytes}};
    open_limits(&p.options);
    TLI_TRY(make_plan(&p, plan, err));
    settings->model.recompute = plan->recompute;
    return TL_OK;
}

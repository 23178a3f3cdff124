/* tl_optimizer of the public header: the optimizers of ops/optimizer.h on any set of parameters, with the
 * steps' gradient norm, clipping and skipping of train/grad_clip.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/config.h"
#include "ops/init.h"
#include "train/grad_clip.h"

struct tl_optimizer {
    tl_optimizer_config config; /* complete */
    tli_registry registry;      /* the caller's tensors, and the state */
    tli_grad_clip grad_clip;    /* created by what first needs the gradient's norm */
    uint64_t steps;
    bool stepped; /* there is a step to report */
};

/* Slots of the clip results: of the last step, and zeros that stand for a finite loss. */
enum { OF_STEP, ZEROS, RESULTS };

/* ---- arguments ----------------------------------------------------------------------------------- */

static tl_status check_number(tl_error *err, const char *name, float value, double end)
{
    if (value >= 0.0f && (double)value < end) return TL_OK; /* NaN neither */
    return tli_fail(err, TL_ERROR_USAGE, "tl_optimizer's %s is %g: give a number from 0 to below %g", name,
                    (double)value, end);
}

/* Replaces what was left to the optimizer by its own. */
static tl_status complete_config(tl_optimizer_config *c, tl_error *err)
{
    TLI_TRY(tli_choice_check(&tli_optimizer_choices, (int)c->kind, err));
    const optimizer_rule *rule = tli_optimizer_rule_of(c->kind);
    if (c->beta1 == 0.0f || c->beta1 == -1.0f) c->beta1 = rule->beta1;
    if (c->beta2 == 0.0f || c->beta2 == -1.0f) c->beta2 = rule->beta2;
    if (c->eps == 0.0f) c->eps = rule->eps;
    TLI_TRY(check_number(err, "beta1", c->beta1, 1.0));
    TLI_TRY(check_number(err, "beta2", c->beta2, 1.0));
    TLI_TRY(check_number(err, "eps", c->eps, 1e6));
    TLI_TRY(check_number(err, "weight_decay", c->weight_decay, 1e6));
    return check_number(err, "grad_clip", c->grad_clip, 1e31);
}

static tl_status check_parameter(tl_context *ctx, const tl_parameter *p, int index)
{
    if (p->name == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "parameter %d has no name", index);
    TLI_TRY(tli_tensor_check(ctx, p->name, p->value));
    if (p->gradient == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the parameter %s has no gradient: its model or layer was made for inference",
                        p->name);
    TLI_TRY(tli_tensor_check(ctx, p->name, p->gradient));
    if (tli_tensor_alike(p->value, p->gradient)) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "value and gradient of the parameter %s have different sizes: create them alike",
                    p->name);
}

static tl_status check_parameters(tl_context *ctx, const tl_parameter *list, int count)
{
    for (int i = 0; i < count; i++) {
        TLI_TRY(check_parameter(ctx, &list[i], i));
        for (int k = 0; k < i; k++)
            if (list[k].value == list[i].value || strcmp(list[k].name, list[i].name) == 0)
                return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                                "the parameters %d and %d are the same or have the same name, %s", k, i,
                                list[i].name);
    }
    return TL_OK;
}

/* May be called with the handle of a destroyed optimizer. */
static tl_status check_optimizer(tl_context *ctx, const tl_optimizer *o)
{
    return tli_context_check(ctx, o, "optimizer");
}

/* ---- create and destroy -------------------------------------------------------------------------- */

static void optimizer_free(tl_context *ctx, void *object)
{
    tl_optimizer *o = object;
    tli_context_disown(ctx, o);
    tli_grad_clip_destroy(ctx, &o->grad_clip);
    tli_registry_return(ctx, &o->registry);
    free(o);
}

/* Whether a step depends on the gradients as a whole. */
static bool steps_need_norm(const tl_optimizer *o)
{
    return o->config.grad_clip > 0.0f || o->config.skip_nonfinite;
}

static tl_status fill_optimizer(tl_context *ctx, tl_optimizer *o, const tl_parameter *list, int count)
{
    const optimizer_rule *rule = tli_optimizer_rule_of(o->config.kind);
    TLI_TRY(tli_registry_borrow(&o->registry, list, count, tl_context_error(ctx)));
    TLI_TRY(tli_registry_allocate_state(ctx, &o->registry, rule));
    for (int i = 0; i < count; i++)
        for (int s = 0; s < rule->slots; s++)
            TLI_TRY(tli_init_constant(ctx, o->registry.items[i].state[s], 0.0f));
    if (steps_need_norm(o)) TLI_TRY(tli_grad_clip_create(ctx, &o->registry, RESULTS, &o->grad_clip));
    return tli_context_own(ctx, o, optimizer_free);
}

tl_status tl_optimizer_create(tl_context *ctx, const tl_optimizer_config *config,
                              const tl_parameter *parameters, int count, tl_optimizer **out)
{
    tl_error *err = tl_context_error(ctx);
    tl_optimizer_config own;
    if (ctx == NULL || config == NULL || parameters == NULL || out == NULL)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "an optimizer to be made needs a context, a configuration, parameters and a place for "
            "its handle");
    *out = NULL;
    TLI_TRY(TLI_CONFIG_TAKE(&own, config, tl_optimizer_config, err));
    TLI_TRY(complete_config(&own, err));
    if (count < 1)
        return tli_fail(err, TL_ERROR_USAGE, "an optimizer takes parameters, but their count is %d", count);
    TLI_TRY(check_parameters(ctx, parameters, count));
    tl_optimizer *o = calloc(1, sizeof *o);
    if (o == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for an optimizer");
    o->config = own;
    const tl_status status = fill_optimizer(ctx, o, parameters, count);
    if (status == TL_OK)
        *out = o;
    else
        optimizer_free(ctx, o);
    return status;
}

void tl_optimizer_destroy(tl_context *ctx, tl_optimizer *o)
{
    if (o != NULL && check_optimizer(ctx, o) == TL_OK) optimizer_free(ctx, o);
}

/* ---- steps --------------------------------------------------------------------------------------- */

/* Enqueues the norm of the gradients and what follows from it. */
static tl_status measure_gradients(tl_context *ctx, tl_optimizer *o, tli_view *result)
{
    TLI_TRY(tli_grad_clip_measure(ctx, &o->grad_clip, &o->registry));
    return tli_grad_clip_decide(ctx, &o->grad_clip, tli_at(o->grad_clip.clip_results, 2 * ZEROS),
                                o->config.grad_clip, OF_STEP, result);
}

tl_status tl_optimizer_step(tl_context *ctx, tl_optimizer *o, float lr)
{
    TLI_TRY(check_optimizer(ctx, o));
    if (!(lr >= 0.0f) || isinf(lr))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the learning rate is %g: give a finite number from 0 on", (double)lr);
    TLI_TRY(tli_registry_check(ctx, &o->registry)); /* models and layers may be gone, the tensors with them */
    const tl_optimizer_config *c = &o->config;
    optimizer_settings s = {.lr = lr,
                            .beta1 = c->beta1,
                            .beta2 = c->beta2,
                            .eps = c->eps,
                            .weight_decay = c->weight_decay,
                            .gradient_scale = 1.0f,
                            .step = o->steps + 1};
    if (steps_need_norm(o)) TLI_TRY(measure_gradients(ctx, o, &s.clip_result));
    TLI_TRY(tli_registry_update(ctx, &o->registry, &s));
    o->steps++;
    o->stepped = true;
    return TL_OK;
}

/* The norm that no step has computed. */
static tl_status measure_now(tl_context *ctx, tl_optimizer *o)
{
    tli_view result;
    TLI_TRY(tli_registry_check(ctx, &o->registry));
    if (o->grad_clip.clip_results == NULL) {
        tli_grad_clip_destroy(ctx, &o->grad_clip); /* of a creation that failed halfway */
        TLI_TRY(tli_grad_clip_create(ctx, &o->registry, RESULTS, &o->grad_clip));
    }
    return measure_gradients(ctx, o, &result);
}

static tl_status read_norm(tl_context *ctx, const tl_optimizer *o, double *norm)
{
    const uint32_t count = o->grad_clip.count;
    float *sums = malloc(count * sizeof *sums);
    if (sums == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a gradient norm");
    const tl_status status = tl_tensor_read(ctx, o->grad_clip.partial, 0, count, sums);
    *norm = 0;
    for (uint32_t i = 0; i < count && status == TL_OK; i++) *norm += (double)sums[i];
    *norm = sqrt(*norm);
    free(sums);
    return status;
}

tl_status tl_optimizer_report(tl_context *ctx, tl_optimizer *o, tl_optimizer_step_report *report)
{
    tli_clip_result result;
    TLI_TRY(check_optimizer(ctx, o));
    if (report == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the place for the optimizer's report is missing");
    if (!o->stepped)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "there is no step to report yet: call tl_optimizer_step first");
    memset(report, 0, sizeof *report);
    if (!steps_need_norm(o)) TLI_TRY(measure_now(ctx, o));
    TLI_TRY(tli_grad_clip_read(ctx, &o->grad_clip, &o->registry, 1, &result));
    report->skipped = result.skipped && steps_need_norm(o);
    report->broken = result.broken;
    return read_norm(ctx, o, &report->norm);
}

/* ---- state --------------------------------------------------------------------------------------- */

bool tl_optimizer_state_at(tl_optimizer *o, int parameter, int slot, const char **name, tl_tensor **state)
{
    if (o == NULL || parameter < 0 || parameter >= o->registry.count || slot < 0 ||
        slot >= o->registry.rule->slots)
        return false;
    tl_tensor *t = o->registry.items[parameter].state[slot];
    if (name != NULL) *name = t->name;
    if (state != NULL) *state = t;
    return true;
}

uint64_t tl_optimizer_steps(const tl_optimizer *o)
{
    return o != NULL ? o->steps : 0;
}

tl_status tl_optimizer_set_steps(tl_context *ctx, tl_optimizer *o, uint64_t steps)
{
    TLI_TRY(check_optimizer(ctx, o));
    o->steps = steps;
    return TL_OK;
}

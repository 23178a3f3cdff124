#include "ops/optimizer.h"

#include <math.h>

#include "core/choices.h"
#include "kernels/optimizer_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(optimizer_sizes) == 48 && sizeof(adamw_rates) == 32 && sizeof(lion_rates) == 24,
               "these structs have the same layout in kernels and here");

/* A beta was given as a short decimal: 0.999f means 0.999, from which it differs by 1.3e-8 (and 1 - beta
 * by a relative 1.3e-5). Returns the seven-digit decimal if it rounds to the same float. */
static double as_written(float beta)
{
    double decimal = nearbyint((double)beta * 1e7) / 1e7;
    return (float)decimal == beta ? decimal : (double)beta;
}

/* Factor of decoupled weight decay: it does not pass through the optimizer's state. */
static double decay_factor(const optimizer_settings *s)
{
    return 1.0 - (double)s->lr * s->weight_decay;
}

/* ---- elementwise optimizers ----------------------------------------------------------------------- */

/* Launches the kernel of kernels/optimizer.cl with the optimizer's name, for what lies in one shard of the value and of
 * the state at a time. Its arguments:
 * value, gradient, state, clip result, optimizer_sizes, and the optimizer's rates, a struct. */
static tl_status launch_elementwise(tl_context *ctx, tl_optimizer_kind kind, const optimizer_target *t,
                                    const optimizer_settings *s, tli_arg rates)
{
    const int slots = tli_optimizer_rule_of(kind)->slots;
    tli_kernel *kernel;
    TLI_TRY(
        tli_family_kernel(ctx, "optimizer", tli_choice_name(&tli_optimizer_choices, (int)kind), "", &kernel));
    const uint64_t count = t->state[0]->lead * t->state[0]->row;
    for (uint64_t at = 0, step; at < count; at += step) {
        uint64_t left;
        const tli_view value = tli_element(t->value, t->first + at, &step),
                       gradient = tli_element(t->gradient, t->first + at, &step),
                       state = tli_element(t->state[0], at, &left);
        if (left < step) step = left;
        optimizer_sizes sizes = {.count = step,
                                 .value_at = value.at,
                                 .state_at = state.at,
                                 .clip_result_at = s->clip_result.at,
                                 .begin = s->step == 1,
                                 .gradient_scale = s->gradient_scale};
        tli_arg args[2 + OPTIMIZER_MAX_SLOTS + 3];
        int used = 0;
        tli_launch launch = tli_elements_cut(ctx, "optimizer", sizes.count, &sizes.block);
        launch.bytes = (double)((3 + 2 * (uint64_t)slots) * sizes.count * tli_element_bytes(t->value->dtype));
        args[used++] = TLI_ARG_MEM(value.mem);
        args[used++] = TLI_ARG_MEM(gradient.mem);
        for (int i = 0; i < slots; i++) args[used++] = TLI_ARG_MEM(tli_element(t->state[i], at, &left).mem);
        args[used++] = TLI_ARG_MEM(s->clip_result.mem);
        args[used++] = TLI_ARG_STRUCT(sizes);
        args[used++] = rates;
        TLI_TRY(tli_launch_kernel(ctx, kernel, launch, args, used));
    }
    return TL_OK;
}

/* ---- AdamW: decoupled weight decay, PyTorch's formula --------------------------------------------- */

/* p *= 1 - lr wd;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
 * p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
static tl_status adamw_step(tl_context *ctx, const optimizer_target *t, const optimizer_settings *s)
{
    const double beta1 = as_written(s->beta1), beta2 = as_written(s->beta2), lr = (double)s->lr;
    const adamw_rates rates = {.decay = (float)decay_factor(s),
                               .beta1 = (float)beta1,
                               .beta2 = (float)beta2,
                               .one_minus_beta1 = (float)(1.0 - beta1),
                               .one_minus_beta2 = (float)(1.0 - beta2),
                               .step_size = (float)(lr / (1.0 - pow(beta1, (double)s->step))),
                               .root_scale = (float)(1.0 / sqrt(1.0 - pow(beta2, (double)s->step))),
                               .eps = s->eps};
    return launch_elementwise(ctx, TL_OPTIMIZER_ADAMW, t, s, TLI_ARG_STRUCT(rates));
}

static void adamw_plain(const optimizer_settings *s, double *value, double gradient, double *state)
{
    const double b1 = (double)s->beta1, b2 = (double)s->beta2, t = (double)s->step;
    state[0] = b1 * state[0] + (1 - b1) * gradient;
    state[1] = b2 * state[1] + (1 - b2) * gradient * gradient;
    *value = *value * decay_factor(s) - (double)s->lr / (1 - pow(b1, t)) * state[0] /
                                            (sqrt(state[1]) / sqrt(1 - pow(b2, t)) + (double)s->eps);
}

/* ---- Lion (Chen et al. 2023): the sign of a momentum ----------------------------------------------- */

/* p *= 1 - lr wd;  p -= lr sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g */
static tl_status lion_step(tl_context *ctx, const optimizer_target *t, const optimizer_settings *s)
{
    const double beta1 = as_written(s->beta1), beta2 = as_written(s->beta2);
    const lion_rates rates = {.decay = (float)decay_factor(s),
                              .beta1 = (float)beta1,
                              .beta2 = (float)beta2,
                              .one_minus_beta1 = (float)(1.0 - beta1),
                              .one_minus_beta2 = (float)(1.0 - beta2),
                              .lr = s->lr};
    return launch_elementwise(ctx, TL_OPTIMIZER_LION, t, s, TLI_ARG_STRUCT(rates));
}

static void lion_plain(const optimizer_settings *s, double *value, double gradient, double *state)
{
    const double b1 = (double)s->beta1, b2 = (double)s->beta2;
    const double direction = b1 * state[0] + (1 - b1) * gradient;
    *value = *value * decay_factor(s) - (double)s->lr * ((direction > 0) - (direction < 0));
    state[0] = b2 * state[0] + (1 - b2) * gradient;
}

/* ---- the table ------------------------------------------------------------------------------------ */

static const optimizer_rule rules[] = {
    [TL_OPTIMIZER_ADAMW] = {.slots = 2,
                            .slot = {"m.", "v."},
                            .beta1 = 0.9f,
                            .beta2 = 0.999f,
                            .eps = 1e-8f,
                            .step = adamw_step,
                            .plain = adamw_plain},
    [TL_OPTIMIZER_LION] =
        {.slots = 1, .slot = {"m."}, .beta1 = 0.9f, .beta2 = 0.99f, .step = lion_step, .plain = lion_plain},
};

const optimizer_rule *tli_optimizer_rule_of(tl_optimizer_kind kind)
{
    return (size_t)kind < sizeof rules / sizeof *rules ? &rules[kind] : NULL;
}

uint64_t tli_optimizer_workspace(const optimizer_rule *rule, uint64_t count)
{
    return rule->workspace != NULL ? rule->workspace(count) : 0;
}

tl_status tli_optimizer_step(tl_context *ctx, const optimizer_rule *rule, const optimizer_target *t,
                             const optimizer_settings *settings)
{
    const uint64_t stepped = t->state[0]->lead * t->state[0]->row;
    bool alike = tli_tensor_alike(t->value, t->gradient) &&
                 t->first + stepped <= t->value->lead * t->value->row;
    for (int i = 1; i < rule->slots; i++) alike = alike && tli_tensor_alike(t->state[0], t->state[i]);
    if (!alike)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the optimizer needs a gradient and state of the shape of %s; create them alike.",
                        t->value->name);
    if (settings->step == 0)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "steps of an optimizer count from 1, but %s was given step 0.", t->value->name);
    return rule->step(ctx, t, settings);
}

#include "ops/optimizer.h"

#include <math.h>

#include "core/choices.h"
#include "kernels/optimizer_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(optimizer_part) == 32 && sizeof(optimizer_sizes) == 32 * OPTIMIZER_PARTS + 24,
               "these structs have the same layout in kernels and here");
_Static_assert(sizeof(adamw_rates) == 28 && sizeof(lion_rates) == 20, "and these");

/* A beta was given as a short decimal: 0.999f means 0.999, from which it differs by 1.3e-8 (and 1 - beta
 * by a relative 1.3e-5). Returns the seven-digit decimal if it rounds to the same float. */
static double as_written(float beta)
{
    double decimal = nearbyint((double)beta * 1e7) / 1e7;
    return (float)decimal == beta ? decimal : (double)beta;
}

/* Factor of decoupled weight decay: it does not pass through the optimizer's state. */
static double decay_factor(bool undecayed, const optimizer_settings *s)
{
    return undecayed ? 1.0 : 1.0 - (double)s->lr * s->weight_decay;
}

/* ---- elementwise optimizers ----------------------------------------------------------------------- */

/* A launch of the kernel of kernels/optimizer.cl with the optimizer's name: of each of its parts what lies in one shard of the
 * value and of the state. */
typedef struct part_launch {
    optimizer_sizes sizes;
    tli_mem value[OPTIMIZER_PARTS], gradient[OPTIMIZER_PARTS], state[OPTIMIZER_MAX_SLOTS][OPTIMIZER_PARTS];
    int parts;
    uint64_t count; /* elements of all of them */
} part_launch;

/* The kernel's arguments: values, gradients, states, clip result, optimizer_sizes, and the optimizer's rates, a struct. Begins
 * another launch. */
static tl_status launch_parts(tl_context *ctx, tli_kernel *kernel, int slots, const optimizer_settings *s,
                              tli_arg rates, part_launch *l)
{
    enum { MOST = (2 + OPTIMIZER_MAX_SLOTS) * OPTIMIZER_PARTS + 3 };
    if (l->parts == 0) return TL_OK;
    l->sizes.clip_result_at = s->clip_result.at;
    l->sizes.begin = s->step == 1;
    l->sizes.gradient_scale = s->gradient_scale;
    tli_launch launch = tli_elements_cut(ctx, "optimizer", l->count, &l->sizes.block);
    launch.bytes = (double)((3 + 2 * (uint64_t)slots) * l->count * sizeof(float));
    launch.groups[0] = 0;
    for (int i = 0; i < OPTIMIZER_PARTS; i++) {
        optimizer_part *part = &l->sizes.part[i];
        part->first_group = i < l->parts ? (uint32_t)launch.groups[0] : UINT32_MAX;
        if (i < l->parts) launch.groups[0] += tli_ceil_div(part->count, l->sizes.block);
    }
    tli_arg args[MOST];
    int used = 0;
    for (int i = 0; i < OPTIMIZER_PARTS; i++) args[used++] = TLI_ARG_MEM(l->value[i]);
    for (int i = 0; i < OPTIMIZER_PARTS; i++) args[used++] = TLI_ARG_MEM(l->gradient[i]);
    for (int k = 0; k < slots; k++)
        for (int i = 0; i < OPTIMIZER_PARTS; i++) args[used++] = TLI_ARG_MEM(l->state[k][i]);
    args[used++] = TLI_ARG_MEM(s->clip_result.mem);
    args[used++] = TLI_ARG_STRUCT(l->sizes);
    args[used++] = rates;
    TLI_TRY(tli_launch_kernel(ctx, kernel, launch, args, used));
    *l = (part_launch){0};
    return TL_OK;
}

static tl_status step_elementwise(tl_context *ctx, tl_optimizer_kind kind, const optimizer_target *targets,
                                  int count, const optimizer_settings *s, tli_arg rates)
{
    const int slots = tli_optimizer_rule_of(kind)->slots;
    tli_kernel *kernel;
    TLI_TRY(
        tli_family_kernel(ctx, "optimizer", tli_choice_name(&tli_optimizer_choices, (int)kind), "", &kernel));
    part_launch l = {0};
    for (const optimizer_target *t = targets; t < targets + count; t++) {
        const uint64_t elements = t->state[0]->lead * t->state[0]->row;
        for (uint64_t at = 0, step; at < elements; at += step) {
            uint64_t left;
            const tli_view value = tli_element(t->value, t->first + at, &step),
                           state = tli_element(t->state[0], at, &left);
            if (left < step) step = left;
            l.sizes.part[l.parts] = (optimizer_part){.count = step,
                                                     .value_at = value.at,
                                                     .state_at = state.at,
                                                     .decay = (float)decay_factor(t->undecayed, s)};
            l.value[l.parts] = value.mem;
            l.gradient[l.parts] = tli_element(t->gradient, t->first + at, &left).mem;
            for (int k = 0; k < slots; k++) l.state[k][l.parts] = tli_element(t->state[k], at, &left).mem;
            l.count += step;
            if (++l.parts == OPTIMIZER_PARTS) TLI_TRY(launch_parts(ctx, kernel, slots, s, rates, &l));
        }
    }
    return launch_parts(ctx, kernel, slots, s, rates, &l);
}

/* ---- AdamW: decoupled weight decay, PyTorch's formula --------------------------------------------- */

/* p *= 1 - lr wd;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
 * p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
static tl_status adamw_step(tl_context *ctx, const optimizer_target *targets, int count,
                            const optimizer_settings *s)
{
    const double beta1 = as_written(s->beta1), beta2 = as_written(s->beta2), lr = (double)s->lr;
    const adamw_rates rates = {.beta1 = (float)beta1,
                               .beta2 = (float)beta2,
                               .one_minus_beta1 = (float)(1.0 - beta1),
                               .one_minus_beta2 = (float)(1.0 - beta2),
                               .step_size = (float)(lr / (1.0 - pow(beta1, (double)s->step))),
                               .root_scale = (float)(1.0 / sqrt(1.0 - pow(beta2, (double)s->step))),
                               .eps = s->eps};
    return step_elementwise(ctx, TL_OPTIMIZER_ADAMW, targets, count, s, TLI_ARG_STRUCT(rates));
}

static void adamw_plain(const optimizer_settings *s, double *value, double gradient, double *state)
{
    const double b1 = (double)s->beta1, b2 = (double)s->beta2, t = (double)s->step;
    state[0] = b1 * state[0] + (1 - b1) * gradient;
    state[1] = b2 * state[1] + (1 - b2) * gradient * gradient;
    *value = *value * decay_factor(false, s) - (double)s->lr / (1 - pow(b1, t)) * state[0] /
                                                   (sqrt(state[1]) / sqrt(1 - pow(b2, t)) + (double)s->eps);
}

/* ---- Lion (Chen et al. 2023): the sign of a momentum ----------------------------------------------- */

/* p *= 1 - lr wd;  p -= lr sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g */
static tl_status lion_step(tl_context *ctx, const optimizer_target *targets, int count,
                           const optimizer_settings *s)
{
    const double beta1 = as_written(s->beta1), beta2 = as_written(s->beta2);
    const lion_rates rates = {.beta1 = (float)beta1,
                              .beta2 = (float)beta2,
                              .one_minus_beta1 = (float)(1.0 - beta1),
                              .one_minus_beta2 = (float)(1.0 - beta2),
                              .lr = s->lr};
    return step_elementwise(ctx, TL_OPTIMIZER_LION, targets, count, s, TLI_ARG_STRUCT(rates));
}

static void lion_plain(const optimizer_settings *s, double *value, double gradient, double *state)
{
    const double b1 = (double)s->beta1, b2 = (double)s->beta2;
    const double direction = b1 * state[0] + (1 - b1) * gradient;
    *value = *value * decay_factor(false, s) - (double)s->lr * ((direction > 0) - (direction < 0));
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

static tl_status check_target(tl_context *ctx, const optimizer_rule *rule, const optimizer_target *t,
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
    return TL_OK;
}

tl_status tli_optimizer_step(tl_context *ctx, const optimizer_rule *rule, const optimizer_target *targets,
                             int count, const optimizer_settings *settings)
{
    for (int i = 0; i < count; i++) TLI_TRY(check_target(ctx, rule, &targets[i], settings));
    return rule->step(ctx, targets, count, settings);
}

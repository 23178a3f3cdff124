/* Optimizers: how a step changes a parameter by its gradient. Everything that differs between them stands in one
 * optimizer_rule: the registry allocates its state, the memory plan counts it, checkpoints store it by name, and
 * training steps by it. */
#ifndef OPS_OPTIMIZER_H
#define OPS_OPTIMIZER_H

#include "device/device.h"

enum { OPTIMIZER_MAX_SLOTS = 4 };

/* What a step is given besides the parameter. */
typedef struct optimizer_settings {
    float lr, beta1, beta2, eps, weight_decay;
    float gradient_scale; /* multiplies the gradient first; 1: nothing */
    uint64_t step;        /* counted from 1 */
    /* on the device, see ops/clip.h: scales the gradient, too, or skips the step; or none */
    tli_view verdict;
} optimizer_settings;

/* What a step of one parameter works on: tensors of one shape, and scratch. */
typedef struct optimizer_target {
    tl_tensor *value;
    const tl_tensor *gradient;
    tl_tensor *state[OPTIMIZER_MAX_SLOTS]; /* as many as the rule has slots */
    tli_view workspace;                    /* of the rule's size; no step leaves anything to the next in it */
} optimizer_target;

typedef struct optimizer_rule {
    int slots; /* state tensors a parameter, each of its shape */
    /* "m.": slot s of parameter NAME is called slot[s] NAME in files */
    const char *slot[OPTIMIZER_MAX_SLOTS];
    float beta1, beta2; /* defaults */
    float eps;          /* default; 0: the optimizer has none */
    /* Elements of scratch that a step of a parameter of `count` elements needs. NULL: none. */
    uint64_t (*workspace)(uint64_t count);
    /* Enqueued. At step 1 the state counts as 0, whatever it holds, and is written even where the verdict
     * skips the step. */
    tl_status (*step)(tl_context *ctx, const optimizer_target *target, const optimizer_settings *settings);
    /* The same step of one element in plain C, without a verdict, for the self-test of the kernels. */
    void (*plain)(const optimizer_settings *settings, double *value, double gradient, double *state);
} optimizer_rule;

/* NULL: there is no such optimizer. */
const optimizer_rule *tli_optimizer_rule_of(tl_optimizer kind);

/* Elements of scratch for a parameter of `count` elements. */
uint64_t tli_optimizer_workspace(const optimizer_rule *rule, uint64_t count);

/* The rule's step, after a check that the target's tensors are of one shape. */
tl_status tli_optimizer_step(tl_context *ctx, const optimizer_rule *rule, const optimizer_target *target,
                             const optimizer_settings *settings);

#endif

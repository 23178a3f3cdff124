/* Optimizers. An optimizer_rule describes one: the registry allocates its state, the memory plan counts
 * it, checkpoints store it by name, and training steps with it. */
#ifndef OPS_OPTIMIZER_H
#define OPS_OPTIMIZER_H

#include "device/device.h"

enum { OPTIMIZER_MAX_SLOTS = 4 };

/* Arguments of a step besides the parameter. */
typedef struct optimizer_settings {
    float lr, beta1, beta2, eps, weight_decay;
    float gradient_scale; /* multiplies the gradient first; 1: no scaling */
    uint64_t step;        /* counted from 1 */
    /* clip_result of ops/clip.h, on the device: a further gradient scale, or skips the step; mem NULL: none */
    tli_view clip_result;
} optimizer_settings;

/* One parameter's tensors and scratch. Value and gradient are of one shape; the elements of which there is state are
 * stepped: all, or a range. */
typedef struct optimizer_target {
    tl_tensor *value;
    const tl_tensor *gradient;
    tl_tensor *state[OPTIMIZER_MAX_SLOTS]; /* rule->slots of them, at least one, of one shape */
    tli_view workspace; /* of the size by the rule; no contents are kept; targets may share it */
    uint64_t first;     /* element of the value that the state begins with */
    bool undecayed;     /* without weight decay */
} optimizer_target;

typedef struct optimizer_rule {
    int slots; /* state tensors per parameter, each of its shape; at least one */
    /* "m.": slot s of parameter NAME is stored as slot[s] NAME in files */
    const char *slot[OPTIMIZER_MAX_SLOTS];
    float beta1, beta2; /* defaults */
    float eps;          /* default; 0: the optimizer has none */
    /* Elements of scratch for a step of a parameter of `count` elements. NULL: none. */
    uint64_t (*workspace)(uint64_t count);
    /* Enqueued, for `count` parameters. At step 1 the state is taken as 0, whatever it holds, and is written even if the
     * clip result skips the step. */
    tl_status (*step)(tl_context *ctx, const optimizer_target *targets, int count,
                      const optimizer_settings *settings);
    /* The same step for one element in plain C, without a clip result: reference for the kernels' self-test. */
    void (*plain)(const optimizer_settings *settings, double *value, double gradient, double *state);
} optimizer_rule;

/* NULL: unknown optimizer */
const optimizer_rule *tli_optimizer_rule_of(tl_optimizer_kind kind);

/* Elements of scratch for a parameter of `count` elements. */
uint64_t tli_optimizer_workspace(const optimizer_rule *rule, uint64_t count);

/* Checks that each target's tensors fit together, then runs the rule's step. */
tl_status tli_optimizer_step(tl_context *ctx, const optimizer_rule *rule, const optimizer_target *targets,
                             int count, const optimizer_settings *settings);

#endif

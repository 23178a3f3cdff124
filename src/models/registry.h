/* The parameter registry: the one list of a model's parameters that the optimizer, the checkpoint, the memory
 * plan and `info` walk. Names are the reference's state_dict keys. A registry can be built without a device
 * (plan only) and allocated later. */
#ifndef MODELS_REGISTRY_H
#define MODELS_REGISTRY_H

#include "ops/init.h"
#include "ops/optimizer.h"

typedef struct tli_parameter {
    char name[96];
    uint32_t rank;
    uint64_t shape[4];
    tli_dtype dtype;
    tli_init init;
    float bound; /* TLI_INIT_UNIFORM: U(-bound, bound); TLI_INIT_LOCAL: the grid's axes */
    bool decay;  /* weight decay shrinks it */
    tl_tensor *value, *gradient, *state[OPTIMIZER_MAX_SLOTS]; /* NULL until tli_registry_allocate */
} tli_parameter;

typedef struct tli_registry {
    tli_parameter *items;
    int count, capacity;
    const optimizer_rule *rule; /* what trains it; NULL: nothing, or not allocated yet */
    tl_tensor *workspace;       /* the optimizer's scratch; NULL: it needs none */
} tli_registry;

/* Returns the new parameter's index, or -1 when out of memory. Weight decay applies to it; clear `decay` where not. A tensor of rank 3 with a leading offset axis
 * is stored [shape[0]] x [rest] and may be sharded; the others are not split. */
int tli_registry_add(tli_registry *r, const char *name, tli_init init, float bound, uint32_t rank,
                     const uint64_t *shape);
tli_parameter *tli_registry_find(tli_registry *r, const char *name);
uint64_t tli_parameter_count(const tli_parameter *p);
uint64_t tli_registry_count(const tli_registry *r); /* all elements */
/* Elements of scratch that the optimizer needs for the parameter that needs most. */
uint64_t tli_registry_workspace(const tli_registry *r, const optimizer_rule *rule);

/* Allocates values and, unless `rule` is NULL, gradients and the optimizer's state. */
tl_status tli_registry_allocate(tl_context *ctx, tli_registry *r, const optimizer_rule *rule);
/* Enqueues one step of the optimizer on every parameter. */
tl_status tli_registry_update(tl_context *ctx, tli_registry *r, const optimizer_settings *settings);
/* Bytes of all values and of the optimizer's state: what a checkpoint holds. */
uint64_t tli_registry_stored_bytes(const tli_registry *r);
/* Draws initial values: every parameter from its own stream, so order and device do not matter. */
tl_status tli_registry_init(tl_context *ctx, tli_registry *r, uint64_t seed);
void tli_registry_free(tl_context *ctx, tli_registry *r);

#endif

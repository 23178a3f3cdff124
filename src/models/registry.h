/* The parameter registry: the one list of a model's parameters, used by the optimizer, checkpoints, the
 * memory plan and `info`. Names are the reference's state_dict keys. A registry can be built without a
 * device (for planning) and allocated later. */
#ifndef MODELS_REGISTRY_H
#define MODELS_REGISTRY_H

#include "ops/init.h"
#include "ops/op_parameters.h"
#include "ops/optimizer.h"

typedef struct tli_parameter {
    char name[96];
    uint32_t rank;
    uint64_t shape[4];     /* as in files; of tables by offset with the matrices of all shares */
    tli_geometry geometry; /* of a table by offset: of its rows, which may be a share of its matrices */
    bool query;            /* a table of the query's matrices */
    tli_dtype dtype;
    tli_init init;
    float bound; /* TLI_INIT_UNIFORM: U(-bound, bound); TLI_INIT_LOCAL: number of grid axes */
    bool decay;  /* weight decay applies */
    uint64_t at; /* elements of the parameters before it in the registry, as many as are here */
    tl_tensor *value, *gradient, *state[OPTIMIZER_MAX_SLOTS]; /* NULL until allocated */
} tli_parameter;

typedef struct tli_registry {
    tli_parameter *items;
    int count, capacity;
    /* The registry's elements [share_begin, share_end) are those that the optimizer steps here, and has state of.
     * share_end 0: all. */
    uint64_t share_begin, share_end;
    const optimizer_rule *rule; /* the optimizer; NULL: it has no state here */
    tl_tensor *workspace;       /* scratch of the optimizer; NULL: none needed */
    bool checked;               /* all tensors were alive ... */
    uint64_t checked_at;        /* ... when the context had destroyed so many */
} tli_registry;

/* Returns the new parameter's index, or -1 when out of memory. Weight decay applies; clear `decay`
 * otherwise. A tensor of rank 3 with a leading offset axis is stored [shape[0]] x [rest] and may be
 * sharded; others are not split. */
int tli_registry_add(tli_registry *r, const char *name, tli_init init, float bound, uint32_t rank,
                     const uint64_t *shape);
tli_parameter *tli_registry_find(tli_registry *r, const char *name);
/* Adds an operation's parameter under `name`. */
int tli_registry_add_op(tli_registry *r, const char *name, const tli_op_parameter *p);
/* Lists the caller's parameters, whose tensors remain the caller's, each as [lead][row]. */
tl_status tli_registry_borrow(tli_registry *r, const tl_parameter *list, int count, tl_error *err);
/* Frees such a registry, and what it has allocated itself. */
void tli_registry_return(tl_context *ctx, tli_registry *r);
tl_parameter tli_parameter_shown(const tli_parameter *p); /* as the public header shows it */
uint64_t tli_parameter_count(const tli_parameter *p);     /* elements that are here */
uint64_t tli_parameter_lead(const tli_parameter *p);      /* length of the axis that may be sharded; else 1 */
uint64_t tli_registry_count(const tli_registry *r);       /* elements of all parameters that are here */
uint64_t tli_registry_whole(const tli_registry *r);       /* elements of all parameters in files */

/* Whether ranks share the parameter's matrices out: they have different rows of it, and all of the others. */
bool tli_parameter_is_shared(const tli_parameter *p);
uint64_t tli_parameter_whole(const tli_parameter *p); /* elements in files */
/* Row of the parameter in files that is this one here; -1: none, a row of zeros. */
int64_t tli_parameter_matrix(const tli_parameter *p, uint64_t row);
/* How many elements, from `at` here on, follow each other in files, too; *whole: the first there, -1: none of them. */
uint64_t tli_parameter_run(const tli_parameter *p, uint64_t at, int64_t *whole);

/* Elements of parameter i that are in the registry's share, and the first of them. */
uint64_t tli_registry_shared(const tli_registry *r, int i, uint64_t *first);
/* Optimizer scratch in elements: the maximum over the parameters. */
uint64_t tli_registry_workspace(const tli_registry *r, const optimizer_rule *rule);

/* Allocates values and, for training, gradients. */
tl_status tli_registry_allocate(tl_context *ctx, tli_registry *r, bool training);
/* Allocates the state that the optimizer has for every parameter, alike its value, and its scratch. Of a parameter that
 * is not wholly in the share, state is [elements][1] of those that are, and NULL where there is none. */
tl_status tli_registry_allocate_state(tl_context *ctx, tli_registry *r, const optimizer_rule *rule);
/* TL_ERROR_USAGE, naming the parameter, when one of the tensors was destroyed: the library's user holds their
 * handles. Looks again only after the context has destroyed a tensor. */
tl_status tli_registry_check(tl_context *ctx, tli_registry *r);
/* Enqueues one optimizer step for every parameter, or what is in the share of it. */
tl_status tli_registry_update(tl_context *ctx, tli_registry *r, const optimizer_settings *settings);
/* Bytes of all values and of the optimizer state, which a checkpoint stores. */
uint64_t tli_registry_stored_bytes(const tli_registry *r);
/* Draws initial values; each parameter has its own random stream, so order and device do not matter. */
tl_status tli_registry_init(tl_context *ctx, tli_registry *r, uint64_t seed);
void tli_registry_free(tl_context *ctx, tli_registry *r);

#endif

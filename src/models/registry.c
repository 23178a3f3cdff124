#include "models/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "ops/convit.h"

int tl_registry_add(tl_registry *r, const char *name, tl_init init, float bound, uint32_t rank,
                    const uint64_t *shape)
{
    if (r->count == r->capacity) {
        int capacity = r->capacity > 0 ? 2 * r->capacity : 64;
        tl_parameter *items = realloc(r->items, (size_t)capacity * sizeof *items);
        if (items == NULL) return -1;
        r->items = items;
        r->capacity = capacity;
    }
    tl_parameter *p = &r->items[r->count];
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->dtype = TL_DTYPE_F32;
    p->decay = true;
    p->init = init;
    p->bound = bound;
    p->rank = rank;
    for (uint32_t i = 0; i < rank && i < 4; i++) p->shape[i] = shape[i];
    return r->count++;
}

tl_parameter *tl_registry_find(tl_registry *r, const char *name)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].name, name) == 0) return &r->items[i];
    }
    return NULL;
}

uint64_t tl_parameter_count(const tl_parameter *p)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < p->rank; i++) count *= p->shape[i];
    return count;
}

uint64_t tl_registry_count(const tl_registry *r)
{
    uint64_t count = 0;
    for (int i = 0; i < r->count; i++) count += tl_parameter_count(&r->items[i]);
    return count;
}

static tl_status allocate_one(tl_context *ctx, const tl_parameter *p, const char *prefix, tl_memory_kind kind,
                              tl_tensor **out)
{
    char name[128];
    uint64_t lead = p->rank == 3 ? p->shape[0] : 1;
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    return tl_tensor_create_unset(ctx, name, kind, lead, tl_parameter_count(p) / lead, out);
}

uint64_t tl_registry_workspace(const tl_registry *r, const optimizer_rule *rule)
{
    uint64_t most = 0;
    for (int i = 0; i < r->count; i++) {
        const uint64_t count = optimizer_workspace(rule, tl_parameter_count(&r->items[i]));
        if (count > most) most = count;
    }
    return most;
}

tl_status tl_registry_allocate(tl_context *ctx, tl_registry *r, const optimizer_rule *rule)
{
    r->rule = rule;
    for (int i = 0; i < r->count; i++) {
        tl_parameter *p = &r->items[i];
        TL_TRY(allocate_one(ctx, p, "", TL_MEMORY_PARAMETER, &p->value));
        if (rule == NULL) continue;
        TL_TRY(allocate_one(ctx, p, "grad.", TL_MEMORY_GRADIENT, &p->gradient));
        for (int s = 0; s < rule->slots; s++)
            TL_TRY(allocate_one(ctx, p, rule->slot[s], TL_MEMORY_MOMENT, &p->state[s]));
    }
    const uint64_t workspace = rule != NULL ? tl_registry_workspace(r, rule) : 0;
    if (workspace == 0) return TL_OK;
    return tl_tensor_create_unset(ctx, "optimizer workspace", TL_MEMORY_WORKSPACE, 1, workspace,
                                  &r->workspace);
}

tl_status tl_registry_update(tl_context *ctx, tl_registry *r, const optimizer_settings *settings)
{
    optimizer_settings undecayed = *settings;
    undecayed.weight_decay = 0.0f;
    for (int i = 0; i < r->count; i++) {
        const tl_parameter *p = &r->items[i];
        optimizer_target target = {.value = p->value, .gradient = p->gradient};
        memcpy(target.state, p->state, sizeof target.state);
        if (r->workspace != NULL) target.workspace = tl_at(r->workspace, 0);
        TL_TRY(optimizer_step(ctx, r->rule, &target, p->decay ? settings : &undecayed));
    }
    return TL_OK;
}

uint64_t tl_registry_stored_bytes(const tl_registry *r)
{
    const uint64_t tensors = r->rule != NULL ? 1 + (uint64_t)r->rule->slots : 1;
    uint64_t bytes = 0;
    for (int i = 0; i < r->count; i++)
        bytes += tensors * tl_parameter_count(&r->items[i]) * element_bytes(r->items[i].dtype);
    return bytes;
}

/* Values made on the host: few parameters have them, the class token and the embeddings. */
static tl_status init_on_host(tl_context *ctx, tl_parameter *p, uint64_t seed, uint64_t stream)
{
    uint64_t count = tl_parameter_count(p);
    float *values = malloc(count * sizeof *values);
    if (values == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                       "no host memory for the initial values of %s: free some memory.", p->name);
    tl_random random = tl_random_make(seed, stream);
    if (p->init == TL_INIT_LOCAL)
        convit_local((uint32_t)p->shape[0], (uint32_t)p->bound, (uint32_t)p->shape[1], values);
    else
        for (uint64_t i = 0; i < count; i++) values[i] = tl_random_normal(&random);
    tl_status status = tl_tensor_write(ctx, p->value, 0, count, values);
    free(values);
    return status;
}

tl_status tl_registry_init(tl_context *ctx, tl_registry *r, uint64_t seed)
{
    for (int i = 0; i < r->count; i++) {
        tl_parameter *p = &r->items[i];
        char name[128];
        snprintf(name, sizeof name, "init/%s", p->name);
        uint64_t stream = tl_random_stream(name);
        switch (p->init) {
        case TL_INIT_UNIFORM: TL_TRY(tl_init_uniform(ctx, p->value, p->bound, seed, stream)); break;
        case TL_INIT_NORMAL:
        case TL_INIT_LOCAL: TL_TRY(init_on_host(ctx, p, seed, stream)); break;
        case TL_INIT_ONE: TL_TRY(tl_init_constant(ctx, p->value, 1.0f)); break;
        case TL_INIT_ZERO: TL_TRY(tl_init_constant(ctx, p->value, 0.0f)); break;
        }
    }
    return TL_OK;
}

void tl_registry_free(tl_context *ctx, tl_registry *r)
{
    for (int i = 0; i < r->count; i++) {
        tl_parameter *p = &r->items[i];
        tl_tensor_destroy(ctx, p->value);
        tl_tensor_destroy(ctx, p->gradient);
        for (int s = 0; s < OPTIMIZER_MOST_SLOTS; s++) tl_tensor_destroy(ctx, p->state[s]);
    }
    tl_tensor_destroy(ctx, r->workspace);
    free(r->items);
    memset(r, 0, sizeof *r);
}

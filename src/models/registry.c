#include "models/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/random.h"
#include "ops/convit.h"

int tli_registry_add(tli_registry *r, const char *name, tli_init init, float bound, uint32_t rank,
                     const uint64_t *shape)
{
    if (r->count == r->capacity) {
        int capacity = r->capacity > 0 ? 2 * r->capacity : 64;
        tli_parameter *items = realloc(r->items, (size_t)capacity * sizeof *items);
        if (items == NULL) return -1;
        r->items = items;
        r->capacity = capacity;
    }
    tli_parameter *p = &r->items[r->count];
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", name);
    p->dtype = TLI_DTYPE_F32;
    p->decay = true;
    p->init = init;
    p->bound = bound;
    p->rank = rank;
    for (uint32_t i = 0; i < rank && i < 4; i++) p->shape[i] = shape[i];
    p->at = tli_registry_count(r);
    return r->count++;
}

int tli_registry_add_op(tli_registry *r, const char *name, const tli_op_parameter *p)
{
    const float bound = p->init == TLI_INIT_UNIFORM ? (float)(1.0 / sqrt((double)p->fan_in))
                        : p->init == TLI_INIT_LOCAL ? (float)p->axes
                                                    : 0.0f;
    const int index = tli_registry_add(r, name, p->init, bound, p->rank, p->shape);
    if (index < 0) return index;
    r->items[index].geometry = p->geometry;
    r->items[index].query = p->query;
    return index;
}

tl_status tli_registry_borrow(tli_registry *r, const tl_parameter *list, int count, tl_error *err)
{
    for (int i = 0; i < count; i++) {
        const uint64_t shape[3] = {list[i].value->lead, list[i].value->row,
                                   1}; /* rank 3: shards as the value */
        if (tli_registry_add(r, list[i].name, TLI_INIT_ZERO, 0.0f, 3, shape) < 0)
            return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for a list of parameters");
        tli_parameter *p = &r->items[r->count - 1];
        p->decay = list[i].decay;
        p->value = list[i].value;
        p->gradient = list[i].gradient;
    }
    return TL_OK;
}

void tli_registry_return(tl_context *ctx, tli_registry *r)
{
    for (int i = 0; i < r->count; i++) r->items[i].value = r->items[i].gradient = NULL;
    tli_registry_free(ctx, r);
}

tli_parameter *tli_registry_find(tli_registry *r, const char *name)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->items[i].name, name) == 0) return &r->items[i];
    }
    return NULL;
}

tl_parameter tli_parameter_shown(const tli_parameter *p)
{
    tl_parameter shown = {
        .name = p->name, .rank = p->rank, .decay = p->decay, .value = p->value, .gradient = p->gradient};
    memcpy(shown.shape, p->shape, sizeof shown.shape);
    return shown;
}

uint64_t tli_parameter_whole(const tli_parameter *p)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < p->rank; i++) count *= p->shape[i];
    return count;
}

uint64_t tli_parameter_count(const tli_parameter *p)
{
    const uint64_t whole = tli_parameter_whole(p);
    return tli_parameter_is_shared(p) ? whole / p->shape[0] * tli_parameter_lead(p) : whole;
}

uint64_t tli_registry_whole(const tli_registry *r)
{
    uint64_t count = 0;
    for (int i = 0; i < r->count; i++) count += tli_parameter_whole(&r->items[i]);
    return count;
}

uint64_t tli_registry_count(const tli_registry *r)
{
    if (r->count == 0) return 0;
    const tli_parameter *last = &r->items[r->count - 1];
    return last->at + tli_parameter_count(last);
}

uint64_t tli_registry_shared(const tli_registry *r, int i, uint64_t *first)
{
    const uint64_t at = r->items[i].at, count = tli_parameter_count(&r->items[i]),
                   begin = tli_larger(r->share_begin, at),
                   end = r->share_end > 0 && r->share_end < at + count ? r->share_end : at + count;
    *first = begin - at;
    return end > begin ? end - begin : 0;
}

/* ---- shares of matrices --------------------------------------------------------------------------- */

bool tli_parameter_is_shared(const tli_parameter *p)
{
    return p->rank == 3 && p->geometry.shares > 1;
}

uint64_t tli_parameter_lead(const tli_parameter *p)
{
    if (p->rank != 3) return 1;
    return tli_parameter_is_shared(p) ? tli_geometry_rows(&p->geometry) : p->shape[0];
}

int64_t tli_parameter_matrix(const tli_parameter *p, uint64_t row)
{
    return tli_parameter_is_shared(p) ? tli_geometry_matrix(&p->geometry, (uint32_t)row, p->query)
                                      : (int64_t)row;
}

uint64_t tli_parameter_run(const tli_parameter *p, uint64_t at, int64_t *whole)
{
    *whole = (int64_t)at;
    if (!tli_parameter_is_shared(p)) return tli_parameter_count(p) - at;
    const uint64_t row = tli_parameter_whole(p) / p->shape[0], inside = at % row;
    const int64_t matrix = tli_parameter_matrix(p, at / row);
    *whole = matrix < 0 ? -1 : matrix * (int64_t)row + (int64_t)inside;
    return row - inside;
}

/* ---- memory --------------------------------------------------------------------------------------- */

static tl_status allocate_part(tl_context *ctx, const tli_parameter *p, const char *prefix,
                               tl_memory_kind kind, uint64_t lead, uint64_t count, tl_tensor **out)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    return tli_tensor_create_uninitialized(ctx, name, kind, lead, count / lead, out);
}

static tl_status allocate_one(tl_context *ctx, const tli_parameter *p, const char *prefix,
                              tl_memory_kind kind, tl_tensor **out)
{
    return allocate_part(ctx, p, prefix, kind, tli_parameter_lead(p), tli_parameter_count(p), out);
}

static tl_status allocate_slot(tl_context *ctx, tli_registry *r, int i, int slot)
{
    tli_parameter *p = &r->items[i];
    uint64_t first;
    const uint64_t count = tli_registry_shared(r, i, &first);
    if (count == 0) return TL_OK;
    return allocate_part(ctx, p, r->rule->slot[slot], TL_MEMORY_MOMENT,
                         count == tli_parameter_count(p) ? tli_parameter_lead(p) : count, count,
                         &p->state[slot]);
}

uint64_t tli_registry_workspace(const tli_registry *r, const optimizer_rule *rule)
{
    uint64_t most = 0;
    for (int i = 0; i < r->count; i++) {
        const uint64_t count = tli_optimizer_workspace(rule, tli_parameter_count(&r->items[i]));
        if (count > most) most = count;
    }
    return most;
}

tl_status tli_registry_allocate(tl_context *ctx, tli_registry *r, bool training)
{
    for (int i = 0; i < r->count; i++) {
        tli_parameter *p = &r->items[i];
        TLI_TRY(allocate_one(ctx, p, "", TL_MEMORY_PARAMETER, &p->value));
        if (training) TLI_TRY(allocate_one(ctx, p, "grad.", TL_MEMORY_GRADIENT, &p->gradient));
    }
    return TL_OK;
}

tl_status tli_registry_allocate_state(tl_context *ctx, tli_registry *r, const optimizer_rule *rule)
{
    r->rule = rule;
    for (int i = 0; i < r->count; i++)
        for (int s = 0; s < rule->slots; s++) TLI_TRY(allocate_slot(ctx, r, i, s));
    const uint64_t workspace = tli_registry_workspace(r, rule);
    if (workspace == 0) return TL_OK;
    return tli_tensor_create_uninitialized(ctx, "optimizer workspace", TL_MEMORY_WORKSPACE, 1, workspace,
                                           &r->workspace);
}

static tl_status check_parameter(tl_context *ctx, const tli_registry *r, const tli_parameter *p)
{
    TLI_TRY(tli_tensor_check(ctx, p->name, p->value));
    if (p->gradient != NULL) TLI_TRY(tli_tensor_check(ctx, p->name, p->gradient));
    for (int s = 0; r->rule != NULL && s < r->rule->slots; s++)
        if (p->state[s] != NULL) TLI_TRY(tli_tensor_check(ctx, p->name, p->state[s]));
    return TL_OK;
}

tl_status tli_registry_check(tl_context *ctx, tli_registry *r)
{
    const uint64_t destroyed = tli_tensors_destroyed(ctx);
    if (r->checked && r->checked_at == destroyed) return TL_OK;
    for (int i = 0; i < r->count; i++) TLI_TRY(check_parameter(ctx, r, &r->items[i]));
    r->checked = true;
    r->checked_at = destroyed;
    return TL_OK;
}

tl_status tli_registry_update(tl_context *ctx, tli_registry *r, const optimizer_settings *settings)
{
    enum { MOST = 64 }; /* at a time, so that one launch serves several */
    optimizer_target targets[MOST];
    int count = 0;
    for (int i = 0; i < r->count; i++) {
        const tli_parameter *p = &r->items[i];
        optimizer_target target = {.value = p->value, .gradient = p->gradient, .undecayed = !p->decay};
        if (tli_registry_shared(r, i, &target.first) == 0) continue;
        memcpy(target.state, p->state, sizeof target.state);
        if (r->workspace != NULL) target.workspace = tli_at(r->workspace, 0);
        targets[count++] = target;
        if (count < MOST) continue;
        TLI_TRY(tli_optimizer_step(ctx, r->rule, targets, count, settings));
        count = 0;
    }
    return count > 0 ? tli_optimizer_step(ctx, r->rule, targets, count, settings) : TL_OK;
}

uint64_t tli_registry_stored_bytes(const tli_registry *r)
{
    const uint64_t tensors = r->rule != NULL ? 1 + (uint64_t)r->rule->slots : 1;
    uint64_t bytes = 0;
    for (int i = 0; i < r->count; i++)
        bytes += tensors * tli_parameter_whole(&r->items[i]) * tli_element_bytes(r->items[i].dtype);
    return bytes;
}

/* Normal values are computed on the host: only the class token and the embeddings have them. */
static tl_status init_on_host(tl_context *ctx, tli_parameter *p, uint64_t seed, uint64_t stream)
{
    uint64_t count = tli_parameter_count(p);
    float *values = malloc(count * sizeof *values);
    if (values == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "no host memory for the initial values of %s: free some memory.", p->name);
    tli_random random = tli_random_make(seed, stream);
    if (p->init == TLI_INIT_LOCAL)
        tli_convit_local((uint32_t)p->shape[0], (uint32_t)p->bound, (uint32_t)p->shape[1], values);
    else
        for (uint64_t i = 0; i < count; i++) values[i] = tli_random_normal(&random);
    tl_status status = tl_tensor_write(ctx, p->value, 0, count, values);
    free(values);
    return status;
}

/* An element's value depends on its place in files, not on who has it. */
static tl_status init_by_runs(tl_context *ctx, const tli_parameter *p, uint64_t seed, uint64_t stream)
{
    const uint64_t count = tli_parameter_count(p);
    for (uint64_t at = 0, n; at < count; at += n) {
        uint64_t left;
        int64_t whole;
        const tli_view view = tli_element(p->value, at, &left);
        n = tli_parameter_run(p, at, &whole);
        if (left < n) n = left;
        TLI_TRY(whole < 0 ? tli_zero(ctx, view, n)
                          : tli_init_uniform_part(ctx, view, (uint64_t)whole, n, p->bound, seed, stream));
    }
    return TL_OK;
}

tl_status tli_registry_init(tl_context *ctx, tli_registry *r, uint64_t seed)
{
    for (int i = 0; i < r->count; i++) {
        tli_parameter *p = &r->items[i];
        char name[128];
        snprintf(name, sizeof name, "init/%s", p->name);
        uint64_t stream = tli_random_stream(name);
        switch (p->init) {
        case TLI_INIT_UNIFORM: TLI_TRY(init_by_runs(ctx, p, seed, stream)); break;
        case TLI_INIT_NORMAL:
        case TLI_INIT_LOCAL: TLI_TRY(init_on_host(ctx, p, seed, stream)); break;
        case TLI_INIT_ONE: TLI_TRY(tli_init_constant(ctx, p->value, 1.0f)); break;
        case TLI_INIT_ZERO: TLI_TRY(tli_init_constant(ctx, p->value, 0.0f)); break;
        }
    }
    return TL_OK;
}

void tli_registry_free(tl_context *ctx, tli_registry *r)
{
    for (int i = 0; i < r->count; i++) {
        tli_parameter *p = &r->items[i];
        tl_tensor_destroy(ctx, p->value);
        tl_tensor_destroy(ctx, p->gradient);
        for (int s = 0; s < OPTIMIZER_MAX_SLOTS; s++) tl_tensor_destroy(ctx, p->state[s]);
    }
    tl_tensor_destroy(ctx, r->workspace);
    free(r->items);
    memset(r, 0, sizeof *r);
}

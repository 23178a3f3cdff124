#include "models/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/random.h"
#include "ops/init.h"
#include "ops/op_check.h"
#include "ops/op_rules.h"
#include "ops/self_test.h"

static tli_geometry geometry_of(const tl_layer_config *c)
{
    const op_rule *rule = tli_op_rule_of(c->op);
    const uint32_t length = c->max_length != 0 ? c->max_length : c->width;
    return (tli_geometry){.kind = c->causal ? TLI_CAUSAL : TLI_GRID,
                          .depth = c->depth,
                          .height = c->causal && c->height == 0 ? 1 : c->height,
                          .width = c->width,
                          .cls = c->cls ? 1 : 0,
                          .max_length = c->causal ? length : 0,
                          .sharing = c->sharing,
                          .sharing_radius = c->sharing_radius,
                          .window = c->window,
                          .absolute = rule != NULL && rule->per_pair};
}

uint32_t tl_layer_tokens(const tl_layer_config *config)
{
    if (config == NULL) return 0;
    const tli_geometry geometry = geometry_of(config);
    return tli_geometry_tokens(&geometry);
}

/* The operation's shape for a configuration, not validated: see tli_op_check. */
static tli_op_shape shape_of(const tl_layer_config *c)
{
    const op_rule *rule = tli_op_rule_of(c->op);
    return (tli_op_shape){.kind = c->op,
                          .geometry = geometry_of(c),
                          .batch = c->batch,
                          .dim = c->dim,
                          .heads = c->heads,
                          .head_dim = c->head_dim,
                          .relative = c->relative,
                          .positions = c->positions == TL_POSITIONS_DEFAULT ? TL_POSITIONS_NONE
                                                                            : c->positions,
                          .relenc_dim = rule != NULL && rule->low_rank ? c->relenc_dim : 0,
                          .queries = tl_layer_tokens(c)};
}

/* Creates parameter `name` [s0][s1] or, with s2, [s0][s1][s2] (sharded along s0), initialised with
 * U(-bound, bound) for its fan-in. */
static tl_status layer_add(tl_context *ctx, tl_layer *layer, uint64_t seed, const char *name, uint64_t fan_in,
                           uint64_t s0, uint64_t s1, uint64_t s2, tl_tensor **value, tl_tensor **gradient)
{
    tl_parameter *p = &layer->parameters[layer->count];
    bool table = s2 != 0;
    uint64_t lead = table ? s0 : 1, row = table ? s1 * s2 : s0 * s1;
    char text[64];
    TLI_TRY(tl_tensor_create(ctx, name, TL_MEMORY_PARAMETER, lead, row, value));
    *p = (tl_parameter){.name = name, .rank = table ? 3 : 2, .shape = {s0, s1, s2}, .value = *value};
    layer->count++;
    TLI_TRY(tl_tensor_create(ctx, name, TL_MEMORY_GRADIENT, lead, row, gradient));
    p->gradient = *gradient;
    snprintf(text, sizeof text, "layer/%s", name);
    return tli_init_uniform(ctx, *value, (float)(1.0 / sqrt((double)fan_in)), seed, tli_random_stream(text));
}

static tl_status add_parameters(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int count = tli_op_parameters(&layer->shape, list);
    for (int i = 0; i < count; i++)
        TLI_TRY(layer_add(ctx, layer, seed, list[i].field, list[i].fan_in, list[i].shape[0], list[i].shape[1],
                          list[i].rank == 3 ? list[i].shape[2] : 0, tli_op_tensor(&layer->values, &list[i]),
                          tli_op_tensor(&layer->gradients, &list[i])));
    return TL_OK;
}

static tl_status fill_layer(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    TLI_TRY(add_parameters(ctx, layer, seed));
    uint64_t workspace = tli_op_workspace_count(&layer->shape);
    TLI_TRY(tl_tensor_create(ctx, "layer workspace", TL_MEMORY_WORKSPACE, 1, workspace > 0 ? workspace : 1,
                             &layer->workspace));
    return tli_op_create(ctx, "layer", &layer->shape, &layer->state);
}

tl_status tli_layer_create(tl_context *ctx, const tli_op_shape *shape, uint64_t seed, tl_layer **out)
{
    tl_layer *layer = calloc(1, sizeof *layer);
    *out = layer;
    if (layer == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a layer");
    layer->shape = *shape;
    tl_status status = tli_self_test_switch_on(ctx);
    if (status == TL_OK) status = fill_layer(ctx, layer, seed);
    if (status == TL_OK) return TL_OK;
    tli_layer_destroy(ctx, layer);
    *out = NULL;
    return status;
}

void tli_layer_destroy(tl_context *ctx, tl_layer *layer)
{
    if (layer == NULL) return;
    tli_op_destroy(ctx, layer->state);
    tl_tensor_destroy(ctx, layer->workspace);
    for (int i = 0; i < layer->count; i++) {
        tl_tensor_destroy(ctx, layer->parameters[i].value);
        tl_tensor_destroy(ctx, layer->parameters[i].gradient);
    }
    free(layer);
}

tl_status tli_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o)
{
    TLI_TRY(tli_op_forward(ctx, layer->state, &layer->values, tli_at(x, 0), tli_at(o, 0),
                           tli_at(layer->workspace, 0)));
    layer->forwarded = true;
    return TL_OK;
}

tl_status tli_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                             tl_tensor *dx)
{
    return tli_op_backward(ctx, layer->state, &layer->values, tli_at(x, 0), tli_at(d_o, 0), tli_at(dx, 0),
                           &layer->gradients, tli_at(layer->workspace, 0));
}

/* ---- the public API ------------------------------------------------------------------------------ */

static void disown_and_destroy(tl_context *ctx, void *object)
{
    tli_context_disown(ctx, object);
    tli_layer_destroy(ctx, object);
}

tl_status tl_layer_create(tl_context *ctx, const tl_layer_config *config, uint64_t seed, tl_layer **out)
{
    if (ctx == NULL || config == NULL || out == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "a layer to be made needs a context, a configuration and a place for its handle");
    *out = NULL;
    tl_layer_config own;
    TLI_TRY(TLI_CONFIG_TAKE(&own, config, tl_layer_config, tl_context_error(ctx)));
    if (own.positions == TL_POSITIONS_LEARNED)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "a layer has no learned positions: add them to its input");
    const tli_op_shape shape = shape_of(&own);
    TLI_TRY(tli_op_check(&shape, tl_context_error(ctx)));
    TLI_TRY(tli_op_check_batch(&shape, tl_context_error(ctx)));
    tl_layer *layer;
    TLI_TRY(tli_layer_create(ctx, &shape, seed, &layer));
    const tl_status status = tli_context_own(ctx, layer, disown_and_destroy);
    if (status == TL_OK)
        *out = layer;
    else
        tli_layer_destroy(ctx, layer);
    return status;
}

/* May be called with the handle of a destroyed layer. */
static tl_status check_layer(tl_context *ctx, const tl_layer *layer)
{
    if (ctx == NULL || layer == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "the layer or its context is missing");
    if (tli_context_owns(ctx, layer)) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                    "the layer is none of this context: it was destroyed, or made in another one");
}

/* Checks also that its tensors are alive: users get them from tl_layer_parameter_at and might destroy one. */
static tl_status check_whole_layer(tl_context *ctx, const tl_layer *layer)
{
    TLI_TRY(check_layer(ctx, layer));
    for (int i = 0; i < layer->count; i++) {
        TLI_TRY(tli_tensor_check(ctx, layer->parameters[i].name, layer->parameters[i].value));
        TLI_TRY(tli_tensor_check(ctx, layer->parameters[i].name, layer->parameters[i].gradient));
    }
    return TL_OK;
}

void tl_layer_destroy(tl_context *ctx, tl_layer *layer)
{
    if (layer != NULL && check_layer(ctx, layer) == TL_OK) disown_and_destroy(ctx, layer);
}

bool tl_layer_parameter_at(tl_layer *layer, int index, tl_parameter *out)
{
    if (layer == NULL || out == NULL || index < 0 || index >= layer->count) return false;
    *out = layer->parameters[index];
    return true;
}

/* The caller's tensor must be alive in this context, unsharded, and hold `channels` values per row. */
static tl_status check_tensor(tl_context *ctx, const tl_layer *layer, const char *what, const tl_tensor *t,
                              uint64_t channels)
{
    const uint64_t rows = (uint64_t)layer->shape.queries * layer->shape.batch;
    return tli_tensor_check_room(ctx, what, t, rows * channels);
}

/* Outputs must not alias any other tensor of the call, a parameter or a gradient of the layer. */
static tl_status check_target(tl_context *ctx, const tl_layer *layer, const char *what,
                              const tl_tensor *target, const char *other_what, const tl_tensor *other)
{
    if (target->mem[0] == other->mem[0])
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "%s and %s are the same memory, the tensor \"%s\": give %s a tensor of its own", what,
                        other_what, target->name, what);
    for (int i = 0; i < layer->count; i++)
        if (target == layer->parameters[i].value || target == layer->parameters[i].gradient)
            return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                            "%s is the layer's own tensor \"%s\": give it another", what, target->name);
    return TL_OK;
}

tl_status tl_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o)
{
    TLI_TRY(check_whole_layer(ctx, layer));
    const tli_op_shape *s = &layer->shape;
    TLI_TRY(check_tensor(ctx, layer, "x", x, s->dim));
    TLI_TRY(check_tensor(ctx, layer, "o", o, (uint64_t)s->heads * s->head_dim));
    TLI_TRY(check_target(ctx, layer, "o", o, "x", x));
    return tli_layer_forward(ctx, layer, x, o);
}

tl_status tl_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                            tl_tensor *dx)
{
    TLI_TRY(check_whole_layer(ctx, layer));
    const tli_op_shape *s = &layer->shape;
    TLI_TRY(check_tensor(ctx, layer, "x", x, s->dim));
    TLI_TRY(check_tensor(ctx, layer, "d_o", d_o, (uint64_t)s->heads * s->head_dim));
    TLI_TRY(check_tensor(ctx, layer, "dx", dx, s->dim));
    TLI_TRY(check_target(ctx, layer, "dx", dx, "x", x));
    TLI_TRY(check_target(ctx, layer, "dx", dx, "d_o", d_o));
    if (!layer->forwarded)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "backward needs what forward keeps: call tl_layer_forward on this x first");
    return tli_layer_backward(ctx, layer, x, d_o, dx);
}

/* tl_layer of the public header: checks of arguments and of the order of calls. Files are in
 * tasks/object_files.c. */
#include "core/config.h"
#include "models/layer.h"
#include "ops/op_check.h"
#include "ops/op_rules.h"

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
    if (own.kv_cache && (!own.causal || !own.inference))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "kv_cache is for inference on causal sequences: set causal and inference too");
    const tli_op_shape shape = shape_of(&own);
    TLI_TRY(tli_op_check(&shape, tl_context_error(ctx)));
    TLI_TRY(tli_op_check_batch(&shape, tl_context_error(ctx)));
    tl_layer *layer;
    const tli_layer_use use = {.training = !own.inference, .kv_cache = own.kv_cache};
    TLI_TRY(tli_layer_create(ctx, &shape, use, seed, &layer));
    const tl_status status = tli_context_own(ctx, layer, disown_and_destroy);
    if (status == TL_OK)
        *out = layer;
    else
        tli_layer_destroy(ctx, layer);
    return status;
}

/* May be called with the handle of a destroyed layer. */
tl_status tli_layer_own_check(tl_context *ctx, const tl_layer *layer)
{
    return tli_context_check(ctx, layer, "layer");
}

/* Checks also that its tensors are alive: users get them from tl_layer_parameter_at and might destroy one. */
static tl_status check_whole_layer(tl_context *ctx, tl_layer *layer)
{
    TLI_TRY(tli_layer_own_check(ctx, layer));
    return tli_registry_check(ctx, &layer->registry);
}

void tl_layer_destroy(tl_context *ctx, tl_layer *layer)
{
    if (layer != NULL && tli_layer_own_check(ctx, layer) == TL_OK) disown_and_destroy(ctx, layer);
}

bool tl_layer_parameter_at(tl_layer *layer, int index, tl_parameter *out)
{
    if (layer == NULL || out == NULL || index < 0 || index >= layer->registry.count) return false;
    *out = tli_parameter_shown(&layer->registry.items[index]);
    return true;
}

bool tl_layer_parameter(tl_layer *layer, const char *name, tl_parameter *out)
{
    const tli_parameter *p = layer != NULL && name != NULL ? tli_registry_find(&layer->registry, name) : NULL;
    if (p == NULL || out == NULL) return false;
    *out = tli_parameter_shown(p);
    return true;
}

tl_status tl_layer_set_batch(tl_context *ctx, tl_layer *layer, uint32_t batch, uint32_t first,
                             uint32_t tokens)
{
    TLI_TRY(tli_layer_own_check(ctx, layer));
    tl_error *err = tl_context_error(ctx);
    const tli_op_shape *s = &layer->shape;
    const uint32_t most = tli_geometry_tokens(&s->geometry);
    if (batch < 1 || batch > s->batch)
        return tli_fail(err, TL_ERROR_USAGE, "a batch of %u does not fit a layer made for 1 to %u", batch,
                        s->batch);
    if (tokens < 1 || tokens > most || (tokens != most && s->geometry.kind != TLI_CAUSAL))
        return tli_fail(err, TL_ERROR_USAGE, "%u tokens do not fit a layer made for %s%u", tokens,
                        s->geometry.kind == TLI_CAUSAL ? "1 to " : "", most);
    if (first >= tokens)
        return tli_fail(err, TL_ERROR_USAGE, "first is %u, but there are only %u tokens", first, tokens);
    if (first > 0 && (!layer->use.kv_cache || batch != layer->batch || first > layer->kept))
        return tli_fail(err, TL_ERROR_USAGE,
                        "the layer has not kept %u tokens of a batch of %u: give them again", first, batch);
    TLI_TRY(tli_op_fit(ctx, "layer", layer->state, batch, first, tokens));
    if (batch != layer->batch) layer->kept = 0;
    layer->batch = batch;
    layer->first = first;
    layer->tokens = tokens;
    layer->forwarded = false;
    return TL_OK;
}

/* The caller's tensor must be alive in this context, unsharded, and hold `channels` values per row. */
static tl_status check_tensor(tl_context *ctx, const tl_layer *layer, const char *what, const tl_tensor *t,
                              uint64_t channels)
{
    const uint64_t rows = (uint64_t)(layer->tokens - layer->first) * layer->batch;
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
    for (int i = 0; i < layer->registry.count; i++)
        if (target == layer->registry.items[i].value || target == layer->registry.items[i].gradient)
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
    if (!layer->use.training)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the layer was made for inference: clear `inference` in its tl_layer_config to go "
                        "backward");
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

/* tl_layer of the public header: one attention-like operation with its parameters, gradients and workspace.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "translution/translution.h"

#include "core/random.h"
#include "ops/attention_like.h"
#include "ops/init.h"
#include "ops/rope.h"

enum { PARAMETERS = 8 };

struct tl_layer {
    tl_op_shape shape;
    tl_layer_parameter parameters[PARAMETERS];
    int count;
    tl_op_weights values, gradients;
    tl_op_state *state;
    tl_tensor *workspace;
};

static tl_geometry geometry_of(const tl_layer_config *c)
{
    if (c->causal) {
        uint32_t length = c->max_length != 0 ? c->max_length : c->width;
        return (tl_geometry){.kind = TL_CAUSAL,
                             .height = 1,
                             .width = c->width,
                             .max_length = length,
                             .sharing = c->sharing,
                             .sharing_radius = c->sharing_radius,
                             .window = c->window};
    }
    return (tl_geometry){.kind = TL_GRID,
                         .depth = c->depth,
                         .height = c->height,
                         .width = c->width,
                         .cls = c->cls ? 1 : 0,
                         .sharing = c->sharing,
                         .sharing_radius = c->sharing_radius,
                         .window = c->window,
                         .absolute = c->op == TL_OP_ABSOLUTE};
}

uint32_t tl_layer_tokens(const tl_layer_config *config)
{
    tl_geometry geometry = geometry_of(config);
    return tl_geometry_tokens(&geometry);
}

static tl_status check(tl_context *ctx, const tl_layer_config *c)
{
    tl_error *err = tl_context_error(ctx);
    if (c->batch == 0 || c->dim == 0 || c->heads == 0 || c->head_dim == 0 || c->width == 0 ||
        (!c->causal && c->height == 0))
        return tl_fail(err, TL_ERROR_USAGE,
                       "a layer needs batch, dim, heads, head_dim, height and width above 0");
    if ((c->op == TL_OP_ALPHA || c->op == TL_OP_ALPHA_PURE) && c->relenc_dim == 0)
        return tl_fail(err, TL_ERROR_USAGE, "an alpha layer needs relenc_dim above 0");
    if ((c->relative & ~(tl_roles)TL_ROLE_QKV) != 0)
        return tl_fail(err, TL_ERROR_USAGE, "relative is an OR of TL_ROLE_Q, TL_ROLE_K and TL_ROLE_V, not %u",
                       c->relative);
    if (c->rotary && c->op != TL_OP_ATTENTION && c->op != TL_OP_ALPHA)
        return tl_fail(err, TL_ERROR_USAGE, "rotary positions are for attention and alpha layers");
    const tl_geometry geometry = geometry_of(c);
    if (c->rotary) TL_TRY(tl_rope_check(&geometry, c->head_dim, err));
    if (c->op == TL_OP_ABSOLUTE && (c->causal || c->sharing != TL_SHARING_NONE || c->window > 0))
        return tl_fail(err, TL_ERROR_USAGE,
                       "an absolute layer has a grid, no sharing of offsets and no window");
    if (c->op == TL_OP_CONV && c->window == 0)
        return tl_fail(err, TL_ERROR_USAGE, "a conv layer needs a window above 0");
    if (c->causal && (c->cls || (c->max_length != 0 && c->max_length < c->width)))
        return tl_fail(err, TL_ERROR_USAGE,
                       "a causal layer has no class token and a max_length of at least its width, %u",
                       c->width);
    if ((uint64_t)(c->causal ? 1 : c->height) * (c->depth > 1 ? c->depth : 1) * c->width > 65535)
        return tl_fail(err, TL_ERROR_USAGE, "a layer takes at most 65535 tokens, not %u x %u", c->height,
                       c->width);
    return TL_OK;
}

/* Makes parameter `name` [s0][s1] or, with s2, [s0][s1][s2] (sharded along s0), U(-bound, bound) for its
 * fan-in. */
static tl_status add(tl_context *ctx, tl_layer *layer, uint64_t seed, const char *name, uint64_t fan_in,
                     uint64_t s0, uint64_t s1, uint64_t s2, tl_tensor **value, tl_tensor **gradient)
{
    tl_layer_parameter *p = &layer->parameters[layer->count];
    bool table = s2 != 0;
    uint64_t lead = table ? s0 : 1, row = table ? s1 * s2 : s0 * s1;
    char text[64];
    TL_TRY(tl_tensor_create(ctx, name, TL_MEMORY_PARAMETER, lead, row, value));
    *p = (tl_layer_parameter){.name = name, .rank = table ? 3 : 2, .shape = {s0, s1, s2}, .value = *value};
    layer->count++;
    TL_TRY(tl_tensor_create(ctx, name, TL_MEMORY_GRADIENT, lead, row, gradient));
    p->gradient = *gradient;
    snprintf(text, sizeof text, "layer/%s", name);
    return tl_init_uniform(ctx, *value, (float)(1.0 / sqrt((double)fan_in)), seed, tl_random_stream(text));
}

static tl_status add_parameters(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    tl_op_parameter list[TL_OP_MAX_PARAMETERS];
    const int count = tl_op_parameters(&layer->shape, list);
    for (int i = 0; i < count; i++)
        TL_TRY(add(ctx, layer, seed, list[i].field, list[i].fan_in, list[i].shape[0], list[i].shape[1],
                   list[i].rank == 3 ? list[i].shape[2] : 0, tl_op_weight(&layer->values, &list[i]),
                   tl_op_weight(&layer->gradients, &list[i])));
    return TL_OK;
}

static tl_status fill(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    TL_TRY(add_parameters(ctx, layer, seed));
    uint64_t workspace = tl_op_workspace_count(&layer->shape);
    TL_TRY(tl_tensor_create(ctx, "layer workspace", TL_MEMORY_WORKSPACE, 1, workspace > 0 ? workspace : 1,
                            &layer->workspace));
    return tl_op_create(ctx, "layer", &layer->shape, &layer->state);
}

tl_status tl_layer_create(tl_context *ctx, const tl_layer_config *config, uint64_t seed, tl_layer **out)
{
    *out = NULL;
    TL_TRY(check(ctx, config));
    tl_layer *layer = calloc(1, sizeof *layer);
    if (layer == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a layer");
    layer->shape = (tl_op_shape){
        .kind = config->op,
        .geometry = geometry_of(config),
        .batch = config->batch,
        .dim = config->dim,
        .heads = config->heads,
        .head_dim = config->head_dim,
        .relative = config->relative,
        .rotary = config->rotary,
        .relenc_dim = config->op == TL_OP_ALPHA || config->op == TL_OP_ALPHA_PURE ? config->relenc_dim : 0,
        .queries = tl_layer_tokens(config)};
    tl_status status = fill(ctx, layer, seed);
    if (status != TL_OK) {
        tl_layer_destroy(ctx, layer);
        return status;
    }
    *out = layer;
    return TL_OK;
}

void tl_layer_destroy(tl_context *ctx, tl_layer *layer)
{
    if (layer == NULL) return;
    tl_op_destroy(ctx, layer->state);
    tl_tensor_destroy(ctx, layer->workspace);
    for (int i = 0; i < layer->count; i++) {
        tl_tensor_destroy(ctx, layer->parameters[i].value);
        tl_tensor_destroy(ctx, layer->parameters[i].gradient);
    }
    free(layer);
}

bool tl_layer_parameter_at(tl_layer *layer, int index, tl_layer_parameter *out)
{
    if (index < 0 || index >= layer->count) return false;
    *out = layer->parameters[index];
    return true;
}

/* A tensor handed in by the caller must be one piece with room for `channels` of every row. */
static tl_status check_tensor(tl_context *ctx, const tl_layer *layer, const char *what, const tl_tensor *t,
                              uint64_t channels)
{
    uint64_t need = (uint64_t)layer->shape.queries * layer->shape.batch * channels;
    if (t->shards == 1 && t->lead * t->row >= need) return TL_OK;
    return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                   "%s, the tensor \"%s\", must hold %llu elements in one piece: it has %llu in %d", what,
                   t->name, (unsigned long long)need, (unsigned long long)(t->lead * t->row), t->shards);
}

tl_status tl_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o)
{
    const tl_op_shape *s = &layer->shape;
    TL_TRY(check_tensor(ctx, layer, "x", x, s->dim));
    TL_TRY(check_tensor(ctx, layer, "o", o, (uint64_t)s->heads * s->head_dim));
    return tl_op_forward(ctx, layer->state, &layer->values, tl_at(x, 0), tl_at(o, 0),
                         tl_at(layer->workspace, 0));
}

tl_status tl_layer_backward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, const tl_tensor *d_o,
                            tl_tensor *dx)
{
    const tl_op_shape *s = &layer->shape;
    TL_TRY(check_tensor(ctx, layer, "x", x, s->dim));
    TL_TRY(check_tensor(ctx, layer, "d_o", d_o, (uint64_t)s->heads * s->head_dim));
    TL_TRY(check_tensor(ctx, layer, "dx", dx, s->dim));
    return tl_op_backward(ctx, layer->state, &layer->values, tl_at(x, 0), tl_at(d_o, 0), tl_at(dx, 0),
                          &layer->gradients, tl_at(layer->workspace, 0));
}

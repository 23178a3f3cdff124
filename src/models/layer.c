#include "models/layer.h"

#include <stdlib.h>

#include "ops/init.h"
#include "ops/self_test.h"

static tl_status add_parameters(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int count = tli_op_parameters(&layer->shape, list);
    tli_registry *r = &layer->registry;
    for (int i = 0; i < count; i++)
        if (tli_registry_add_op(r, list[i].field, &list[i]) < 0)
            return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a layer");
    TLI_TRY(tli_registry_allocate(ctx, r, layer->use.training));
    for (int i = 0; i < count; i++) {
        *tli_op_tensor(&layer->values, &list[i]) = r->items[i].value;
        *tli_op_tensor(&layer->gradients, &list[i]) = r->items[i].gradient;
        if (layer->use.training) TLI_TRY(tli_init_constant(ctx, r->items[i].gradient, 0.0f));
    }
    return tli_registry_init(ctx, r, seed);
}

static tl_status fill_layer(tl_context *ctx, tl_layer *layer, uint64_t seed)
{
    const tli_op_shape *s = &layer->shape;
    TLI_TRY(add_parameters(ctx, layer, seed));
    const uint64_t workspace = tli_op_workspace_count(s);
    TLI_TRY(tl_tensor_create(ctx, "layer workspace", TL_MEMORY_WORKSPACE, 1, workspace > 0 ? workspace : 1,
                             &layer->workspace));
    if (layer->use.kv_cache)
        TLI_TRY(tl_tensor_create(ctx, "layer rows", TL_MEMORY_ACTIVATION, 1,
                                 (uint64_t)layer->tokens * layer->batch * s->dim, &layer->rows));
    return tli_op_create(ctx, "layer", s, &layer->state);
}

tl_status tli_layer_create(tl_context *ctx, const tli_op_shape *shape, tli_layer_use use, uint64_t seed,
                           tl_layer **out)
{
    tl_layer *layer = calloc(1, sizeof *layer);
    *out = layer;
    if (layer == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a layer");
    layer->shape = *shape;
    layer->use = use;
    layer->batch = shape->batch;
    layer->tokens = tli_geometry_tokens(&shape->geometry);
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
    tl_tensor_destroy(ctx, layer->rows);
    tli_registry_free(ctx, &layer->registry);
    free(layer);
}

/* x among the rows of earlier tokens. */
static tl_status keep_rows(tl_context *ctx, tl_layer *layer, const tl_tensor *x)
{
    const uint64_t row = (uint64_t)layer->batch * layer->shape.dim;
    TLI_TRY(tli_copy(ctx, tli_at(x, 0), tli_at(layer->rows, layer->first * row),
                     (layer->tokens - layer->first) * row));
    layer->kept = layer->tokens;
    return TL_OK;
}

tl_status tli_layer_forward(tl_context *ctx, tl_layer *layer, const tl_tensor *x, tl_tensor *o)
{
    if (layer->rows != NULL) TLI_TRY(keep_rows(ctx, layer, x));
    TLI_TRY(tli_op_forward(ctx, layer->state, &layer->values,
                           tli_at(layer->rows != NULL ? layer->rows : x, 0), tli_at(o, 0),
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

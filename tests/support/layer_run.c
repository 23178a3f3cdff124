#include "layer_run.h"

#include "core/random.h"

static void keep(layer_results *r, tl_context *ctx, const tl_tensor *t)
{
    assert_true(r->count < LAYER_RESULTS);
    r->values[r->count] = download(ctx, t);
    r->counts[r->count++] = t->lead * t->row;
}

static void draw(tl_context *ctx, tl_tensor *t, float deviation, uint64_t seed)
{
    const uint64_t count = t->lead * t->row;
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    tli_random r = tli_random_make(1, seed);
    for (uint64_t i = 0; i < count; i++) values[i] = deviation * tli_random_normal(&r);
    MUST(ctx, tl_tensor_write(ctx, t, 0, count, values));
    free(values);
}

layer_results(layer_run)(tl_context *ctx, const tl_layer_config *c)
{
    const uint64_t rows = (uint64_t)tl_layer_tokens(c) * c->batch, in = rows * c->dim,
                   out = rows * c->heads * c->head_dim;
    layer_results r = {.count = 0};
    tl_layer *layer = NULL;
    MUST(ctx, tl_layer_create(ctx, c, 1, &layer));
    tl_tensor *x = upload(ctx, NULL, 1, in), *d_o = upload(ctx, NULL, 1, out), *o = upload(ctx, NULL, 1, out),
              *dx = upload(ctx, NULL, 1, in);
    draw(ctx, x, 1.0f, 1), draw(ctx, d_o, 1.0f, 2);
    tl_parameter parameter;
    for (int i = 0; tl_layer_parameter_at(layer, i, &parameter); i++)
        draw(ctx, parameter.value, 0.3f, 3 + (uint64_t)i);
    MUST(ctx, tl_layer_forward(ctx, layer, x, o));
    MUST(ctx, tl_layer_backward(ctx, layer, x, d_o, dx));
    keep(&r, ctx, o), keep(&r, ctx, dx);
    for (int i = 0; tl_layer_parameter_at(layer, i, &parameter); i++) keep(&r, ctx, parameter.gradient);
    tl_tensor_destroy(ctx, x), tl_tensor_destroy(ctx, o), tl_tensor_destroy(ctx, d_o),
        tl_tensor_destroy(ctx, dx);
    tl_layer_destroy(ctx, layer);
    return r;
}

void layer_results_release(layer_results *r)
{
    for (int i = 0; i < r->count; i++) free(r->values[i]);
    *r = (layer_results){.count = 0};
}

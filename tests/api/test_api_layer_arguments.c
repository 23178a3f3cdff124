/* Wrong arguments of a layer's size, parameters and files. */
#include "refusals.h"

static tl_layer_config sequence(void)
{
    return (tl_layer_config){.size = sizeof(tl_layer_config),
                             .op = TL_OP_TRANSLUTION,
                             .height = 1,
                             .width = 4,
                             .causal = true,
                             .batch = 2,
                             .dim = 4,
                             .heads = 1,
                             .head_dim = 4};
}

static tl_layer *layer_in(tl_context *owner, const tl_layer_config *c)
{
    tl_layer *layer = NULL;
    if (tl_layer_create(owner, c, 1, &layer) != TL_OK) fail_msg("%s", tl_context_error(owner)->text);
    return layer;
}
#define layer_in(...) VALUE_FROM_HERE(layer_in(__VA_ARGS__))

static void kinds_of_layers(void **unused)
{
    tl_layer *layer = NULL;
    tl_layer_config c = sequence();
    c.kv_cache = true;
    WRONG(tl_layer_create, "kv_cache is for inference on causal sequences", ctx, &c, 1, &layer);
    c.inference = true, c.causal = false;
    WRONG(tl_layer_create, "kv_cache is for inference on causal sequences", ctx, &c, 1, &layer);
    assert_null(layer);
    c = sequence(), c.inference = true;
    layer = layer_in(ctx, &c);
    tl_tensor *x = make(ctx, "x", 32), *o = make(ctx, "o", 32), *d_o = make(ctx, "d_o", 32),
              *dx = make(ctx, "dx", 32);
    OK(tl_layer_forward(ctx, layer, x, o));
    WRONG(tl_layer_backward, "made for inference", ctx, layer, x, d_o, dx);
    tl_tensor *const made[] = {x, o, d_o, dx};
    for (int i = 0; i < 4; i++) tl_tensor_destroy(ctx, made[i]);
    tl_layer_destroy(ctx, layer);
}

static void sizes(void **unused)
{
    tl_layer_config c = sequence(), g = sequence();
    c.inference = c.kv_cache = true;
    g.causal = false;
    tl_layer *cached = layer_in(ctx, &c), *grid = layer_in(ctx, &g), *foreign = layer_in(other, &c);
    tl_tensor *x = make(ctx, "x", 32), *o = make(ctx, "o", 32), *small = make(ctx, "small", 7);
    WRONG(tl_layer_set_batch, NULL, NULL, cached, 1, 0, 1);
    WRONG(tl_layer_set_batch, "layer or its context is missing", ctx, NULL, 1, 0, 1);
    WRONG(tl_layer_set_batch, "layer is none of this context", ctx, foreign, 1, 0, 1);
    WRONG(tl_layer_set_batch, "batch of 0 does not fit a layer made for 1 to 2", ctx, cached, 0, 0, 1);
    WRONG(tl_layer_set_batch, "batch of 3", ctx, cached, 3, 0, 1);
    WRONG(tl_layer_set_batch, "0 tokens do not fit a layer made for 1 to 4", ctx, cached, 1, 0, 0);
    WRONG(tl_layer_set_batch, "5 tokens do not fit", ctx, cached, 1, 0, 5);
    WRONG(tl_layer_set_batch, "3 tokens do not fit a layer made for 4", ctx, grid, 1, 0, 3);
    WRONG(tl_layer_set_batch, "first is 2, but there are only 2 tokens", ctx, cached, 1, 2, 2);
    WRONG(tl_layer_set_batch, "has not kept 1 tokens", ctx, cached, 2, 1, 2);
    WRONG(tl_layer_set_batch, "has not kept 1 tokens", ctx, grid, 2, 1, 4);
    OK(tl_layer_set_batch(ctx, cached, 2, 0, 1));
    WRONG(tl_layer_forward, "must hold 8 elements", ctx, cached, small, o);
    OK(tl_layer_forward(ctx, cached, x, o));
    WRONG(tl_layer_set_batch, "has not kept 1 tokens of a batch of 1", ctx, cached, 1, 1, 2);
    WRONG(tl_layer_set_batch, "has not kept 2 tokens", ctx, cached, 2, 2, 3);
    OK(tl_layer_set_batch(ctx, cached, 2, 1, 2));
    OK(tl_layer_set_batch(ctx, grid, 1, 0, 4));
    WRONG(tl_layer_backward, "tl_layer_forward on this x first", ctx, grid, x, o, make(ctx, "dx", 32));
    tl_tensor_destroy(ctx, x);
    tl_tensor_destroy(ctx, o);
    tl_tensor_destroy(ctx, small);
    tl_layer_destroy(ctx, cached);
    tl_layer_destroy(ctx, grid);
    tl_layer_destroy(other, foreign);
}

static void parameters_and_files(void **unused)
{
    const tl_layer_config c = sequence();
    tl_layer_config wide = sequence();
    wide.dim = 6;
    tl_layer *layer = layer_in(ctx, &c), *foreign = layer_in(other, &c), *wider = layer_in(ctx, &wide);
    tl_parameter p;
    GIVES(tl_layer_parameter, !tl_layer_parameter(NULL, "q", &p));
    GIVES(tl_layer_parameter, !tl_layer_parameter(layer, NULL, &p));
    GIVES(tl_layer_parameter, !tl_layer_parameter(layer, "no such name", &p));
    GIVES(tl_layer_parameter, !tl_layer_parameter(layer, "q", NULL));
    GIVES(tl_layer_parameter, tl_layer_parameter(layer, "q", &p) && p.decay && p.shape[0] == 4);
    WRONG(tl_layer_save, NULL, NULL, layer, at("x.safetensors"));
    WRONG(tl_layer_save, "layer or its context is missing", ctx, NULL, at("x.safetensors"));
    WRONG(tl_layer_save, "layer is none of this context", ctx, foreign, at("x.safetensors"));
    WRONG(tl_layer_save, "path", ctx, layer, NULL);
    FAILS(TL_ERROR_IO, tl_layer_save, "nowhere", ctx, layer, at("nowhere/x.safetensors"));
    WRONG(tl_layer_load, NULL, NULL, layer, at("x.safetensors"));
    WRONG(tl_layer_load, "layer or its context is missing", ctx, NULL, at("x.safetensors"));
    WRONG(tl_layer_load, "layer is none of this context", ctx, foreign, at("x.safetensors"));
    WRONG(tl_layer_load, "path", ctx, layer, NULL);
    FAILS(TL_ERROR_INPUT, tl_layer_load, "nowhere", ctx, layer, at("nowhere"));
    OK(tl_layer_save(ctx, layer, at("layer.safetensors")));
    FAILS(TL_ERROR_INPUT, tl_layer_load, "another shape", ctx, wider, at("layer.safetensors"));
    tl_layer_destroy(ctx, layer);
    tl_layer_destroy(ctx, wider);
    tl_layer_destroy(other, foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_layers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(parameters_and_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

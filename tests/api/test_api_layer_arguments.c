/* Wrong arguments of a layer's size, parameters and files, and of a model's plan. */
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

/* ---- plans --------------------------------------------------------------------------------------- */

static tl_model_config small_model(void)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "mnist"));
    s.model.op = TL_OP_TRANSLUTION;
    s.model.dim = 16, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 8, s.model.mlp_dim = 32;
    return s.model;
}

static void wrong_plans(void **unused)
{
    const tl_model_config c = small_model();
    tl_plan_options o = {.size = sizeof o, .batch = 4, .training = true};
    tl_memory_plan plan;
    WRONG(tl_model_plan, "configuration", NULL, &o, &plan, &said);
    WRONG(tl_model_plan, "options", &c, NULL, &plan, &said);
    WRONG(tl_model_plan, "place for its numbers", &c, &o, NULL, &said);
    WRONG(tl_model_plan, NULL, NULL, NULL, NULL, NULL);
    WRONG(tl_model_plan, "sizeof(tl_model_config)", &(tl_model_config){.size = 0}, &o, &plan, &said);
    o.size = 0;
    WRONG(tl_model_plan, "sizeof(tl_plan_options)", &c, &o, &plan, &said);
    o = (tl_plan_options){.size = sizeof o};
    WRONG(tl_model_plan, "batch size is 0", &c, &o, &plan, &said);
    o.batch = 4, o.optimizer = (tl_optimizer_kind)9;
    WRONG(tl_model_plan, "no optimizer 9", &c, &o, &plan, &said);
    o.optimizer = TL_OPTIMIZER_ADAMW, o.recompute = (tl_recompute)9;
    WRONG(tl_model_plan, "recomputation 9", &c, &o, &plan, &said);
}

/* What a plan says is what a model and its optimizer take. */
static void plans_are_kept(void **unused)
{
    for (int training = 0; training < 2; training++) {
        tl_model_config c = small_model();
        tl_plan_options o = {.size = sizeof o, .batch = 4, .training = training != 0};
        const tl_model_options options = {.size = sizeof options, .batch = 4, .training = training != 0};
        tl_memory_plan plan;
        tl_model *model = NULL;
        tl_optimizer *optimizer = NULL;
        tl_parameter list[64];
        int count = 0;
        assert_int_equal(tl_model_plan(&c, &o, &plan, &said), TL_OK);
        assert_true(plan.fits && plan.largest_batch > 4 && plan.largest > 0 && plan.largest_name[0] != '\0');
        c.recompute = plan.recompute;
        uint64_t before[TL_MEMORY_KINDS], params = 0;
        for (int k = 0; k < TL_MEMORY_KINDS; k++) before[k] = tl_memory_used(ctx, (tl_memory_kind)k);
        OK(tl_model_create(ctx, &c, &options, &model));
        while (tl_model_parameter_at(model, count, &list[count])) params += elements_of(&list[count++]);
        if (training)
            OK(tl_optimizer_create(
                ctx, &(tl_optimizer_config){.size = sizeof(tl_optimizer_config), .grad_clip = 1.0f}, list,
                count, &optimizer));
        assert_int_equal(plan.params, params);
        for (int k = 0; k < TL_MEMORY_KINDS; k++) { /* the plan has room for the results of a run's steps */
            const uint64_t used = tl_memory_used(ctx, (tl_memory_kind)k) - before[k];
            assert_between(plan.bytes[k], used, used + (k == TL_MEMORY_WORKSPACE ? 8192 : 0));
        }
        tl_optimizer_destroy(ctx, optimizer);
        tl_model_destroy(ctx, model);
        o.memory_limit = plan.total;
        assert_int_equal(tl_model_plan(&c, &o, &plan, &said), TL_OK);
        assert_true(plan.fits && plan.largest_batch >= 4);
        const uint32_t largest = plan.largest_batch;
        o.batch = largest + 1;
        assert_int_equal(tl_model_plan(&c, &o, &plan, &said), TL_OK);
        assert_false(plan.fits);
        assert_int_equal(plan.largest_batch, largest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_layers),      cmocka_unit_test(sizes),
        cmocka_unit_test(parameters_and_files), cmocka_unit_test(wrong_plans),
        cmocka_unit_test(plans_are_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

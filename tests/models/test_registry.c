/* The registry with an optimizer: state by slots, scratch, weight decay by parameter, all as the plan counts them. */
#include "context.h"

#include "models/model.h"

/* An optimizer of three slots and scratch that counts the parameters that it steps and takes nothing else for granted. */
static struct {
    int steps, decayed;
    uint64_t elements, scratch;
} seen;

static uint64_t strange_workspace(uint64_t count)
{
    return 2 * count + 3;
}

static tl_status strange_step(tl_context *ctx, const optimizer_target *targets, int count,
                              const optimizer_settings *s)
{
    for (const optimizer_target *t = targets; t < targets + count; t++) {
        const uint64_t elements = t->value->lead * t->value->row, scratch = strange_workspace(elements);
        seen.steps++;
        seen.decayed += s->weight_decay > 0 && !t->undecayed;
        seen.elements += elements;
        seen.scratch = scratch > seen.scratch ? scratch : seen.scratch;
        assert_non_null(t->workspace.mem);
        TLI_TRY(tli_zero(ctx, t->workspace, scratch)); /* all of it is there */
    }
    return TL_OK;
}

static const optimizer_rule strange = {
    .slots = 3, .slot = {"one.", "two.", "three."}, .workspace = strange_workspace, .step = strange_step};

static tl_model_config small(void)
{
    return (tl_model_config){.op = TL_OP_TRANSLUTION,
                             .pool = TL_POOL_CLS,
                             .image_height = 12,
                             .image_width = 12,
                             .channels = 1,
                             .patch_height = 4,
                             .patch_width = 4,
                             .classes = 3,
                             .dim = 8,
                             .depth = 2,
                             .heads = 2,
                             .head_dim = 4,
                             .mlp_dim = 16};
}

static void as_planned(tl_context *ctx, const tl_model_config *c, const optimizer_rule *rule)
{
    tl_memory_plan plan;
    MUST(ctx, tli_model_plan(c, 2, rule, &plan, tl_context_error(ctx)));
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
        assert_int_equal(tl_memory_used(ctx, (tl_memory_kind)kind), plan.bytes[kind]);
    assert_int_equal(plan.bytes[TL_MEMORY_MOMENT], (uint64_t)rule->slots * plan.bytes[TL_MEMORY_PARAMETER]);
}
#define as_planned(...) FROM_HERE(as_planned(__VA_ARGS__))

static void any_optimizer(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_model_config c = small();
    const optimizer_rule *adamw = tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW);
    for (int i = 0; i < 2; i++) {
        const optimizer_rule *rule = i == 0 ? adamw : &strange;
        tl_model *model = NULL;
        MUST(ctx, tli_model_create(ctx, &c, &(tl_model_options){.batch = 2, .training = true}, rule, &model));
        const tli_registry *r = tli_model_registry(model);
        as_planned(ctx, &c, rule);
        assert_int_equal(tli_registry_stored_bytes(r),
                         (1 + (uint64_t)rule->slots) * tli_registry_count(r) * sizeof(float));
        for (int p = 0; p < r->count; p++)
            for (int s = 0; s < rule->slots; s++) {
                char name[128];
                snprintf(name, sizeof name, "%s%s", rule->slot[s], r->items[p].name);
                assert_string_equal(r->items[p].state[s]->name, name);
            }
        tli_model_destroy(ctx, model);
        for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
            assert_int_equal(tl_memory_used(ctx, (tl_memory_kind)kind), 0);
    }
    tl_memory_plan two, three;
    MUST(ctx, tli_model_plan(&c, 2, adamw, &two, NULL));
    MUST(ctx, tli_model_plan(&c, 2, &strange, &three, NULL));
    assert_true(three.bytes[TL_MEMORY_WORKSPACE] > two.bytes[TL_MEMORY_WORKSPACE]);
    tl_context_destroy(ctx);
}

/* Every parameter is stepped once; those without the flag do not decay. */
static void updates(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_model_config c = small();
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &c, &(tl_model_options){.batch = 2, .training = true}, &strange, &model));
    tli_registry *r = tli_model_registry(model);
    const optimizer_settings settings = {.weight_decay = 0.5f, .step = 1};
    memset(&seen, 0, sizeof seen);
    MUST(ctx, tli_registry_update(ctx, r, &settings));
    assert_int_equal(seen.steps, r->count);
    assert_int_equal(seen.decayed, r->count); /* as the reference: all of them */
    assert_int_equal(seen.elements, tli_registry_count(r));
    assert_int_equal(seen.scratch, tli_registry_workspace(r, &strange));
    r->items[1].decay = r->items[4].decay = false;
    memset(&seen, 0, sizeof seen);
    MUST(ctx, tli_registry_update(ctx, r, &settings));
    assert_int_equal(seen.decayed, r->count - 2);
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
}

/* The same on the device: with a gradient of 0 only decay moves a weight. */
static void decay_by_parameter(void **unused)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    const tl_model_config c = small();
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &c, &(tl_model_options){.batch = 2, .training = true},
                               tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &model));
    tli_registry *r = tli_model_registry(model);
    MUST(ctx, tli_registry_init(ctx, r, 1));
    const optimizer_settings settings = {.lr = 0.5f,
                                         .beta1 = 0.9f,
                                         .beta2 = 0.999f,
                                         .eps = 1e-8f,
                                         .weight_decay = 0.5f,
                                         .gradient_scale = 1,
                                         .step = 1};
    for (int i = 0; i < r->count; i++) {
        r->items[i].decay = i % 2 == 0;
        MUST(ctx, tli_zero(ctx, tli_at(r->items[i].gradient, 0), tli_parameter_count(&r->items[i])));
    }
    float **before = calloc((size_t)r->count, sizeof *before);
    assert_non_null(before);
    for (int i = 0; i < r->count; i++) before[i] = download(ctx, r->items[i].value);
    MUST(ctx, tli_registry_update(ctx, r, &settings));
    for (int i = 0; i < r->count; i++) {
        float *after = download(ctx, r->items[i].value);
        for (uint64_t e = 0; e < tli_parameter_count(&r->items[i]); e++)
            if (after[e] != before[i][e] * (i % 2 == 0 ? 0.75f : 1.0f))
                fail_msg("%s: %g, then %g", r->items[i].name, before[i][e], after[e]);
        free(after), free(before[i]);
    }
    free(before);
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_optimizer), cmocka_unit_test(updates),
                                       cmocka_unit_test(decay_by_parameter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

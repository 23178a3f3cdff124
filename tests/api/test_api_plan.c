/* Plans of models and runs: what is planned is what is taken, and what fits. */
#include "own_data.h"
#include "refusals.h"
#include "test.h"

static tl_model_config tiny_model(void)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "mnist"));
    s.model.op = TL_OP_TRANSLUTION;
    return s.model;
}
#define tiny_model(...) VALUE_FROM_HERE(tiny_model(__VA_ARGS__))

static tl_model_config small_model(void)
{
    tl_model_config c = tiny_model();
    c.dim = 16, c.depth = 2, c.heads = 2, c.head_dim = 8, c.mlp_dim = 32;
    return c;
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
    enum { INFERENCE, TRAINING, CLIPPING, USES };
    uint64_t workspace[USES];
    for (int use = INFERENCE; use < USES; use++) {
        tl_model_config c = small_model();
        tl_plan_options o = {
            .size = sizeof o, .batch = 4, .training = use != INFERENCE, .no_clipping = use == TRAINING};
        const tl_model_options options = {.size = sizeof options, .batch = 4, .training = use != INFERENCE};
        const tl_optimizer_config optimization = {.size = sizeof optimization,
                                                  .grad_clip = use == CLIPPING ? 1.0f : 0.0f};
        tl_memory_plan plan;
        tl_model *model = NULL;
        tl_optimizer *optimizer = NULL;
        tl_parameter list[64];
        int count = 0;
        assert_int_equal(tl_model_plan(&c, &o, &plan, &said), TL_OK);
        assert_true(plan.fits && plan.largest_batch > 4 && plan.largest > 0 && plan.largest_name[0] != '\0');
        c.recompute = plan.recompute;
        workspace[use] = plan.bytes[TL_MEMORY_WORKSPACE];
        uint64_t before[TL_MEMORY_KINDS], params = 0;
        for (int k = 0; k < TL_MEMORY_KINDS; k++) before[k] = tl_memory_used(ctx, (tl_memory_kind)k);
        OK(tl_model_create(ctx, &c, &options, &model));
        while (tl_model_parameter_at(model, count, &list[count])) params += elements_of(&list[count++]);
        if (use != INFERENCE) OK(tl_optimizer_create(ctx, &optimization, list, count, &optimizer));
        assert_int_equal(plan.params, params);
        for (int k = 0; k < TL_MEMORY_KINDS; k++) { /* clipping has room for the results of a run's steps */
            const uint64_t used = tl_memory_used(ctx, (tl_memory_kind)k) - before[k];
            const bool more = use == CLIPPING && k == TL_MEMORY_WORKSPACE;
            assert_between(plan.bytes[k], used, used + (more ? 8192 : 0));
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
    assert_true(workspace[CLIPPING] > workspace[TRAINING]);
}

static bool fits(const tl_model_config *c, tl_recompute recompute, uint64_t bytes, tl_memory_plan *plan)
{
    const tl_plan_options o = {
        .size = sizeof o, .batch = 32, .training = true, .recompute = recompute, .memory_limit = bytes};
    if (tl_model_plan(c, &o, plan, &said) != TL_OK) fail_msg("%s", said.text);
    return plan->fits;
}
#define fits(...) VALUE_FROM_HERE(fits(__VA_ARGS__))

/* AUTO keeps activations where that fits, ALWAYS never does, NEVER fails instead of computing them again. */
static void recompute_follows_the_limit(void **unused)
{
    const tl_model_config c = tiny_model();
    tl_memory_plan plan;
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, UINT64_MAX, &plan));
    assert_true(!plan.recompute && plan.can_recompute);
    const uint64_t kept = plan.total;
    assert_true(fits(&c, TL_RECOMPUTE_ALWAYS, UINT64_MAX, &plan));
    assert_true(plan.recompute);
    assert_true(plan.total < kept);
    const uint64_t again = plan.total;
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, kept - 1, &plan));
    assert_true(plan.recompute);
    assert_int_equal(plan.total, again);
    assert_false(fits(&c, TL_RECOMPUTE_NEVER, kept - 1, &plan));
    assert_false(plan.recompute);
    assert_false(fits(&c, TL_RECOMPUTE_AUTO, again - 1, &plan));
    const tl_plan_options inference = {.size = sizeof inference, .batch = 32}; /* has no backward pass */
    assert_int_equal(tl_model_plan(&c, &inference, &plan, &said), TL_OK);
    assert_false(plan.recompute || plan.can_recompute);
}

/* Large chunks are given up before activations are, and both before the batch. */
static void chunks_follow_the_limit(void **unused)
{
    const uint64_t large = 128 << 20;
    tl_settings s;
    tl_memory_plan kept, kept_least, again, again_least, plan;
    assert_true(tl_settings_default(&s, "gpt"));
    tl_model_config c = s.model; /* logits of 32 sequences take 1 GiB */
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, UINT64_MAX, &kept_least));
    assert_int_equal(kept_least.chunk_bytes, 0);
    assert_true(fits(&c, TL_RECOMPUTE_ALWAYS, UINT64_MAX, &again_least));
    c.chunk_bytes = large;
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, UINT64_MAX, &kept));
    assert_int_equal(kept.chunk_bytes, large);
    assert_true(fits(&c, TL_RECOMPUTE_ALWAYS, UINT64_MAX, &again));
    assert_int_equal(again.chunk_bytes, large);
    assert_true(kept.total > kept_least.total && kept_least.total > again.total &&
                again.total > again_least.total);

    assert_true(fits(&c, TL_RECOMPUTE_AUTO, kept.total - 1, &plan));
    assert_true(!plan.recompute && plan.chunk_bytes == 0 && plan.total == kept_least.total);
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, kept_least.total - 1, &plan));
    assert_true(plan.recompute && plan.chunk_bytes == large && plan.total == again.total);
    assert_true(fits(&c, TL_RECOMPUTE_AUTO, again.total - 1, &plan));
    assert_true(plan.recompute && plan.chunk_bytes == 0 && plan.total == again_least.total);
    assert_true(plan.largest_batch >= 32);
    assert_false(fits(&c, TL_RECOMPUTE_AUTO, again_least.total - 1, &plan));
    assert_true(fits(&c, TL_RECOMPUTE_NEVER, kept.total - 1, &plan));
    assert_int_equal(plan.chunk_bytes, 0);
    s.model.chunk_bytes = large;
    s.training.batch_size = 32;
    s.run.recompute = TL_RECOMPUTE_ALWAYS;
    assert_int_equal(tl_train_plan(&s, again.total - 1, 0, &plan, &said), TL_OK);
    assert_true(plan.fits && s.model.recompute && s.model.chunk_bytes == 0);
}

/* What is no model is not a matter of memory. */
static void wrong_models_are_no_lack_of_memory(void **unused)
{
    tl_model_config c = tiny_model();
    const tl_plan_options o = {.size = sizeof o, .batch = 32, .training = true};
    tl_memory_plan plan;
    c.patch_height = c.patch_width = 13;
    WRONG(tl_model_plan, "84 x 84 cannot be cut into patches of 13 x 13", &c, &o, &plan, &said);
    assert_false(plan.fits);
}

/* ---- runs ----------------------------------------------------------------------------------------- */

/* What a run takes, and what of it fits. */
static void planned_without_a_device(void **unused)
{
    tl_settings s = own_settings("own-vit", "unused");
    tl_memory_plan plan, small, tight;
    assert_int_equal(tl_train_plan(&s, 0, 0, &plan, &said), TL_OK);
    assert_true(plan.fits && !plan.recompute && plan.params > 0 && plan.largest > 0);
    s.training.batch_size = 4;
    assert_int_equal(tl_train_plan(&s, 0, 0, &small, &said), TL_OK);
    s.training.batch_size = OWN_BATCH; /* in what 4 samples take */
    assert_int_equal(tl_train_plan(&s, small.total, 0, &tight, &said), TL_OK);
    assert_true(!tight.fits && tight.recompute && s.model.recompute);
    assert_true(tight.largest_batch >= 4 && tight.largest_batch < OWN_BATCH);
    s.training.batch_size = tight.largest_batch;
    assert_int_equal(tl_train_plan(&s, small.total, 0, &tight, &said), TL_OK);
    assert_true(tight.fits);
    WRONG(tl_train_plan, "settings", NULL, 0, 0, &plan, &said);
    WRONG(tl_train_plan, "place for its numbers", &s, 0, 0, NULL, &said);
    s.model.classes = 0;
    WRONG(tl_train_plan, "classes is 0", &s, 0, 0, &plan, &said);
}

/* A run's plan is its model's, of the same options. */
static void a_run_is_planned_as_its_model(void **unused)
{
    for (int clip = 0; clip < 3; clip++) {
        tl_settings s = own_settings("own-vit", "unused");
        s.training.optimizer = TL_OPTIMIZER_LION, s.run.recompute = TL_RECOMPUTE_ALWAYS;
        s.training.grad_clip = clip == 1 ? 0.5f : 0.0f, s.run.skip_nonfinite = clip == 2;
        const tl_plan_options o = {.size = sizeof o,
                                   .batch = s.training.batch_size,
                                   .training = true,
                                   .optimizer = TL_OPTIMIZER_LION,
                                   .recompute = TL_RECOMPUTE_ALWAYS,
                                   .memory_limit = 1 << 20,
                                   .max_alloc_bytes = 1 << 16,
                                   .no_clipping = clip == 0};
        tl_memory_plan run, model;
        assert_int_equal(tl_train_plan(&s, o.memory_limit, o.max_alloc_bytes, &run, &said), TL_OK);
        assert_int_equal(tl_model_plan(&s.model, &o, &model, &said), TL_OK);
        assert_memory_equal(&run, &model, sizeof run);
    }
}

/* ---- ranks ---------------------------------------------------------------------------------------- */

static double difference(double a, double b)
{
    return fabs(a - b);
}

/* A rank holds what tl_plan_options.ranks says, sends (R - 1) / R of gradients and of weights, and computes its slices. */
static void ranks_are_planned(void **unused)
{
    for (uint64_t ranks = 1; ranks <= 8; ranks *= 2) {
        tl_settings s = own_settings("own-vit", "unused");
        s.training.grad_slices = 8;
        const tl_cluster c = {
            .size = sizeof c, .ranks = ranks, .link_gbps = 10, .link_latency_us = 3, .device_tflops = 0.5};
        tl_rank_plan plan;
        if (tl_train_plan_ranks(&s, &c, &plan, &said) != TL_OK) fail_msg("%s", said.text);
        const tl_plan_options o = {.size = sizeof o,
                                   .batch = s.training.batch_size,
                                   .training = true,
                                   .no_clipping = true,
                                   .grad_slices = 8,
                                   .ranks = ranks};
        tl_memory_plan model;
        assert_int_equal(tl_model_plan(&s.model, &o, &model, &said), TL_OK);
        assert_memory_equal(&plan.memory, &model, sizeof model);
        const double all = 8.0 * (double)model.params, share = all * (double)(ranks - 1) / (double)ranks;
        assert_true(difference((double)plan.sent_bytes, share) <= 3 * 8 * 4096.0);
        assert_true(plan.slices == 8 / ranks && plan.flops > 0);
        assert_true(difference(plan.compute_seconds, plan.flops / 0.5e12) < 1e-9 * plan.compute_seconds);
        assert_true(difference(plan.link_seconds,
                               (double)plan.messages * 3e-6 + (double)plan.sent_bytes / 1.25e9) < 1e-9);
        assert_true(ranks > 1 || (plan.sent_bytes == 0 && plan.messages == 0));
    }
}

/* Of ranks that share the matrices out each has as many rows of a table, and sends of a batch the logits, the output, and their
 * and the input's gradients, twice for two ranks' sums; and the parameters that both have, once. */
static void ranks_that_share_matrices_are_planned(void **unused)
{
    tl_settings s = own_settings("own-vit", "unused");
    tl_rank_plan plan, whole;
    s.model.op = TL_OP_TRANSLUTION;
    s.model.pool = TL_POOL_MEAN;
    s.model.depth = 1;
    tl_cluster c = {.size = sizeof c, .ranks = 1};
    if (tl_train_plan_ranks(&s, &c, &whole, &said) != TL_OK) fail_msg("%s", said.text);
    c.ranks = s.run.offset_ranks = 2;
    if (tl_train_plan_ranks(&s, &c, &plan, &said) != TL_OK) fail_msg("%s", said.text);
    const uint64_t height = s.model.image_height / s.model.patch_height,
                   width = s.model.image_width / s.model.patch_width, tokens = height * width,
                   offsets = (2 * height - 1) * (2 * width - 1), batch = s.training.batch_size,
                   inner = (uint64_t)s.model.heads * s.model.head_dim,
                   tables = 3 * offsets * s.model.dim * inner,
                   rows = batch * tokens * (2 * s.model.heads * tokens + inner + s.model.dim);
    assert_int_equal(plan.slices, 1);
    assert_int_equal(plan.memory.params, whole.memory.params);
    assert_int_equal(plan.memory.bytes[TL_MEMORY_PARAMETER],
                     4 * (whole.memory.params - tables + tables / offsets * (offsets / 2 + 1)));
    assert_int_equal(plan.sent_bytes, 4 * (rows + whole.memory.params - tables + 1));
    assert_true(plan.flops < whole.flops && plan.flops > whole.flops / 2);
    s.run.recompute = TL_RECOMPUTE_ALWAYS;
    s.training.batch_size = 2; /* with which tables are most of what a rank has */
    s.model.dim = 128, s.model.heads = 4, s.model.head_dim = 64;
    if (tl_train_plan_ranks(&s, &c, &plan, &said) != TL_OK) fail_msg("%s", said.text);
    c.memory_limit = plan.memory.total;
    s.run.offset_ranks = 0;
    if (tl_train_plan_ranks(&s, &c, &plan, &said) != TL_OK) fail_msg("%s", said.text);
    assert_false(plan.memory.fits);
    assert_int_equal(plan.fitting_offset_ranks, 2);
    c.memory_limit--;
    s.training.grad_slices = 0;
    if (tl_train_plan_ranks(&s, &c, &plan, &said) != TL_OK) fail_msg("%s", said.text);
    assert_int_equal(plan.fitting_offset_ranks, 0);
    s.run.offset_ranks = 4;
    WRONG(tl_train_plan_ranks, "divide the number of ranks, 2", &s, &c, &plan, &said);
    s.model.op = TL_OP_ATTENTION;
    WRONG(tl_train_plan_ranks, "attention has no matrices by offset", &s, &c, &plan, &said);
    s.run.offset_ranks = 0;
    const tl_plan_options o = {.size = sizeof o, .batch = 4, .training = true, .offset_ranks = 2};
    s.model.op = TL_OP_ALPHA;
    s.run.offset_ranks = 2;
    WRONG(tl_settings_check_ranks, "divide the number of ranks, 1", &s, NULL, &said);
    WRONG(tl_settings_check_ranks, "missing", NULL, NULL, &said);
    WRONG(tl_settings_check_ranks, "size", &(tl_settings){0}, NULL, &said);
    WRONG(tl_model_plan, "divide the number of ranks, 1", &s.model, &o, &plan.memory, &said);
}

static void clusters_are_checked(void **unused)
{
    tl_settings s = own_settings("own-vit", "unused");
    tl_rank_plan plan;
    tl_cluster c = {.size = sizeof c, .ranks = 2};
    assert_int_equal(tl_train_plan_ranks(&s, &c, &plan, &said), TL_OK);
    assert_true(isnan(plan.link_seconds) && isnan(plan.compute_seconds));
    assert_true(s.training.grad_slices == 2);
    WRONG(tl_train_plan_ranks, "a cluster", NULL, &c, &plan, &said);
    WRONG(tl_train_plan_ranks, "a cluster", &s, NULL, &plan, &said);
    WRONG(tl_train_plan_ranks, "a cluster", &s, &c, NULL, &said);
    c.link_gbps = -1;
    WRONG(tl_train_plan_ranks, "below 0", &s, &c, &plan, &said);
    c = (tl_cluster){.size = sizeof c, .ranks = 0};
    WRONG(tl_train_plan_ranks, "ranks is 0", &s, &c, &plan, &said);
    c.ranks = 3;
    WRONG(tl_train_plan_ranks, "2, 4, 8", &s, &c, &plan, &said);
    c.ranks = 4;
    WRONG(tl_train_plan_ranks, "cannot share the 2 slices", &s, &c, &plan, &said);
    c.ranks = 1025;
    WRONG(tl_train_plan_ranks, "ranks is 1025", &s, &c, &plan, &said);
    WRONG(tl_train_plan_ranks, "size", &s, &(tl_cluster){0}, &plan, &said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_plans),
        cmocka_unit_test(plans_are_kept),
        cmocka_unit_test(recompute_follows_the_limit),
        cmocka_unit_test(chunks_follow_the_limit),
        cmocka_unit_test(wrong_models_are_no_lack_of_memory),
        cmocka_unit_test(planned_without_a_device),
        cmocka_unit_test(a_run_is_planned_as_its_model),
        cmocka_unit_test(ranks_are_planned),
        cmocka_unit_test(ranks_that_share_matrices_are_planned),
        cmocka_unit_test(clusters_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

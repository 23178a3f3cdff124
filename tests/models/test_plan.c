/* Parameter counts and memory plans, and that the plan is what really gets allocated. */
#include "models.h"
#include "test.h"

static tl_model_config sized(const char *size, tl_op_kind op, uint32_t image, uint32_t patch,
                             uint32_t channels, uint32_t classes)
{
    tl_model_config config = {.op = op,
                              .pool = TL_POOL_CLS,
                              .image_height = image,
                              .image_width = image,
                              .channels = channels,
                              .patch_height = patch,
                              .patch_width = patch,
                              .classes = classes,
                              .relenc_dim = 8};
    apply_preset(size, &config);
    return config;
}
#define sized(...) VALUE_FROM_HERE(sized(__VA_ARGS__))

static uint64_t parameters(const tl_model_config *config)
{
    tli_registry r = {0};
    tl_error err = {0};
    if (tli_model_parameters(config, &r, &err) != TL_OK) fail_msg("%s", err.text);
    const uint64_t count = tli_registry_count(&r);
    tli_registry_free(NULL, &r);
    return count;
}
#define parameters(...) VALUE_FROM_HERE(parameters(__VA_ARGS__))

/* Counts of the paper's models. */
static void parameter_counts(void **unused)
{
    static const struct {
        const char *size;
        uint32_t image, patch, channels, classes;
        uint64_t count[3]; /* attention, translution, alpha */
    } table[] = {
        {"tiny", 84, 12, 1, 10, {2706346, 116164138, 4590634}},
        {"tiny", 224, 56, 3, 1000, {4688296, 38526184, 5334760}},
        {"tiny", 224, 32, 3, 1000, {3465448, 116923240, 5349736}},
        {"tiny", 224, 16, 3, 1000, {3046696, 488065384, 10708840}},
        {"mini", 224, 56, 3, 1000, {7354024, 75033064, 8650216}},
        {"mini", 224, 32, 3, 1000, {6131176, 233056360, 9909352}},
        {"mini", 224, 16, 3, 1000, {5712424, 975787624, 21074536}},
        {"small", 224, 56, 3, 1000, {25305064, 296027752, 30496360}},
        {"small", 224, 32, 3, 1000, {22872040, 930591976, 38003944}},
        {"small", 224, 16, 3, 1000, {22039144, 3902415592, 83563240}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
            const tl_model_config c = sized(table[i].size, (tl_op_kind)op, table[i].image, table[i].patch,
                                            table[i].channels, table[i].classes);
            if (parameters(&c) != table[i].count[op])
                fail_msg("%s, patch %u, op %d: %llu parameters, not %llu", table[i].size, table[i].patch, op,
                         (unsigned long long)parameters(&c), (unsigned long long)table[i].count[op]);
        }
    }
}

/* Every variant of the reference, size tiny: digits of 7 x 7 patches, A/56, and GPT of 160 tokens. */
static void variant_counts(void **unused)
{
    enum { Q = TL_ROLE_Q, K = TL_ROLE_K, V = TL_ROLE_V };
    static const struct {
        tl_op_kind op;
        tl_roles relative;
        tl_positions positions;
        uint32_t layers;
        uint64_t count[3];
    } table[] = {
        {TL_OP_ATTENTION, 0, TL_POSITIONS_LEARNED, 0, {2706346, 4688296, 21995904}},
        {TL_OP_ATTENTION, 0, TL_POSITIONS_ROPE, 0, {2696746, 4685032, 21965184}},
        {TL_OP_TRANSLUTION, Q | K | V, TL_POSITIONS_NONE, 0, {116164138, 38526184, 127469952}},
        {TL_OP_TRANSLUTION, K | V, TL_POSITIONS_NONE, 0, {78341674, 27245800, 92301696}},
        {TL_OP_TRANSLUTION, Q | K, TL_POSITIONS_NONE, 0, {78341674, 27245800, 92301696}},
        {TL_OP_TRANSLUTION, Q | V, TL_POSITIONS_NONE, 0, {78341674, 27245800, 92301696}},
        {TL_OP_TRANSLUTION, Q, TL_POSITIONS_NONE, 0, {40519210, 15965416, 57133440}},
        {TL_OP_TRANSLUTION, K, TL_POSITIONS_NONE, 0, {40519210, 15965416, 57133440}},
        {TL_OP_TRANSLUTION, V, TL_POSITIONS_NONE, 0, {40519210, 15965416, 57133440}},
        {TL_OP_ALPHA, Q | K | V, TL_POSITIONS_NONE, 0, {4590634, 5334760, 23734656}},
        {TL_OP_ALPHA, K | V, TL_POSITIONS_NONE, 0, {3996202, 5155048, 23181696}},
        {TL_OP_ALPHA, Q | K, TL_POSITIONS_NONE, 0, {3940906, 5099752, 23126400}},
        {TL_OP_ALPHA, Q | V, TL_POSITIONS_NONE, 0, {3996202, 5155048, 23181696}},
        {TL_OP_ALPHA, Q, TL_POSITIONS_NONE, 0, {3346474, 4920040, 22573440}},
        {TL_OP_ALPHA, K, TL_POSITIONS_NONE, 0, {3346474, 4920040, 22573440}},
        {TL_OP_ALPHA, V, TL_POSITIONS_NONE, 0, {3346474, 4920040, 22573440}},
        {TL_OP_ALPHA, V, TL_POSITIONS_ROPE, 0, {3346474, 4920040, 22573440}},
        {TL_OP_TRANSLUTION, 0, TL_POSITIONS_NONE, 2, {40519210, 15965416, 57133440}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int m = 0; m < 3; m++) {
            tl_model_config c = m == 0 ? sized("tiny", table[i].op, 84, 12, 1, 10)
                                       : sized("tiny", table[i].op, 224, 56, 3, 1000);
            c.relative = table[i].relative;
            c.positions = table[i].positions;
            c.translution_layers = table[i].layers;
            c.arch = m < 2 ? TL_ARCH_VIT : TL_ARCH_GPT;
            c.seq_len = 160, c.vocab_size = 50257;
            if (parameters(&c) != table[i].count[m])
                fail_msg("model %d, op %d, roles %u: %llu parameters, not %llu", m, table[i].op,
                         table[i].relative, (unsigned long long)parameters(&c),
                         (unsigned long long)table[i].count[m]);
        }
    }
}

/* What stands beside the reference's variants, by what it adds to the parameters that all have. */
static void counts_beside(void **unused)
{
    const uint64_t rest = 2696746 - 6ull * 3 * 192 * 192; /* without any projection to q, k, v */
    const uint64_t plain = 3ull * 192 * 192, table = 192ull * 192, narrow = 24 * 24;
    const struct {
        tl_op_kind op;
        tl_positions positions;
        tl_sharing sharing;
        uint32_t radius, window;
        uint64_t block; /* q, k, v and what goes with them */
    } cases[] = {
        {TL_OP_ATTENTION, TL_POSITIONS_SWIN, TL_SHARING_NONE, 0, 0, plain + 172 * 3},
        {TL_OP_ATTENTION, TL_POSITIONS_SWIN, TL_SHARING_CLIP, 1, 0, plain + (9 + 3) * 3},
        {TL_OP_ATTENTION, TL_POSITIONS_SHAW, TL_SHARING_NONE, 0, 0, plain + 2 * 172 * 192},
        {TL_OP_ATTENTION, TL_POSITIONS_CONVIT, TL_SHARING_NONE, 0, 0, plain + 3 * 6 + 3},
        {TL_OP_ABSOLUTE, TL_POSITIONS_NONE, TL_SHARING_NONE, 0, 0, 3 * 2500 * table},
        {TL_OP_CONV, TL_POSITIONS_NONE, TL_SHARING_NONE, 0, 1, (9 + 3) * table},
        {TL_OP_ALPHA_PURE, TL_POSITIONS_NONE, TL_SHARING_NONE, 0, 0,
         3 * 192 * 24 + 3 * 172 * narrow + 192 * 24},
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, TL_SHARING_NONE, 0, 2, 3 * (25 + 3) * table},
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, TL_SHARING_CLIP, 2, 0, 3 * (25 + 3) * table},
        /* distances 0, 1, 2, 3 to 4, 5 to 6 */
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, TL_SHARING_LOG, 1, 0, 3 * (81 + 3) * table},
        {TL_OP_TRANSLUTION, TL_POSITIONS_NONE, TL_SHARING_LOG, 1, 2, 3 * (25 + 3) * table},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_model_config c = sized("tiny", cases[i].op, 84, 12, 1, 10);
        c.positions = cases[i].positions;
        c.sharing = cases[i].sharing;
        c.sharing_radius = cases[i].radius;
        c.window = cases[i].window;
        const uint64_t want = rest + 6 * cases[i].block;
        if (parameters(&c) != want)
            fail_msg("case %zu: %llu parameters, not %llu", i, (unsigned long long)parameters(&c),
                     (unsigned long long)want);
    }
}

/* Names, order and shapes as the reference's state_dict has them. */
static void names_and_shapes(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_ALPHA, 84, 12, 1, 10);
    c.depth = 1;
    c.positions = TL_POSITIONS_LEARNED;
    static const struct {
        const char *name;
        uint64_t shape[3];
    } want[] = {
        {"pos_embedding", {1, 50, 192}},
        {"cls_token", {1, 1, 192}},
        {"to_patch_embedding.1.weight", {144}},
        {"to_patch_embedding.1.bias", {144}},
        {"to_patch_embedding.2.weight", {192, 144}},
        {"to_patch_embedding.2.bias", {192}},
        {"to_patch_embedding.3.weight", {192}},
        {"to_patch_embedding.3.bias", {192}},
        {"translution.norm.weight", {192}},
        {"translution.norm.bias", {192}},
        {"translution.layers.0.0.norm.weight", {192}},
        {"translution.layers.0.0.norm.bias", {192}},
        {"translution.layers.0.0.to_qkv.weight", {576, 192}},
        {"translution.layers.0.0.to_q1.weight", {24, 192}},
        {"translution.layers.0.0.to_q2.unique_params", {172, 24, 24}},
        {"translution.layers.0.0.to_k1.weight", {24, 192}},
        {"translution.layers.0.0.to_k2.unique_params", {172, 24, 24}},
        {"translution.layers.0.0.to_v1.weight", {24, 192}},
        {"translution.layers.0.0.to_v2.unique_params", {172, 24, 24}},
        {"translution.layers.0.0.to_v3.weight", {192, 24}},
        {"translution.layers.0.0.to_out.0.weight", {192, 192}},
        {"translution.layers.0.0.to_out.0.bias", {192}},
        {"translution.layers.0.1.net.0.weight", {192}},
        {"translution.layers.0.1.net.0.bias", {192}},
        {"translution.layers.0.1.net.1.weight", {768, 192}},
        {"translution.layers.0.1.net.1.bias", {768}},
        {"translution.layers.0.1.net.4.weight", {192, 768}},
        {"translution.layers.0.1.net.4.bias", {192}},
        {"mlp_head.weight", {10, 192}},
        {"mlp_head.bias", {10}},
    };
    tli_registry r = {0};
    tl_error err = {0};
    assert_int_equal(tli_model_parameters(&c, &r, &err), TL_OK);
    assert_int_equal(r.count, sizeof want / sizeof want[0]);
    for (int i = 0; i < r.count; i++) {
        assert_string_equal(r.items[i].name, want[i].name);
        for (uint32_t d = 0; d < 3; d++)
            assert_int_equal(d < r.items[i].rank ? r.items[i].shape[d] : 0, want[i].shape[d]);
    }
    tli_registry_free(NULL, &r);
}

static void mean_pooling_has_no_class_token(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_TRANSLUTION, 84, 12, 1, 10);
    c.pool = TL_POOL_MEAN;
    tli_registry r = {0};
    tl_error err = {0};
    assert_int_equal(tli_model_parameters(&c, &r, &err), TL_OK);
    assert_null(tli_registry_find(&r, "cls_token"));
    tli_parameter *q = tli_registry_find(&r, "translution.layers.5.0.to_q.unique_params");
    assert_non_null(q);
    assert_int_equal(q->shape[0], 169);
    tli_registry_free(NULL, &r);
}

static void one_wide_head_has_no_to_out(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_ATTENTION, 84, 12, 1, 10);
    const uint64_t with = parameters(&c);
    c.heads = 1;
    c.head_dim = c.dim;
    assert_int_equal(with - parameters(&c), 6 * (192 * 192 + 192));
}

/* Small but with everything odd: rows of other lengths than columns, a head width that is not dim / heads. */
static tl_model_config small(tl_op_kind op, tl_pool pool)
{
    tl_model_config c = small_model(TL_ARCH_VIT, op);
    c.pool = pool;
    c.image_height = 6, c.image_width = 8, c.patch_height = c.patch_width = 2, c.classes = 5;
    c.dim = 20, c.depth = 3, c.head_dim = 12, c.mlp_dim = 36, c.relenc_dim = 3;
    return c;
}

static void check_allocated(const tl_model_config *c, uint32_t batch, bool training)
{
    tl_error err = {0};
    tl_context *ctx = NULL;
    tl_model *model = NULL;
    tl_memory_plan plan;
    if (tl_context_create(&(tl_context_options){.size = sizeof(tl_context_options)}, &ctx, &err) != TL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(
        tli_model_plan(c, batch, training ? tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW) : NULL, &plan, &err),
        TL_OK);
    if (tli_model_create(ctx, c, &(tl_model_options){.batch = batch, .training = training},
                         training ? tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW) : NULL, &model) != TL_OK)
        fail_msg("%s", tl_context_error(ctx)->text);
    uint64_t sum = 0;
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++) {
        const uint64_t used = tl_memory_used(ctx, (tl_memory_kind)kind);
        if (used != plan.bytes[kind])
            fail_msg("op %d, pool %d, training %d, %s: %llu bytes used, %llu planned", c->op, c->pool,
                     training, tl_memory_kind_name((tl_memory_kind)kind), (unsigned long long)used,
                     (unsigned long long)plan.bytes[kind]);
        sum += used;
    }
    assert_int_equal(sum, plan.total);
    assert_int_equal(tl_memory_peak(ctx), plan.total);
    assert_true(plan.largest > 0);
    assert_true(plan.largest <= plan.total);
    assert_true(plan.largest_name[0] != '\0');

    /* A partial batch, and the full one again, must not pass the plan. */
    const float images[7 * 6 * 8] = {0};
    const int32_t targets[7] = {0};
    assert_true(batch <= 7);
    for (uint32_t b = batch; b <= 2 * batch; b += batch) {
        assert_int_equal(tli_registry_init(ctx, tli_model_registry(model), 1), TL_OK);
        assert_int_equal(
            tli_model_set_batch(ctx, model,
                                &(tl_batch){.count = batch / 2, .images = images, .targets = targets}),
            TL_OK);
        assert_int_equal(tli_model_forward(ctx, model), TL_OK);
        uint64_t in_use = 0; /* a smaller batch uses what the full one has, and makes nothing of its own */
        for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
            in_use += tl_memory_used(ctx, (tl_memory_kind)kind);
        assert_int_equal(in_use, plan.total);
        assert_int_equal(tli_model_set_batch(
                             ctx, model, &(tl_batch){.count = batch, .images = images, .targets = targets}),
                         TL_OK);
        assert_int_equal(tli_model_forward(ctx, model), TL_OK);
        assert_int_equal(tli_model_loss(ctx, model, 0), TL_OK);
        if (training) assert_int_equal(tli_model_backward(ctx, model), TL_OK);
    }
    assert_int_equal(tl_memory_peak(ctx), plan.total);
    tli_model_destroy(ctx, model);
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
        assert_int_equal(tl_memory_used(ctx, (tl_memory_kind)kind), 0);
    tl_context_destroy(ctx);
}
#define check_allocated(...) FROM_HERE(check_allocated(__VA_ARGS__))

static void plan_is_what_is_allocated(void **unused)
{
    for (int op = TL_OP_ATTENTION; op <= TL_OP_ALPHA; op++) {
        for (int pool = TL_POOL_CLS; pool <= TL_POOL_MEAN; pool++) {
            tl_model_config c = small((tl_op_kind)op, (tl_pool)pool);
            check_allocated(&c, 7, true);
            c.recompute = true;
            check_allocated(&c, 7, true);
            check_allocated(&c, 5, false);
        }
    }
    tl_model_config shallow = small(TL_OP_ALPHA, TL_POOL_CLS);
    shallow.depth = 1;
    check_allocated(&shallow, 4, true);
    check_allocated(&shallow, 4, false);
}

/* Activations must grow with tokens * dim and tokens^2, never with tokens^2 * dim: DESIGN's promise, as a
 * number. A/16 has 197 tokens; one [N][N][dim] tensor for a batch of 8 would take 238 MB a block and role. */
static void no_pairwise_channels(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_TRANSLUTION, 224, 16, 3, 1000);
    tl_memory_plan plan;
    tl_error err = {0};
    /* Kept q and k: two such tensors for the blocks with all queries, one row of them for the last; kept rows: outputs of
     * the LayerNorm before the operation, and of that before the MLP and of GELU where there are queries. */
    assert_int_equal(tli_model_plan(&c, 8, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err), TL_OK);
    const uint64_t kept = plan.bytes[TL_MEMORY_ACTIVATION];
    c.recompute = true;
    assert_int_equal(tli_model_plan(&c, 8, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err), TL_OK);
    assert_true(plan.bytes[TL_MEMORY_ACTIVATION] < 200e6);
    assert_int_equal(kept - plan.bytes[TL_MEMORY_ACTIVATION],
                     4ull * 8 *
                         (2 * 192 * (5 * 197 * 197 + 197) + 6 * 197 * 192 + (5 * 197 + 1) * (192 + 768)));
    assert_int_equal(plan.bytes[TL_MEMORY_PARAMETER], 4 * (uint64_t)488065384);
    assert_int_equal(plan.bytes[TL_MEMORY_GRADIENT], 4 * (uint64_t)488065384);
    assert_int_equal(plan.bytes[TL_MEMORY_MOMENT], 8 * (uint64_t)488065384);
    assert_int_equal(tli_model_plan(&c, 8, NULL, &plan, &err), TL_OK);
    assert_int_equal(plan.bytes[TL_MEMORY_GRADIENT] + plan.bytes[TL_MEMORY_MOMENT], 0);
}

static void absurd_models_do_not_wrap(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_TRANSLUTION, 181 * 12, 12, 1, 10);
    c.dim = c.head_dim = OP_MAX_DIM;
    c.heads = OP_MAX_WIDTH / OP_MAX_DIM;
    c.mlp_dim = 1 << 20;
    c.depth = 1024;
    tl_memory_plan plan;
    tl_error err = {0};
    assert_int_equal(tli_model_plan(&c, 1, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err), TL_OK);
    assert_true(plan.total > (uint64_t)1 << 62);
}

static void batches_that_cannot_be(void **unused)
{
    tl_model_config c = sized("tiny", TL_OP_ATTENTION, 84, 12, 1, 10);
    tl_memory_plan plan;
    tl_error err = {0};
    assert_int_equal(tli_model_plan(&c, 0, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err),
                     TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "batch"));
    assert_int_equal(tli_model_plan(&c, 100000000, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, &err),
                     TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "100000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(variant_counts),
        cmocka_unit_test(counts_beside),
        cmocka_unit_test(names_and_shapes),
        cmocka_unit_test(mean_pooling_has_no_class_token),
        cmocka_unit_test(one_wide_head_has_no_to_out),
        cmocka_unit_test(plan_is_what_is_allocated),
        cmocka_unit_test(no_pairwise_channels),
        cmocka_unit_test(absurd_models_do_not_wrap),
        cmocka_unit_test(batches_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table of operations: what it says of saved pairs is what is allocated, what a layer may be a model may be, and an
 * operation has its own positions unless others are asked for. */
#include "context.h"

#include "core/choices.h"
#include "models/model.h"

static tli_op_shape small(tl_op_kind op, tli_geometry_kind kind)
{
    tli_op_shape s = {.kind = op,
                      .geometry = {.kind = kind, .depth = 1, .height = 1, .width = 4, .max_length = 4},
                      .batch = 2,
                      .dim = 8,
                      .heads = 2,
                      .head_dim = 4,
                      .queries = 4};
    const op_rule *rule = tli_op_rule_of(op);
    if (rule->low_rank) s.relenc_dim = 2;
    if (rule->window == OP_WINDOW_KERNEL) s.geometry.window = 1;
    s.geometry.absolute = rule->per_pair;
    return s;
}

static void every_operation_is_a_sequence_and_a_grid(void **unused)
{
    for (int op = 0; op < tli_op_choices.count; op++)
        for (int kind = TLI_GRID; kind <= TLI_CAUSAL; kind++) {
            const tli_op_shape s = small((tl_op_kind)op, (tli_geometry_kind)kind);
            tl_error err = {0};
            if (tli_op_check(&s, &err) != TL_OK) fail_msg("%s: %s", tl_op_name(s.kind), err.text);
        }
}

/* Saved is what memory is asked for, no more and no less; and the longest list of parameters has its room. */
static void pairs_are_saved_where_the_rule_says(void **unused)
{
    int most = 0, saving = 0;
    for (int op = 0; op < tli_op_choices.count; op++)
        for (tl_roles roles = 0; roles <= TL_ROLE_QKV; roles++) {
            tli_op_shape s = small((tl_op_kind)op, TLI_GRID);
            tli_op_parameter list[OP_MAX_PARAMETERS];
            s.relative = roles;
            if (tli_op_check(&s, NULL) != TL_OK) continue;
            const int count = tli_op_parameters(&s, list);
            if (count > most) most = count;
            s.save_pairs = true;
            if ((tli_op_saved_pairs_count(&s) > 0) != tli_op_saves_pairs(&s))
                fail_msg("%s of roles %u: the rule says %d", tl_op_name(s.kind), roles,
                         tli_op_saves_pairs(&s));
            saving += tli_op_saves_pairs(&s);
        }
    assert_int_equal(most, 8);    /* alpha: qkv, three times two, v3 */
    assert_int_equal(saving, 14); /* translution and absolute: all of the eight sets but v */
}

static tl_model_config model(tl_op_kind op)
{
    tl_model_config c = {.arch = TL_ARCH_GPT,
                         .op = op,
                         .seq_len = 6,
                         .vocab_size = 5,
                         .dim = 8,
                         .depth = 1,
                         .heads = 2,
                         .head_dim = 4,
                         .mlp_dim = 8,
                         .relenc_dim = 2};
    c.window = tli_op_rule_of(op)->window == OP_WINDOW_KERNEL ? 1 : 0;
    return c;
}

static uint64_t planned(tl_model_config c, bool recompute)
{
    tl_memory_plan plan;
    c.recompute = recompute;
    assert_int_equal(tli_model_plan(&c, 2, tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &plan, NULL), TL_OK);
    return plan.bytes[TL_MEMORY_ACTIVATION];
}
#define planned(...) VALUE_FROM_HERE(planned(__VA_ARGS__))

/* Beside the outputs of both LayerNorms and of GELU, q and k of every pair where the operation has them. */
static void plans_differ_by_what_is_saved(void **unused)
{
    for (int op = 0; op < tli_op_choices.count; op++)
        for (tl_roles roles = 0; roles < TL_ROLE_QKV; roles++) {
            tl_model_config c = model((tl_op_kind)op);
            c.relative = roles;
            if (tli_model_check(&c, NULL) != TL_OK) continue;
            const tli_block_shape block = tli_model_block_shape(&c, 2, true, 0);
            const uint64_t saved = planned(c, false) - planned(c, true),
                           wanted = 2 * c.seq_len * (2 * c.dim + c.mlp_dim) +
                                    tli_op_saved_pairs_count(&block.op);
            if (saved != wanted * sizeof(float))
                fail_msg("%s of roles %u: %llu bytes", tl_op_name(c.op), roles, (unsigned long long)saved);
        }
}

static uint64_t parameters(const tl_model_config *c)
{
    tli_registry registry = {0};
    tl_error err = {0};
    if (tli_model_parameters(c, &registry, &err) != TL_OK) fail_msg("%s", err.text);
    const uint64_t count = tli_registry_count(&registry);
    tli_registry_free(NULL, &registry);
    return count;
}
#define parameters(...) VALUE_FROM_HERE(parameters(__VA_ARGS__))

/* Zeroed settings and those of the command line are the same model. */
static void positions_follow_the_operation(void **unused)
{
    for (int op = 0; op < tli_op_choices.count; op++) {
        tl_model_config c = model((tl_op_kind)op), same = c;
        const tl_positions own = op == TL_OP_ATTENTION ? TL_POSITIONS_LEARNED : TL_POSITIONS_NONE;
        same.positions = own;
        assert_int_equal(c.positions, TL_POSITIONS_DEFAULT);
        assert_int_equal(tli_model_positions(&c), own);
        assert_true(tli_op_takes_positions(c.op, own));
        assert_int_equal(parameters(&c), parameters(&same));
        c.positions = TL_POSITIONS_LEARNED;
        assert_int_equal(tli_model_positions(&c), TL_POSITIONS_LEARNED);
    }
}

static void wrong_values(void **unused)
{
    const tli_op_shape good = small(TL_OP_ALPHA, TLI_GRID);
    tl_error err = {0};
    assert_int_equal(tli_op_check(&good, &err), TL_OK);
    struct {
        size_t field;
        uint32_t value;
        const char *word;
    } const wrong[] = {
        {offsetof(tli_op_shape, kind), 77, "no operation 77"},
        {offsetof(tli_op_shape, dim), 0, "dim is 0"},
        {offsetof(tli_op_shape, dim), UINT32_MAX, "dim is"},
        {offsetof(tli_op_shape, heads), 0, "heads is 0"},
        {offsetof(tli_op_shape, heads), 1025, "heads is 1025"},
        {offsetof(tli_op_shape, head_dim), 0, "head_dim is 0"},
        {offsetof(tli_op_shape, relenc_dim), 0, "relenc_dim is 0"},
        {offsetof(tli_op_shape, relative), 8, "relative roles are 8"},
        {offsetof(tli_op_shape, geometry.width), 0, "width above 0"},
        {offsetof(tli_op_shape, geometry.width), 40000, "too many"},
        {offsetof(tli_op_shape, geometry.depth), UINT32_MAX, "too many"},
        {offsetof(tli_op_shape, geometry.kind), TLI_CAUSAL, "max_length"},
        {offsetof(tli_op_shape, geometry.sharing), 9, "no sharing of offsets 9"},
        {offsetof(tli_op_shape, geometry.sharing), TL_SHARING_LOG, "radius"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tli_op_shape s = good;
        s.geometry.max_length = 2;
        memcpy((char *)&s + wrong[i].field, &wrong[i].value, sizeof wrong[i].value);
        assert_int_equal(tli_op_check(&s, &err), TL_ERROR_USAGE);
        if (strstr(err.text, wrong[i].word) == NULL) fail_msg("no '%s' in: %s", wrong[i].word, err.text);
    }
    tli_op_shape s = good;
    s.batch = 0;
    assert_int_equal(tli_op_check_batch(&s, &err), TL_ERROR_USAGE);
    s.batch = UINT32_MAX;
    assert_int_equal(tli_op_check_batch(&s, &err), TL_ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_a_sequence_and_a_grid),
        cmocka_unit_test(pairs_are_saved_where_the_rule_says),
        cmocka_unit_test(plans_differ_by_what_is_saved),
        cmocka_unit_test(positions_follow_the_operation),
        cmocka_unit_test(wrong_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tables of names: every name is found and shown again, a value outside of its table has none. */
#include "test.h"

#include "core/choices.h"

static const choices *const tables[] = {
    &tli_op_choices,   &tli_positions_choices,   &tli_role_choices,        &tli_sharing_choices,
    &tli_pool_choices, &tli_motion_choices,      &tli_schedule_choices,    &tli_recompute_choices,
    &tli_arch_choices, &tli_augment_choices,     &tli_gemm_choices,        &tli_precision_choices,
    &tli_path_choices, &tli_device_type_choices, &tli_memory_kind_choices, &tli_form_choices};
enum { TABLES = sizeof tables / sizeof *tables };

static void names_and_values(void **unused)
{
    for (int t = 0; t < TABLES; t++) {
        const choices *c = tables[t];
        assert_true(c->count >= 2);
        for (int i = 0; i < c->count; i++) {
            const choice *item = &c->items[i];
            int found = -1;
            tl_error err = {0};
            assert_string_equal(tli_choice_name(c, item->value), item->name);
            assert_true(tli_choice_find(c, item->name, strlen(item->name), &found));
            assert_string_equal(tli_choice_name(c, found), item->name);
            assert_int_equal(tli_choice_check(c, item->value, &err), TL_OK);
            assert_int_equal(tli_choice_parse(c, "--x", item->name, &found, &err), TL_OK);
        }
    }
}

static void values_outside_have_no_name(void **unused)
{
    static const int values[] = {-1, 99, INT32_MAX, INT32_MIN};
    for (int t = 0; t < TABLES; t++)
        for (int i = 0; i < 4; i++) {
            tl_error err = {0};
            assert_null(tli_choice_name(tables[t], values[i]));
            assert_string_equal(tli_choice_shown(tables[t], values[i]), "?");
            assert_int_equal(tli_choice_check(tables[t], values[i], &err), TL_ERROR_USAGE);
            assert_non_null(strstr(err.text, tables[t]->what));
        }
    int found = 7;
    assert_false(tli_choice_find(&tli_op_choices, "attentio", 8, &found));
    assert_false(tli_choice_find(&tli_op_choices, "attention", 8, &found));
    assert_false(tli_choice_find(&tli_op_choices, "", 0, &found));
    assert_int_equal(found, 7);
    tl_error err = {0};
    assert_int_equal(tli_choice_parse(&tli_pool_choices, "--pool", "max", &found, &err), TL_ERROR_USAGE);
    assert_string_equal(err.text, "--pool takes cls|mean, not 'max'");
}

static void lists_name_every_value(void **unused)
{
    char list[CHOICE_LIST_CAPACITY];
    assert_string_equal(tli_choice_list(&tli_role_choices, "|", list), "q|k|v|qk|qv|kv|qkv"); /* "qkv" once */
    for (int t = 0; t < TABLES; t++) {
        tli_choice_list(tables[t], ", ", list);
        assert_non_null(strstr(list, tables[t]->items[tables[t]->count - 1].name)); /* all fit */
    }
}

/* 0 stands for all: that is what a checkpoint's "qkv" means, of operations without a choice of roles too. */
static void all_roles_are_zero(void **unused)
{
    int value = -1;
    assert_true(tli_choice_find(&tli_role_choices, "qkv", 3, &value));
    assert_int_equal(value, 0);
    assert_string_equal(tli_choice_name(&tli_role_choices, TL_ROLE_QKV), "qkv");
}

/* Typed alike, shown and stored by the one name. */
static void aliases(void **unused)
{
    int value = -1;
    char list[CHOICE_LIST_CAPACITY];
    assert_true(tli_choice_find(&tli_op_choices, "lor", 3, &value));
    assert_int_equal(value, TL_OP_ALPHA);
    assert_string_equal(tli_choice_name(&tli_op_choices, value), "alpha");
    assert_string_equal(tli_choice_alias(&tli_op_choices, TL_OP_ALPHA), "lor");
    assert_null(tli_choice_alias(&tli_op_choices, TL_OP_ALPHA_PURE));
    assert_null(tli_choice_alias(&tli_role_choices, 0));
    assert_null(strstr(tli_choice_list(&tli_op_choices, "|", list), "lor"));
    assert_false(tli_choice_find(&tli_op_choices, "lo", 2, &value));
}

static void public_names(void **unused)
{
    assert_string_equal(tl_op_name(TL_OP_CONV), "conv");
    assert_string_equal(tl_schedule_name(TL_SCHEDULE_COSINE_EPOCH), "cosine-epoch");
    assert_string_equal(tl_op_name((tl_op_kind)99), "?");
    assert_string_equal(tl_motion_name((tl_motion)-1), "?");
    assert_string_equal(tl_schedule_name((tl_schedule)99), "?");
    assert_string_equal(tl_memory_kind_name(TL_MEMORY_KINDS), "?");
    assert_string_equal(tl_device_type_name((tl_device_type)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values),       cmocka_unit_test(values_outside_have_no_name),
        cmocka_unit_test(lists_name_every_value), cmocka_unit_test(all_roles_are_zero),
        cmocka_unit_test(public_names),           cmocka_unit_test(aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

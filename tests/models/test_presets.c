/* Model sizes by name, and the registry that counts what they make. */
#include "test.h"

#include "models/presets.h"
#include "models/registry.h"

static void each_size_has_its_numbers(void **unused)
{
    static const struct {
        const char *name;
        tli_preset sizes;
    } want[] = {{"tiny", {192, 6, 3, 64, 768}},
                {"mini", {192, 12, 3, 64, 768}},
                {"small", {384, 12, 6, 64, 1536}},
                {"base", {768, 12, 12, 64, 3072}},
                {"large", {1024, 24, 16, 64, 4096}}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        int size;
        assert_true(tli_choice_find(&tli_size_choices, want[i].name, strlen(want[i].name), &size));
        assert_int_equal(size, i);
        assert_memory_equal(tli_preset_at(size), &want[i].sizes, sizeof want[i].sizes);
        char names[CHOICE_LIST_CAPACITY];
        assert_non_null(strstr(tli_choice_list(&tli_size_choices, ", ", names), want[i].name));
    }
}

static void unknown_names(void **unused)
{
    int size;
    assert_false(tli_choice_find(&tli_size_choices, "Tiny", 4, &size));
    assert_false(tli_choice_find(&tli_size_choices, "tin", 3, &size));
    assert_false(tli_choice_find(&tli_size_choices, "", 0, &size));
    assert_null(tli_preset_at(-1));
    assert_null(tli_preset_at(5));
}

static void registry_without_device(void **unused)
{
    tli_registry r = {0};
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        assert_int_equal(
            tli_registry_add(&r, name, TLI_INIT_UNIFORM, 0.5f, 3, (const uint64_t[]){i + 1, 2, 3}), i);
    }
    tli_parameter *p = tli_registry_find(&r, "w150");
    assert_non_null(p);
    assert_int_equal(tli_parameter_count(p), 151 * 6);
    assert_null(tli_registry_find(&r, "w200"));
    assert_int_equal(tli_registry_count(&r), 200 * 201 / 2 * 6);
    tli_registry_free(NULL, &r);
    assert_int_equal(tli_registry_count(&r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_size_has_its_numbers),
                                       cmocka_unit_test(unknown_names),
                                       cmocka_unit_test(registry_without_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

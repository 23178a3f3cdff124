/* Configurations of the public header between programs and libraries of different versions. */
#include "core/config.h"

#include "test.h"

typedef struct early { /* a struct as an earlier version had it ... */
    size_t size;
    int width, depth; /* no padding at the end, where a later member could lie */
} early;
typedef struct late { /* ... and with a member more */
    size_t size;
    int width, depth;
    int height;
} late;

static void members_that_an_older_program_lacks_are_zero(void **unused)
{
    tl_error err = {0};
    late own = {.height = 9};
    const early theirs = {.size = sizeof theirs, .width = 7};
    assert_int_equal(tli_config_take(&own, sizeof own, &theirs, "late", &err), TL_OK);
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.width, 7);
    assert_int_equal(own.height, 0);
}

static void members_that_the_library_lacks_must_not_be_set(void **unused)
{
    struct {
        late known;
        int more[8];
    } theirs = {.known = {.size = sizeof theirs, .width = 7, .height = 8}};
    tl_error err = {0};
    late own;
    assert_int_equal(tli_config_take(&own, sizeof own, &theirs, "late", &err), TL_OK);
    assert_int_equal(own.height, 8);
    theirs.more[7] = 1;
    assert_int_equal(tli_config_take(&own, sizeof own, &theirs, "late", &err), TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "older than the header"));
}

static void a_size_that_was_not_set_is_named(void **unused)
{
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, (size_t)-1, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tl_error err = {0};
        late own;
        const late theirs = {.size = sizes[i]};
        assert_int_equal(tli_config_take(&own, sizeof own, &theirs, "late", &err), TL_ERROR_USAGE);
        assert_non_null(strstr(err.text, "sizeof(late)"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_that_an_older_program_lacks_are_zero),
        cmocka_unit_test(members_that_the_library_lacks_must_not_be_set),
        cmocka_unit_test(a_size_that_was_not_set_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

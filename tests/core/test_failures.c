/* What a test says when a local function of it fails: the line that called it, too. */
#include "test.h"

static const char *program; /* this one */

static void check_even(int number)
{
    assert_int_equal(number % 2, 0);
}
#define check_even(...) FROM_HERE(check_even(__VA_ARGS__))

static int half(int number)
{
    check_even(number);
    return number / 2;
}
#define half(...) VALUE_FROM_HERE(half(__VA_ARGS__))

static void check_all(const int *numbers, int count)
{
    for (int i = 0; i < count; i++) assert_true(half(half(numbers[i])) < numbers[i]);
}
#define check_all(...) FROM_HERE(check_all(__VA_ARGS__))

enum { CALL_IN_HALF = __LINE__ - 11, CALL_IN_CHECK_ALL = __LINE__ - 4, CALL_IN_TEST = __LINE__ + 6 };

static void one_is_odd(void **unused)
{
    static const int numbers[] = {4, 8, 6};
    check_even(8); /* which returns, and is not named */
    check_all(numbers, 3);
}

static void fails_by_itself(void **unused)
{
    fail();
}

static int fail_on_purpose(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_is_odd), cmocka_unit_test(fails_by_itself)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static void failures_name_the_calls(void **unused)
{
    char command[4200], said[8192], want[400];
    snprintf(command, sizeof command, "'%s' purpose 2>&1", program);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    said[fread(said, 1, sizeof said - 1, output)] = '\0';
    assert_int_not_equal(pclose(output), 0);
    snprintf(want, sizeof want, "called from %s:%d\ncalled from %s:%d\ncalled from %s:%d\n", __FILE__,
             CALL_IN_HALF, __FILE__, CALL_IN_CHECK_ALL, __FILE__, CALL_IN_TEST);
    const char *found = strstr(said, want);
    assert_non_null(found);
    assert_null(strstr(found + strlen(want), "called from")); /* nor after the second failure */
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1) return fail_on_purpose();
    const struct CMUnitTest tests[] = {cmocka_unit_test(failures_name_the_calls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

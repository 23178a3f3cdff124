/* Status codes, error messages and the log: what is recorded, what is cut, what is dropped. */
#include "test.h"

#include "core/log.h"
#include "core/status.h"

static void exit_codes(void **state)
{
    assert_int_equal(tl_exit_code(TL_OK), 0);
    assert_int_equal(tl_exit_code(TL_ERROR_USAGE), 2);
    assert_int_equal(tl_exit_code(TL_ERROR_INPUT), 2);
    assert_int_equal(tl_exit_code(TL_ERROR_MEMORY), 2);
    assert_int_equal(tl_exit_code(TL_ERROR_NO_DEVICE), 1);
    assert_int_equal(tl_exit_code(TL_ERROR_DEVICE), 1);
    assert_int_equal(tl_exit_code(TL_ERROR_IO), 1);
    assert_int_equal(tl_exit_code(TL_INTERRUPTED), 130);
}

static void messages(void **state)
{
    tl_error err = {0};
    assert_int_equal(tli_fail(&err, TL_ERROR_INPUT, "file %s has %d bytes", "a.bin", 3), TL_ERROR_INPUT);
    assert_int_equal(err.status, TL_ERROR_INPUT);
    assert_string_equal(err.text, "file a.bin has 3 bytes");

    /* the later message replaces the earlier one */
    assert_int_equal(tli_fail(&err, TL_ERROR_IO, "full"), TL_ERROR_IO);
    assert_int_equal(err.status, TL_ERROR_IO);
    assert_string_equal(err.text, "full");

    assert_int_equal(tli_fail(NULL, TL_ERROR_MEMORY, "nobody %s", "reads this"), TL_ERROR_MEMORY);
}

static void long_messages_are_cut(void **state)
{
    struct {
        tl_error err;
        char after[64];
    } guarded;
    char text[3 * sizeof guarded.err.text];
    memset(&guarded, 0x5a, sizeof guarded);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(tli_fail(&guarded.err, TL_ERROR_DEVICE, "%s", text), TL_ERROR_DEVICE);
    assert_int_equal(strlen(guarded.err.text), sizeof guarded.err.text - 1);
    for (size_t i = 0; i < sizeof guarded.after; i++) assert_int_equal(guarded.after[i], 0x5a);
}

static tl_status steps(tl_error *err, int fail_at, int *reached)
{
    for (int i = 0; i < 3; i++) {
        TLI_TRY(i == fail_at ? tli_fail(err, TL_ERROR_USAGE, "step %d", i) : TL_OK);
        *reached = i + 1;
    }
    return TL_OK;
}

static void tries(void **state)
{
    tl_error err = {0};
    int reached = 0;
    assert_int_equal(steps(&err, -1, &reached), TL_OK);
    assert_int_equal(reached, 3);
    assert_string_equal(err.text, "");
    reached = 0;
    assert_int_equal(steps(&err, 1, &reached), TL_ERROR_USAGE);
    assert_int_equal(reached, 1);
    assert_string_equal(err.text, "step 1");
}

typedef struct sink {
    int lines;
    tl_log_level last_level;
    char last[4096];
} sink;

static void keep(void *user, tl_log_level level, const char *line)
{
    sink *s = user;
    s->lines++;
    s->last_level = level;
    snprintf(s->last, sizeof s->last, "%s", line);
}

static void log_levels(void **state)
{
    sink s = {0};
    tl_log log = {.level = TL_LOG_NOTICE, .write = keep, .user = &s};
    tli_log_write(&log, TL_LOG_DETAIL, "too fine");
    assert_int_equal(s.lines, 0);
    tli_log_write(&log, TL_LOG_NOTICE, "epoch %d", 7);
    assert_int_equal(s.lines, 1);
    assert_int_equal(s.last_level, TL_LOG_NOTICE);
    assert_string_equal(s.last, "epoch 7");
    tli_log_write(&log, TL_LOG_ERROR, "broken");
    assert_int_equal(s.lines, 2);
    assert_int_equal(s.last_level, TL_LOG_ERROR);
    log.level = TL_LOG_DETAIL;
    tli_log_write(&log, TL_LOG_DETAIL, "fine");
    assert_int_equal(s.lines, 3);

    /* silent, not a crash */
    log.write = NULL;
    tli_log_write(&log, TL_LOG_ERROR, "nowhere");
    tli_log_write(NULL, TL_LOG_ERROR, "nowhere");
    assert_int_equal(s.lines, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exit_codes), cmocka_unit_test(messages),
                                       cmocka_unit_test(long_messages_are_cut), cmocka_unit_test(tries),
                                       cmocka_unit_test(log_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

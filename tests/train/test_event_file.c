/* Event files are created, numbered and flushed; folders that cannot be written and full disks are named. What they hold is
 * read in cli/test_event_files.sh. */
#include "files.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "train/event_file.h"

static const tli_metric numbers[] = {{"loss", 0.25}, {"lr", 3e-4}};

static long size_of(const tli_event_file *events)
{
    struct stat info;
    assert_int_equal(stat(events->path, &info), 0);
    return (long)info.st_size;
}
#define size_of(...) VALUE_FROM_HERE(size_of(__VA_ARGS__))

static void test_numbered_and_flushed(void **state)
{
    tli_event_file events = {0};
    tl_error err = {0};
    assert_int_equal(tli_event_file_scalars(&events, 1, NULL, numbers, 2, &err), TL_OK); /* none is open */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tli_event_file_open(&events, folder, 1, &err), TL_OK);
        const long head = size_of(&events);
        assert_true(head > 0);
        assert_int_equal(tli_event_file_scalars(&events, 1, "a test set", numbers, 2, &err), TL_OK);
        assert_true(size_of(&events) > head); /* before it is closed */
        tli_event_file_close(&events);
        tli_event_file_close(&events);
    }
    assert_true(exists(TLI_EVENT_FILE_NAME "000001"));
    assert_true(exists(TLI_EVENT_FILE_NAME "000002"));
}

static void test_unwritable(void **state)
{
    tli_event_file events;
    tl_error err = {0};
    assert_int_equal(tli_event_file_open(&events, "/nonexistent", 1, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "/nonexistent/" TLI_EVENT_FILE_NAME));
}

/* A limit on the size of files stands in for a full disk. */
static void test_full_disk(void **state)
{
    tli_event_file events;
    tl_error err = {0};
    struct rlimit usual;
    tl_status status = TL_OK;
    assert_int_equal(tli_event_file_open(&events, folder, 1, &err), TL_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    const struct rlimit low = {.rlim_cur = 4096, .rlim_max = usual.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    for (uint64_t step = 1; step <= 100 && status == TL_OK; step++)
        status = tli_event_file_scalars(&events, step, NULL, numbers, 2, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, TL_ERROR_IO);
    assert_non_null(strstr(err.text, events.path));
    assert_non_null(strstr(err.text, "could not be written"));
    tli_event_file_close(&events);
}

static void test_left_out(void **state)
{
    tl_error err = {0};
    assert_int_equal(tli_event_file_check(&err), TL_ERROR_USAGE);
    assert_non_null(strstr(err.text, "built without protobuf-c"));
}

int main(void)
{
    const struct CMUnitTest built[] = {cmocka_unit_test(test_numbered_and_flushed),
                                       cmocka_unit_test(test_unwritable), cmocka_unit_test(test_full_disk)},
                            left_out[] = {cmocka_unit_test(test_left_out)};
    if (tli_event_file_check(NULL) == TL_OK) return cmocka_run_group_tests(built, make_folder, remove_folder);
    return cmocka_run_group_tests(left_out, NULL, NULL);
}

/* Whole files, and folders with those above them. */
#include "files.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"

static void files_come_whole_or_cut(void **state)
{
    enum { LONG = 100000 };
    static char bytes[LONG];
    for (int i = 0; i < LONG; i++) bytes[i] = (char)(i * 7);
    FILE *file = fopen(at("long"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, LONG, file), LONG);
    assert_int_equal(fclose(file), 0);
    static const size_t most[] = {0, 1, 16384, LONG - 1, LONG, LONG + 1, SIZE_MAX - 1};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        size_t count = 0;
        char *text = tli_read_file(at("long"), most[i], &count);
        assert_non_null(text);
        assert_int_equal(count, most[i] < LONG ? most[i] : LONG);
        assert_memory_equal(text, bytes, count);
        assert_int_equal(text[count], 0);
        free(text);
    }
}

static void what_cannot_be_read_has_an_errno(void **state)
{
    size_t count;
    assert_null(tli_read_file(at("nothing"), 10, &count));
    assert_int_equal(errno, ENOENT);
    assert_null(tli_read_file(folder, 10, &count));
    assert_int_equal(errno, EISDIR);
}

static void folders_are_made_with_those_above(void **state)
{
    char path[600];
    struct stat info;
    tli_folders folders;
    snprintf(path, sizeof path, "%s/a/b/c", folder);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(tli_make_folders(path, &folders), 0);
        assert_int_equal(folders.found, again ? strlen(path) : strlen(folder));
        assert_int_equal(folders.reached, strlen(path));
        assert_int_equal(stat(path, &info), 0);
        assert_true(S_ISDIR(info.st_mode));
    }
}

static void a_file_in_the_way_is_an_error(void **state)
{
    char path[600];
    tli_folders folders;
    write_text("file", "x");
    snprintf(path, sizeof path, "%s/file/a/b", folder);
    assert_int_equal(tli_make_folders(path, &folders), ENOTDIR);
    assert_int_equal(folders.found, strlen(folder) + 5);
    assert_int_equal(folders.reached, strlen(folder) + 7); /* .../file/a */
    snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(tli_make_folders(path, &folders), ENOTDIR);
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) count += entry->d_name[0] != '.';
    closedir(open);
    return count;
}
#define files_in_folder(...) VALUE_FROM_HERE(files_in_folder(__VA_ARGS__))

static void asking_whether_a_file_can_be_written_changes_nothing(void **state)
{
    (void)state;
    char text[8] = "";
    write_text("asked", "abc");
    assert_int_equal(tli_check_writable(at("asked")), 0);
    FILE *file = fopen(at("asked"), "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text, file), 3);
    fclose(file);
    assert_string_equal(text, "abc");
    assert_int_equal(tli_check_writable(at("absent")), 0);
    assert_int_not_equal(access(at("absent"), F_OK), 0);
    assert_int_equal(tli_check_writable(at("no/where")), ENOENT);
}

/* Nothing is left beside it, also where the disk does not take all of it. */
static void a_file_is_replaced_whole_or_stays(void **state)
{
    char text[8];
    bool created = false;
    struct rlimit usual, low;
    const int before = files_in_folder();
    for (const char *words = "first"; words != NULL; words = strcmp(words, "first") == 0 ? "second" : NULL) {
        assert_int_equal(tli_replace_file(at("whole"), words, strlen(words), &created), 0);
        assert_true(created);
        assert_int_equal(read_file("whole", text, sizeof text), strlen(words));
        assert_string_equal(text, words);
    }
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    low = (struct rlimit){3, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    const int code = tli_replace_file(at("whole"), "third", 5, &created);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_int_equal(code, EFBIG);
    assert_true(created);
    assert_int_equal(read_file("whole", text, sizeof text), 6);
    assert_string_equal(text, "second");
    assert_int_equal(files_in_folder(), before + 1);
    assert_int_equal(tli_replace_file(at("no/whole"), "x", 1, &created), ENOENT);
    assert_false(created);
    assert_int_equal(tli_replace_file(folder, "x", 1, &created), EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_come_whole_or_cut),
                                       cmocka_unit_test(what_cannot_be_read_has_an_errno),
                                       cmocka_unit_test(folders_are_made_with_those_above),
                                       cmocka_unit_test(a_file_in_the_way_is_an_error),
                                       cmocka_unit_test(asking_whether_a_file_can_be_written_changes_nothing),
                                       cmocka_unit_test(a_file_is_replaced_whole_or_stays)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* The line of progress: it fits any terminal, also one that is made narrower, and is a plain line now and then elsewhere. */
#define _XOPEN_SOURCE 700
#include "core/progress.h"
#include "pty.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static char text[1 << 16];

/* What has been written to the terminal since the last call. */
static void read_terminal(const pty *p)
{
    size_t used = 0;
    struct pollfd ready = {.fd = p->master, .events = POLLIN};
    while (poll(&ready, 1, 20) > 0 && used < sizeof text - 1) {
        const ssize_t count = read(p->master, text + used, sizeof text - 1 - used);
        if (count <= 0) break;
        used += (size_t)count;
    }
    text[used] = '\0';
}

static void advance(tli_progress *progress, uint64_t from, uint64_t to)
{
    for (uint64_t done = from; done <= to; done++) tli_progress_update(progress, done, 1000 + (double)done);
}

static void widths(void **unused)
{
    static const int sizes[] = {1, 2, 4, 5, 6, 7, 8, 12, 20, 24, 39, 40, 41, 60, 76, 80, 81, 120, 200};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int columns = sizes[i];
        pty p = pty_open(columns);
        FILE *file = fdopen(p.slave, "w");
        tli_progress progress;
        tli_progress_begin(&progress, file, "evaluating", "images", 12, 1000);
        assert_true(progress.terminal);
        advance(&progress, 1, 12);
        read_terminal(&p);
        if (widest_line(text) > (columns > 1 ? columns - 1 : 0))
            fail_msg("%d columns on a terminal of %d: %s", widest_line(text), columns, text);
        assert_true(columns < 6 || strstr(text, "\r 50 %") != NULL || strstr(text, "]   50 %") != NULL);
        if (columns >= 24) assert_says(text, "left 0:00:06");
        if (columns >= 60) assert_says(text, "] ");
        if (columns >= 60) assert_says(text, "1.0 images/s");
        if (columns >= 76) assert_says(text, "evaluating");
        tli_progress_clear(&progress);
        read_terminal(&p);
        assert_true(text[0] == '\r' || columns < 6);
        assert_int_equal(strspn(text, "\r "), strlen(text)); /* nothing but blanks */
        tli_progress_clear(&progress);
        read_terminal(&p);
        assert_string_equal(text, "");
        fclose(file);
        close(p.master);
    }
}

static void resized(void **unused)
{
    pty p = pty_open(200);
    FILE *file = fdopen(p.slave, "w");
    tli_progress progress;
    tli_progress_begin(&progress, file, "evaluating", "images", 100, 1000);
    advance(&progress, 1, 10);
    read_terminal(&p);
    assert_true(widest_line(text) > 70);
    pty_resize(&p, 40);
    advance(&progress, 11, 20);
    read_terminal(&p);
    assert_between(widest_line(text), 20, 39);
    pty_resize(&p, 120);
    advance(&progress, 21, 30);
    read_terminal(&p);
    assert_between(widest_line(text), 70, 119);
    tli_progress_leave(&progress);
    read_terminal(&p);
    assert_says(text, "\n");
    fclose(file);
    close(p.master);
}

/* The bar fills from left to right, the percentage is 100 at the end and not before. */
static void bar(void **unused)
{
    pty p = pty_open(100);
    FILE *file = fdopen(p.slave, "w");
    tli_progress progress;
    tli_progress_begin(&progress, file, NULL, "steps", 1000, 1000);
    size_t filled = 0;
    for (uint64_t done = 0; done <= 1000; done += 111) {
        tli_progress_update(&progress, done, 2000 + (double)done);
        read_terminal(&p);
        const char *begin = strchr(text, '[');
        assert_non_null(begin);
        const size_t now = begin != NULL ? strspn(begin + 1, "=") : 0;
        assert_true(now >= filled);
        filled = now;
        assert_true(strstr(text, "100 %") == NULL);
    }
    tli_progress_update(&progress, 1000, 4000);
    read_terminal(&p);
    assert_says(text, "=]  100 %");
    fclose(file);
    close(p.master);
}

/* At most ten lines a second. */
static void seldom(void **unused)
{
    pty p = pty_open(80);
    FILE *file = fdopen(p.slave, "w");
    tli_progress progress;
    tli_progress_begin(&progress, file, NULL, "steps", 1000, 1000);
    for (int i = 1; i <= 1000; i++) tli_progress_update(&progress, (uint64_t)i, 1000 + i * 1e-3);
    read_terminal(&p);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++) lines += *c == '\r';
    assert_between(lines, 8, 10);
    fclose(file);
    close(p.master);
}

static void elsewhere(void **unused)
{
    char *buffer = NULL;
    size_t used = 0;
    FILE *file = open_memstream(&buffer, &used);
    tli_progress progress;
    tli_progress_begin(&progress, file, "evaluating", "images", 100, 1000);
    assert_false(progress.terminal);
    advance(&progress, 1, 9);
    fflush(file);
    assert_int_equal(used, 0); /* short works say nothing */
    advance(&progress, 10, 100);
    tli_progress_clear(&progress);
    tli_progress_leave(&progress);
    fclose(file);
    assert_null(strchr(buffer, '\r'));
    assert_null(strchr(buffer, '['));
    assert_memory_equal(buffer, "evaluating  10/100 images  1.0 images/s  left 0:01:30\n", 54);
    int lines = 0;
    for (const char *c = buffer; *c != '\0'; c++) lines += *c == '\n';
    assert_int_equal(lines, 10);
    free(buffer);

    tli_progress_begin(&progress, NULL, "evaluating", "images", 100, 0);
    assert_false(tli_progress_is_due(&progress, 1, 100));
    advance(&progress, 1, 100);
    tli_progress_clear(&progress);
    tli_progress_leave(&progress);
}

/* Of a pipe nobody knows how much will come. */
static void unknown_total(void **unused)
{
    pty p = pty_open(80);
    FILE *file = fdopen(p.slave, "w");
    tli_progress progress;
    tli_progress_begin(&progress, file, "tokenizing", "lines", 0, 1000);
    advance(&progress, 1, 3);
    read_terminal(&p);
    assert_says(text, "tokenizing  3 lines  1.0 lines/s");
    assert_true(strchr(text, '%') == NULL && strchr(text, '[') == NULL && strstr(text, "left") == NULL);
    fclose(file);
    close(p.master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths), cmocka_unit_test(resized),   cmocka_unit_test(bar),
        cmocka_unit_test(seldom), cmocka_unit_test(elsewhere), cmocka_unit_test(unknown_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Metrics lines are JSON that parses back, and progress is shown when and as promised. */
#include "files.h"
#include "json.h"

#include <time.h>

#include "core/clock.h"
#include "train/metrics.h"
#include "train/progress.h"

static tl_status write_step(tli_metrics *metrics, uint64_t step, uint64_t epoch, double loss, double lr,
                            double rate, tl_error *err)
{
    const tli_metric values[] = {{"loss", loss}, {"lr", lr}, {"images_per_second", rate}};
    return tli_metrics_line(metrics, step, epoch, NULL, values, 3, err);
}

static void test_lines(void **state)
{
    char path[] = "/tmp/tl_metrics_XXXXXX", text[2048];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    tli_metrics metrics;
    tl_error err = {0};
    assert_int_equal(tli_metrics_open(&metrics, path, &err), TL_OK);
    assert_int_equal(write_step(&metrics, 1, 1, 0.1f, 3e-4f, 812.5, &err), TL_OK);
    read_file(path, text, sizeof text); /* flushed before the file is closed */
    assert_non_null(strchr(text, '\n'));
    tli_metrics_close(&metrics);
    tli_metrics_close(&metrics);
    assert_int_equal(tli_metrics_open(&metrics, path, &err), TL_OK); /* appends */
    assert_int_equal(write_step(&metrics, UINT64_C(9007199254740993), 2, NAN, -1e-30, INFINITY, &err), TL_OK);
    const tli_metric scores[] = {{"loss", 0.25}, {"top1", 93.75}, {"top5", 100}};
    assert_int_equal(tli_metrics_line(&metrics, 235, 1, "a\"b\n", scores, 3, &err), TL_OK);
    tli_metrics_close(&metrics);
    read_file(path, text, sizeof text);
    unlink(path);

    char *save = NULL;
    cJSON *lines[3];
    for (int i = 0; i < 3; i++) {
        char *line = strtok_r(i ? NULL : text, "\n", &save);
        assert_non_null(line);
        lines[i] = cJSON_ParseWithOpts(line, NULL, 1);
        if (!lines[i]) fail_msg("not JSON: %s", line);
        if (i == 1) assert_non_null(strstr(line, "9007199254740993")); /* exact, not through a double */
    }
    assert_null(strtok_r(NULL, "\n", &save));
    assert_true(number(lines[0], "step") == 1);
    assert_true(number(lines[0], "epoch") == 1);
    assert_true((float)number(lines[0], "loss") == (float)0.1);
    assert_true((float)number(lines[0], "lr") == (float)3e-4);
    assert_true(number(lines[0], "images_per_second") == 812.5);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(lines[1], "loss")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(lines[1], "images_per_second")));
    assert_true(number(lines[1], "lr") == (double)-1e-30);
    assert_true(number(lines[2], "loss") == 0.25);
    assert_true(number(lines[2], "top1") == 93.75);
    assert_true(number(lines[2], "top5") == 100);
    assert_true(number(lines[2], "step") == 235);
    assert_string_equal(cJSON_GetObjectItem(lines[2], "test")->valuestring, "a\"b\n");
    for (int i = 0; i < 3; i++) cJSON_Delete(lines[i]);
}

static void test_unwritable(void **state)
{
    tli_metrics metrics;
    tl_error err = {0};
    assert_int_equal(tli_metrics_open(&metrics, "/nonexistent/folder/m.jsonl", &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "/nonexistent/folder/m.jsonl"));
    if (access("/dev/full", W_OK) != 0) return;
    assert_int_equal(tli_metrics_open(&metrics, "/dev/full", &err), TL_OK);
    assert_int_equal(write_step(&metrics, 1, 1, 1, 1, 1, &err), TL_ERROR_IO);
    tli_metrics_close(&metrics);
}

/* 100 steps of `seconds` each into memory. */
static void run_steps(char *out, size_t size, int terminal, double seconds, uint64_t stop, int clear_at)
{
    FILE *file = fopen("/dev/null", "w");
    char *buffer = NULL;
    size_t used = 0;
    tli_train_progress progress;
    tli_train_progress_begin(&progress, file, "images", 100, 4);
    assert_false(progress.line.terminal);
    fclose(file);
    progress.line.file = open_memstream(&buffer, &used);
    progress.line.terminal = terminal;
    for (uint64_t step = 1; step <= stop; step++) {
        tli_progress_point point = {step, 1 + (step - 1) / 25, 10.0 / (double)step,        3e-4,
                                    640,  (double)NAN,         step == 21 ? 0.256 : 0.0099};
        tli_train_progress_step(&progress, &point, 1000 + seconds * (double)step);
        if (clear_at == (int)step) tli_train_progress_clear(&progress);
    }
    tli_train_progress_end(&progress, 1000 + seconds * (double)stop);
    fclose(progress.line.file);
    snprintf(out, size, "%s", buffer);
    free(buffer);
}
#define run_steps(...) FROM_HERE(run_steps(__VA_ARGS__))

static int count_of(const char *text, char c)
{
    int n = 0;
    for (; *text; text++) n += *text == c;
    return n;
}

static void test_plain_progress(void **state)
{
    char text[16384];
    run_steps(text, sizeof text, 0, 1.0, 100, 0); /* steps 1, 11, ..., 91 and 100 */
    assert_int_equal(count_of(text, '\n'), 11);
    assert_int_equal(count_of(text, '\r'), 0);
    assert_memory_equal(text, "step 1/100  epoch 1/4  loss 10.0000  lr 3.00e-04  640 images/s  left ?\n", 71);
    assert_non_null(
        strstr(text, "\nstep 11/100  epoch 1/4  loss 0.9091  lr 3.00e-04  640 images/s  left 0:01:29\n"));
    assert_non_null(
        strstr(text, "\nstep 100/100  epoch 4/4  loss 0.1000  lr 3.00e-04  640 images/s  left 0:00:00\n"));
    assert_non_null(strstr(text, "  640 images/s  waiting for data 26 %  left 0:01:19\n")); /* the 21st */
    run_steps(text, sizeof text, 0, 1.0, 15, 0); /* stopped early: the latest step is still told */
    assert_int_equal(count_of(text, '\n'), 3);
    assert_non_null(strstr(text, "\nstep 15/100"));
    run_steps(text, sizeof text, 0, 1000.0, 3, 0);
    assert_non_null(strstr(text, "left 27:13:20\n")); /* 98 steps of 1000 s */
}

static void test_terminal_progress(void **state)
{
    char text[16384];
    run_steps(text, sizeof text, 1, 0.02, 100, 0); /* 2 s: about 20 draws */
    assert_between(count_of(text, '\r'), 17, 21);
    assert_int_equal(count_of(text, '\n'), 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_non_null(strstr(text, "100 %  step 100/100"));
    run_steps(text, sizeof text, 1, 0.001, 50, 10); /* redrawn by the step behind the wipe */
    assert_non_null(strstr(text, " 11 %  step 11/100"));
    assert_null(strstr(text, "step 12/100"));

    tli_train_progress silent;
    tli_train_progress_begin(&silent, NULL, "images", 10, 1);
    tli_progress_point point = {1, 1, 1, 1, 1, (double)NAN, 0};
    tli_train_progress_step(&silent, &point, 0);
    tli_train_progress_clear(&silent);
    tli_train_progress_end(&silent, 1);
}

static void test_clock(void **state)
{
    double before = tli_clock_seconds();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double passed = tli_clock_seconds() - before;
    assert_true(passed >= 0.019);
    assert_true(passed < 10.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_unwritable),
                                       cmocka_unit_test(test_plain_progress),
                                       cmocka_unit_test(test_terminal_progress),
                                       cmocka_unit_test(test_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

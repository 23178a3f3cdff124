/* The public tl_metrics: what a run's metrics.jsonl holds, whole, cut off, repeated or from elsewhere. */
#include "files.h"

#include <translution/translution.h>

static tl_metrics *open_text(const char *text)
{
    tl_metrics *metrics = NULL;
    tl_error err = {0};
    write_text("metrics.jsonl", text);
    if (tl_metrics_open(folder, &metrics, &err) != TL_OK) fail_msg("%s", err.text);
    return metrics;
}
#define open_text(...) VALUE_FROM_HERE(open_text(__VA_ARGS__))

/* The lines as "step:test:loss", joined by spaces; loss is the column of that name. */
static void expect_lines(const tl_metrics *metrics, const char *want)
{
    char got[1024] = "";
    size_t used = 0;
    int loss = 0;
    tl_metrics_line line;
    while (tl_metrics_column(metrics, loss) != NULL && strcmp(tl_metrics_column(metrics, loss), "loss") != 0)
        loss++;
    for (uint64_t i = 0; tl_metrics_line_at(metrics, i, &line); i++)
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%llu:%s:%g", i > 0 ? " " : "",
                                 (unsigned long long)line.step, line.test != NULL ? line.test : "",
                                 tl_metrics_value(metrics, i, loss));
    assert_string_equal(got, want);
}
#define expect_lines(...) FROM_HERE(expect_lines(__VA_ARGS__))

static void columns_are_in_the_order_of_the_file(void **unused)
{
    tl_metrics *m = open_text("{\"step\":1,\"epoch\":1,\"loss\":0.5,\"lr\":1e-3}\n"
                              "{\"step\":1,\"epoch\":1,\"test\":\"static\",\"loss\":null,\"top1\":93.5}\n"
                              "{\"step\":2,\"loss\":0.25}");
    static const char *const names[] = {"loss", "lr", "top1"};
    for (int i = 0; i < 3; i++) assert_string_equal(tl_metrics_column(m, i), names[i]);
    assert_null(tl_metrics_column(m, 3));
    expect_lines(m, "1::0.5 1:static:nan 2::0.25");
    assert_true(tl_metrics_value(m, 0, 1) == 1e-3);
    assert_true(tl_metrics_value(m, 1, 2) == 93.5);
    assert_true(isnan(tl_metrics_value(m, 2, 2)));
    tl_metrics_line line;
    assert_true(tl_metrics_line_at(m, 2, &line));
    assert_int_equal(line.epoch, 0);
    assert_int_equal(tl_metrics_unreadable(m), 0);
    tl_metrics_close(m);
}

static void of_repeated_steps_the_later_count(void **unused)
{
    tl_metrics *m = open_text(
        "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2}\n{\"step\":2,\"test\":\"a\",\"loss\":20}\n"
        "{\"step\":2,\"test\":\"b\",\"loss\":21}\n{\"step\":3,\"loss\":3}\n"
        "{\"step\":4,\"test\":\"a\",\"loss\":40}\n" /* killed; resumed from the checkpoint of step 1 */
        "{\"step\":2,\"loss\":5}\n{\"step\":2,\"test\":\"a\",\"loss\":50}\n{\"step\":3,\"loss\":6}\n");
    expect_lines(m, "1::1 2::5 2:a:50 3::6");
    tl_metrics_close(m);
}

static void other_lines_are_skipped_and_counted(void **unused)
{
    tl_metrics *m = open_text(
        "no JSON\n[1,2]\n{\"loss\":1}\n{\"step\":-1}\n{\"step\":1.5}\n{\"step\":1e300}\n"
        "{\"step\":1,\"test\":7}\n{\"step\":1,\"epoch\":\"x\"}\n\n\r\n"
        "{\"step\":1} and more\n"
        "{\"step\":7,\"loss\":1e999,\"words\":\"text\",\"list\":[1]}\r\n"
        "{\"step\":8,\"lo");
    assert_int_equal(tl_metrics_unreadable(m), 10);
    expect_lines(m, "7::nan");
    assert_string_equal(tl_metrics_column(m, 0), "loss");
    assert_null(tl_metrics_column(m, 1));
    tl_metrics_close(m);

    static const char zero[] = "{\"step\":1,\"loss\":1}\0{\n{\"step\":2,\"loss\":2}\n";
    tl_error err = {0};
    write_file("zero.jsonl", zero, sizeof zero - 1);
    assert_int_equal(tl_metrics_open(at("zero.jsonl"), &m, &err), TL_OK);
    assert_int_equal(tl_metrics_unreadable(m), 1);
    expect_lines(m, "2::2");
    tl_metrics_close(m);
}

/* More names than any run has do not take memory for each of a million lines. */
static void names_are_few(void **unused)
{
    char text[64 * 48] = "";
    size_t used = 0;
    for (int i = 0; i < 64; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "{\"step\":%d,\"test\":\"t%d\",\"x%d\":1}\n", i + 1, i, i);
    tl_metrics *m = open_text(text);
    int columns = 0;
    while (tl_metrics_column(m, columns) != NULL) columns++;
    assert_int_equal(columns, 32);
    assert_int_equal(tl_metrics_unreadable(m), 32);
    tl_metrics_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_in_the_order_of_the_file),
        cmocka_unit_test(of_repeated_steps_the_later_count),
        cmocka_unit_test(other_lines_are_skipped_and_counted),
        cmocka_unit_test(names_are_few),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

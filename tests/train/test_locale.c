/* A program of its own that has chosen a locale with another decimal point, as desktop programs do: the library writes and
 * reads the same files as everywhere. The locales are made by localedef in a folder of the test; without it, it is skipped. */
#include "runs.h"
#include "test.h"

#include <locale.h>

#include "core/number.h"

/* German writes 0,5; Pashto 0٫5, whose point takes two bytes. */
static const char *const names[] = {"de_DE", "ps_AF"};
enum { LOCALES = sizeof names / sizeof names[0] };

static void make_locales(void)
{
    setenv("LOCPATH", folder, 1);
    for (int i = 0; i < LOCALES; i++) {
        char command[600];
        snprintf(command, sizeof command, "localedef -i %s -f UTF-8 %s/%s.UTF-8 >/dev/null 2>&1", names[i],
                 folder, names[i]);
        if (system(command) != 0) return;
    }
}

/* Skips the test where there is no such locale. */
static void choose(int i)
{
    char name[32];
    snprintf(name, sizeof name, "%s.UTF-8", names[i]);
    if (setlocale(LC_ALL, name) == NULL) {
        skip_because("no locale with a decimal comma could be made", "install locales");
    }
    assert_string_not_equal(localeconv()->decimal_point, ".");
}
#define choose(...) FROM_HERE(choose(__VA_ARGS__))

static int back_to_c(void **unused)
{
    return setlocale(LC_ALL, "C") == NULL;
}

static void numbers(void **unused)
{
    for (int i = 0; i < LOCALES; i++) {
        char text[64], *end;
        choose(i);
        assert_int_equal(tli_format(text, sizeof text, "%.9g %s %.1f", 0.001, "and", 2.5), 13);
        assert_string_equal(text, "0.001 and 2.5");
        assert_true(tli_parse_double("0.125x", &end) == 0.125);
        assert_string_equal(end, "x");
        assert_true(tli_parse_float("16777217.5", NULL) == 16777218.0f);
        FILE *file = fmemopen(text, sizeof text, "w");
        assert_non_null(file);
        assert_int_equal(tli_print(file, "%g", -1.5e-30), 8);
        fclose(file);
        assert_string_equal(text, "-1.5e-30");
        snprintf(text, sizeof text, "%.1f", 0.5); /* the program's own locale is what it was */
        assert_string_not_equal(text, "0.5");
    }
}

/* No comma or other sign stands between digits of the numbers in a file of JSON. */
static void assert_points(const tl_settings *s, const char *name)
{
    size_t size;
    char *text = read_all(inside(s->run.out, name), &size), *at = text;
    assert_non_null(strchr(text, '.'));
    for (; *at != '\0'; at++) {
        assert_true((unsigned char)*at < 0x80);
        if (*at == ',') assert_true(at[1] < '0' || at[1] > '9'); /* a device's name may have one, too */
    }
    free(text);
}
#define assert_points(...) FROM_HERE(assert_points(__VA_ARGS__))

static void write_trace(tl_context *ctx, const tl_settings *s)
{
    char path[2200];
    snprintf(path, sizeof path, "%s/trace.json", s->run.out);
    MUST(ctx, tl_profile_write_trace(ctx, path));
    assert_points(s, "trace.json");
}
#define write_trace(...) FROM_HERE(write_trace(__VA_ARGS__))

static void train_traced(tl_settings *s)
{
    tl_context *ctx = NULL;
    tl_result result;
    tl_error err;
    assert_int_equal(
        tl_context_create(&(tl_context_options){.size = sizeof(tl_context_options), .profile = true}, &ctx,
                          &err),
        TL_OK);
    MUST(ctx, tl_profile_trace(ctx, 0));
    MUST(ctx, tl_train(ctx, s, NULL, &result));
    write_trace(ctx, s);
    tl_context_destroy(ctx);
}
#define train_traced(...) FROM_HERE(train_traced(__VA_ARGS__))

/* A run, a run that stops and goes on, and one that begins in one locale and ends in another: all the bytes of "C". */
static void runs(void **unused)
{
    tl_settings plain = small_run(TL_OP_ALPHA, "plain"), begun = small_run(TL_OP_ALPHA, "begun");
    train(plain);
    begun.run.stop_after = 3;
    train(begun);
    for (int i = 0; i < LOCALES; i++) {
        char name[32];
        choose(i);
        snprintf(name, sizeof name, "run-%d", i);
        tl_settings s = small_run(TL_OP_ALPHA, name);
        s.run.eval_every = 2;
        train_traced(&s);
        assert_same_model(&plain, &s);
        assert_points(&s, "metrics.jsonl");

        snprintf(name, sizeof name, "stopped-%d", i);
        s = small_run(TL_OP_ALPHA, name);
        s.run.stop_after = 3;
        train(s);
        s.run.stop_after = 0;
        s.run.resume = true;
        train(s);
        assert_same_model(&plain, &s);
    }
    begun.run.stop_after = 0;
    begun.run.resume = true;
    train(begun);
    assert_same_model(&plain, &begun);
}

/* Sentences are for people, and mostly for people who compare them with the documentation. */
static void sentences(void **unused)
{
    choose(0);
    tl_error err;
    tli_fail(&err, TL_ERROR_MEMORY, "%.1f MiB", 1.5);
    assert_string_equal(err.text, "1.5 MiB");
}

static int begin(void **unused)
{
    if (make_folder(unused) != 0) return 1;
    make_locales();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(numbers, back_to_c),
        cmocka_unit_test_teardown(runs, back_to_c),
        cmocka_unit_test_teardown(sentences, back_to_c),
    };
    return cmocka_run_group_tests(tests, begin, remove_folder);
}

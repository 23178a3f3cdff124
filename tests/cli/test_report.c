/* `report`: the page of runs side by side, also of runs that are long, broken or hostile. */
#include "report_page.h"
#include "small_digits.h"

#include <sys/resource.h>

/* Sanitizers, counted lines and emulators take time of their own. */
#ifdef SLOWED
enum { TIMED = false };
#else
enum { TIMED = true };
#endif

/* ---- reports ---------------------------------------------------------------------------------------- */

static void settings_stand_side_by_side(void **state)
{
    need_gnuplot();
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("one"), "--eval-every", "2", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("two"), "--op", "alpha", "--lr", "0.25", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "report", at("one"), at("two"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "page.html: 2 runs, 5 pictures, ");
    read_page("page.html");
    check_page();
    assert_int_equal(times("<tr class=\"differs\"><th scope=\"row\"><span class=\"mark\" role=\"img\" "
                           "aria-label=\"differs\">≠</span> lr</th><td>0.0003"),
                     1);
    assert_says(page, "</td><td>0.25</td></tr>");
    assert_says(page, "</span> op</th><td>attention</td><td>alpha</td></tr>");
    assert_says(page, "<tr><th scope=\"row\">task</th><td>mnist</td><td>mnist</td></tr>");
    assert_null(strstr(page, "checksum</th>"));
    static const char *const titles[] = {"Training loss", "Loss on the test sets",
                                         "Accuracy on the test sets (top-1, %)", "Learning rate",
                                         "Images per second"};
    for (int i = 0; i < 5; i++) {
        char heading[80];
        snprintf(heading, sizeof heading, "<figure>\n<h3>%s</h3>", titles[i]);
        assert_int_equal(times(heading), 1);
    }
    assert_int_equal(times("<summary>Numbers of this picture</summary>"), 5);
    assert_int_equal(times("xmlns=\"http://www.w3.org/2000/svg\""), 5);
    assert_true(times("<g class=\"run0\"") >= 5 && times("<g class=\"run1\"") >= 5);
    assert_null(strstr(page, "gnuplot_plot_"));
}

static void a_run_without_weights_has_curves(void **state)
{
    need_gnuplot();
    write_text("one.jsonl",
               "{\"step\":1,\"epoch\":1,\"loss\":100,\"tokens_per_second\":5}\n"
               "{\"step\":2,\"epoch\":1,\"test\":\"validation\",\"loss\":3,\"perplexity\":20}\n");
    RUN(NO_ENV, "report", at("one.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "1 run, 4 pictures");
    read_page("page.html");
    check_page();
    assert_says(page, "No run here has saved weights");
    assert_says(page, "<h3>Perplexity on the test sets</h3>");
    assert_says(page, "<h3>Tokens per second</h3>");
    assert_says(page, "<td>validation</td><td>2</td><td>3</td><td>–</td><td>–</td><td>20</td>");
}

static void write_long_run(const char *name, int steps, double slope)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    for (int i = 1; i <= steps; i++) {
        const double loss = i == 54321 ? 98.75 : 2.5 + slope * i + 0.001 * (i % 97);
        fprintf(file,
                "{\"step\":%d,\"epoch\":%d,\"loss\":%.9g,\"lr\":%.9g,\"images_per_second\":%.9g,"
                "\"data_wait\":0.01}\n",
                i, i / 1000 + 1, loss, 3e-4 * (1 - (double)i / steps), 800.0 + i % 13);
        if (i % 1000 == 0)
            fprintf(
                file,
                "{\"step\":%d,\"epoch\":%d,\"test\":\"static\",\"loss\":%.9g,\"top1\":%.9g,\"top5\":99}\n", i,
                i / 1000, loss, 50 + (double)i / steps * 40);
    }
    assert_int_equal(fclose(file), 0);
}
#define write_long_run(...) FROM_HERE(write_long_run(__VA_ARGS__))

/* That all programs took which this one has started, and those that they have. */
static double processor_seconds(void)
{
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}
#define processor_seconds(...) VALUE_FROM_HERE(processor_seconds(__VA_ARGS__))

/* Of three runs of so many steps. */
static double seconds_of_a_page(int steps)
{
    write_long_run("a.jsonl", steps, -1e-5);
    write_long_run("b.jsonl", steps, -2e-5);
    write_long_run("c.jsonl", steps, 0);
    const double before = processor_seconds();
    RUN(NO_ENV, "report", at("a.jsonl"), at("b.jsonl"), at("c.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    return processor_seconds() - before;
}
#define seconds_of_a_page(...) VALUE_FROM_HERE(seconds_of_a_page(__VA_ARGS__))

/* 3 s on a machine of 2026; a slower one has to need less than in proportion to the steps, as it reads each line once. */
static void long_runs_make_a_small_page_with_their_extremes(void **state)
{
    need_gnuplot();
    const double small = seconds_of_a_page(10000), large = seconds_of_a_page(100000);
    if (TIMED && large >= 3 && large >= 15 * small)
        fail_msg("the page took %.2f s, of a tenth %.2f", large, small);
    read_page("page.html");
    check_page();
    assert_true(strlen(page) < 3u << 20);
    assert_int_equal(times(" to 98.75</td>"), 3);
    assert_int_equal(times("<td>98.75</td>"), 0);
}

/* A run that was evaluated twice on so many test sets. */
static void write_tests(const char *name, int tests)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    for (int step = 1; step <= 2; step++)
        for (int t = 0; t < tests; t++)
            fprintf(file, "{\"step\":%d,\"test\":\"set %d\",\"loss\":%d}\n", step, t, t + step);
    assert_int_equal(fclose(file), 0);
}
#define write_tests(...) FROM_HERE(write_tests(__VA_ARGS__))

/* A report of the runs 0.jsonl, 1.jsonl and so on. */
static void report_runs(int count)
{
    char words[400] = "report --out page.html";
    for (int r = 0; r < count; r++)
        snprintf(words + strlen(words), sizeof words - strlen(words), " %d.jsonl", r);
    succeeds(words);
    read_page("page.html");
    check_page();
}
#define report_runs(...) FROM_HERE(report_runs(__VA_ARGS__))

/* The most runs with four test sets each: no two have both colour and dashes in common. */
static void curves_differ_by_colour_or_dashes(void **state)
{
    enum { RUNS = 24, CURVES = 4 * RUNS };
    static char name[24], samples[CURVES][160];
    need_gnuplot();
    for (int r = 0; r < RUNS; r++) {
        snprintf(name, sizeof name, "%d.jsonl", r);
        write_tests(name, 4);
    }
    report_runs(RUNS);
    const char *sample = strstr(page, "<figcaption>");
    for (int i = 0; i < CURVES; i++) {
        assert_non_null(sample);
        sample = strstr(sample + 1, "<svg class=\"sample run");
        assert_non_null(sample);
        const char *end = strstr(sample, "/></svg>");
        assert_true(end - sample < (ptrdiff_t)sizeof *samples);
        memcpy(samples[i], sample, (size_t)(end - sample));
        for (int j = 0; j < i; j++)
            if (strcmp(samples[i], samples[j]) == 0)
                fail_msg("curves %d and %d are alike: %s", j, i, samples[i]);
    }
}

static void what_has_no_room_is_said(void **state)
{
    need_gnuplot();
    for (int r = 0; r < 4; r++)
        write_tests((const char *[]){"0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"}[r], r == 1 ? 33 : 32);
    report_runs(3);
    assert_int_equal(times("among its unreadable lines"), 1);
    assert_says(page, "2. 1.jsonl has 32 test sets, the most that a page shows: any further ones are among "
                      "its unreadable lines.</p>");
    assert_int_equal(times("left out"), 0);
    write_tests("1.jsonl", 32);
    report_runs(3);
    assert_int_equal(times("among its unreadable lines"), 0);
    report_runs(4);
    assert_int_equal(times("left out"), 1);
    assert_says(page, "<p>The picture has room for 96 curves: 32 further ones are left out.</p>");
}

/* Crosses in the first picture. */
#define CROSS "<use xlink:href='#p1-gpPt1' "

/* One loss among many is NaN: the curve has 320 points, and has to show it nevertheless. */
static void a_value_that_cannot_be_drawn_shows(void **state)
{
    need_gnuplot();
    for (int wrong = 0; wrong < 2; wrong++) {
        FILE *file = fopen(at("one.jsonl"), "w");
        assert_non_null(file);
        for (int i = 0; i < 5000; i++)
            fprintf(file,
                    wrong == 1 && i % 2500 == 1234 ? "{\"step\":%d,\"loss\":null}\n"
                                                   : "{\"step\":%d,\"loss\":1.5}\n",
                    i);
        assert_int_equal(fclose(file), 0);
        RUN(NO_ENV, "report", at("one.jsonl"), "--out", at("page.html"));
        EXPECT(0, "");
        read_page("page.html");
        check_page();
        assert_int_equal(times(CROSS), 2 * wrong);
    }
    write_text("one.jsonl", "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":null}\n{\"step\":3,\"loss\":1}\n");
    RUN(NO_ENV, "report", at("one.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    assert_int_equal(times(CROSS), 0); /* but a gap */
}

static void a_million_lines_are_read(void **state)
{
    need_gnuplot();
    FILE *file = fopen(at("long.jsonl"), "w");
    assert_non_null(file);
    for (int i = 0; i < 1000000; i++)
        fprintf(file, i == 777777 ? "{\"step\":%d,\"loss\":null}\n" : "{\"step\":%d,\"loss\":1.5}\n", i);
    assert_int_equal(fclose(file), 0);
    RUN(NO_ENV, "report", at("long.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    unlink(at("long.jsonl"));
    read_page("page.html");
    check_page();
    assert_says(page, "<td>999999</td><td>1</td><td>0</td>");
}

#define EVIL "<img src=x onerror=alert(1)>\"'&`$(id)"

static void markup_from_outside_stays_text(void **state)
{
    static const char evil[] =
        "{\"step\":1,\"loss\":0.5,\"<script>alert(2)</script>\":1}\n"
        "{\"step\":1,\"test\":\"</td><script>alert(3)</script>\\u0001\",\"loss\":1e400,"
        "\"top1\":7}\n"
        "{\"step\":2,\"loss\":NaN}\n\xff\xfe\n{\"step\":3,\"loss\":null}\n"
        "{\"step\":4,\"loss\":1e300}\n{\"step\":5,\"loss\":0.25}\n{\"step\":6,\"lo";
    need_gnuplot();
    mkdir(at(EVIL), 0777);
    write_text(inside(EVIL, "metrics.jsonl"), evil);
    write_weights(inside(EVIL, "model.safetensors"),
                  "\"<b>key</b>\":\"<script>alert(4)</script>\",\"op\":\"\\\" onload=\\\"alert(5)\","
                  "\"image_height\":\"9\",\"image_width\":\"9\",\"patch_height\":\"9\",\"patch_width\":\"9\"",
                  "\"<i>.unique_params\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[0,4]}",
                  (const float[]){NAN}, 1);
    mkdir(at("no utf-8 \xe9\n"), 0777);
    write_text(inside("no utf-8 \xe9\n", "metrics.jsonl"), evil);
    RUN(NO_ENV, "report", at(EVIL), at("no utf-8 \xe9\n"), "--out", at("page.html"));
    EXPECT(0, "3 lines of ", "left out");
    read_page("page.html");
    check_page();
    assert_says(page, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;`$(id)");
    assert_says(page, "&lt;/td&gt;&lt;script&gt;alert(3)&lt;/script&gt;\\x01");
    assert_says(page, "&lt;b&gt;key&lt;/b&gt;");
    assert_says(page, "&lt;script&gt;alert(4)&lt;/script&gt;");
    assert_says(page, "&quot; onload=&quot;alert(5)");
    assert_says(page, "<h3>&lt;i&gt;.unique_params</h3>");
    assert_says(page, "no utf-8 \\xe9\\x0a");
    assert_says(page, "<td>5</td><td>3</td><td>3</td>"); /* steps, losses that are not drawn, lines */
    assert_null(strstr(page, ">nan"));
    assert_null(strstr(page, ">inf"));
}

static void without_numbers_there_is_a_page_without_pictures(void **state)
{
    write_text("none.jsonl", "");
    write_text("null.jsonl", "{\"step\":1,\"loss\":null}\n");
    RUN(NO_ENV, "report", at("none.jsonl"), at("null.jsonl"), "--out", at("page.html"));
    EXPECT(0, "");
    assert_says(seen.out, "2 runs, 0 pictures");
    read_page("page.html");
    check_page();
    assert_says(page, "There is nothing to draw yet.");
}

/* ---- a table of the user's own ------------------------------------------------------------------------ */

/* As many cells as the head, also empty ones; lines that end as on Windows; paragraphs behind an empty line. */
static void a_table_of_ones_own_stands_on_top(void **state)
{
    write_text("one.jsonl", "");
    write_text("own.tsv",
               "op\ttop-1, %\tof the paper\nalpha\t97.5\t97.4\n<b>\"x\"&\t\t<script>alert(6)</script>\r\n"
               "\r\n\nFirst <i>note</i>\tof two.\n\nSecond \xff.");
    RUN(NO_ENV, "report", at("one.jsonl"), "--table", at("own.tsv"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    const char *own = strstr(page, "<h2 id=\"results\">Results</h2>");
    assert_true(own != NULL && own < strstr(page, "<h2 id=\"runs\">"));
    assert_says(
        own,
        "<thead><tr><th scope=\"col\">op</th><th scope=\"col\">top-1, %</th><th scope=\"col\">of the "
        "paper</th>"
        "</tr></thead>\n<tbody>\n<tr><th scope=\"row\">alpha</th><td>97.5</td><td>97.4</td></tr>\n"
        "<tr><th "
        "scope=\"row\">&lt;b&gt;&quot;x&quot;&amp;</th><td></td><td>&lt;script&gt;alert(6)&lt;/script&gt;"
        "</td></tr>\n</tbody></table></div>\n<p>First &lt;i&gt;note&lt;/i&gt; of two.</p><p>Second "
        "\\xff.</p>\n");
    write_text("own.tsv", "a");
    RUN(NO_ENV, "report", at("one.jsonl"), "--table", at("own.tsv"), "--out", at("page.html"));
    EXPECT(0, "");
    read_page("page.html");
    check_page();
    assert_says(page, "<th scope=\"col\">a</th></tr></thead>");
}

static void what_is_no_table_is_named(void **state)
{
    static const char large[(1 << 16) + 1] = "", words[] = "report one.jsonl --out page.html --table own.tsv";
    char wide[102] = "";
    write_text("one.jsonl", "");
    fails(2, "report one.jsonl --out page.html --table no.tsv",
          "the table no.tsv cannot be read: No such file");
    fails(2, "report one.jsonl --out page.html --table .", "the table . cannot be read: Is a directory");
    write_text("own.tsv", "");
    fails(2, words, "the table own.tsv begins with no line of cells");
    write_text("own.tsv", "\na\tb\n");
    fails(2, words, "the table own.tsv begins with no line of cells");
    write_text("own.tsv", "a\tb\nc\td\ne\n\nnote\n");
    fails(2, words, "line 3 of the table own.tsv has 1 cell where its first line has 2");
    write_text("own.tsv", "a\tb\nc\td\tx\n");
    fails(2, words, "line 2 of the table own.tsv has 3 cells where its first line has 2");
    write_file("own.tsv", "a\0b\n", 4);
    fails(2, words, "the table own.tsv holds a zero byte");
    write_file("own.tsv", large, sizeof large);
    fails(2, words, "the table own.tsv is larger than 64 KiB");
    write_text("own.tsv", memset(wide, '\t', 100));
    fails(2, words, "the table own.tsv has 101 columns, and a page shows up to 100");
    write_text("own.tsv", "a\tb\n");
    fails(2, "report one.jsonl --out own.tsv --table own.tsv",
          "--out would write over own.tsv, which is read");
}

/* ---- mistakes --------------------------------------------------------------------------------------- */

static void without_gnuplot_a_sentence_says_what_to_install(void **state)
{
    write_text("one.jsonl", "{\"step\":1,\"loss\":1}\n");
    write_text("kept.html", "before");
    RUN(ENV("PATH=/nowhere"), "report", at("one.jsonl"), "--out", at("kept.html"));
    FAILS(1, "gnuplot, which is not installed", "apt-get install gnuplot-nox");
    read_page("kept.html");
    assert_string_equal(page, "before");
}

static void mistakes_are_named(void **state)
{
    write_text("one.jsonl", "{\"step\":1,\"loss\":null}\n");
    fails(2, "report --out page.html", "report needs the folders of one or more runs");
    fails(2, "report one.jsonl", "report needs --out FILE.html");
    fails(2, "report nowhere --out page.html", "the metrics nowhere cannot be read");
    fails(2, "report one.jsonl --out one.jsonl", "--out would write over one.jsonl, which is read");
    fails(2, "report one.jsonl --out .", "--out . is there and is no file");
    fails(2, "report one.jsonl --out no/page.html", "the page no/page.html cannot be written");
    mkdir(at("run"), 0777);
    write_text("run/metrics.jsonl", "");
    fails(2, "report one.jsonl run --out run/metrics.jsonl", "--out would write over run/metrics.jsonl");
    write_text("run/confusion.tsv", "\t0\t1\n0\t1\t0\n1\t0\t1\n");
    fails(2, "report run --out run/confusion.tsv", "--out would write over run/confusion.tsv");
    assert_int_equal(remove(at("run/confusion.tsv")), 0);
    write_text("run/model.safetensors", "no weights");
    fails(2, "report run --out page.html", "run/model.safetensors");
    char words[400] = "report --out page.html";
    for (int i = 0; i < 25; i++) strcat(words, " one.jsonl");
    fails(2, words, "up to 24 runs, not 25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_stand_side_by_side),
        cmocka_unit_test(a_run_without_weights_has_curves),
        cmocka_unit_test(long_runs_make_a_small_page_with_their_extremes),
        cmocka_unit_test(curves_differ_by_colour_or_dashes),
        cmocka_unit_test(what_has_no_room_is_said),
        cmocka_unit_test(a_value_that_cannot_be_drawn_shows),
        cmocka_unit_test(a_million_lines_are_read),
        cmocka_unit_test(markup_from_outside_stays_text),
        cmocka_unit_test(without_numbers_there_is_a_page_without_pictures),
        cmocka_unit_test(a_table_of_ones_own_stands_on_top),
        cmocka_unit_test(what_is_no_table_is_named),
        cmocka_unit_test(without_gnuplot_a_sentence_says_what_to_install),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, free_page);
}

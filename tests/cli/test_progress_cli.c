/* Every long work shows its progress on a terminal, in one line that fits; and elsewhere no more than plain lines. */
#include "program.h"
#include "pty.h"
#include "test.h"
#include "tiny_bpe.h"

#define MODEL "--dim 16 --depth 1 --heads 2 --head-dim 8"

static char text[TEXT];

/* Works that take longer than the tenth of a second after which a line comes. */
static const struct {
    const char *title; /* what a wide terminal shows; NULL: that of training has none */
    const char *arguments;
} works[] = {
    {NULL, "train mnist " MODEL " --batch-size 16 --limit-train 480 --limit-test 16 --steps 60 --out again"},
    {"evaluating", "eval digits --limit-test 1500 --batch-size 16"},
    {"tokenizing", "tokenize --vocab vocab --encoder encoder --threads 1 --out tokens long.txt"},
    {"predicting", "predict images $(yes one.ppm | head -n 2000)"},
    {"generating", "generate text --tokens 4000 --no-cache"},
    {"timing", "bench step " MODEL " --grid 2x2 --batch-size 16 --rounds 20"},
    {"timing", "bench op --dim 16 --heads 2 --head-dim 8 --grid 2x2 --batch-size 16 --rounds 30"},
    {"planning", "bench memory --depth 1000"},
    {"tuning", "tune --quick --budget 1"},
};
enum { WORKS = sizeof works / sizeof *works };

/* Tuning compiles a kernel for each tile that it times, here in a fifth of the time; the others run what users do. */
static const char *environment_of(int work)
{
    return strncmp(works[work].arguments, "tune", 4) == 0 ? "POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable" : "";
}

static int make_models(void **state)
{
    if (make_folder(state) != 0) return -1;
    write_text("one.ppm", "P3 2 2 255  255 0 0  0 255 0  0 0 255  9 9 9\n");
    succeeds("train mnist " MODEL " --batch-size 16 --limit-train 16 --limit-test 16 --steps 1 --out digits");
    succeeds("train vit --image-size 16 --patch-size 8 " MODEL
             " --batch-size 4 --limit-train 4 --limit-test 4 --steps 1 --out images");
    FILE *file = fopen(at("long.txt"), "w");
    if (file == NULL) return -1;
    for (int i = 0; i < 1500000; i++) fprintf(file, "%d a line of text\n", i % 1000);
    if (fclose(file) != 0 || tiny_write(at("vocab"), at("encoder")) != 0) return -1;
    write_text("short.txt", "A text of a few words, and of a few more words.\nAnd a second line.\n");
    succeeds("tokenize --chars --val-fraction 0.5 --out short short.txt");
    succeeds("train gpt --data short --seq-len 8 " MODEL
             " --batch-size 2 --limit-train 4 --limit-test 2 --steps 1 --out text");
    return 0;
}

/* The lines of progress in `text`, one a line; notices and results, which are as long as they are, are left out. */
static const char *lines_of_progress(void)
{
    static char drawn[TEXT];
    size_t used = 0;
    for (const char *at_line = text; *at_line != '\0'; at_line += strspn(at_line, "\r\n")) {
        const int length = (int)strcspn(at_line, "\r\n");
        char one[TEXT];
        snprintf(one, sizeof one, "%.*s", length, at_line);
        if (strstr(one, " %  ") != NULL || strstr(one, "left ") != NULL)
            used += (size_t)snprintf(drawn + used, sizeof drawn - used, "%s\n", one);
        at_line += length;
    }
    drawn[used] = '\0';
    return drawn;
}

static void on_terminals(void **state)
{
    static const int widths[] = {
        40, 200, 80}; /* the last for training alone, as that of all is drawn by core/progress.c */
    for (int w = 0; w < WORKS; w++)
        for (int i = 0; i < (w == 0 ? 3 : 2); i++) {
            char line[400];
            pty p = pty_open(widths[i]);
            snprintf(line, sizeof line, "%s '%s' %s 2>&3 >/dev/null", environment_of(w), TL_PROGRAM,
                     works[w].arguments);
            const int code = pty_finish(&p, pty_start(&p, line), text, sizeof text);
            const char *drawn = lines_of_progress();
            if (code != 0 || drawn[0] == '\0')
                fail_msg("`%s`, code %d, shows no progress:\n%s", works[w].arguments, code, text);
            if (widest_line(drawn) >= widths[i])
                fail_msg("`%s` writes %d columns where there are %d:\n%s", works[w].arguments,
                         widest_line(drawn), widths[i], drawn);
            assert_says(drawn, "left ");
            if (widths[i] >= 80) assert_says(drawn, "] ");
            if (widths[i] == 200 && works[w].title != NULL) assert_says(drawn, works[w].title);
        }
}

/* No carriage return, no bar: lines of a log. --quiet: nothing of it on a terminal. */
static void elsewhere(void **state)
{
    for (int w = 0; w < WORKS; w++) {
        char line[400];
        snprintf(line, sizeof line, "cd '%s' && %s '%s' %s 2>log >/dev/null </dev/null", folder,
                 environment_of(w), TL_PROGRAM, works[w].arguments);
        const int failed = system(line);
        read_file("log", text, sizeof text);
        if (failed != 0) fail_msg("`%s`: %s", works[w].arguments, text);
        if (strchr(text, '\r') != NULL || strstr(text, "=>") != NULL)
            fail_msg("`%s` draws where there is no terminal:\n%s", works[w].arguments, text);
        pty p = pty_open(80);
        snprintf(line, sizeof line, "%s '%s' %s --quiet 2>&3 >/dev/null", environment_of(w), TL_PROGRAM,
                 works[w].arguments);
        assert_int_equal(pty_finish(&p, pty_start(&p, line), text, sizeof text), 0);
        if (strstr(text, " %") != NULL) fail_msg("`%s --quiet`:\n%s", works[w].arguments, text);
    }
}

/* Where both are one terminal, results stand on lines of their own, without rests of the progress. */
static void results_beside_progress(void **state)
{
    char line[400];
    pty p = pty_open(80);
    snprintf(line, sizeof line, "'%s' predict images $(yes one.ppm | head -n 100) >&3 2>&3", TL_PROGRAM);
    assert_int_equal(pty_finish(&p, pty_start(&p, line), text, sizeof text), 0);
    int results = 0;
    for (char *row = strtok(text, "\n"); row != NULL; row = strtok(NULL, "\n")) {
        /* A carriage return begins the line again. */
        for (char *next; (next = strchr(row, '\r')) != NULL && next[1] != '\0';) row = next + 1;
        results += strncmp(row, "one.ppm\t", 8) == 0;
    }
    assert_int_equal(results, 100);
}

/* A text in the same terminal is not interrupted: the notice that its context slides stands before it. */
static void notices_stand_before_the_text(void **state)
{
    char line[400];
    pty p = pty_open(80);
    snprintf(line, sizeof line, "'%s' generate text --prompt 'A text' --tokens 30 >&3 2>&3", TL_PROGRAM);
    assert_int_equal(pty_finish(&p, pty_start(&p, line), text, sizeof text), 0);
    const char *const begun = strstr(text, "\nA text"), *const notice = strstr(text, "which slides");
    assert_non_null(begun);
    assert_non_null(notice);
    if (notice > begun) fail_msg("a notice within the text:\n%s", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_terminals),
        cmocka_unit_test(elsewhere),
        cmocka_unit_test(results_beside_progress),
        cmocka_unit_test(notices_stand_before_the_text),
    };
    return cmocka_run_group_tests(tests, make_models, remove_folder);
}

/* --help: it fits the screen, every flag stands in one group, and the examples are commands that the program takes. */
#include "program.h"
#include "pty.h"
#include "test.h"

#include "cli/commands.h"
#include "cli/flags.h"

static const char *const groups[] = {"Model:", "Data:", "Training:", "Output:", "Device:", "Diagnosis:"};
enum { GROUPS = sizeof groups / sizeof *groups };

static char text[TEXT];

/* --help of a command on a terminal of so many columns; 0: into a pipe. */
static void read_help(const char *command, int columns)
{
    char line[400];
    pty p = pty_open(columns > 0 ? columns : 33);
    snprintf(line, sizeof line,
             columns > 0 ? "'%s' %s --help >&3" : "text=$('%s' %s --help) && printf '%%s\\n' \"$text\" >&3",
             TL_PROGRAM, command);
    assert_int_equal(pty_finish(&p, pty_start(&p, line), text, sizeof text), 0);
}
#define read_help(...) FROM_HERE(read_help(__VA_ARGS__))

static int lines_of(const char *words)
{
    int lines = 0;
    for (; *words != '\0'; words++) lines += *words == '\n';
    return lines;
}

static void fits_narrow_screen(const char *name, int columns)
{
    read_help(name, columns);
    for (char *line = strtok(text, "\r\n"); line != NULL; line = strtok(NULL, "\r\n"))
        if ((int)strlen(line) > columns && strncmp(line, "  --", 4) != 0)
            fail_msg("`%s --help` at %d columns: %s", name, columns, line);
}
#define fits_narrow_screen(...) FROM_HERE(fits_narrow_screen(__VA_ARGS__))

/* No line is wider than the screen, but for flags whose values are one long word. */
static void widths(void **unused)
{
    for (int i = -1; i < tli_command_count; i++) {
        const char *name = i >= 0 ? tli_commands[i].name : "";
        read_help(name, 0);
        const int lines = lines_of(text);
        if (widest_line(text) > 80) fail_msg("`%s --help` has %d columns", name, widest_line(text));
        read_help(name, 80);
        assert_true(widest_line(text) <= 80);
        if (lines_of(text) != lines)
            fail_msg("`%s --help` has %d lines into a pipe, on a terminal %d:\n%s", name, lines,
                     lines_of(text), text);
        read_help(name, 200);
        assert_true(widest_line(text) <= 200);
        assert_true(lines_of(text) <= lines);
        if (i > 0 && widest_line(text) <= 80) fail_msg("`%s --help` does not use 200 columns", name);
        fits_narrow_screen(name, 50);
        fits_narrow_screen(name, 40);
    }
    fits_narrow_screen("bench", 40);
}

/* COLUMNS counts where no terminal knows better. */
static void columns_of_the_environment(void **unused)
{
    RUN(ENV("COLUMNS=999"), "train", "--help");
    assert_non_null(strstr(seen.out, "  --op attention"));
    assert_true(widest_line(seen.out) > 110);
    RUN(ENV("COLUMNS=nonsense"), "train", "--help");
    assert_true(widest_line(seen.out) <= 80);
    pty p = pty_open(70);
    assert_int_equal(
        pty_finish(&p, pty_start(&p, "COLUMNS=999 '" TL_PROGRAM "' train --help >&3"), text, sizeof text), 0);
    assert_true(widest_line(text) <= 70);
}

/* What a reader would take amiss: other names of a value, what the data decide, what --quiet leaves. */
static void texts_say_what_holds(void **unused)
{
    RUN(ENV("COLUMNS=999"), "train", "--help");
    assert_says(seen.out, "|conv|lor");
    assert_says(seen.out, "what the data have; without any, mnist: 10, vit: 1000");
    assert_says(seen.out, "which device is used, and errors, remain");
}

/* The file, in docs/, says it in these words. */
static void document_says(const char *name, const char *words)
{
    char path[400];
    snprintf(path, sizeof path, "%s/../docs/%s", TL_TESTS_DIR, name);
    char *found = read_all(path, NULL);
    assert_says(found, words);
    free(found);
}
#define document_says(...) FROM_HERE(document_says(__VA_ARGS__))

/* The number stands in the public header; texts repeat it. */
static void ranks_wait_as_long_as_said(void **unused)
{
    char words[100];
    RUN(ENV("COLUMNS=999"), "train", "--help");
    snprintf(words, sizeof words, "before the run is given up (default: %d)", TL_RANKS_TIMEOUT);
    assert_says(seen.out, words);
    snprintf(words, sizeof words, "for `--rank-timeout` seconds, %d unless told otherwise", TL_RANKS_TIMEOUT);
    document_says("ranks.md", words);
    snprintf(words, sizeof words, "or its driver hangs (%d).", TL_RANKS_TIMEOUT);
    document_says("translution.1", words);
}

static int group_of_line(const char *line)
{
    for (int g = 0; g < GROUPS; g++)
        if (strcmp(line, groups[g]) == 0) return g;
    return -1;
}

/* Headings come once and in order; a flag that the command takes stands below one of them, once. */
static void every_flag_in_one_group(void **unused)
{
    for (int c = 0; c < tli_command_count; c++) {
        int group = -1, found[TLI_CLI_MAX_FLAGS] = {0};
        read_help(tli_commands[c].name, 0);
        for (char *line = strtok(text, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
            const int heading = group_of_line(line);
            if (heading >= 0 && heading <= group) fail_msg("`%s`: %s comes late", tli_commands[c].name, line);
            if (heading >= 0) group = heading;
            if (strncmp(line, "  --", 4) != 0) continue;
            line[4 + strcspn(line + 4, " ")] = '\0';
            const tli_flag *f = tli_flag_find(tli_commands[c].command, line + 4);
            if (f == NULL || group < 0 || strncmp(f->group, groups[group], strlen(f->group)) != 0)
                fail_msg("`%s`: %s stands in no group, or a wrong one", tli_commands[c].name, line);
            for (int i = 0; i < tli_flag_count(); i++) found[i] += tli_flag_at(i) == f;
        }
        for (int i = 0; i < tli_flag_count(); i++) {
            const tli_flag *f = tli_flag_at(i);
            const bool shown = f->help != NULL && (f->commands & (unsigned)tli_commands[c].command) != 0;
            if (found[i] != shown)
                fail_msg("`%s --help` shows --%s %d times", tli_commands[c].name, f->name, found[i]);
        }
    }
}

/* Parts a line into words as a shell does, with double quotes alone. */
static int split_words(char *line, char *words[ARGS])
{
    int count = 0;
    while (*line != '\0' && count < ARGS) {
        const bool quoted = *line == '"';
        words[count++] = line += quoted;
        line += strcspn(line, quoted ? "\"" : " ");
        if (*line != '\0') *line++ = '\0';
        line += strspn(line, " ");
    }
    return count;
}

static void examples_are_commands(void **unused)
{
    for (int c = 0; c < tli_command_count; c++) {
        const tli_command *command = &tli_commands[c];
        char example[200];
        assert_true(tli_command_example(command, 0, example, sizeof example));
        for (int e = 0; tli_command_example(command, e, example, sizeof example); e++) {
            static tli_cli_options o;
            char line[300], *words[ARGS];
            tl_error err = {0};
            const size_t name = strlen(command->name);
            assert_memory_equal(example, command->name, name);
            snprintf(line, sizeof line, "x%s", example + name);
            const int count = split_words(line, words);
            if (tli_cli_parse(command->command, count, words, &o, &err) != TL_OK)
                fail_msg("the example `%s`: %s", example, err.text);
        }
    }
}

/* `translution --help`: a line a command, and where to go next. */
static void all_commands(void **unused)
{
    read_help("", 0);
    for (int c = 0; c < tli_command_count; c++) {
        char line[64];
        snprintf(line, sizeof line, "\n  translution %s ", tli_commands[c].name);
        const char *at_line = strstr(text, line);
        if (at_line == NULL) fail_msg("no line of `%s`", tli_commands[c].name);
        assert_non_null(at_line != NULL ? strstr(at_line, tli_commands[c].help) : NULL);
    }
    assert_non_null(strstr(text, "COMMAND --help"));
    assert_non_null(strstr(text, "man translution"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),
        cmocka_unit_test(columns_of_the_environment),
        cmocka_unit_test(texts_say_what_holds),
        cmocka_unit_test(ranks_wait_as_long_as_said),
        cmocka_unit_test(every_flag_in_one_group),
        cmocka_unit_test(examples_are_commands),
        cmocka_unit_test(all_commands),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* --help of a command: its flags, what they take, what tasks begin with. */
#include <stddef.h>
#include <string.h>

#include "cli/flags.h"
#include "core/terminal.h"
#include "tasks/task.h"

/* ---- text within the terminal's width ---------------------------------------------------------------- */

/* Where the columns of --help begin: a flag's text, a value of it, that value's text. */
enum { MIN_WIDTH = 40, FLAG_AT = 2, TEXT_AT = 28, VALUE_WIDTH = 14, NARROW_TEXT_AT = 6, NARROW = 64 };

/* Columns of the screen. */
static int help_width(FILE *out)
{
    const int columns = tli_terminal_columns(out);
    return columns > MIN_WIDTH ? columns : MIN_WIDTH;
}

static int text_column(FILE *out)
{
    return help_width(out) < NARROW ? NARROW_TEXT_AT : TEXT_AT;
}

void tli_cli_print_wrapped(FILE *out, int column, int indent, const char *text)
{
    const int width = help_width(out);
    bool first = true; /* of its line */
    while (*text != '\0') {
        const int length = (int)strcspn(text, " ");
        if (!first && column + 1 + length > width) {
            fprintf(out, "\n");
            column = 0;
            first = true;
        }
        if (column < indent) fprintf(out, "%*s", indent - column, "");
        if (column < indent) column = indent;
        fprintf(out, "%s%.*s", first ? "" : " ", length, text);
        column += length + (first ? 0 : 1);
        first = false;
        text += length;
        text += strspn(text, " ");
    }
    fprintf(out, "\n");
}

void tli_cli_print_entry(FILE *out, const char *name, const char *text)
{
    int column = fprintf(out, "%*s%s", FLAG_AT, "", name);
    if (column + 2 > text_column(out)) {
        fprintf(out, "\n");
        column = 0;
    }
    tli_cli_print_wrapped(out, column, text_column(out), text);
}

/* A value of a flag and what it means. */
static void print_value(FILE *out, const char *name, const char *help)
{
    const int indent = text_column(out) + 2;
    fprintf(out, "%*s%s", indent, "", name);
    tli_cli_print_wrapped(out, indent + (int)strlen(name), indent + VALUE_WIDTH, help);
}

/* ---- what is said of a flag ---------------------------------------------------------------------------- */

/* The values of a flag that explain themselves. */
static void print_choices(FILE *out, const choices *c)
{
    char text[200];
    for (int i = 0; i < c->count; i++) {
        if (c->items[i].help == NULL) continue;
        const char *alias = tli_choice_alias(c, c->items[i].value);
        snprintf(text, sizeof text, "%s%s%s", c->items[i].help, alias != NULL ? "; also called " : "",
                 alias != NULL ? alias : "");
        print_value(out, c->items[i].name, text);
    }
}

/* What --data names, by task. */
static void print_data(FILE *out)
{
    for (int t = 0; tli_task_at(t) != NULL; t++)
        print_value(out, tli_task_at(t)->name, tli_task_at(t)->data_help);
}

/* The tasks that alone have the flag, as "gpt: "; empty when all have it. */
static void describe_tasks(const tli_flag *f, char text[TASK_NAMES_CAPACITY + 4])
{
    int tasks = 0, have = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int t = 0; tli_task_at(t) != NULL; t++, tasks++) {
        if (!tli_settings_has_flag(tli_task_at(t), f->name)) continue;
        used += (size_t)snprintf(text + used, TASK_NAMES_CAPACITY - used, "%s%s", have++ > 0 ? ", " : "",
                                 tli_task_at(t)->name);
    }
    if (have == 0 || have == tasks)
        text[0] = '\0';
    else
        memcpy(text + used, ": ", 3);
}

/* What tasks begin with, where they have the flag: "20" or "mnist: 20, gpt: 300". Of sizes along axes, the last. */
static void describe_default(const tli_flag *f, char *text, size_t capacity)
{
    char values[8][FIELD_TEXT_CAPACITY], flag[FIELD_TEXT_CAPACITY];
    int tasks = 0;
    bool same = true;
    for (; tasks < 8 && tli_task_at(tasks) != NULL; tasks++) {
        const field *list[FIELDS_MAX];
        tl_settings s;
        const int count = tli_settings_fields(tli_task_at(tasks), list);
        tl_settings_default(&s, tli_task_at(tasks)->name);
        values[tasks][0] = '\0';
        for (int i = 0; i < count; i++)
            if (strcmp(tli_field_flag(list[i], flag), f->name) == 0)
                tli_field_write(list[i], &s, values[tasks]);
    }
    const char *first = NULL;
    for (int t = 0; t < tasks; t++) {
        if (values[t][0] == '\0') continue;
        if (first == NULL) first = values[t];
        same &= strcmp(first, values[t]) == 0;
    }
    size_t used = (size_t)snprintf(text, capacity, "%.40s", same && first != NULL ? first : "");
    for (int t = 0; t < tasks && !same && used < capacity; t++)
        if (values[t][0] != '\0')
            used += (size_t)snprintf(text + used, capacity - used, "%s%s: %.40s", used > 0 ? ", " : "",
                                     tli_task_at(t)->name, values[t]);
}

/* The help with the default in the place of an @. */
static void write_help(const tli_flag *f, char text[400])
{
    char value[200];
    const char *at = strchr(f->help, '@');
    if (at != NULL) describe_default(f, value, sizeof value);
    if (at != NULL)
        snprintf(text, 400, "%.*s%s%s", (int)(at - f->help), f->help, value, at + 1);
    else
        snprintf(text, 400, "%s", f->help);
}

static void print_flag(FILE *out, const tli_flag *f)
{
    char name[CHOICE_LIST_CAPACITY + 40], metavar[CHOICE_LIST_CAPACITY], list[CHOICE_LIST_CAPACITY] = "";
    char tasks[TASK_NAMES_CAPACITY + 4], help[400], text[1000];
    tli_flag_metavar(f, metavar);
    snprintf(name, sizeof name, "--%s%s%s", f->name, metavar[0] != '\0' ? " " : "", metavar);
    if (f->kind == FLAG_AUGMENT) tli_choice_list(f->choices, ", ", list);
    describe_tasks(f, tasks);
    write_help(f, help);
    snprintf(text, sizeof text, "%s%s%s%s", tasks, help, list[0] != '\0' ? " " : "", list);
    tli_cli_print_entry(out, name, text);
    if (f->choices != NULL) print_choices(out, f->choices);
    if (f->offset == offsetof(tli_cli_options, settings.run.data)) print_data(out);
}

void tli_cli_print_flags(FILE *out, tli_cli_command command)
{
    const char *group = NULL;
    for (int i = 0; i < tli_flag_count(); i++) {
        const tli_flag *f = tli_flag_at(i);
        if (f->help == NULL || (f->commands & (unsigned)command) == 0) continue;
        if (f->group != group) fprintf(out, "\n%s:\n", f->group);
        group = f->group;
        print_flag(out, f);
    }
}

/* --help of a command: its flags, what they take, what tasks begin with. */
#include <stddef.h>
#include <string.h>

#include "cli/flags.h"
#include "core/number.h"
#include "tasks/task.h"

/* The values of a flag that explain themselves, a line each. */
static void print_choices(FILE *out, const choices *c)
{
    for (int i = 0; i < c->count; i++) {
        if (c->items[i].help == NULL) continue;
        const char *alias = tli_choice_alias(c, c->items[i].value);
        fprintf(out, "  %-24s    %-12s  %s%s%s\n", "", c->items[i].name, c->items[i].help,
                alias != NULL ? "; or " : "", alias != NULL ? alias : "");
    }
}

/* What --data names, by task. */
static void print_data(FILE *out)
{
    for (int t = 0; tli_task_at(t) != NULL; t++)
        fprintf(out, "  %-24s    %-12s  %s\n", "", tli_task_at(t)->name, tli_task_at(t)->data_help);
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

/* A float as people write it. */
static void write_short(const field *f, const tl_settings *s, char text[FIELD_TEXT_CAPACITY])
{
    if (f->type == FIELD_FLOAT)
        tli_format(text, FIELD_TEXT_CAPACITY, "%g", (double)*(const float *)((const char *)s + f->at));
    else
        tli_field_write(f, s, text);
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
            if (strcmp(tli_field_flag(list[i], flag), f->name) == 0) write_short(list[i], &s, values[tasks]);
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

void tli_cli_print_flags(FILE *out, tli_cli_command command)
{
    for (int i = 0; i < tli_flag_count(); i++) {
        const tli_flag *f = tli_flag_at(i);
        if (f->help == NULL || (f->commands & (unsigned)command) == 0) continue;
        char left[CHOICE_LIST_CAPACITY + 40], metavar[CHOICE_LIST_CAPACITY], list[CHOICE_LIST_CAPACITY] = "";
        char tasks[TASK_NAMES_CAPACITY + 4];
        tli_flag_metavar(f, metavar);
        snprintf(left, sizeof left, "--%s%s%s", f->name, metavar[0] != '\0' ? " " : "", metavar);
        if (f->kind == FLAG_AUGMENT) tli_choice_list(f->choices, ", ", list);
        char help[400];
        describe_tasks(f, tasks);
        write_help(f, help);
        fprintf(out, strlen(left) <= 24 ? "  %-24s%s  %s%s%s%s\n" : "  %s\n  %-24s  %s%s%s%s\n", left, "",
                tasks, help, list[0] != '\0' ? " " : "", list);
        if (f->choices != NULL) print_choices(out, f->choices);
        if (f->offset == offsetof(tli_cli_options, settings.run.data)) print_data(out);
    }
}

#include "cli/field_names.h"

#include <stdio.h>
#include <string.h>

#include "cli/flags.h"
#include "tasks/task.h"

static const char settings[] = "settings."; /* where tli_cli_options has a tl_settings */

/* Whether `word` is the member, or its last part: "relative" of "model.relative". `member` is NULL for what
 * is only in files. */
static bool is_member(const char *member, const char *word, size_t length)
{
    if (member == NULL) return false;
    if (strncmp(member, settings, sizeof settings - 1) == 0) member += sizeof settings - 1;
    const char *dot = strrchr(member, '.');
    const char *last = dot != NULL && memchr(word, '.', length) == NULL ? dot + 1 : member;
    return strncmp(last, word, length) == 0 && last[length] == '\0';
}

/* The flag of this name, of any command. */
static const tli_flag *flag_named(const char *name)
{
    for (int i = 0; i < tli_flag_count(); i++)
        if (strcmp(tli_flag_at(i)->name, name) == 0) return tli_flag_at(i);
    return NULL;
}

/* The flag of a task's field; NULL: none. */
static const tli_flag *flag_of_field(const char *word, size_t length)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        char buffer[FIELD_TEXT_CAPACITY];
        const field *list[FIELDS_MAX];
        const int count = tli_settings_fields(tli_task_at(t), list);
        for (int i = 0; i < count; i++)
            if (is_member(list[i]->path, word, length)) return flag_named(tli_field_flag(list[i], buffer));
    }
    return NULL;
}

/* The flag that sets the field; NULL: none. */
static const tli_flag *find_flag(const char *word, size_t length)
{
    for (int i = 0; i < tli_flag_count(); i++)
        if (is_member(tli_flag_at(i)->member, word, length)) return tli_flag_at(i);
    return flag_of_field(word, length);
}

void tli_cli_name_flags(const char *text, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    while (*text != '\0' && used + 1 < capacity) {
        const char *end = *text == '`' ? strchr(text + 1, '`') : NULL;
        const tli_flag *flag = end != NULL ? find_flag(text + 1, (size_t)(end - text - 1)) : NULL;
        if (flag == NULL) {
            out[used++] = *text++;
            out[used] = '\0';
            continue;
        }
        used += (size_t)snprintf(out + used, capacity - used, "--%s", flag->name);
        if (flag->instead != NULL && used < capacity)
            used += (size_t)snprintf(out + used, capacity - used, " (or %s)", flag->instead);
        text = end + 1;
    }
}

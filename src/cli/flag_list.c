/* All flags: those of the table in flags.c, and where it says so those that tasks bring. */
#include <stddef.h>
#include <string.h>

#include "cli/flags.h"
#include "tasks/task.h"

/* ---- flags that tasks bring ---------------------------------------------------------------------- */

static unsigned commands_of(const field *f)
{
    return ((f->use & FIELD_TRAIN) != 0 ? TLI_CLI_TRAIN : 0u) |
           ((f->use & FIELD_EVAL) != 0 ? TLI_CLI_EVAL : 0u) |
           ((f->use & FIELD_LOADER) != 0 ? TLI_CLI_BENCH_LOADER : 0u);
}

static tli_flag_kind kind_of(const field *f)
{
    switch (f->type) {
    case FIELD_U32: return FLAG_U32;
    case FIELD_U64: return FLAG_U64;
    case FIELD_FLOAT: return FLAG_FLOAT;
    case FIELD_CHOICE: return FLAG_ENUM;
    case FIELD_BOOL: return FLAG_BOOL;
    case FIELD_AUGMENT: return FLAG_AUGMENT;
    case FIELD_TEXT:
    case FIELD_LABELS: break;
    }
    return FLAG_TEXT;
}

static tli_flag flag_of_field(const field *f)
{
    const bool number = f->type == FIELD_U32 || f->type == FIELD_U64 || f->type == FIELD_FLOAT;
    return (tli_flag){.name = f->flag != NULL ? f->flag : f->key,
                      .metavar = f->metavar != NULL || !number ? f->metavar : "N",
                      .help = f->help,
                      .commands = commands_of(f),
                      .kind = kind_of(f),
                      .offset = offsetof(tli_cli_options, settings) + f->at,
                      .member = f->path,
                      .capacity = f->capacity,
                      .choices = f->choices};
}

/* All flags, put together at the first call: a program has one table, and one thread that asks for it. */
static struct {
    tli_flag items[TLI_CLI_MAX_FLAGS];
    int count;
} all;

static void add_flag(const tli_flag *f, const char *group)
{
    if (all.count == TLI_CLI_MAX_FLAGS) return;
    all.items[all.count] = *f;
    all.items[all.count++].group = group;
}

/* A flag that several tasks bring for the same setting is one flag. */
static void add_task_flag(const tli_flag *f, const char *group)
{
    for (int i = 0; i < all.count; i++)
        if (all.items[i].offset == f->offset && strcmp(all.items[i].name, f->name) == 0) {
            all.items[i].commands |= f->commands;
            return;
        }
    add_flag(f, group);
}

static void add_task_flags(const char *group)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field_table *own = &tli_task_at(t)->fields;
        for (int i = 0; i < own->count; i++)
            if (own->items[i].help != NULL) {
                const tli_flag f = flag_of_field(&own->items[i]);
                add_task_flag(&f, group);
            }
    }
}

int tli_flag_count(void)
{
    if (all.count > 0) return all.count;
    const char *group = NULL;
    for (int i = 0; i < tli_flag_table_rows; i++) {
        if (tli_flag_table[i].group != NULL)
            group = tli_flag_table[i].group;
        else if (tli_flag_table[i].name != NULL)
            add_flag(&tli_flag_table[i], group);
        else
            add_task_flags(group);
    }
    return all.count;
}

const tli_flag *tli_flag_at(int index)
{
    return index >= 0 && index < tli_flag_count() ? &all.items[index] : NULL;
}

/* ---- what is said of a flag ---------------------------------------------------------------------- */

/* Behind the names, so that shells complete them. */
static void append_aliases(const choices *c, char out[CHOICE_LIST_CAPACITY])
{
    size_t used = strlen(out);
    for (const choice *a = c->aliases; a != NULL && a->name != NULL && used < CHOICE_LIST_CAPACITY; a++)
        used += (size_t)snprintf(out + used, CHOICE_LIST_CAPACITY - used, "|%s", a->name);
}

char *tli_flag_metavar(const tli_flag *f, char out[CHOICE_LIST_CAPACITY])
{
    if (f->kind == FLAG_SHARING) { /* the first is NONE, which has no radius */
        size_t used = 0;
        for (int i = 0; i < f->choices->count; i++)
            used += (size_t)snprintf(out + used, CHOICE_LIST_CAPACITY - used, i == 0 ? "%s" : "|%s:R",
                                     f->choices->items[i].name);
    } else if (f->kind == FLAG_ENUM) {
        tli_choice_list(f->choices, "|", out);
        append_aliases(f->choices, out);
    } else if (f->metavar != NULL && strcmp(f->metavar, TASK_METAVAR) == 0) {
        char names[TASK_NAMES_CAPACITY];
        snprintf(out, CHOICE_LIST_CAPACITY, "%s", tli_task_names(NULL, "|", names));
    } else {
        snprintf(out, CHOICE_LIST_CAPACITY, "%s", f->metavar != NULL ? f->metavar : "");
    }
    return out;
}

void tli_flag_range(const tli_flag *f, double *low, double *high)
{
    const size_t first = offsetof(tli_cli_options, settings);
    const field *set = f->low == f->high && f->offset >= first ? tli_settings_field_at(f->offset - first)
                                                               : NULL;
    *low = set != NULL ? set->low : f->low;
    *high = set != NULL ? set->high : f->high;
}

const tli_flag *tli_flag_find(tli_cli_command command, const char *name)
{
    const int count = tli_flag_count();
    for (int i = 0; i < count; i++)
        if ((all.items[i].commands & (unsigned)command) != 0 && strcmp(all.items[i].name, name) == 0)
            return &all.items[i];
    return NULL;
}

/* The names of every enumeration: one table each, {value, name, help}. The command line, --help, settings, checkpoints,
 * messages, tl_*_name and range checks read these tables, so a new value is its enumerator and one line here. */
#ifndef CORE_CHOICES_H
#define CORE_CHOICES_H

#include "core/status.h"

typedef struct choice {
    int value;
    const char *name; /* as it is typed, printed and stored */
    const char *help; /* for --help; NULL: the name says it */
} choice;

typedef struct choices {
    const char *what; /* "operation", for messages */
    const choice *items;
    int count;
} choices;

extern const choices op_choices, positions_choices, role_choices, sharing_choices, pool_choices;
extern const choices motion_choices, optimizer_choices, schedule_choices, recompute_choices, family_choices;
extern const choices augment_choices; /* bits of tl_augment, none of them, all of them */
extern const choices gemm_choices, path_choices, device_type_choices, memory_kind_choices;

/* NULL when no name belongs to the value. */
const char *choice_name(const choices *c, int value);
/* The same for printing: "?" when there is none. */
const char *choice_shown(const choices *c, int value);
/* The first value with this name, of `length` bytes; false: there is none. */
bool choice_find(const choices *c, const char *name, size_t length, int *value);

enum { CHOICE_LIST_ROOM = 160 };
/* All names in the table's order, each once: "a|b|c" with `between` "|". */
char *choice_list(const choices *c, const char *between, char out[CHOICE_LIST_ROOM]);

/* TL_ERROR_USAGE, as "`where` takes a|b|c, not 'x'", when the text is no name. */
tl_status choice_parse(const choices *c, const char *where, const char *text, int *value, tl_error *err);
/* TL_ERROR_USAGE, naming the value and the choices, when the value has no name. */
tl_status choice_check(const choices *c, int value, tl_error *err);

/* Enumerations are stored as int, so that one function can write any of them by its address. */
void choice_store(void *target, int value);
int choice_load(const void *source);

#endif

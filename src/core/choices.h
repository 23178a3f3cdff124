/* Names of all enumerations: one table each, {value, name, help}. Command line, --help, settings,
 * checkpoints, messages, tl_*_name and range checks read these tables, so a new value needs its enumerator
 * and one line here. */
#ifndef CORE_CHOICES_H
#define CORE_CHOICES_H

#include "core/status.h"

typedef struct choice {
    int value;
    const char *name; /* as typed, printed and stored */
    const char *help; /* for --help; NULL: the name is enough */
} choice;

typedef struct choices {
    const char *what; /* "operation", for messages */
    const choice *items;
    int count;
    const choice
        *aliases; /* further accepted names, printed in --help alone; ends with a name of NULL; NULL: none */
} choices;

extern const choices tli_op_choices, tli_positions_choices, tli_role_choices, tli_sharing_choices,
    tli_pool_choices;
extern const choices tli_motion_choices, tli_optimizer_choices, tli_schedule_choices, tli_recompute_choices,
    tli_arch_choices;
extern const choices tli_augment_choices; /* the bits of tl_augment, "none" and "all" */
extern const choices tli_gemm_choices, tli_path_choices, tli_device_type_choices, tli_memory_kind_choices;
extern const choices tli_precision_choices;
extern const choices tli_form_choices; /* tl_kernel_path in the words of `kernels --for` */

/* NULL when the value has no name. */
const char *tli_choice_name(const choices *c, int value);
/* The same for printing: "?" when the value has no name. */
const char *tli_choice_shown(const choices *c, int value);
/* A second name of the value; NULL: it has one name. */
const char *tli_choice_alias(const choices *c, int value);
/* The first value with this name or alias of `length` bytes; false: there is none. */
bool tli_choice_find(const choices *c, const char *name, size_t length, int *value);

enum { CHOICE_LIST_CAPACITY = 160 };
/* All names without aliases, in the table's order, each once: "a|b|c" with `between` "|". */
char *tli_choice_list(const choices *c, const char *between, char out[CHOICE_LIST_CAPACITY]);

/* TL_ERROR_USAGE, "`where` takes a|b|c, not 'x'", when the text is not a name. */
tl_status tli_choice_parse(const choices *c, const char *where, const char *text, int *value, tl_error *err);
/* TL_ERROR_USAGE, naming the value and the choices, when the value has no name. */
tl_status tli_choice_check(const choices *c, int value, tl_error *err);

/* Enumerations are stored as int, so that one function can set any of them through a pointer. */
void tli_choice_store(void *target, int value);
int tli_choice_load(const void *source);

#endif

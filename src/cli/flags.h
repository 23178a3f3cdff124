/* The table of flags: which commands take which, what values they have, where these go. --help, --config and
 * the parser know flags by this table alone. */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include "cli/options.h"
#include "core/choices.h"

typedef enum tli_flag_kind {
    FLAG_BOOL,
    FLAG_TEXT,
    FLAG_U32,
    FLAG_U64,
    FLAG_BYTES,
    FLAG_FLOAT,
    FLAG_DOUBLE,
    FLAG_AUGMENT, /* a tl_augment: names of `choices` joined by commas */
    FLAG_ENUM,    /* one of `choices`, written as its value */
    FLAG_SHARING  /* the same, but for the first with a radius behind a colon; text */
} tli_flag_kind;

typedef struct tli_flag {
    const char *name;    /* without the dashes: also the key in a --config file */
    const char *metavar; /* NULL: that of the choices or, without them, none: see tli_flag_metavar */
    const char *help;    /* NULL: not shown; @ stands for the default, by task */
    unsigned commands;
    tli_flag_kind kind;
    size_t offset, capacity; /* where in tli_cli_options; bytes there, for text */
    const char *member;      /* the same as C writes it: "settings.training.lr" */
    const char *instead;     /* what else sets it, in messages: "--grid times --patch-size"; NULL: nothing */
    double low, high;        /* range of numbers; equal: see tli_flag_range */
    const choices *choices;  /* NULL: any value */
    const char *group;       /* heading in --help, "Model"; flags of a group follow each other in the table */
} tli_flag;

/* The rows of flags.c: flags, headings (a group without a name), and the place where flags of tasks stand (neither). */
extern const tli_flag tli_flag_table[];
extern const int tli_flag_table_rows;

#define TASK_METAVAR "TASK" /* shown as the names of the tasks */

/* All flags, by number: those of the command line itself, and behind --data those that tasks bring (tasks/task.h). */
int tli_flag_count(void);
const tli_flag *tli_flag_at(int index);
extern const choices transpose_choices; /* of `bench gemm`: which of A, B are transposed */

/* The range of a number. */
void tli_flag_range(const tli_flag *flag, double *low, double *high);
/* What --help shows for the value: "N", "a|b|c"; "" when the flag takes none. */
char *tli_flag_metavar(const tli_flag *flag, char out[CHOICE_LIST_CAPACITY]);

/* The flag of this name that `command` takes; NULL: none. */
const tli_flag *tli_flag_find(tli_cli_command command, const char *name);

#endif

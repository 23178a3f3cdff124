/* The table of commands, used by --help, messages and main. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/options.h"

enum { EXAMPLES = 2 };

typedef struct tli_command {
    tli_cli_command command; /* its bit in the masks of flags */
    const char *name;        /* "train", "bench gemm" */
    const char *usage;       /* after "translution"; TASK for the tasks */
    const char *help;        /* one-line description */
    const char
        *examples[EXAMPLES]; /* what follows "translution"; NULL: no more; those of `train` are the tasks' */
} tli_command;

extern const tli_command tli_commands[];
extern const int tli_command_count;

/* The command of this bit. */
const tli_command *tli_command_of(tli_cli_command command);
/* Usage after "translution", with the names of the tasks; returns `out`. */
char *tli_command_usage(const tli_command *command, char *out, size_t capacity);
/* Example `index` of the command, from 0, after "translution"; false: no more. */
bool tli_command_example(const tli_command *command, int index, char *out, size_t capacity);
/* "train, eval, bench gemm": names of the commands in `commands`, an OR of bits; returns `out`. */
char *tli_command_names(unsigned commands, char *out, size_t capacity);

#endif

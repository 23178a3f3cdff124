/* The table of commands: --help, messages and the program's start know them by it. */
#ifndef TL_CLI_COMMANDS_H
#define TL_CLI_COMMANDS_H

#include "cli/options.h"

typedef struct tl_command {
    tl_cli_command command;   /* its bit in the table of flags */
    const char *name;         /* "train", "bench gemm" */
    const char *usage, *help; /* what follows "translution", and one line of what it does */
} tl_command;

extern const tl_command tl_commands[];
extern const int tl_command_count;

/* The command of this bit: every command has one. */
const tl_command *tl_command_of(tl_cli_command command);
/* "train, eval, bench gemm": the names of the commands in `commands`, an OR of bits; returns `out`. */
char *tl_command_names(unsigned commands, char *out, size_t room);

#endif

/* Properties of an output stream's terminal. */
#ifndef CORE_TERMINAL_H
#define CORE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

bool tli_is_terminal(FILE *file);
/* Width in columns of the terminal behind `file`, now: it may be resized. If it is no terminal or its
 * width is unknown: COLUMNS of the environment, else 80. */
int tli_terminal_columns(FILE *file);

#endif

/* What a stream's terminal is like, for text that people read. */
#ifndef CORE_TERMINAL_H
#define CORE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

bool tli_is_terminal(FILE *file);
/* Columns of the terminal that `file` is, as of now: it may be resized. Elsewhere, and where the terminal does not know, those
 * of the environment's COLUMNS; without it 80. */
int tli_terminal_columns(FILE *file);

#endif

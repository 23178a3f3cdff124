/* gnuplot, a program of its own, draws what a script on its standard input says. */
#ifndef CLI_GNUPLOT_H
#define CLI_GNUPLOT_H

#include <stdio.h>

#include "core/status.h"

/* Runs gnuplot without a shell and without the user's start-up files. `script` is read from its beginning; *drawn:
 * what gnuplot wrote to standard output, freed by the caller. TL_ERROR_IO when gnuplot is not installed or fails. */
tl_status tli_gnuplot(FILE *script, char **drawn, tl_error *err);

#endif

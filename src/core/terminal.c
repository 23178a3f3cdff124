#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* struct winsize */
#endif
#include "core/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_COLUMNS = 80, MAX_COLUMNS = 9999 };

bool tli_is_terminal(FILE *file)
{
    const int descriptor = file != NULL ? fileno(file) : -1;
    return descriptor >= 0 && isatty(descriptor) == 1;
}

int tli_terminal_columns(FILE *file)
{
#ifdef TIOCGWINSZ
    struct winsize size = {0};
    if (tli_is_terminal(file) && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
#endif
    const char *given = getenv("COLUMNS");
    const long columns = given != NULL ? strtol(given, NULL, 10) : 0;
    return columns > 0 && columns <= MAX_COLUMNS ? (int)columns : DEFAULT_COLUMNS;
}

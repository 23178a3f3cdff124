#include "test.h"

void fail_at(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprint_error(format, args);
    va_end(args);
    print_error("\n");
    _fail(file, line);
    abort(); /* CMocka has left by longjmp */
}

void assert_between_at(const char *file, int line, const char *what, double value, double least, double most)
{
    if (!(value >= least && value <= most))
        fail_at(file, line, "%s is %g, not between %g and %g", what, value, least, most);
}

void assert_says_at(const char *file, int line, const char *text, const char *words)
{
    if (strstr(text, words) == NULL) fail_at(file, line, "\"%s\" does not say \"%s\"", text, words);
}

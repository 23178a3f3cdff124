#include "test.h"

/* The calls by FROM_HERE that have not returned, outermost first. */
enum { MOST_CALLS = 16 };
static _Thread_local struct {
    const char *file;
    int line;
} calls[MOST_CALLS];
static _Thread_local int depth;

void call_begins(const char *file, int line)
{
    if (depth < MOST_CALLS) calls[depth].file = file, calls[depth].line = line;
    depth++;
}

void call_ends(void)
{
    depth--;
}

int forget_calls(void **state)
{
    (void)state;
    depth = 0;
    return 0;
}

int print_calls(void **state)
{
    for (int i = depth < MOST_CALLS ? depth : MOST_CALLS; i > 0; i--)
        print_error("called from %s:%d\n", calls[i - 1].file, calls[i - 1].line);
    return forget_calls(state);
}

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

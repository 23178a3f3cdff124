#include "core/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>

#include "core/number.h"

void tli_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
{
    if (log == NULL || log->write == NULL || level > log->level) return;
    char line[2048];
    va_list args;
    va_start(args, format);
    tli_vformat(line, sizeof line, format, args);
    va_end(args);
    log->write(log->user, level, line);
}

static bool has_reader_with_room(FILE *file, int wait_ms)
{
    struct pollfd stream = {.fd = fileno(file), .events = POLLOUT};
    if (stream.fd < 0) return true; /* not backed by a descriptor, e.g. in memory */
    int ready;
    while ((ready = poll(&stream, 1, wait_ms)) < 0 && errno == EINTR) {}
    /* POLLERR: a pipe without a reader, where a write would raise SIGPIPE. POLLHUP: a terminal that is gone. */
    return ready < 0 || (ready > 0 && (stream.revents & (POLLERR | POLLHUP)) == 0);
}

void tli_log_print(FILE *file, int wait_ms, const char *text)
{
    if (!has_reader_with_room(file, wait_ms)) return;
    fputs(text, file);
    fflush(file);
}

#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

void tl_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
{
    if (log == NULL || log->write == NULL || level > log->level) return;
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log->write(log->user, level, line);
}

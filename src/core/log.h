/* Notices and progress text for people. The library never prints by itself: it calls the function in the
 * tl_log that its user gave. A NULL tl_log is silent. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdio.h>

#include "translution/translution.h"

void tli_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes `text` to `file`, in one write if it is short. Never blocks for long: the text is dropped when
 * the reader of a pipe or terminal is gone, or does not read for `wait_ms` milliseconds (a pager waiting
 * for a key, a stopped terminal). */
void tli_log_print(FILE *file, int wait_ms, const char *text);

#endif

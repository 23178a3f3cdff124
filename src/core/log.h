/* Notices and progress text on their way to a human: the library never prints by itself, it calls the sink
 * that its user gave. A NULL tl_log is silent. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdio.h>

#include "translution/translution.h"

void tli_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes `text` for people to `file`, in one piece if it is short. What nobody reads is left out: when the reader has gone,
 * and when he has not made room for it after `wait_ms` milliseconds (a pager that waits for a key, a terminal that was
 * stopped): a message is worth neither the run nor its time. */
void tli_log_print(FILE *file, int wait_ms, const char *text);

#endif

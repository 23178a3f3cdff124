/* Notices and progress text on their way to a human: the library never prints by itself, it calls the sink
 * that its user gave. A NULL tl_log is silent. */
#ifndef TL_CORE_LOG_H
#define TL_CORE_LOG_H

#include "translution/translution.h"

void tl_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

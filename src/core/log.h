/* Notices and progress text on their way to a human: the library never prints by itself, it calls the sink
 * that its user gave. A NULL tl_log is silent. */
#ifndef TL_CORE_LOG_H
#define TL_CORE_LOG_H

typedef enum tl_log_level { TL_LOG_ERROR, TL_LOG_NOTICE, TL_LOG_DETAIL } tl_log_level;

typedef struct tl_log {
    tl_log_level level; /* messages above this level are dropped */
    void (*write)(void *user, tl_log_level level, const char *line); /* line has no newline */
    void *user;
} tl_log;

void tl_log_write(const tl_log *log, tl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

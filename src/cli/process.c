#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/field_names.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/terminal.h"

/* ---- descriptors ----------------------------------------------------------------------------------- */

void tli_cli_open_descriptors(void)
{
    for (int i = 0; i <= 2; i++) {
        if (fcntl(i, F_GETFD) >= 0 || errno != EBADF) continue;
        /* open returns the lowest free number, i. The mode is the wrong one on purpose: reading and
         * writing still fail. */
        const int mode = i == 0 ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", mode) != i && open("/", O_RDONLY) != i) _exit(1);
    }
}

/* ---- signals --------------------------------------------------------------------------------------- */

/* Signals are blocked in all threads, and one thread waits for those that matter. Handlers would not do:
 * OpenCL drivers install their own (LLVM, in PoCL, for fifteen signals, even ignored ones), and not all
 * drivers retry interrupted calls. */

volatile sig_atomic_t tli_cli_signal =
    0; /* written only by the waiting thread, read by the commands' loops */

/* `timeout` and some batch systems send one request twice: to the process and to its group. */
#define SAME_REQUEST_SECONDS 0.2

/* Waits for signals until the process ends. Warnings may repeat (XCPU each second) and are followed by
 * TERM: they never interrupt a run that is saving. */
static void *watch_signals(void *set)
{
    const sigset_t watched = *(sigset_t *)set;
    int asked = 0; /* the first INT or TERM, and its time */
    double asked_at = 0;
    free(set);
    for (;;) {
        int number = 0;
        if (sigwait(&watched, &number) != 0) continue;
        if (tli_cli_signal == 0) tli_cli_signal = number;
        if (number != SIGINT && number != SIGTERM) continue;
        const double now = tli_clock_seconds();
        if (asked != 0 && (number != asked || now - asked_at >= SAME_REQUEST_SECONDS)) _exit(128 + number);
        if (asked != 0) continue;
        asked = number;
        asked_at = now;
    }
    return NULL;
}

static bool start_watching(const sigset_t *watched)
{
    pthread_t thread;
    sigset_t *own = malloc(sizeof *own);
    if (own == NULL) return false;
    *own = *watched;
    if (pthread_create(&thread, NULL, watch_signals, own) != 0) {
        free(own);
        return false;
    }
    pthread_detach(thread);
    return true;
}

void tli_cli_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
    sigset_t blocked, watched;
    sigemptyset(&blocked);
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before;
        sigaddset(&blocked, numbers[i]);
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaddset(&watched, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (!start_watching(&watched))
        pthread_sigmask(SIG_UNBLOCK, &watched, NULL); /* they then end the process */
}

void tli_cli_outlive_readers(void)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigaddset(&blocked, SIGXFSZ); /* file size limit: becomes an error of that write */
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

/* ---- messages -------------------------------------------------------------------------------------- */

enum { WAIT_MS = 1000 }; /* for a slow reader */

/* The text, as its users know its fields: by their flags. */
static void format_message(char *text, size_t capacity, const char *format, va_list values)
{
    char plain[4096];
    vsnprintf(plain, sizeof plain, format, values);
    tli_cli_name_flags(plain, text, capacity);
}

void tli_cli_say(const char *format, ...)
{
    char text[4096];
    va_list values;
    va_start(values, format);
    format_message(text, sizeof text, format, values);
    va_end(values);
    tli_log_print(stderr, WAIT_MS, text);
}

void tli_cli_say_over(const char *format, ...)
{
    enum { MAX_COLUMNS = 500 };
    char text[4096 + MAX_COLUMNS];
    const int columns = tli_is_terminal(stderr) ? tli_terminal_columns(stderr) : 0;
    const int used = columns == 0 ? 0
                                  : snprintf(text, sizeof text, "\r%*s\r",
                                             (columns < MAX_COLUMNS ? columns : MAX_COLUMNS) - 1, "");
    va_list values;
    va_start(values, format);
    format_message(text + used, sizeof text - (size_t)used, format, values);
    va_end(values);
    tli_log_print(stderr, WAIT_MS, text);
}

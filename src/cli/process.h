/* The program's environment: signals, standard descriptors, and readers of its output that disappear. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <signal.h>

/* Opens descriptors 0, 1 and 2 if they are closed: otherwise the next file opened would get that number,
 * and messages would be written into it. Call first in main. */
void tli_cli_open_descriptors(void);

/* The signal that requested a stop; 0: none. */
extern volatile sig_atomic_t tli_cli_signal;
/* From now on INT, TERM, HUP, USR1, USR2 and XCPU set tli_cli_signal, so that the command stops and saves;
 * signals that were ignored at the start stay ignored. A second INT or TERM ends the process at once. Call
 * before opening the device: its threads inherit the signal mask. */
void tli_cli_catch_signals(void);
/* From now on a failed write returns an error instead of ending the process (SIGPIPE): for commands whose
 * work matters more than their output. Also before opening the device. */
void tli_cli_outlive_readers(void);

/* Writes text to standard error; drops it if there is no reader. */
void tli_cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, after clearing a progress line that may be on the terminal. */
void tli_cli_say_over(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* The program among others: signals, descriptors, and readers of its output that go away. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <signal.h>

/* Makes sure of descriptors 0, 1 and 2: where one is closed, a file that the program opens would take its number, and
 * messages would be written into that. First thing in main. */
void tli_cli_open_descriptors(void);

/* The signal that asked the command to stop; 0: none. */
extern volatile sig_atomic_t tli_cli_signal;
/* From now on a signal that ends a session or a job (INT, TERM, HUP, USR1, USR2, XCPU) sets tli_cli_signal, for the command
 * to stop and save; those that were ignored when the program was started stay ignored. A second INT or TERM leaves at
 * once. Call it before the device is opened, as threads inherit what it does. */
void tli_cli_catch_signals(void);
/* From now on a write that fails is an error to look at, not the end of the process: for commands whose work is worth more
 * than what they print. Before the device is opened, too. */
void tli_cli_outlive_readers(void);

/* Text for people on standard error, left out when nobody reads there. */
void tli_cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same in the place of a line of progress that may stand on the terminal. */
void tli_cli_say_over(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/* The program on a pseudo-terminal of a given width: what a person sees. */
#ifndef TESTS_PTY_H
#define TESTS_PTY_H

#include <sys/types.h>

/* The two ends of a pseudo-terminal. */
typedef struct pty {
    int master, slave;
} pty;

/* Skips the test where the machine has no pseudo-terminals. */
pty pty_open(int columns);
void pty_resize(const pty *p, int columns);

/* Starts `sh -c command` in `folder`, where descriptor 3 is the terminal: "program 2>&3". */
pid_t pty_start(const pty *p, const char *command);
/* What the command writes to the terminal until it ends, into `text`; returns its exit code and closes the terminal. */
int pty_finish(pty *p, pid_t pid, char *text, size_t capacity);

/* The most columns of a line: of what stands between two ends of lines or carriage returns. */
int widest_line(const char *text);

#endif

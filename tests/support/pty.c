#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "pty.h"

#include "program.h"
#include "test.h"

#include <sys/ioctl.h>
#include <unistd.h>

void pty_resize(const pty *p, int columns)
{
    const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    assert_int_equal(ioctl(p->master, TIOCSWINSZ, &size), 0);
}

pty pty_open(int columns)
{
    pty p = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
    if (p.master < 0 || grantpt(p.master) != 0 || unlockpt(p.master) != 0)
        skip_because("no pseudo-terminal", "mount devpts on /dev/pts");
    p.slave = open(ptsname(p.master), O_RDWR | O_NOCTTY);
    assert_true(p.slave >= 0);
    pty_resize(&p, columns);
    return p;
}

pid_t pty_start(const pty *p, const char *command)
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) return pid;
    unsetenv("COLUMNS");
    if (dup2(p->slave, 3) < 0 || chdir(folder) != 0) _exit(99);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(98);
}

int pty_finish(pty *p, pid_t pid, char *text, size_t capacity)
{
    size_t used = 0;
    close(p->slave); /* reading ends when the command has closed its own */
    for (ssize_t count = 1; used < capacity - 1 && count > 0;) {
        count = read(p->master, text + used, capacity - 1 - used);
        if (count < 0) assert_int_equal(errno, EIO); /* all have closed it */
        if (count > 0) used += (size_t)count;
    }
    text[used] = '\0';
    close(p->master);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int widest_line(const char *text)
{
    int widest = 0;
    while (*text != '\0') {
        const int length = (int)strcspn(text, "\r\n");
        if (length > widest) widest = length;
        text += length;
        text += strspn(text, "\r\n");
    }
    return widest;
}

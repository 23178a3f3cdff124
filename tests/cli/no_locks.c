/* A library to be put before others (LD_PRELOAD): the process sees file systems without locks or, with ONLY_POSIX_LOCKS in its
 * environment, a system without locks of open file descriptions. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fcntl64(int descriptor, int command, ...);

static int fcntl_without_locks(int descriptor, int command, void *argument)
{
    const bool posix = getenv("ONLY_POSIX_LOCKS") != NULL;
    if (command != F_OFD_SETLK && (posix || command != F_SETLK))
        return (int)syscall(SYS_fcntl, descriptor, command, argument);
    errno = posix ? EINVAL : ENOLCK;
    return -1;
}

int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return fcntl_without_locks(descriptor, command, argument);
}

#undef fcntl
int fcntl(int descriptor, int command, ...) __attribute__((alias("fcntl64")));

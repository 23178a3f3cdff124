#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for F_OFD_SETLK */
#endif
#include "train/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "train/run_dir.h"

enum { HOST_CAPACITY = 256, TEXT_CAPACITY = HOST_CAPACITY + 32 };

/* ---- files --------------------------------------------------------------------------------------- */

static bool lock_is_others(int code)
{
    return code == EAGAIN || code == EACCES;
}

tli_lock_result tli_lock_file(int descriptor)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
#ifdef F_OFD_SETLK
    if (fcntl(descriptor, F_OFD_SETLK, &whole) == 0) return TLI_LOCK_TAKEN;
    if (lock_is_others(errno)) return TLI_LOCK_REFUSED;
#endif
    if (fcntl(descriptor, F_SETLK, &whole) == 0) return TLI_LOCK_TAKEN;
    return lock_is_others(errno) ? TLI_LOCK_REFUSED : TLI_LOCK_UNSUPPORTED;
}

/* ---- the lock of a run's folder --------------------------------------------------------------------- */

/* Writes "HOST PID" for other processes' messages. If that fails, the lock is still held. */
static void write_owner(int descriptor)
{
    char host[HOST_CAPACITY] = "", text[TEXT_CAPACITY];
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') snprintf(host, sizeof host, "unknown");
    const int length = snprintf(text, sizeof text, "%s %ld\n", host, (long)getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length) return;
}

/* Reads what write_owner wrote; false: nothing printable. */
static bool read_owner(int descriptor, char host[HOST_CAPACITY], long *pid)
{
    char text[TEXT_CAPACITY];
    const ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    if (length <= 0) return false;
    text[length] = '\0';
    if (sscanf(text, "%255s %ld", host, pid) != 2) return false;
    for (const char *c = host; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~') return false;
    return true;
}

static tl_status refuse_second(int descriptor, const char *out, tl_error *err)
{
    char host[HOST_CAPACITY], owner[TEXT_CAPACITY + 32] = "another process";
    long pid;
    if (read_owner(descriptor, host, &pid))
        snprintf(owner, sizeof owner, "process %ld on host %s", pid, host);
    return tli_fail(
        err, TL_ERROR_INPUT,
        "a run of %s is writing to the folder %s: wait for its end or stop it, or choose another `run.out`",
        owner, out);
}

static void lock_path(const char *out, char path[TLI_OUT_CAPACITY + 32])
{
    snprintf(path, TLI_OUT_CAPACITY + 32, "%s/run.lock", out);
}

tl_status tli_run_lock_take(tli_run_lock *lock, const char *out, const tl_log *log, tl_error *err)
{
    if (lock->held) return TL_OK;
    char path[TLI_OUT_CAPACITY + 32];
    lock_path(out, path);
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return tli_fail(err, TL_ERROR_INPUT,
                        "cannot write the output folder %s: its file run.lock: %s; choose another `run.out`",
                        out, strerror(errno));
    const tli_lock_result result = tli_lock_file(descriptor);
    const int code = errno;
    if (result == TLI_LOCK_REFUSED) {
        const tl_status status = refuse_second(descriptor, out, err);
        close(descriptor);
        return status;
    }
    if (result == TLI_LOCK_UNSUPPORTED)
        tli_log_write(log, TL_LOG_NOTICE,
                      "%s cannot be locked (%s): take care that no other run writes to this folder", path,
                      strerror(code));
    write_owner(descriptor);
    *lock = (tli_run_lock){.held = true, .descriptor = descriptor};
    return TL_OK;
}

void tli_run_lock_release(tli_run_lock *lock)
{
    if (!lock->held) return;
    if (ftruncate(lock->descriptor, 0) != 0) errno = 0; /* a stale name is harmless */
    close(lock->descriptor);
    lock->held = false;
}

void tli_run_lock_remove(tli_run_lock *lock, const char *out)
{
    char path[TLI_OUT_CAPACITY + 32];
    lock_path(out, path);
    if (lock->held) unlink(path); /* while it is held: afterwards the file may be another run's */
    tli_run_lock_release(lock);
}

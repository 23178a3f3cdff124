/* Lets only one process at a time write a file or a run's folder. Uses advisory record locks on the whole
 * file, which the kernel releases when the owner ends for any reason and which NFS passes to the server.
 * With open file description locks (F_OFD_SETLK) two runs in one process exclude each other, too; on
 * systems without them they do not. */
#ifndef TRAIN_RUN_LOCK_H
#define TRAIN_RUN_LOCK_H

#include <stdbool.h>

#include "core/log.h"
#include "core/status.h"

/* all zero: not held */
typedef struct tli_run_lock {
    bool held;
    int descriptor;
} tli_run_lock;

/* Locks the existing folder `out` through OUT/run.lock, which contains host and process ID while the lock
 * is held and stays behind, empty. Does nothing if `lock` is already held. TL_ERROR_INPUT names the owner
 * if it is locked, or says why the file cannot be written. A file system without locks gives only a notice
 * in `log`. */
tl_status tli_run_lock_take(tli_run_lock *lock, const char *out, const tl_log *log, tl_error *err);
void tli_run_lock_release(tli_run_lock *lock);
/* Releases it and removes OUT/run.lock: for a folder that is to be removed. */
void tli_run_lock_remove(tli_run_lock *lock, const char *out);

/* Result of locking an open file. */
typedef enum tli_lock_result { TLI_LOCK_TAKEN, TLI_LOCK_REFUSED, TLI_LOCK_UNSUPPORTED } tli_lock_result;

/* Locks the file behind `descriptor`, open for writing, until the description is closed. UNSUPPORTED: the
 * reason is in errno. */
tli_lock_result tli_lock_file(int descriptor);

#endif

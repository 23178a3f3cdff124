/* One process at a time writes a file or the folder of a run. The locks are advisory record locks of the whole file, which
 * the kernel drops when their owner ends, however it ends, and which NFS hands to the server. They belong to the open file
 * description where the system has such locks (F_OFD_SETLK), so two runs of one process refuse each other, too; elsewhere
 * they belong to the process, and two runs of one process are not told apart. */
#ifndef TRAIN_RUN_LOCK_H
#define TRAIN_RUN_LOCK_H

#include <stdbool.h>

#include "core/log.h"
#include "core/status.h"

/* Zeroed: not held. */
typedef struct tli_run_lock {
    bool held;
    int descriptor;
} tli_run_lock;

/* Owns the folder `out`, which exists, by a lock on OUT/run.lock, which names host and process ID while it is held and
 * stays behind, empty. Nothing happens when `lock` is held already. TL_ERROR_INPUT names the owner when there is another,
 * or says why the file cannot be written. A file system without locks costs a notice in `log`. */
tl_status tli_run_lock_take(tli_run_lock *lock, const char *out, const tl_log *log, tl_error *err);
void tli_run_lock_release(tli_run_lock *lock);

/* What came of locking an open file. */
typedef enum tli_lock_result { TLI_LOCK_TAKEN, TLI_LOCK_REFUSED, TLI_LOCK_UNSUPPORTED } tli_lock_result;

/* Locks the file behind `descriptor`, which is open for writing, until the description is closed. UNSUPPORTED leaves the
 * reason in errno. */
tli_lock_result tli_lock_file(int descriptor);

#endif

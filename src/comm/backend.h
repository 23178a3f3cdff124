/* What a module that connects ranks exports. The library loads it at run time, so that neither needs the other to be
 * built or installed. A module knows one library version: its own. Every function returns 0 or a code that
 * `error_text` explains, and waits without taking a core. */
#ifndef COMM_BACKEND_H
#define COMM_BACKEND_H

#include <stddef.h>

typedef struct tli_comm_place {
    int rank, size; /* of all */
    int local_size; /* ranks of this machine */
} tli_comm_place;

typedef struct tli_comm_backend {
    const char *version; /* TL_VERSION */
    int (*start)(tli_comm_place *place);
    /* Sends `sent` bytes to a rank and receives `received` from it; 0: one way alone. */
    int (*exchange)(int partner, const void *send, size_t sent, void *receive, size_t received);
    int (*broadcast)(void *data, size_t bytes); /* from rank 0 to all */
    int (*largest)(int *value);                 /* of all ranks, to all */
    int (*finish)(void);                        /* waits for all */
    void (*end_all)(int exit_code);             /* at once, also this process */
    const char *(*error_text)(int code);        /* valid until the next call */
} tli_comm_backend;

#define TLI_COMM_SYMBOL "tli_comm_mpi" /* the module's one symbol */

#endif

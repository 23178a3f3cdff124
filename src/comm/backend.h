/* What a module that connects ranks exports. The library loads it at run time, so that neither needs the other to be
 * built or installed. A module serves the library that it was built with: one version, one interface. Every function returns 0, TLI_COMM_MISSING or
 * another code that `error_text` explains, and waits without taking a core. */
#ifndef COMM_BACKEND_H
#define COMM_BACKEND_H

#include <stddef.h>

typedef struct tli_comm_place {
    int rank, size;             /* of all */
    int local_rank, local_size; /* among those of this machine */
} tli_comm_place;

typedef struct tli_comm tli_comm; /* the module's state */

enum { TLI_COMM_MISSING = -1 }; /* a rank did not come within the time limit; error_text names it */

/* Its number goes up with every change of this file that a module of another build would not know. */
#define TLI_COMM_VERSION TL_VERSION " (interface 1)"

typedef struct tli_comm_backend {
    const char *version; /* TLI_COMM_VERSION; always the first member */
    /* Once in a process. `communicator`: the address of the caller's MPI_Comm; NULL: of all processes, and MPI is
     * started and ended here, unless the caller has started it. `timeout`: seconds that a call waits for ranks that neither wait, too, nor say that they
     * are at work. */
    int (*start)(void *communicator, double timeout, tli_comm_place *place, tli_comm **comm);
    /* Sends `sent` bytes to a rank and receives `received` from it; 0: one way alone. */
    int (*exchange)(tli_comm *comm, int partner, const void *send, size_t sent, void *receive,
                    size_t received);
    /* Whether this rank computes while it exchanges: then it leaves the core to that even within a message. */
    void (*in_background)(tli_comm *comm, int whether);
    int (*broadcast)(tli_comm *comm, void *data, size_t bytes); /* from rank 0 to all */
    int (*largest)(tli_comm *comm, int *value);                 /* of all ranks, to all */
    int (*at_work)(tli_comm *comm);                 /* tells those that wait; does not wait itself */
    int (*finish)(tli_comm *comm);                  /* waits for all; frees comm */
    void (*end_all)(tli_comm *comm, int exit_code); /* at once, also this process */
    const char *(*error_text)(const tli_comm *comm,
                              int code); /* valid until the next call; comm may be NULL */
} tli_comm_backend;

#define TLI_COMM_SYMBOL "tli_comm_mpi" /* the module's one symbol */

#endif

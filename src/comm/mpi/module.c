/* translution_mpi.so: ranks by MPI, Open MPI's or MPICH's, whichever it was built with. */
#include <mpi.h>
#include <stdint.h>
#include <time.h>

#include "comm/backend.h"

enum {
    PIECE = 1 << 28, /* bytes of a message: MPI counts in int */
    TURNS = 200      /* looks at a request before the process sleeps between them */
};

/* MPI's own waiting takes a whole core, which a rank on the same machine may need. */
static int wait_for(int count, MPI_Request *requests)
{
    const struct timespec pause = {.tv_nsec = 50000};
    for (int turn = 0;; turn++) {
        int done = 0;
        const int code = MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
        if (code != MPI_SUCCESS || done) return code;
        if (turn >= TURNS) nanosleep(&pause, NULL);
    }
}

static int mpi_start(tli_comm_place *place)
{
    MPI_Comm machine;
    int level, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(MPI_COMM_WORLD, &place->rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(MPI_COMM_WORLD, &place->size);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    if (code != MPI_SUCCESS) return code;
    MPI_Comm_size(machine, &place->local_size);
    return MPI_Comm_free(&machine);
}

/* Bytes of the message that begins at byte `at` of so many. */
static int message_bytes(size_t bytes, size_t at)
{
    return (int)(bytes - at < PIECE ? bytes - at : PIECE);
}

static int mpi_exchange(int partner, const void *send, size_t sent, void *receive, size_t received)
{
    for (size_t at = 0; at < sent || at < received; at += PIECE) {
        MPI_Request requests[2];
        int used = 0, code = MPI_SUCCESS;
        if (at < received)
            code = MPI_Irecv((char *)receive + at, message_bytes(received, at), MPI_BYTE, partner, 0,
                             MPI_COMM_WORLD, &requests[used++]);
        if (code == MPI_SUCCESS && at < sent)
            code = MPI_Isend((const char *)send + at, message_bytes(sent, at), MPI_BYTE, partner, 0,
                             MPI_COMM_WORLD, &requests[used++]);
        if (code == MPI_SUCCESS) code = wait_for(used, requests);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

static int mpi_broadcast(void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PIECE) {
        MPI_Request request;
        int code = MPI_Ibcast((char *)data + at, message_bytes(bytes, at), MPI_BYTE, 0, MPI_COMM_WORLD,
                              &request);
        if (code == MPI_SUCCESS) code = wait_for(1, &request);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

static int mpi_largest(int *value)
{
    const int own = *value;
    MPI_Request request;
    const int code = MPI_Iallreduce(&own, value, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD, &request);
    return code == MPI_SUCCESS ? wait_for(1, &request) : code;
}

static void mpi_end_all(int exit_code)
{
    MPI_Abort(MPI_COMM_WORLD, exit_code);
}

static const char *mpi_error_text(int code)
{
    static char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    return MPI_Error_string(code, text, &length) == MPI_SUCCESS ? text : "an unknown error";
}

extern const tli_comm_backend tli_comm_mpi;
const tli_comm_backend tli_comm_mpi = {.version = TL_VERSION,
                                       .start = mpi_start,
                                       .exchange = mpi_exchange,
                                       .broadcast = mpi_broadcast,
                                       .largest = mpi_largest,
                                       .finish = MPI_Finalize,
                                       .end_all = mpi_end_all,
                                       .error_text = mpi_error_text};

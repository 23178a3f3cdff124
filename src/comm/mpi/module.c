/* translution_mpi.so: ranks by MPI, Open MPI's or MPICH's, whichever it was built with. */
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "comm/backend.h"
#include "comm/mpi/roll_call.h"

enum {
    MOST_REQUESTS = 2,
    PIECE = 1 << 28, /* bytes of a message: MPI counts in int */
    LOOKS = 256,     /* tests of a request for each look at who else is there */
    LARGE = 1 << 11  /* bytes of a message whose pieces MPI moves only while it is tested */
};

/* Tests of a request before the process sleeps between them. */
enum {
    TURNS = 200,           /* where another rank may not be there yet, and needs the core */
    OWN_CORE_TURNS = 5000, /* or does not need it: about as long as a sleep takes */
    TRANSFER_TURNS = 40000 /* where both are: some milliseconds, in which several MB have come */
};

enum { TAG_NUMBERS, TAG_READY };

enum { NOT_STARTED = -2 }; /* code: a communicator without MPI_Init */

struct tli_comm {
    MPI_Comm all; /* tags and errors of its own */
    bool ends;    /* MPI was started here */
    int computes; /* meanwhile: the core is not for tests without sleeping */
    int crowded;  /* a machine has more ranks than cores: who tests without sleeping holds others up */
    tli_roll_call roll;
};

/* MPI's own waiting takes a whole core, which a rank on the same machine may need, and has no end. */
static int wait_turns(tli_comm *c, int count, MPI_Request *requests, unsigned turns)
{
    const struct timespec pause = {.tv_nsec = 50000};
    MPI_Status statuses[MOST_REQUESTS]; /* of no interest, but gcc warns of MPICH's MPI_STATUSES_IGNORE */
    tli_roll_call_begin(&c->roll);
    for (unsigned turn = 0;; turn++) {
        int done = 0;
        int code = MPI_Testall(count, requests, &done, statuses);
        if (code != MPI_SUCCESS || done) return code;
        if (turn >= turns) nanosleep(&pause, NULL);
        if (turn % LOOKS == LOOKS - 1) code = tli_roll_call_look(&c->roll);
        if (code != MPI_SUCCESS) return code;
    }
}

static int wait_for(tli_comm *c, int count, MPI_Request *requests)
{
    return wait_turns(c, count, requests, c->crowded || c->computes ? TURNS : OWN_CORE_TURNS);
}

static int find_local(MPI_Comm all, tli_comm_place *place)
{
    MPI_Comm machine;
    int code = MPI_Comm_split_type(all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    if (code != MPI_SUCCESS) return code;
    code = MPI_Comm_rank(machine, &place->local_rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(machine, &place->local_size);
    MPI_Comm_free(&machine);
    return code;
}

/* The same in all ranks, as partners must agree on how they exchange. */
static int find_crowded(tli_comm *c, int local_size)
{
    const int own = local_size > sysconf(_SC_NPROCESSORS_ONLN);
    return MPI_Allreduce(&own, &c->crowded, 1, MPI_INT, MPI_MAX, c->all);
}

/* Finds the caller's communicator or MPI's own, and starts MPI unless the caller has. */
static int find_base(void *communicator, MPI_Comm *base, bool *ends)
{
    int started = 0, level, code = MPI_Initialized(&started);
    if (code != MPI_SUCCESS) return code;
    if (communicator != NULL && !started) return NOT_STARTED;
    *base = communicator != NULL ? *(MPI_Comm *)communicator : MPI_COMM_WORLD;
    *ends = !started;
    if (*base == MPI_COMM_NULL) return MPI_ERR_COMM;
    return started ? MPI_SUCCESS : MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
}

static int mpi_start(void *communicator, double timeout, tli_comm_place *place, tli_comm **comm)
{
    MPI_Comm base;
    bool ends;
    int code = find_base(communicator, &base, &ends);
    if (code != MPI_SUCCESS) return code;
    tli_comm *c = calloc(1, sizeof *c);
    if (c == NULL) return MPI_ERR_NO_MEM;
    *comm = c;
    c->ends = ends;
    code = MPI_Comm_dup(base, &c->all);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(c->all, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = tli_roll_call_open(&c->roll, c->all, timeout);
    if (code == MPI_SUCCESS) code = find_local(c->all, place);
    if (code == MPI_SUCCESS) code = find_crowded(c, place->local_size);
    place->rank = c->roll.rank;
    place->size = c->roll.size;
    if (code == MPI_SUCCESS) return code;
    free(c->roll.answered);
    free(c);
    *comm = NULL;
    return code;
}

/* Bytes of the message that begins at byte `at` of so many. */
static int message_bytes(size_t bytes, size_t at)
{
    return (int)(bytes - at < PIECE ? bytes - at : PIECE);
}

/* Waits until the partner is there, too. */
static int meet_partner(tli_comm *c, int partner)
{
    MPI_Request requests[MOST_REQUESTS];
    int code = MPI_Irecv(NULL, 0, MPI_BYTE, partner, TAG_READY, c->all, &requests[0]);
    if (code == MPI_SUCCESS) code = MPI_Isend(NULL, 0, MPI_BYTE, partner, TAG_READY, c->all, &requests[1]);
    return code == MPI_SUCCESS ? wait_for(c, MOST_REQUESTS, requests) : code;
}

static int mpi_exchange(tli_comm *c, int partner, const void *send, size_t sent, void *receive,
                        size_t received)
{
    const bool large = c->crowded == 0 && (sent > LARGE || received > LARGE);
    const int met = large ? meet_partner(c, partner) : MPI_SUCCESS;
    if (met != MPI_SUCCESS) return met;
    for (size_t at = 0; at < sent || at < received; at += PIECE) {
        MPI_Request requests[MOST_REQUESTS];
        int used = 0, code = MPI_SUCCESS;
        if (at < received)
            code = MPI_Irecv((char *)receive + at, message_bytes(received, at), MPI_BYTE, partner,
                             TAG_NUMBERS, c->all, &requests[used++]);
        if (code == MPI_SUCCESS && at < sent)
            code = MPI_Isend((const char *)send + at, message_bytes(sent, at), MPI_BYTE, partner, TAG_NUMBERS,
                             c->all, &requests[used++]);
        if (code == MPI_SUCCESS)
            code = large && !c->computes ? wait_turns(c, used, requests, TRANSFER_TURNS)
                                         : wait_for(c, used, requests);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

static void mpi_in_background(tli_comm *c, int whether)
{
    c->computes = whether;
}

static int mpi_broadcast(tli_comm *c, void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PIECE) {
        MPI_Request request;
        int code = MPI_Ibcast((char *)data + at, message_bytes(bytes, at), MPI_BYTE, 0, c->all, &request);
        if (code == MPI_SUCCESS) code = wait_for(c, 1, &request);
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

static int mpi_largest(tli_comm *c, int *value)
{
    const int own = *value;
    MPI_Request request;
    const int code = MPI_Iallreduce(&own, value, 1, MPI_INT, MPI_MAX, c->all, &request);
    return code == MPI_SUCCESS ? wait_for(c, 1, &request) : code;
}

static int mpi_at_work(tli_comm *c)
{
    return tli_roll_call_answer(&c->roll);
}

/* MPI_Finalize waits without end: where a rank is missing it is left out, and the launcher ends that rank. */
static int mpi_finish(tli_comm *c)
{
    MPI_Request request;
    int code = MPI_Ibarrier(c->all, &request);
    if (code == MPI_SUCCESS) code = wait_for(c, 1, &request);
    if (code == MPI_SUCCESS) code = tli_roll_call_close(&c->roll);
    if (code == MPI_SUCCESS) code = MPI_Comm_free(&c->all);
    if (code == MPI_SUCCESS && c->ends) code = MPI_Finalize();
    free(c->roll.answered); /* where the roll call was not closed */
    free(c);
    return code;
}

static void mpi_end_all(tli_comm *c, int exit_code)
{
    MPI_Abort(c->all, exit_code);
}

static const char *mpi_error_text(const tli_comm *c, int code)
{
    static char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (code == TLI_COMM_MISSING) return c->roll.missing;
    if (code == NOT_STARTED) return "MPI_Init was not called, or that of another MPI than the module's";
    return MPI_Error_string(code, text, &length) == MPI_SUCCESS ? text : "an unknown error";
}

extern const tli_comm_backend tli_comm_mpi;
const tli_comm_backend tli_comm_mpi = {.version = TLI_COMM_VERSION,
                                       .start = mpi_start,
                                       .exchange = mpi_exchange,
                                       .in_background = mpi_in_background,
                                       .broadcast = mpi_broadcast,
                                       .largest = mpi_largest,
                                       .at_work = mpi_at_work,
                                       .finish = mpi_finish,
                                       .end_all = mpi_end_all,
                                       .error_text = mpi_error_text};

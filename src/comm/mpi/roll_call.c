#include "comm/mpi/roll_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/backend.h"

enum { NUMBERS = 1 << 15 }; /* of calls: every MPI has as many tags */

/* Seconds that a rank leaves to one with a lower number, to say first what both have found. */
#define PATIENCE 5.0

int tli_roll_call_open(tli_roll_call *r, MPI_Comm all, double timeout)
{
    *r = (tli_roll_call){.calls = MPI_COMM_NULL, .answers = MPI_COMM_NULL, .timeout = timeout};
    int code = MPI_Comm_rank(all, &r->rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(all, &r->size);
    if (code == MPI_SUCCESS) code = MPI_Comm_dup(all, &r->calls);
    if (code == MPI_SUCCESS) code = MPI_Comm_dup(all, &r->answers);
    if (code != MPI_SUCCESS) return code;
    r->answered = calloc((size_t)r->size, sizeof *r->answered);
    return r->answered != NULL ? MPI_SUCCESS : MPI_ERR_NO_MEM;
}

int tli_roll_call_close(tli_roll_call *r)
{
    int code = r->calls != MPI_COMM_NULL ? MPI_Comm_free(&r->calls) : MPI_SUCCESS;
    if (code == MPI_SUCCESS && r->answers != MPI_COMM_NULL) code = MPI_Comm_free(&r->answers);
    free(r->answered);
    r->answered = NULL;
    return code;
}

/* Does not wait, whatever the other rank does. */
static int send_empty(MPI_Comm comm, int to, int tag)
{
    MPI_Request request;
    const int code = MPI_Isend(NULL, 0, MPI_BYTE, to, tag, comm, &request);
    return code == MPI_SUCCESS ? MPI_Request_free(&request) : code;
}

/* Takes a message that has arrived, if there is one. */
static int receive_empty(MPI_Comm comm, int *found, MPI_Status *status)
{
    const int code = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, found, status);
    if (code != MPI_SUCCESS || !*found) return code;
    return MPI_Recv(NULL, 0, MPI_BYTE, status->MPI_SOURCE, status->MPI_TAG, comm, MPI_STATUS_IGNORE);
}

int tli_roll_call_answer(tli_roll_call *r)
{
    for (;;) {
        int found = 0;
        MPI_Status status;
        int code = receive_empty(r->calls, &found, &status);
        if (code != MPI_SUCCESS || !found) return code;
        code = send_empty(r->answers, status.MPI_SOURCE, status.MPI_TAG);
        if (code != MPI_SUCCESS) return code;
    }
}

void tli_roll_call_begin(tli_roll_call *r)
{
    r->waited = 0;
    r->last = MPI_Wtime();
    r->called = false;
}

static int call_all(tli_roll_call *r)
{
    r->called = true;
    r->number = (r->number + 1) % NUMBERS;
    memset(r->answered, 0, (size_t)r->size * sizeof *r->answered);
    for (int rank = 0; rank < r->size; rank++) {
        const int code = rank != r->rank ? send_empty(r->calls, rank, r->number) : MPI_SUCCESS;
        if (code != MPI_SUCCESS) return code;
    }
    return MPI_SUCCESS;
}

/* Answers to an earlier call say nothing of this one. */
static int note_answers(tli_roll_call *r)
{
    for (;;) {
        int found = 0;
        MPI_Status status;
        const int code = receive_empty(r->answers, &found, &status);
        if (code != MPI_SUCCESS || !found) return code;
        if (status.MPI_TAG == r->number) r->answered[status.MPI_SOURCE] = true;
    }
}

/* How many ranks have not answered; `missing` names them, the first of many. */
static int name_missing(tli_roll_call *r)
{
    int count = 0;
    size_t used = 0;
    for (int rank = 0; rank < r->size; rank++) {
        if (rank == r->rank || r->answered[rank]) continue;
        if (used + 16 < sizeof r->missing)
            used += (size_t)snprintf(r->missing + used, sizeof r->missing - used, "%s%d",
                                     count++ > 0 ? ", " : "rank ", rank);
    }
    return count;
}

/* Whether a rank with a lower number is there, which is to speak for this one, too. */
static bool is_spoken_for(const tli_roll_call *r)
{
    for (int rank = 0; rank < r->rank; rank++)
        if (r->answered[rank]) return true;
    return false;
}

int tli_roll_call_look(tli_roll_call *r)
{
    const double now = MPI_Wtime(), since = now - r->last;
    /* A process that was itself stopped for a while has not waited meanwhile. */
    r->waited += since < 1 ? since : 1;
    r->last = now;
    int code = tli_roll_call_answer(r);
    if (code == MPI_SUCCESS && !r->called && r->waited >= r->timeout / 2) {
        r->waited = r->timeout / 2; /* the other half is for the answers, however late this look is */
        return call_all(r);
    }
    if (code == MPI_SUCCESS && r->called) code = note_answers(r);
    if (code != MPI_SUCCESS || r->waited < r->timeout) return code;
    if (name_missing(r) > 0)
        return is_spoken_for(r) && r->waited < r->timeout + PATIENCE ? MPI_SUCCESS : TLI_COMM_MISSING;
    tli_roll_call_begin(r);
    return MPI_SUCCESS;
}

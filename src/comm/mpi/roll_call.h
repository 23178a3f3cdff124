/* Tells a rank that is gone from one that takes long. A rank that has waited for half of its time limit calls all others;
 * those answer that wait themselves or say that they are at work. Whoever has not answered when the limit is over is
 * missing; where all have, the limit begins anew. So nothing is sent while ranks are on time. */
#ifndef COMM_MPI_ROLL_CALL_H
#define COMM_MPI_ROLL_CALL_H

#include <mpi.h>
#include <stdbool.h>

typedef struct tli_roll_call {
    /* Messages are empty; their tag is the number of the call. */
    MPI_Comm calls, answers;
    int rank, size, number;
    double timeout;         /* seconds */
    double waited, last;    /* seconds of this wait; time of the last look */
    bool called, *answered; /* in this wait; [rank] */
    char missing[256];      /* "rank 3": after TLI_COMM_MISSING */
} tli_roll_call;

/* Collective. All functions return an MPI code. Call tli_roll_call_close also after a failure. */
int tli_roll_call_open(tli_roll_call *roll, MPI_Comm all, double timeout);
int tli_roll_call_close(tli_roll_call *roll);
/* Answers those that called. */
int tli_roll_call_answer(tli_roll_call *roll);
/* A wait begins. */
void tli_roll_call_begin(tli_roll_call *roll);
/* To be called now and then during the wait: also TLI_COMM_MISSING. */
int tli_roll_call_look(tli_roll_call *roll);

#endif

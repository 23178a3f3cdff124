/* A program that has called MPI_Init itself: of four processes those of odd and of even rank are ranks apart. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "comm/ranks.h"

static int fault(const char *what, const tl_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    return 1;
}

/* Ranks of `half`; the largest of their ranks in MPI_COMM_WORLD is that of this half alone. */
static int meet(MPI_Comm *half, int place)
{
    const tl_ranks_options options = {.size = sizeof options, .communicator = half};
    tl_error err = {0};
    tl_ranks *ranks;
    int largest = place;
    if (tl_ranks_open_with(&options, &ranks, &err) != TL_OK) return fault("cannot open", &err);
    if (tli_ranks_largest(ranks, &largest, &err) != TL_OK) return fault("cannot meet", &err);
    printf("rank %d of %d, the last is %d\n", tl_ranks_rank(ranks), tl_ranks_size(ranks), largest);
    tl_ranks_close(ranks);
    return 0;
}

int main(int argc, char **argv)
{
    MPI_Comm half = MPI_COMM_WORLD;
    tl_ranks *ranks;
    tl_error err = {0};
    const tl_ranks_options early = {.size = sizeof early, .communicator = &half};
    int place, failed;
    if (tl_ranks_open_with(&early, &ranks, &err) == TL_OK ||
        strstr(err.text, "MPI_Init was not called") == NULL)
        return fault("before MPI_Init", &err);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &place);
    MPI_Comm_split(MPI_COMM_WORLD, place % 2, place, &half);
    failed = meet(&half, place);
    MPI_Comm_free(&half);
    MPI_Barrier(MPI_COMM_WORLD); /* MPI remains the program's */
    MPI_Finalize();
    return failed;
}

/* Ranks of which one comes late: `mpirun -n N rank_waits at-work` or `silent`. After all have met once, rank 0 comes nine seconds
 * late and says meanwhile that it is at work, or half a minute late and says nothing; the others wait for four seconds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "comm/ranks.h"

enum { TURNS = 90, SILENT_TURNS = 300 }; /* tenths of a second */

static tl_status come_late(tl_ranks *ranks, bool silent, tl_error *err)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    for (int turn = 0; turn < (silent ? SILENT_TURNS : TURNS); turn++) {
        nanosleep(&tenth, NULL);
        if (!silent) TLI_TRY(tli_ranks_at_work(ranks, err));
    }
    return TL_OK;
}

static tl_status meet(tl_ranks *ranks, bool silent, int *largest, tl_error *err)
{
    int first = 0;
    TLI_TRY(tli_ranks_largest(ranks, &first, err)); /* the delay begins when all are there */
    printf("rank %d begins\n", tl_ranks_rank(ranks));
    fflush(stdout);
    if (tl_ranks_rank(ranks) == 0) TLI_TRY(come_late(ranks, silent, err));
    *largest = tl_ranks_rank(ranks);
    return tli_ranks_largest(ranks, largest, err);
}

int main(int argc, char **argv)
{
    const tl_ranks_options options = {.size = sizeof options, .timeout = 4};
    const bool silent = argc > 1 && strcmp(argv[1], "silent") == 0;
    tl_error err = {0};
    tl_ranks *ranks = NULL;
    int largest = 0;
    if (tl_ranks_open_with(&options, &ranks, &err) != TL_OK || meet(ranks, silent, &largest, &err) != TL_OK) {
        fprintf(stderr, "rank %d: %s\n", tl_ranks_rank(ranks), err.text);
        tl_ranks_end_all(ranks, 3);
        return 1;
    }
    printf("rank %d of %d met, the last is %d\n", tl_ranks_rank(ranks), tl_ranks_size(ranks), largest);
    tl_ranks_close(ranks);
    return 0;
}

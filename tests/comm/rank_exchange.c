/* What exchanges between ranks take, for tools/rank_speed: `mpirun -n N rank_exchange ROUNDS BYTES...`. All ranks exchange as
 * many bytes with the next, then with the one after it, as gradients do (train/grad_exchange.h). Rank 0 prints a line for
 * each number of bytes: ranks, bytes, and the median and fastest seconds of one exchange. Exits with 1 where other bytes arrive
 * than were sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/ranks.h"
#include "core/clock.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* seconds[0..rounds): of an exchange, the mean over the partners. */
static tl_status measure(tl_ranks *ranks, size_t bytes, int rounds, char *own, char *theirs, double *seconds,
                         tl_error *err)
{
    for (int i = -rounds; i < rounds; i++) { /* half of them to begin with: memory is mapped, cores wake */
        int turns = 0;
        const double begun = tli_clock_seconds();
        for (int width = 1; width < tl_ranks_size(ranks); width *= 2, turns++)
            TLI_TRY(tli_ranks_exchange(ranks, tl_ranks_rank(ranks) ^ width, own, bytes, theirs, bytes, err));
        if (i >= 0) seconds[i] = (tli_clock_seconds() - begun) / turns;
    }
    qsort(seconds, (size_t)rounds, sizeof *seconds, ascending);
    return TL_OK;
}

/* Whether `bytes` all have this value. */
static bool are_all(const char *bytes, size_t count, char value)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != value) return false;
    return true;
}

/* Both ways with each partner, then only to the rank with the higher number. */
static tl_status check_size(tl_ranks *ranks, size_t bytes, char *own, char *theirs, tl_error *err)
{
    const int rank = tl_ranks_rank(ranks);
    memset(own, rank + 1, bytes);
    for (int width = 1; width < tl_ranks_size(ranks); width *= 2) {
        const int partner = rank ^ width;
        const bool gets = partner < rank;
        TLI_TRY(tli_ranks_exchange(ranks, partner, own, bytes, theirs, bytes, err));
        bool good = are_all(theirs, bytes, (char)(partner + 1));
        memset(theirs, 0, bytes);
        TLI_TRY(tli_ranks_exchange(ranks, partner, own, gets ? 0 : bytes, theirs, gets ? bytes : 0, err));
        good &= are_all(theirs, bytes, gets ? (char)(partner + 1) : 0);
        if (!good)
            return tli_fail(err, TL_ERROR_DEVICE, "of %zu bytes from rank %d others arrived", bytes, partner);
    }
    return TL_OK;
}

static tl_status measure_size(tl_ranks *ranks, size_t bytes, int rounds, tl_error *err)
{
    char *own = calloc(1, bytes), *theirs = calloc(1, bytes);
    double *seconds = calloc((size_t)rounds, sizeof *seconds);
    tl_status status = own != NULL && theirs != NULL && seconds != NULL
                           ? check_size(ranks, bytes, own, theirs, err)
                           : tli_fail(err, TL_ERROR_MEMORY, "out of host memory");
    if (status == TL_OK) status = measure(ranks, bytes, rounds, own, theirs, seconds, err);
    if (status == TL_OK && tl_ranks_rank(ranks) == 0)
        printf("%d %zu %.9f %.9f\n", tl_ranks_size(ranks), bytes, seconds[rounds / 2],
               seconds[0]); /* NOLINT */
    free(own);
    free(theirs);
    free(seconds);
    return status;
}

int main(int argc, char **argv)
{
    tl_error err = {0};
    tl_ranks *ranks = NULL;
    const int rounds = argc > 2 ? atoi(argv[1]) : 0;
    tl_status status = rounds > 0 ? tl_ranks_open(&ranks, &err)
                                  : tli_fail(&err, TL_ERROR_USAGE, "rank_exchange ROUNDS BYTES...");
    for (int i = 2; i < argc && status == TL_OK; i++)
        status = measure_size(ranks, strtoull(argv[i], NULL, 10), rounds, &err);
    if (status != TL_OK) {
        fprintf(stderr, "rank %d: %s\n", tl_ranks_rank(ranks), err.text);
        tl_ranks_end_all(ranks, 1);
        return 1;
    }
    tl_ranks_close(ranks);
    return 0;
}

/* Search for the fastest tile of a product: no default is among what it tries, and what runs and how long it takes is the caller's to say. */
#ifndef CLI_TUNE_SEARCH_H
#define CLI_TUNE_SEARCH_H

#include "ops/tile.h"

typedef struct tli_tile_search {
    tli_product_kind kind;
    bool cpu;              /* form */
    const tli_tile *start; /* where to begin; NULL: in the middle of what is legal */
    void *user;
    bool (*suits)(void *user, const tli_tile *tile); /* it could run, and well, by arithmetic */
    bool (*is_right)(void *user,
                     const tli_tile *tile); /* by comparison with plain loops; asked before it is timed */
    bool (*time)(void *user, const tli_tile *tile, double *seconds); /* of one turn; false: it cannot run */
    bool (*is_late)(void *user);                                     /* the search shall end */
} tli_tile_search;

/* A few parameters at a time, the others as they are best so far, again and again until none changes: every value that suits, in turns, the
 * slow ones dropped. false: no tile suits, is right and runs. *tried: how many were timed. */
bool tli_tile_search_run(const tli_tile_search *search, tli_tile *best, int *tried);

#endif

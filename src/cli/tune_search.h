/* Search for the fastest tile of a product: no default is among what it tries, and what runs and how long it takes is the
 * caller's to say. */
#ifndef CLI_TUNE_SEARCH_H
#define CLI_TUNE_SEARCH_H

#include "ops/tile.h"

typedef struct tli_tile_search {
    tli_product_kind kind;
    bool cpu;               /* form */
    const tli_tile *starts; /* where to begin: with the fastest of these */
    int start_count;        /* 1 or more */
    void *user;
    bool (*suits)(void *user, const tli_tile *tile); /* it could run, and well, by arithmetic */
    bool (*is_right)(
        void *user,
        const tli_tile *tile); /* by comparison with plain loops; asked of what is the fastest so far */
    bool (*time)(void *user, const tli_tile *tile, double *seconds); /* of one turn; false: it cannot run */
    bool (*is_late)(void *user);                                     /* the search shall end */
} tli_tile_search;

/* A few parameters at a time, the others as they are best so far, again and again until none changes: every value that suits, in
 * turns, the slow ones dropped. false: no tile suits, is right and runs. *tried: how many were timed. */
bool tli_tile_search_run(const tli_tile_search *search, tli_tile *best, int *tried);

/* Where to begin with a kind of product in this form: what the tile that was found for another kind has of its parameters, and of
 * the others the middle of what is legal; found NULL: of all. */
tli_tile tli_tile_search_start(tli_product_kind kind, bool cpu, const tli_tile *found, tli_product_kind of);

/* Whether a tile is faster than the default by more than noise, from what each took in alternating turns: in four of five of them,
 * and in half by 2 %. */
bool tli_tile_beats(const double *tile, const double *default_tile, int turns);

#endif

/* Shares of a registry's elements, of which every rank steps one and has the optimizer's state of it alone (ZeRO stage 1).
 *
 * There are as many shares as ranks, nearly equal, in the registry's order, each of which begins where a partial sum of
 * the gradient's norm does (train/grad_clip.h). Which rank has which follows from how gradients are added: at every
 * level of the tree of slices a rank and its partner, of subtrees of `width` ranks, keep one half each of the shares that
 * both hold sums of, the lower rank the lower half. */
#ifndef TRAIN_SHARES_H
#define TRAIN_SHARES_H

#include "models/registry.h"

typedef struct tli_shares {
    int count;      /* a power of two */
    uint64_t *cuts; /* share k is [cuts[k], cuts[k + 1]) of the registry's elements */
    uint64_t *sums; /* of which the partial sums are [sums[k], sums[k + 1]) */
} tli_shares;

/* For a registry that need not be allocated, where one buffer holds `max_alloc_bytes`. */
tl_status tli_shares_create(const tli_registry *registry, int count, uint64_t max_alloc_bytes,
                            tli_shares *shares, tl_error *err);
void tli_shares_free(tli_shares *shares);

/* Shares of which the rank holds a sum before the level with subtrees of `width` ranks: `count` from `first` on. */
typedef struct tli_held_shares {
    int first, count;
} tli_held_shares;
tli_held_shares tli_shares_held(int ranks, int rank, int width);
/* The rank's share; and, as the bits of one are those of the other in reverse, the rank that has a share. */
int tli_shares_of(int ranks, int rank);
uint64_t tli_shares_largest(const tli_shares *shares); /* elements */

#endif

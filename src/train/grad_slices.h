/* The gradient of a batch as the sum of its slices' gradients, added along a fixed binary tree: its bits depend on the
 * number of slices alone, not on how many devices compute them.
 *
 * A batch of n samples in G slices has slices of n / G samples, rounded up; the last ones may be smaller or missing.
 * The tree has as many leaves as the next power of two, slices in their order, and what is missing counts as nothing:
 * ((s0 + s1) + (s2 + s3)) + s4. Losses are summed alike. */
#ifndef TRAIN_GRAD_SLICES_H
#define TRAIN_GRAD_SLICES_H

#include "comm/ranks.h"
#include "data/batch_part.h"
#include "models/registry.h"

typedef struct tli_grad_slices {
    tli_batch_part part; /* this rank's of a batch */
    int levels;          /* of this rank's part of the tree. 0: nothing is summed */
    int count;           /* parameters */
    tl_tensor **sums; /* [levels][count]: the sum of a level's left half, while its right half is computed */
    tl_tensor **losses; /* [levels] */
} tli_grad_slices;

/* Levels of the tree of so many slices that a rank sums by itself: sums kept beside the gradients. -1: there are more
 * ranks than leaves, or no power of two. */
int tli_grad_slices_levels(uint32_t slices, int ranks);

/* What a rank computes of a batch: the leaves of its part of the tree, as many as every rank has. */
tli_batch_part tli_grad_slices_part(uint32_t slices, const tl_ranks *ranks);

/* For this rank of `ranks`. Tensors alike the registry's gradients for every level. After a failure call
 * tli_grad_slices_destroy, too. */
tl_status tli_grad_slices_create(tl_context *ctx, const tli_registry *registry, uint32_t slices,
                                 const tl_ranks *ranks, tli_grad_slices *sums);
void tli_grad_slices_destroy(tl_context *ctx, tli_grad_slices *sums);

/* Enqueued, after the backward pass of slice `slice` of this rank, in order from 0: takes its gradients and loss. After
 * the last one the registry's gradients and `loss` are the sums of all of them. */
tl_status tli_grad_slices_add(tl_context *ctx, const tli_grad_slices *sums, const tli_registry *registry,
                              tli_view loss, uint32_t slice, bool last);
/* The same of the last one in parts, as gradients get ready: of parameters [from, to), and of the loss. */
tl_status tli_grad_slices_complete(tl_context *ctx, const tli_grad_slices *sums, const tli_registry *registry,
                                   uint32_t slice, int from, int to);
tl_status tli_grad_slices_complete_loss(tl_context *ctx, const tli_grad_slices *sums, tli_view loss,
                                        uint32_t slice);

#endif

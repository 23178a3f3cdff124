/* What ranks exchange in a step: the upper levels of the tree of slices (train/grad_slices.h), along which rank r holds
 * the sum of the r-th of as many subtrees as there are ranks, and every rank keeps the sums of its share
 * (train/shares.h); and what the ranks make of their shares. A rank sends (ranks - 1) / ranks of all gradients and as
 * much of all parameters. Every function is called by all ranks alike, and waits for the device and for partners. */
#ifndef TRAIN_GRAD_EXCHANGE_H
#define TRAIN_GRAD_EXCHANGE_H

#include "comm/ranks.h"
#include "models/model.h"
#include "train/shares.h"

typedef struct tli_grad_exchange {
    tl_ranks
        *ranks; /* that compute different slices; NULL: this one alone, which has all of what shares say */
    tl_ranks
        *offsets; /* that compute the same slices and share matrices by offset out; NULL: this one alone */
    tli_shares shares;
    const tli_registry *registry;    /* with `offsets` */
    tl_tensor **gradients, **values; /* the registry's, in its order */
    tl_tensor **alike;               /* the gradients of those that are not shared out by offset */
    int count;                       /* of parameters */
    /* The registry in parts, whose gradients get ready one after another: part k is the parameters [parts[k + 1], parts[k]). One
     * part where gradients are exchanged when the device has computed. */
    int *parts, part_count;
    bool overlaps;       /* each part is exchanged while the device computes the next ones */
    int ready;           /* parts of this step that the device was asked to give to the host */
    bool computes;       /* the device still does; what is exchanged meanwhile is no time of the step */
    tl_tensor *staging;  /* a piece that travels, on the device */
    float *own, *theirs; /* and on the host */
} tli_grad_exchange;

/* Bytes of the device that tli_grad_exchange_create takes with so many ranks of both kinds, of the kind
 * TL_MEMORY_WORKSPACE. */
uint64_t tli_grad_exchange_bytes(int ranks);

/* What a rank sends in a step, and in how many messages, one behind the other, it and its partners exchange that. With
 * `clips` also the sums of squares. */
typedef struct tli_traffic {
    uint64_t bytes, messages;
} tli_traffic;
tli_traffic tli_grad_exchange_traffic(const tli_shares *shares, int rank, bool clips);
/* What the first of `offset_ranks` that share the registry's matrices out sends to make the others alike, besides, where its
 * share of the registry is one in `parts`; `largest_buffer` in bytes. */
tli_traffic tli_grad_exchange_alike_traffic(const tli_registry *registry, int offset_ranks, int parts,
                                            uint64_t largest_buffer, bool clips);

/* Gives the registry this rank's share, before it has an optimizer's state. The ranks remain the caller's.
 * TL_ERROR_USAGE in a rank whose device makes other shares than rank 0's. After a failure call
 * tli_grad_exchange_destroy, too. */
tl_status tli_grad_exchange_create(tl_context *ctx, tl_ranks *ranks, tl_ranks *offsets,
                                   const tl_model_config *model, tli_registry *registry,
                                   tli_grad_exchange *exchange);
void tli_grad_exchange_destroy(tl_context *ctx, tli_grad_exchange *exchange);

/* The backward pass has enqueued what completes this rank's gradients of the parameters from `first` on. */
tl_status tli_grad_exchange_ready(tl_context *ctx, tli_grad_exchange *exchange, int first);
/* The first `present` ranks have a sum in the registry's gradients and `loss`. In the end `loss`, and this rank's share of
 * the gradients, are the sums of all; the other gradients are of no use. Of ranks that share matrices out all then have the first
 * one's loss and gradients of all other parameters, bit by bit. */
tl_status tli_grad_exchange_sum(tl_context *ctx, tli_grad_exchange *exchange, tli_view loss, int present);
/* Of the partial sums of squares of all gradients every rank has those of its share; in the end all have all, of matrices
 * that ranks share out the sum over them. */
tl_status tli_grad_exchange_squares(tl_context *ctx, tli_grad_exchange *exchange, tl_tensor *partial);
/* The same of the parameters' values. */
tl_status tli_grad_exchange_values(tl_context *ctx, tli_grad_exchange *exchange);

#endif

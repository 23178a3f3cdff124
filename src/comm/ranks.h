/* tl_ranks of the public header, inside the library: the processes that take part in a run. NULL stands for a process
 * that is alone: rank 0 of 1. A function that fails names what it was for, and a rank that did not come; the others then
 * wait for this one until it ends them (tl_ranks_end_all). */
#ifndef COMM_RANKS_H
#define COMM_RANKS_H

#include <stdbool.h>

#include "core/status.h"

/* Sends `sent` bytes to the rank `partner` and receives `received` from it; 0: one way alone. */
tl_status tli_ranks_exchange(tl_ranks *ranks, int partner, const void *send, size_t sent, void *receive,
                             size_t received, tl_error *err);
/* Whether this rank's device computes while it exchanges, for which a CPU needs the core. */
void tli_ranks_in_background(tl_ranks *ranks, bool whether);
/* From rank 0 to all. */
tl_status tli_ranks_broadcast(tl_ranks *ranks, void *data, size_t bytes, tl_error *err);
/* The largest of all ranks' values. */
tl_status tli_ranks_largest(tl_ranks *ranks, int *value, tl_error *err);
/* Fails in all ranks where `status`, which *err explains, is a failure in one: in that one, and in rank 0, with its sentence. */
tl_status tli_ranks_agree(tl_ranks *ranks, tl_status status, tl_error *err);
/* values[0..count) become the sums of all ranks' values, added in an order that the number of ranks, a power of two, fixes:
 * the same bits in every rank. scratch: (count + 1) / 2 floats. */
tl_status tli_ranks_sum(tl_ranks *ranks, float *values, size_t count, float *scratch, tl_error *err);

/* Those of `all` with the numbers first, first + step, ..., `size` of them, a power of two and this rank among them, which
 * count from 0 in what they do together. *group is NULL for a rank alone. `all` must outlive it. */
tl_status tli_ranks_group(tl_ranks *all, int first, int step, int size, tl_ranks **group, tl_error *err);
void tli_ranks_group_free(tl_ranks *group); /* NULL is allowed */

/* Says to the others that this rank is at work, for which they wait. To be called often where one rank works for long, at
 * least once in half of tl_ranks_options.timeout. */
tl_status tli_ranks_at_work(tl_ranks *ranks, tl_error *err);

/* What ranks exchange: gradients, with the loss and the norm; weights after the update; what those that share matrices by
 * offset out complete for each other; and what they agree on. */
typedef enum tli_exchange_kind {
    TLI_EXCHANGE_GRADIENTS,
    TLI_EXCHANGE_WEIGHTS,
    TLI_EXCHANGE_ROWS,
    TLI_EXCHANGE_OTHER, /* messages outside of the two calls below */
    TLI_EXCHANGE_KINDS
} tli_exchange_kind;
/* What happens between the two counts as the time of an exchange: to be called when the device has nothing left to compute.
 * Groups share the clock of all. */
void tli_ranks_begin(tl_ranks *ranks, tli_exchange_kind kind);
void tli_ranks_end(tl_ranks *ranks);
/* What was exchanged since the last call was exchanged in so many steps, which took so many seconds, for tl_ranks_time; 0 steps:
 * it is left out. Returns the seconds that it took. */
double tli_ranks_count_steps(tl_ranks *ranks, double seconds, uint32_t steps);

#endif

/* What the steps of a run have spent with other ranks, by what was exchanged. */
#ifndef COMM_RANK_CLOCK_H
#define COMM_RANK_CLOCK_H

#include "comm/ranks.h"

typedef struct tli_exchanged {
    double seconds;
    uint64_t messages, bytes; /* bytes: sent */
} tli_exchanged;

typedef struct tli_rank_clock {
    tli_exchanged recent[TLI_EXCHANGE_KINDS]; /* in steps that are not counted yet */
    tli_exchanged steps[TLI_EXCHANGE_KINDS];  /* in those that are */
    double step_seconds;                      /* which took this long */
    uint64_t step_count;
    bool within; /* an exchange of this kind has begun at this time */
    tli_exchange_kind kind;
    double begun;
} tli_rank_clock;

/* Adds a message that was begun at this time: its duration, too, unless an exchange is timed as a whole. */
void tli_rank_clock_message(tli_rank_clock *clock, size_t sent, double begun);
void tli_rank_clock_begin(tli_rank_clock *clock, tli_exchange_kind kind);
void tli_rank_clock_end(tli_rank_clock *clock);
/* As tli_ranks_count_steps. */
double tli_rank_clock_count(tli_rank_clock *clock, double seconds, uint32_t steps);
/* As tl_ranks_time. */
bool tli_rank_clock_read(const tli_rank_clock *clock, int index, tl_rank_time *time);

#endif

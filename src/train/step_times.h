/* How long a run's steps take: their median, without those that also built kernels. */
#ifndef TL_TRAIN_STEP_TIMES_H
#define TL_TRAIN_STEP_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

enum {
    TL_STEP_TIMES = 1 << 16, /* the median is over the last so many steps */
    TL_STEP_SIZES = 8        /* so many batch sizes are told apart; further ones count as known */
};

typedef struct tl_step_times {
    float *ms;      /* a ring of TL_STEP_TIMES: steps whose batch size was not new */
    uint64_t count; /* that went into it */
    float building; /* the last step that was the first of its batch size; 0: there was none */
    uint32_t sizes[TL_STEP_SIZES];
    int sizes_seen;
} tl_step_times;

tl_status tl_step_times_create(tl_step_times *times, tl_error *err);
void tl_step_times_free(tl_step_times *times);
/* Whether the next step of so many predictions would be the first: drivers build kernels for a new size then. */
bool tl_step_times_is_new(const tl_step_times *times, uint32_t predictions);
void tl_step_times_add(tl_step_times *times, uint32_t predictions, double ms);
/* Sorts the ring. Without any other step the time of the last that built kernels; NaN: there was no step. */
double tl_step_times_median(tl_step_times *times);

#endif

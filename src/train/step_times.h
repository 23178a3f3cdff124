/* Median time of a run's steps, excluding steps that also compiled kernels. */
#ifndef TRAIN_STEP_TIMES_H
#define TRAIN_STEP_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

enum {
    TLI_STEP_TIMES = 1 << 16, /* the median is over the last so many steps */
    TLI_STEP_SIZES = 8        /* distinct batch sizes remembered; further ones count as known */
};

typedef struct tli_step_times {
    float *ms;      /* ring of TLI_STEP_TIMES: steps whose batch size was not new */
    uint64_t count; /* steps recorded */
    float building; /* time of the last step with a new batch size; 0: none */
    uint32_t sizes[TLI_STEP_SIZES];
    int sizes_seen;
} tli_step_times;

tl_status tli_step_times_create(tli_step_times *times, tl_error *err);
void tli_step_times_free(tli_step_times *times);
/* Whether the next step has a new batch size (in predictions): drivers compile kernels for a new size
 * then. */
bool tli_step_times_is_new(const tli_step_times *times, uint32_t predictions);
void tli_step_times_add(tli_step_times *times, uint32_t predictions, double ms);
/* Sorts the ring. If there is no other step, the time of the last one that compiled kernels; NaN: no step. */
double tli_step_times_median(tli_step_times *times);

#endif

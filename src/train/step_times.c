#include "train/step_times.h"

#include <math.h>
#include <stdlib.h>

tl_status tli_step_times_create(tli_step_times *times, tl_error *err)
{
    *times = (tli_step_times){.ms = malloc(TLI_STEP_TIMES * sizeof *times->ms)};
    if (times->ms != NULL) return TL_OK;
    return tli_fail(err, TL_ERROR_MEMORY, "out of host memory for the steps' times");
}

void tli_step_times_free(tli_step_times *times)
{
    free(times->ms);
    *times = (tli_step_times){0};
}

bool tli_step_times_is_new(const tli_step_times *times, uint32_t predictions)
{
    for (int i = 0; i < times->sizes_seen; i++)
        if (times->sizes[i] == predictions) return false;
    return times->sizes_seen < TLI_STEP_SIZES;
}

void tli_step_times_add(tli_step_times *times, uint32_t predictions, double ms)
{
    if (tli_step_times_is_new(times, predictions)) {
        times->sizes[times->sizes_seen++] = predictions;
        times->building = (float)ms;
        return;
    }
    times->ms[times->count++ % TLI_STEP_TIMES] = (float)ms;
}

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double tli_step_times_median(tli_step_times *times)
{
    const size_t n = times->count < TLI_STEP_TIMES ? (size_t)times->count : TLI_STEP_TIMES;
    if (n == 0) return times->sizes_seen > 0 ? (double)times->building : (double)NAN;
    qsort(times->ms, n, sizeof *times->ms, compare_floats);
    return ((double)times->ms[(n - 1) / 2] + (double)times->ms[n / 2]) / 2;
}

#include "train/schedule.h"

#include <math.h>

static double cosine(uint64_t at, uint64_t horizon)
{
    const double pi = 3.14159265358979323846;
    return at >= horizon ? 0.0 : 0.5 * (1.0 + cos(pi * (double)at / (double)horizon));
}

float tl_schedule_lr(const tl_settings *settings, uint64_t step, uint64_t steps_per_epoch,
                     uint64_t total_steps)
{
    double factor = 1.0;
    if (settings->schedule == TL_SCHEDULE_COSINE) {
        factor = cosine(step, total_steps);
    } else if (settings->schedule == TL_SCHEDULE_COSINE_EPOCH) {
        /* From the steps and not from settings->epochs, which --steps overrides. */
        uint64_t epochs = total_steps / steps_per_epoch + (total_steps % steps_per_epoch != 0);
        factor = cosine(step / steps_per_epoch, epochs);
    }
    if (step < settings->warmup) factor *= (double)(step + 1) / (double)settings->warmup;
    return (float)((double)settings->lr * factor);
}

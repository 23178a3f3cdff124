#include "train/schedule.h"

#include <math.h>

#include "core/status.h"

/* Cosine from 1 at 0 to 0 at `horizon`. */
static double schedule_cosine(uint64_t at, uint64_t horizon)
{
    const double pi = 3.14159265358979323846;
    return at >= horizon ? 0.0 : 0.5 * (1.0 + cos(pi * (double)at / (double)horizon));
}

/* Fraction of the peak learning rate at `step` of `steps`, without warm-up. */
static double schedule_decay(tl_schedule schedule, uint64_t step, uint64_t steps, uint64_t steps_per_epoch)
{
    /* From the steps, not settings->epochs, which --steps overrides. */
    const uint64_t epochs = steps / steps_per_epoch + (steps % steps_per_epoch != 0);
    switch (schedule) {
    case TL_SCHEDULE_COSINE: return schedule_cosine(step, steps);
    case TL_SCHEDULE_COSINE_EPOCH: return schedule_cosine(step / steps_per_epoch, epochs);
    case TL_SCHEDULE_CONSTANT: break;
    }
    return 1.0;
}

float tli_schedule_lr(const tl_settings *settings, uint64_t step, uint64_t steps_per_epoch,
                      uint64_t total_steps)
{
    const uint64_t warmup = settings->training.warmup;
    double factor = step < warmup ? (double)(step + 1) / (double)warmup : 1.0;
    if (settings->training.schedule_version == 1)
        factor *= schedule_decay(settings->training.schedule, step, total_steps, steps_per_epoch);
    else if (step >= warmup)
        factor *= schedule_decay(settings->training.schedule, step - warmup, total_steps - warmup,
                                 steps_per_epoch);
    return (float)((double)settings->training.lr * factor);
}

tl_status tli_schedule_check(const tl_settings *settings, uint64_t total_steps, tl_error *err)
{
    const uint32_t version = settings->training.schedule_version;
    if (version < 1 || version > TL_SCHEDULE_VERSION)
        return tli_fail(err, TL_ERROR_USAGE,
                        "version %u of the learning rate's schedule is unknown: it is 1 or %d", version,
                        TL_SCHEDULE_VERSION);
    if (version == 1 || settings->training.warmup == 0 || settings->training.warmup < total_steps)
        return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE,
                    "`training.warmup` %llu is not shorter than the run of %llu steps: give a smaller one",
                    (unsigned long long)settings->training.warmup, (unsigned long long)total_steps);
}

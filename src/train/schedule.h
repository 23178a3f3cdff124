/* Learning rate schedules. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

#include "tasks/settings.h"

/* Learning rate at the 0-based `step` of a run of `total_steps` (the whole run, also when it is stopped
 * early or resumed); steps_per_epoch > 0. While step < warmup: lr (step + 1) / warmup. After the warm-up,
 * with n the steps since its end and N those from its end to the run's: cosine: lr (1 + cos(pi n / N)) /
 * 2; cosine-epoch: the same in whole epochs since the warm-up, constant within one; constant: lr.
 *
 * settings->schedule_version 1, for runs from before versions were stored: the cosine starts at step 0 and
 * is multiplied by the warm-up. */
float tli_schedule_lr(const tl_settings *settings, uint64_t step, uint64_t steps_per_epoch,
                      uint64_t total_steps);
/* TL_ERROR_USAGE when the warm-up is as long as the run, or the version is unknown. */
tl_status tli_schedule_check(const tl_settings *settings, uint64_t total_steps, tl_error *err);

#endif

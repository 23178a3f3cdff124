/* The learning rate of a step. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdint.h>

#include "tasks/settings.h"

/* Learning rate of the 0-based `step` of a run of `total_steps` (the whole run, also when it is stopped early
 * or resumed); steps_per_epoch > 0. While step < warmup: lr (step + 1) / warmup. Behind the warm-up, with n steps
 * since its end and N until the run's: cosine: lr (1 + cos(pi n / N)) / 2; cosine-epoch: the same over whole epochs,
 * counted from the end of the warm-up and constant within one; constant: lr.
 *
 * settings->schedule_version 1, of runs begun before there were versions: the cosine starts at step 0 and the
 * warm-up multiplies it. */
float tli_schedule_lr(const tl_settings *settings, uint64_t step, uint64_t steps_per_epoch,
                      uint64_t total_steps);
/* TL_ERROR_USAGE when the warm-up would last the whole run, or the version is unknown. */
tl_status tli_schedule_check(const tl_settings *settings, uint64_t total_steps, tl_error *err);

#endif

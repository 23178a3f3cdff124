/* The learning rate of a step. */
#ifndef TL_TRAIN_SCHEDULE_H
#define TL_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "train/settings.h"

/* Learning rate of the 0-based `step` of a run of `total_steps` (the whole run, also when it is stopped early
 * or resumed); steps_per_epoch > 0. cosine: lr (1 + cos(pi step / total)) / 2; cosine-epoch: the same over
 * whole epochs, constant within one; constant: lr. Warm-up multiplies by (step + 1) / warmup while
 * step < warmup. */
float tl_schedule_lr(const tl_settings *settings, uint64_t step, uint64_t steps_per_epoch,
                     uint64_t total_steps);

#endif

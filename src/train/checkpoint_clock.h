/* When a run writes checkpoints, how many are kept, and whether the disk has space for them. */
#ifndef TRAIN_CHECKPOINT_CLOCK_H
#define TRAIN_CHECKPOINT_CLOCK_H

#include "models/registry.h"
#include "tasks/settings.h"

typedef struct tli_checkpoint_clock {
    uint64_t every; /* steps; 0: by time */
    double seconds; /* seconds between two checkpoints; 0: only at the end of the run */
    double since;   /* by tli_clock_seconds: start of the run or time of the last checkpoint */
} tli_checkpoint_clock;

void tli_checkpoint_clock_start(tli_checkpoint_clock *clock, const tl_settings *settings);
/* Whether a checkpoint is due after step `done`. */
bool tli_checkpoint_clock_due(const tli_checkpoint_clock *clock, uint64_t done);
/* A checkpoint was written. */
void tli_checkpoint_clock_reset(tli_checkpoint_clock *clock);

/* How many checkpoints are kept; 0: all. */
uint64_t tli_checkpoint_keep(const tl_settings *settings);

/* Logs a notice when the disk of `out` lacks space for the kept checkpoints plus one, for a run of `steps`
 * more steps. */
void tli_checkpoint_room(const char *out, const tli_registry *registry, const tl_settings *settings,
                         uint64_t steps, const tl_log *log);

#endif

/* When a run writes a checkpoint, how many stay, and whether the disk has room for them. */
#ifndef TRAIN_CHECKPOINT_CLOCK_H
#define TRAIN_CHECKPOINT_CLOCK_H

#include "models/registry.h"
#include "tasks/settings.h"

typedef struct tli_checkpoint_clock {
    uint64_t every; /* steps; 0: by time */
    double seconds; /* between two checkpoints; 0: none before the run ends */
    double since;   /* by tli_clock_seconds: when the run began or the last one was written */
} tli_checkpoint_clock;

void tli_checkpoint_clock_start(tli_checkpoint_clock *clock, const tl_settings *settings);
/* Whether one is due after step `done`. */
bool tli_checkpoint_clock_due(const tli_checkpoint_clock *clock, uint64_t done);
/* One was written. */
void tli_checkpoint_clock_reset(tli_checkpoint_clock *clock);

/* How many checkpoints stay; 0: all. */
uint64_t tli_checkpoint_keep(const tl_settings *settings);

/* A notice when the disk of `out` has no room for those that stay and one more, of a run of `steps` more steps. */
void tli_checkpoint_room(const char *out, const tli_registry *registry, const tl_settings *settings,
                         uint64_t steps, const tl_log *log);

#endif

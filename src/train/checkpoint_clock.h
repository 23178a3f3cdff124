/* When a run writes a checkpoint, how many stay, and whether the disk has room for them. */
#ifndef TL_TRAIN_CHECKPOINT_CLOCK_H
#define TL_TRAIN_CHECKPOINT_CLOCK_H

#include "models/registry.h"
#include "tasks/settings.h"

typedef struct tl_checkpoint_clock {
    uint64_t every; /* steps; 0: by time */
    double seconds; /* between two checkpoints; 0: none before the run ends */
    double since;   /* by tl_clock_seconds: when the run began or the last one was written */
} tl_checkpoint_clock;

void tl_checkpoint_clock_start(tl_checkpoint_clock *clock, const tl_settings *settings);
/* Whether one is due after step `done`. */
bool tl_checkpoint_clock_due(const tl_checkpoint_clock *clock, uint64_t done);
/* One was written. */
void tl_checkpoint_clock_reset(tl_checkpoint_clock *clock);

/* How many checkpoints stay; 0: all. */
uint64_t tl_checkpoint_keep(const tl_settings *settings);

/* A notice when the disk of `out` has no room for those that stay and one more, of a run of `steps` more steps. */
void tl_checkpoint_room(const char *out, const tl_registry *registry, const tl_settings *settings,
                        uint64_t steps, const tl_log *log);

#endif

#include "train/checkpoint_clock.h"

#include <math.h>
#include <sys/statvfs.h>

#include "core/clock.h"

enum { STAY_BY_TIME = 2 };

void tli_checkpoint_clock_start(tli_checkpoint_clock *clock, const tl_settings *s)
{
    clock->every = s->run.checkpoint_every;
    clock->seconds = 60.0 * (double)s->run.checkpoint_minutes;
    tli_checkpoint_clock_reset(clock);
}

bool tli_checkpoint_clock_due(const tli_checkpoint_clock *clock, uint64_t done)
{
    if (clock->every > 0) return done % clock->every == 0;
    return clock->seconds > 0 && tli_clock_seconds() - clock->since >= clock->seconds;
}

void tli_checkpoint_clock_reset(tli_checkpoint_clock *clock)
{
    clock->since = tli_clock_seconds();
}

uint64_t tli_checkpoint_keep(const tl_settings *s)
{
    if (s->run.keep > 0 || s->run.keep_all) return s->run.keep;
    return s->run.checkpoint_every == 0 && s->run.checkpoint_minutes > 0 ? STAY_BY_TIME : 0;
}

/* Maximum number of checkpoints on disk: those kept, plus the new one before the oldest is removed. */
static uint64_t most_checkpoints(const tl_settings *s, uint64_t steps)
{
    const uint64_t keep = tli_checkpoint_keep(s);
    uint64_t written = 1; /* the one at the end of the run */
    if (s->run.checkpoint_every > 0)
        written = steps / s->run.checkpoint_every + (steps % s->run.checkpoint_every != 0);
    else if (s->run.checkpoint_minutes > 0)
        written = keep > 0 ? steps : STAY_BY_TIME + 1; /* by time: the duration of a step is unknown */
    return keep > 0 && keep + 1 < written ? keep + 1 : written;
}

void tli_checkpoint_room(const char *out, const tli_registry *registry, const tl_settings *s, uint64_t steps,
                         const tl_log *log)
{
    struct statvfs disk;
    if (steps == 0 || statvfs(out, &disk) != 0) return;
    const double gib = 1024.0 * 1024.0 * 1024.0;
    const uint64_t count = most_checkpoints(s, steps);
    const double need = (double)tli_registry_stored_bytes(registry) * (double)count,
                 space = (double)disk.f_bavail * (double)disk.f_frsize;
    if (need <= space) return;
    tli_log_write(log, TL_LOG_NOTICE,
                  "%llu checkpoints in %s will take %.3g GiB, and the disk has %.3g GiB free: make room, "
                  "choose a `run.out` "
                  "on another disk, or keep fewer by `run.keep`",
                  (unsigned long long)count, out, need / gib, space / gib);
}

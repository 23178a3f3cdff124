/* Progress of training: one line with loss and learning rate. On other outputs than a terminal a plain
 * line for the first step, then about every ten seconds, and for the last. */
#ifndef TRAIN_PROGRESS_H
#define TRAIN_PROGRESS_H

#include "core/progress.h"

typedef struct tli_progress_point {
    uint64_t step;         /* steps done, 1 after the first */
    uint64_t epoch;        /* 1-based */
    double loss, lr, rate; /* rate: units per second */
    double perplexity;     /* NaN: the task has none */
    double data_wait;      /* fraction of the step's time, 0 to 1, spent waiting for its batch */
} tli_progress_point;

typedef struct tli_train_progress {
    tli_progress line;
    uint64_t epochs;
    tli_progress_point latest;
    bool shown; /* the latest point has been printed */
} tli_train_progress;

/* `total` steps and `epochs` of the whole run; `unit` is the unit of rates ("images"), a string that
 * outlives the progress. */
void tli_train_progress_begin(tli_train_progress *progress, FILE *file, const char *unit, uint64_t total,
                              uint64_t epochs);
/* Call after every step; `now` is tli_clock_seconds(). */
void tli_train_progress_step(tli_train_progress *progress, const tli_progress_point *point, double now);
/* Clears the line on the terminal before other text is written; the next step draws it again. */
void tli_train_progress_clear(tli_train_progress *progress);
/* Prints the latest point, if not yet printed, and ends the line. */
void tli_train_progress_end(tli_train_progress *progress, double now);

#endif

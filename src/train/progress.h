/* The progress of training: one line with loss and learning rate. Plain lines come for the first step, then about every ten
 * seconds, and for the last. */
#ifndef TRAIN_PROGRESS_H
#define TRAIN_PROGRESS_H

#include "core/progress.h"

typedef struct tli_progress_point {
    uint64_t step;         /* steps done, 1 after the first */
    uint64_t epoch;        /* 1-based */
    double loss, lr, rate; /* rate: units a second */
    double perplexity;     /* NaN: of a task that has none */
    double data_wait;      /* share of the step's time, 0 to 1, in which it waited for its batch */
} tli_progress_point;

typedef struct tli_train_progress {
    tli_progress line;
    uint64_t epochs;
    tli_progress_point latest;
    bool shown; /* the latest point stands on the output */
} tli_train_progress;

/* `total` steps and `epochs` of the whole run; `unit` is what rates count ("images"), a string that outlives the progress. */
void tli_train_progress_begin(tli_train_progress *progress, FILE *file, const char *unit, uint64_t total,
                              uint64_t epochs);
/* Call after every step; `now` is tli_clock_seconds(). */
void tli_train_progress_step(tli_train_progress *progress, const tli_progress_point *point, double now);
/* Wipes the line from the terminal before other text is written; the next step draws it again. */
void tli_train_progress_clear(tli_train_progress *progress);
/* Shows the latest point, if it is not yet shown, and ends the line. */
void tli_train_progress_end(tli_train_progress *progress, double now);

#endif

/* Progress for a human. On a terminal one line is rewritten at most 10 times a second; a log file gets a
 * plain line for the first step, then about every 10 seconds, and for the last. */
#ifndef TRAIN_PROGRESS_H
#define TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct tli_progress_point {
    uint64_t step;         /* steps done, 1 after the first */
    uint64_t epoch;        /* 1-based */
    double loss, lr, rate; /* rate: units a second */
    double perplexity;     /* NaN: of a task that has none */
    double data_wait;      /* share of the step's time, 0 to 1, in which it waited for its batch */
} tli_progress_point;

typedef struct tli_progress {
    FILE *file; /* NULL: silent */
    bool terminal;
    const char *unit; /* "images" */
    uint64_t total, epochs;
    bool begun, shown; /* a point has come; the latest point stands on the output */
    /* The first point. The time left is reckoned from it, since the steps up to it also compiled kernels. */
    uint64_t first_step;
    double first_time, last_time;
    tli_progress_point latest;
    int width; /* characters of the line on the terminal, 0: none */
} tli_progress;

/* A terminal is recognised by isatty. `total` steps and `epochs` of the whole run; `unit` is what rates
 * count, a string that outlives the progress. */
void tli_progress_begin(tli_progress *progress, FILE *file, const char *unit, uint64_t total,
                        uint64_t epochs);
/* Call after every step; `now` is tli_clock_seconds(). */
void tli_progress_step(tli_progress *progress, const tli_progress_point *point, double now);
/* Wipes the line from the terminal before other text is written; the next step draws it again. */
void tli_progress_clear(tli_progress *progress);
/* Shows the latest point, if it is not yet shown, and ends the line. */
void tli_progress_end(tli_progress *progress, double now);

#endif

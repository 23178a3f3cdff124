/* Progress of a long operation for a person. On a terminal: one line with a bar, rewritten at most ten
 * times a second and never wider than the screen; elsewhere a plain line about every ten seconds. */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A part of the line, e.g. "loss 0.1234". On a narrow terminal parts with a low rank are omitted. */
typedef struct tli_progress_part {
    int rank;
    char text[56];
} tli_progress_part;

/* Ranks of the pieces that every line has; the percentage stays longest. */
enum { TLI_RANK_TITLE = 5, TLI_RANK_BAR = 40, TLI_RANK_RATE = 50, TLI_RANK_COUNT = 60, TLI_RANK_LEFT = 90 };
enum { TLI_PROGRESS_PARTS = 8 };

typedef struct tli_progress {
    FILE *file; /* NULL: silent */
    bool terminal;
    const char *title,
        *unit;      /* strings that outlive the progress: "evaluating", "images"; title may be NULL */
    uint64_t total; /* units in total; 0: unknown */
    bool begun;     /* a count has been reported */
    /* The first count. Rate and time left are measured from there, since the work before it also compiled
     * kernels. */
    uint64_t first_done;
    double first_time;
    double last_time; /* of the latest line */
    int width;        /* width of the current line on the terminal; 0: none */
} tli_progress;

/* A terminal is recognised by isatty. `now`, here and below, is tli_clock_seconds(). */
void tli_progress_begin(tli_progress *progress, FILE *file, const char *title, const char *unit,
                        uint64_t total, double now);
/* Reports that `done` units are done; prints count and rate if a line is due. */
void tli_progress_update(tli_progress *progress, uint64_t done, double now);
/* The same with pieces of one's own, of which the caller only makes the text when it is time (due). */
bool tli_progress_is_due(tli_progress *progress, uint64_t done, double now);
void tli_progress_show(tli_progress *progress, uint64_t done, const tli_progress_part *parts, int count,
                       double now);
/* Units per second so far; NaN: none yet. */
double tli_progress_rate(const tli_progress *progress, uint64_t done, double now);
/* Clears the line on the terminal, before other text is written and at the end; the next report draws it
 * again. */
void tli_progress_clear(tli_progress *progress);
/* Ends the line and leaves it on the terminal. */
void tli_progress_leave(tli_progress *progress);

#endif

/* The page of `translution report`: page_open.c opens the runs, page.c puts the page together, page_<part>.c writes its parts,
 * gnuplot.c draws; cmd_report.c writes it, watch.c serves it. (report.c is something else: what commands print.) */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdio.h>

#include "core/status.h"

/* Files in the folder of a run that a page is made from. */
#define PAGE_METRICS   "metrics.jsonl"
#define PAGE_WEIGHTS   "model.safetensors"
#define PAGE_CONFUSION "confusion.tsv"
#define PAGE_ATTENTION "attention.safetensors"

enum { PAGE_MAX_RUNS = 24, PAGE_MAX_TESTS = 32, PAGE_MAX_SERIES = 96, PAGE_COLORS = 8 };

typedef struct page_run {
    const char *path;                  /* as it was given: the run's name on the page */
    tl_error fault;                    /* why it cannot be read; empty: it can */
    tl_metrics *metrics;               /* NULL: there are none */
    tl_file *weights;                  /* with the settings; NULL: there are none, or not yet */
    const char *tests[PAGE_MAX_TESTS]; /* test sets that were evaluated, in order of appearance */
    int test_count;
    uint64_t first, last; /* steps that the metrics span; first > last: there are none */
} page_run;

/* A table of the user's own. */
typedef struct page_results {
    char *text; /* its cells as strings, row by row, and behind them paragraphs; NULL: there is none */
    size_t rows, columns, paragraphs;
    tl_error fault; /* why it cannot be shown; empty: it can */
} page_results;

typedef struct page {
    page_run runs[PAGE_MAX_RUNS];
    int count;
    page_results results;
    int pictures; /* that were drawn, counted by page_pictures.c */
    bool live;    /* it is served, and refreshes itself in the browser */
} page;

/* Opens all runs, reads the file of the user's own table (empty: there is none), and returns the first failure; the fault of each
 * stands with it, and the page can be written also then. The caller closes the page in any case. `paths` stay the caller's. */
tl_status tli_page_open(page *p, char *const *paths, int count, const char *table, tl_error *err);
void tli_page_close(page *p);

/* The whole page as text, freed by the caller. TL_ERROR_IO without gnuplot. */
tl_status tli_page_make(page *p, char **text, size_t *bytes, tl_error *err);
/* Its parts. */
void tli_page_results(const page *p, FILE *out);
void tli_page_runs(const page *p, FILE *out);
void tli_page_settings(const page *p, FILE *out);
tl_status tli_page_pictures(page *p, FILE *out, tl_error *err);
void tli_page_confusion(const page *p, FILE *out);
tl_status tli_page_maps(const page *p, FILE *out, tl_error *err);
void tli_page_attention(const page *p, FILE *out);

/* Reads the user's own table from a file; "": there is none. The text is the caller's to free, also after a failure. */
tl_status tli_page_read_results(page_results *r, const char *path, tl_error *err);

/* What a page that is live has in its head, and the script that it names there. */
void tli_page_live_head(FILE *out);
extern const char tli_page_script[];
#define PAGE_SCRIPT_NAME "live.js"
enum { PAGE_REFRESH_SECONDS = 5 }; /* at least so long a page stays as it is */

/* Index of a column in the run's metrics; -1: none. */
int tli_page_column(const page_run *run, const char *name);
/* Whether a number can be drawn and counts in tables: finite, and not absurdly large. */
bool tli_page_drawable(double value);

/* ---- markup: page_markup.c ------------------------------------------------------------------------ */

/* All text from outside goes through here: markup and quotes are escaped, bytes that are no UTF-8 and control
 * characters shown as \xNN; after `most` bytes it ends with an ellipsis. Safe in elements and in quoted attributes. */
void tli_page_text(FILE *out, const char *text, size_t most);
/* The run's name behind a sample of its line, for training steps (test -1) or one of its test sets. */
void tli_page_run_name(FILE *out, const page *p, int run, int test);
/* What a table is about, from outside: put into the name of its region beside the caption, so that no two regions of a page share one. */
typedef struct page_subject {
    int run;          /* number from 1 */
    const char *name; /* of a tensor or the run */
    int64_t head;     /* -1: none */
} page_subject;

/* A table that scrolls sideways on its own, reachable by keyboard, up to its rows; `caption` is the program's own. NULL: the caption
 * says what the table is about. */
void tli_page_table_begin(FILE *out, const page_subject *about, const char *caption);
void tli_page_table_end(FILE *out);
/* Number N of the class hN that colours a cell by a share from 0 to 1. */
int tli_page_shade(double share);

/* ---- coloured tables: page_grid.c ------------------------------------------------------------------ */

/* Numbers by row and column. */
typedef struct page_grid {
    uint64_t rows, columns;
    int64_t top, left;    /* what the first row and column are called */
    const double *values; /* [rows][columns] */
} page_grid;

/* Offsets that the class token takes part in; cells of all tables of a kind, about 1 MB. */
enum { PAGE_CLASS_OFFSETS = 3, PAGE_MAX_CELLS = 40000 };

/* A table whose cells are coloured by their number, from the least to the largest. */
void tli_page_grid(FILE *out, const page_subject *about, const char *caption, const page_grid *g);
/* The same of numbers by offset from key to query, [rows][columns], and, with `class_token`, behind them those of the class token. */
void tli_page_offsets(FILE *out, const page_subject *about, const char *caption, uint64_t rows,
                      uint64_t columns, const double *values, bool class_token);

/* ---- curves: page_series.c ------------------------------------------------------------------------ */

/* The values of a column in the training steps of a run, or in its evaluations on one test set. */
typedef struct page_series {
    const page *owner;
    int run, test; /* test: index in its run's list; -1: training steps */
    int column;
} page_series;

/* The drawable values in a range of steps. */
typedef struct page_bucket {
    uint64_t first, last, count; /* steps; values, 0: none */
    double least, most, sum;
    bool broken; /* a value in the range cannot be drawn */
} page_bucket;

/* Thins a series to `count` ranges of equal width between the steps `from` and `to`, without losing extremes. */
void tli_page_thin(const page_series *s, uint64_t from, uint64_t to, page_bucket *buckets, int count);
/* The dashes of a curve as lengths, "6,3"; NULL: solid. Runs differ by colour first, and those of one colour by the dots between
 * the strokes: none, one or two. The first four test sets of a run differ by the length of the strokes. */
const char *tli_page_dashes(int run, int test);

/* ---- pictures: page_plot.c ------------------------------------------------------------------------ */

typedef struct page_picture {
    const page *owner;
    page_series series[PAGE_MAX_SERIES]; /* each with at least one drawable value */
    int count;
    int left_out;      /* series that have no room */
    uint64_t from, to; /* steps that they span */
    bool logarithmic;  /* may have a logarithmic axis */
} page_picture;

/* Writes the picture's curves as one <svg>; `number` is the picture's on the page. */
tl_status tli_page_draw(const page_picture *picture, int number, FILE *out, tl_error *err);

#endif

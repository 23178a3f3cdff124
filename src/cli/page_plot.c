/* One picture: a script for gnuplot, and gnuplot's SVG as a part of the page. Nothing from outside but numbers goes into the
 * script; colours come from the page's style, by the class of a curve's group. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/gnuplot.h"
#include "cli/page.h"
#include "core/number.h"

enum {
    BUCKETS = 320, /* of steps; the axis is about 400 points wide */
    FEW = 40       /* with so many values or fewer each gets a dot */
};

typedef struct extent {
    double least;                 /* of all values */
    double least_mean, most_mean; /* of the points of the lines */
    bool any;
} extent;

/* gnuplot's curves, in the order in which it numbers them from 1. */
typedef struct curve_list {
    int runs[3 * PAGE_MAX_SERIES];
    int count;
} curve_list;

/* ---- the script ------------------------------------------------------------------------------------- */

/* Between ticks of the axis of steps, so that their numbers do not overlap: 1, 2 or 5 times a power of ten. */
static double tick_distance(double span)
{
    const double least = span / 5, power = pow(10, floor(log10(least)));
    const double factor = least / power;
    return fmax(1, power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10));
}

static void write_settings(const page_picture *picture, const extent *seen, FILE *script)
{
    fputs("set terminal svg size 480,280 dynamic font 'sans-serif,13'\n"
          "set border 3\nset tics nomirror out\nset grid ytics\nset xlabel 'step'\nunset key\n"
          "set format '%h'\n",
          script);
    if (picture->from < picture->to)
        tli_print(script, "set xrange [%" PRIu64 ":%" PRIu64 "]\nset xtics %.17g\n", picture->from,
                  picture->to, tick_distance((double)(picture->to - picture->from)));
    if (picture->logarithmic && seen->least > 0 && seen->most_mean > 100 * seen->least_mean)
        fputs("set logscale y\n", script);
}

static void extent_add(extent *e, double least, double mean)
{
    e->least = e->any ? fmin(e->least, least) : least;
    e->least_mean = e->any ? fmin(e->least_mean, mean) : mean;
    e->most_mean = e->any ? fmax(e->most_mean, mean) : mean;
    e->any = true;
}

static double bucket_step(const page_bucket *b)
{
    return ((double)b->first + (double)b->last) / 2;
}

static double bucket_mean(const page_bucket *b)
{
    return b->sum / (double)b->count;
}

/* Rows: step, least, most, mean; an empty one breaks the curve where there is no value that can be drawn, but others. */
static int write_values(const page_bucket *buckets, int number, extent *seen, bool *band, FILE *script)
{
    int rows = 0;
    bool broken = false;
    fprintf(script, "$d%d << EOD\n", number);
    for (int i = 0; i < BUCKETS; i++) {
        const page_bucket *b = &buckets[i];
        broken |= b->count == 0 && b->broken;
        if (b->count == 0) continue;
        if (broken && rows > 0) fputc('\n', script);
        broken = false;
        tli_print(script, "%.17g %.9g %.9g %.9g\n", bucket_step(b), b->least, b->most, bucket_mean(b));
        extent_add(seen, b->least, bucket_mean(b));
        *band |= b->least < b->most;
        rows++;
    }
    fputs("EOD\n", script);
    return rows;
}

/* Points whose steps have values that cannot be drawn beside those that can: there the curve goes on, and gets a cross. Whether
 * there are any. */
static bool write_crosses(const page_bucket *buckets, int number, FILE *script)
{
    bool any = false;
    for (int i = 0; i < BUCKETS; i++) {
        const page_bucket *b = &buckets[i];
        if (b->count == 0 || !b->broken) continue;
        if (!any) fprintf(script, "$x%d << EOD\n", number);
        any = true;
        tli_print(script, "%.17g %.9g\n", bucket_step(b), bucket_mean(b));
    }
    if (any) fputs("EOD\n", script);
    return any;
}

static void plot_crosses(const page_series *s, int number, curve_list *curves, FILE *plot)
{
    fprintf(plot, ", $x%d using 1:2 with points pt 2 ps 0.8 lw 1.5 title 'run %d'", number, s->run + 1);
    curves->runs[curves->count++] = s->run;
}

/* A curve: its mean, and a band from least to most where ranges have several values. */
static void write_curve(const page_series *s, int number, int rows, bool band, curve_list *curves, FILE *plot)
{
    const char *dashes = tli_page_dashes(s->run, s->test);
    const char *comma = curves->count > 0 ? ", " : "plot ";
    if (band) {
        fprintf(plot, "%s$d%d using 1:2:3 with filledcurves fs transparent solid 0.2 title 'run %d'", comma,
                number, s->run + 1);
        curves->runs[curves->count++] = s->run;
        comma = ", ";
    }
    fprintf(plot, "%s$d%d using 1:4 with %s lw 1.5", comma, number,
            rows > FEW ? "lines" : "linespoints pt 7 ps 0.4");
    if (dashes != NULL) fprintf(plot, " dt (%s)", dashes);
    fprintf(plot, " title 'run %d'", s->run + 1);
    curves->runs[curves->count++] = s->run;
}

/* Data first, then settings and the plot. */
static tl_status write_script(const page_picture *picture, curve_list *curves, FILE *script, tl_error *err)
{
    char *plot_text = NULL;
    size_t plot_bytes = 0;
    extent seen = {0};
    page_bucket *buckets = malloc(BUCKETS * sizeof *buckets);
    FILE *plot = open_memstream(&plot_text, &plot_bytes);
    for (int i = 0; buckets != NULL && plot != NULL && i < picture->count; i++) {
        const page_series *s = &picture->series[i];
        bool band = false;
        tli_page_thin(s, picture->from, picture->to, buckets, BUCKETS);
        const int rows = write_values(buckets, i, &seen, &band, script);
        if (rows == 0) continue;
        write_curve(s, i, rows, band, curves, plot);
        if (write_crosses(buckets, i, script)) plot_crosses(s, i, curves, plot);
    }
    free(buckets);
    const bool good = plot != NULL && fclose(plot) == 0 && buckets != NULL;
    write_settings(picture, &seen, script);
    if (good) fprintf(script, "%s\n", plot_text);
    free(plot_text);
    return good ? TL_OK : tli_fail(err, TL_ERROR_MEMORY, "out of host memory while drawing curves");
}

/* ---- the SVG ---------------------------------------------------------------------------------------- */

/* Behind `word` when `at` begins with it; else NULL. */
static const char *behind(const char *at, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(at, word, length) == 0 ? at + length : NULL;
}

/* Copies the <svg> element. Names in it get the picture's number, as they must be unique on the page; a curve's group gets
 * the class of its run. */
static void copy_svg(const char *svg, const curve_list *curves, int number, FILE *out)
{
    for (const char *at = svg, *next; *at != '\0'; at = next) {
        if ((next = behind(at, "id=\"gnuplot_plot_")) != NULL) {
            const long curve = strtol(next, (char **)&next, 10);
            next += *next == '"';
            if (curve >= 1 && curve <= curves->count)
                fprintf(out, "class=\"run%d\"", curves->runs[curve - 1] % PAGE_COLORS);
        } else if ((next = behind(at, "id=\"gnuplot_canvas\"")) != NULL) {
            continue;
        } else if ((next = behind(at, " id='")) != NULL) {
            fprintf(out, " id='p%d-", number);
        } else if ((next = behind(at, "href='#")) != NULL) {
            fprintf(out, "href='#p%d-", number);
        } else {
            fputc(*at, out);
            next = at + 1;
        }
    }
}

tl_status tli_page_draw(const page_picture *picture, int number, FILE *out, tl_error *err)
{
    curve_list curves = {.count = 0};
    char *drawn = NULL;
    FILE *script = tmpfile();
    if (script == NULL)
        return tli_fail(err, TL_ERROR_IO, "no temporary file for gnuplot could be made: %s", strerror(errno));
    tl_status status = write_script(picture, &curves, script, err);
    if (status == TL_OK) status = tli_gnuplot(script, &drawn, err);
    fclose(script);
    const char *svg = status == TL_OK ? strstr(drawn, "<svg") : NULL;
    if (status == TL_OK && svg == NULL)
        status = tli_fail(err, TL_ERROR_IO, "gnuplot drew no picture: does it have the terminal svg?");
    if (status == TL_OK) copy_svg(svg, &curves, number, out);
    free(drawn);
    return status;
}

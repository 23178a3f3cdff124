/* What the runs came to: steps, and the newest evaluation on each test set. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/page.h"

/* Numbers of an evaluation that have a column each. */
static const struct {
    const char *key, *title;
} scores[] = {{"loss", "loss"}, {"top1", "top-1, %"}, {"top5", "top-5, %"}, {"perplexity", "perplexity"}};
enum { SCORES = sizeof scores / sizeof *scores };

static uint64_t not_drawable(const page_run *run)
{
    uint64_t count = 0;
    tl_metrics_line line;
    const int loss = tli_page_column(run, "loss");
    for (uint64_t i = 0; loss >= 0 && tl_metrics_line_at(run->metrics, i, &line); i++)
        count += !tli_page_drawable(tl_metrics_value(run->metrics, i, loss));
    return count;
}

static void write_lengths(const page *p, FILE *out)
{
    tli_page_table_begin(out, NULL, "Steps, and what could not be read");
    fputs("<thead><tr><th scope=\"col\">run</th><th scope=\"col\">steps</th><th scope=\"col\">losses that "
          "cannot be drawn</th><th scope=\"col\">unreadable lines</th></tr></thead>\n<tbody>\n",
          out);
    for (int r = 0; r < p->count; r++) {
        const page_run *run = &p->runs[r];
        fputs("<tr><th scope=\"row\">", out);
        tli_page_run_name(out, p, r, -1);
        fprintf(out, "</th><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n",
                run->first <= run->last ? run->last : 0, not_drawable(run),
                tl_metrics_unreadable(run->metrics));
    }
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

/* Index of the newest evaluation on a test set, which has one. */
static uint64_t newest_evaluation(const page_run *run, const char *test)
{
    uint64_t newest = 0;
    tl_metrics_line line;
    for (uint64_t i = 0; tl_metrics_line_at(run->metrics, i, &line); i++)
        if (line.test != NULL && strcmp(line.test, test) == 0) newest = i;
    return newest;
}

static void write_evaluation(const page *p, int r, int test, FILE *out)
{
    const page_run *run = &p->runs[r];
    const uint64_t at = newest_evaluation(run, run->tests[test]);
    tl_metrics_line line = {.step = 0};
    (void)tl_metrics_line_at(run->metrics, at, &line);
    fputs("<tr><th scope=\"row\">", out);
    tli_page_run_name(out, p, r, test);
    fputs("</th><td>", out);
    tli_page_text(out, run->tests[test], SIZE_MAX);
    fprintf(out, "</td><td>%" PRIu64 "</td>", line.step);
    for (int s = 0; s < SCORES; s++) {
        const int column = tli_page_column(run, scores[s].key);
        const double value = column >= 0 ? tl_metrics_value(run->metrics, at, column) : (double)NAN;
        if (isfinite(value))
            fprintf(out, "<td>%.5g</td>", value);
        else
            fputs("<td>–</td>", out);
    }
    fputs("</tr>\n", out);
}

static void write_evaluations(const page *p, FILE *out)
{
    tli_page_table_begin(out, NULL, "Newest evaluation on each test set");
    fputs("<thead><tr><th scope=\"col\">run</th><th scope=\"col\">test set</th><th scope=\"col\">step</th>",
          out);
    for (int s = 0; s < SCORES; s++) fprintf(out, "<th scope=\"col\">%s</th>", scores[s].title);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int r = 0; r < p->count; r++)
        for (int t = 0; t < p->runs[r].test_count; t++) write_evaluation(p, r, t, out);
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

/* Runs of a page that is live may come and go. */
static void write_faults(const page *p, FILE *out)
{
    for (int r = 0; r < p->count; r++) {
        if (p->runs[r].fault.text[0] == '\0') continue;
        fprintf(out, "<p class=\"fault\">%d. ", r + 1);
        tli_page_text(out, p->runs[r].fault.text, SIZE_MAX);
        fputs("</p>\n", out);
    }
}

/* Metrics have no more test sets than the page. */
static void write_full(const page *p, FILE *out)
{
    for (int r = 0; r < p->count; r++) {
        if (p->runs[r].test_count < PAGE_MAX_TESTS || tl_metrics_unreadable(p->runs[r].metrics) == 0)
            continue;
        fputs("<p>", out);
        tli_page_run_name(out, p, r, -1);
        fprintf(out,
                " has %d test sets, the most that a page shows: any further ones are among its unreadable "
                "lines.</p>\n",
                PAGE_MAX_TESTS);
    }
}

void tli_page_runs(const page *p, FILE *out)
{
    int tests = 0;
    for (int r = 0; r < p->count; r++) tests += p->runs[r].test_count;
    fputs("<section aria-labelledby=\"runs\"><h2 id=\"runs\">Runs</h2>\n", out);
    write_faults(p, out);
    write_lengths(p, out);
    if (tests > 0) write_evaluations(p, out);
    write_full(p, out);
    fputs("</section>\n", out);
}

/* The pictures of a page: which there are, and for each a figure with its legend and the table behind it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"

enum { TABLE_ROWS = 32 };

/* What is drawn: a column of the training steps, or of the evaluations. */
typedef struct picture_kind {
    const char *title, *column;
    bool evaluations, logarithmic; /* logarithmic: where values differ a hundredfold */
} picture_kind;

static const picture_kind kinds[] = {
    {"Training loss", "loss", false, true},
    {"Loss on the test sets", "loss", true, true},
    {"Accuracy on the test sets (top-1, %)", "top1", true, false},
    {"Perplexity on the test sets", "perplexity", true, true},
    {"Learning rate", "lr", false, false},
    {"Images per second", "images_per_second", false, false},
    {"Tokens per second", "tokens_per_second", false, false},
};

/* ---- series ----------------------------------------------------------------------------------------- */

static void add_series(page_picture *picture, int run, int test, int column)
{
    const page_series s = {.owner = picture->owner, .run = run, .test = test, .column = column};
    const page_run *r = &picture->owner->runs[run];
    page_bucket all;
    tli_page_thin(&s, r->first, r->last, &all, 1);
    if (all.count == 0) return;
    if (picture->count == PAGE_MAX_SERIES) {
        picture->left_out++;
        return;
    }
    if (picture->count == 0 || all.first < picture->from) picture->from = all.first;
    if (picture->count == 0 || all.last > picture->to) picture->to = all.last;
    picture->series[picture->count++] = s;
}

/* Series with at least one value that can be drawn. */
static void collect_series(const picture_kind *kind, page_picture *picture)
{
    const page *p = picture->owner;
    for (int r = 0; r < p->count; r++) {
        const page_run *run = &p->runs[r];
        const int column = tli_page_column(run, kind->column);
        if (column < 0 || run->first > run->last) continue;
        if (!kind->evaluations) add_series(picture, r, -1, column);
        for (int t = 0; kind->evaluations && t < run->test_count; t++) add_series(picture, r, t, column);
    }
}

/* ---- figure ----------------------------------------------------------------------------------------- */

static void write_series_name(const page_series *s, FILE *out)
{
    tli_page_run_name(out, s->owner, s->run, s->test);
    if (s->test < 0) return;
    fputs(" <span class=\"test\">", out);
    tli_page_text(out, s->owner->runs[s->run].tests[s->test], SIZE_MAX);
    fputs("</span>", out);
}

/* The steps of a row: those that have values in any series. */
static bool row_steps(const page_bucket *table, int count, int row, uint64_t *first, uint64_t *last)
{
    bool any = false;
    for (int s = 0; s < count; s++) {
        const page_bucket *b = &table[s * TABLE_ROWS + row];
        if (b->count == 0) continue;
        if (!any || b->first < *first) *first = b->first;
        if (!any || b->last > *last) *last = b->last;
        any = true;
    }
    return any;
}

static void write_row(const page_bucket *table, int count, int row, FILE *out)
{
    uint64_t first = 0, last = 0;
    if (!row_steps(table, count, row, &first, &last)) return;
    fprintf(out, "<tr><th scope=\"row\">%" PRIu64, first);
    if (last > first) fprintf(out, " to %" PRIu64, last);
    fputs("</th>", out);
    for (int s = 0; s < count; s++) {
        const page_bucket *b = &table[s * TABLE_ROWS + row];
        if (b->count == 0)
            fputs("<td>–</td>", out);
        else if (b->least < b->most)
            fprintf(out, "<td>%.4g to %.4g</td>", b->least, b->most);
        else
            fprintf(out, "<td>%.4g</td>", b->least);
    }
    fputs("</tr>\n", out);
}

static tl_status write_table(const page_picture *picture, const char *title, FILE *out, tl_error *err)
{
    page_bucket *table = malloc((size_t)picture->count * TABLE_ROWS * sizeof *table);
    if (table == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing a table");
    fputs("<details><summary>Numbers of this picture</summary>\n", out);
    tli_page_table_begin(out, NULL, title);
    fputs("<thead><tr><th scope=\"col\">steps</th>", out);
    for (int s = 0; s < picture->count; s++) {
        tli_page_thin(&picture->series[s], picture->from, picture->to, &table[s * TABLE_ROWS], TABLE_ROWS);
        fputs("<th scope=\"col\">", out);
        write_series_name(&picture->series[s], out);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int row = 0; row < TABLE_ROWS; row++) write_row(table, picture->count, row, out);
    fputs("</tbody>", out);
    tli_page_table_end(out);
    fputs("</details>\n", out);
    free(table);
    return TL_OK;
}

static tl_status write_figure(const picture_kind *kind, const page_picture *picture, int number, FILE *out,
                              tl_error *err)
{
    fprintf(out,
            "<figure>\n<h3>%s</h3>\n<div class=\"plot\" role=\"img\" aria-label=\"%s by step; its numbers "
            "are below\">\n",
            kind->title, kind->title);
    TLI_TRY(tli_page_draw(picture, number, out, err));
    fputs("</div>\n<figcaption><ul>", out);
    for (int s = 0; s < picture->count; s++) {
        fputs("<li>", out);
        write_series_name(&picture->series[s], out);
        fputs("</li>", out);
    }
    fputs("</ul></figcaption>\n", out);
    if (picture->left_out > 0)
        fprintf(out, "<p>The picture has room for %d curves: %d further %s left out.</p>\n", PAGE_MAX_SERIES,
                picture->left_out, picture->left_out > 1 ? "ones are" : "one is");
    TLI_TRY(write_table(picture, kind->title, out, err));
    fputs("</figure>\n", out);
    return TL_OK;
}

tl_status tli_page_pictures(page *p, FILE *out, tl_error *err)
{
    fputs(
        "<section aria-labelledby=\"curves\"><h2 id=\"curves\">Curves</h2>\n"
        "<p>A line is the mean of the steps that share a point of the picture, its band their least and "
        "largest value. A curve is interrupted where values cannot be drawn, and has a cross where only some "
        "of the steps of a point have such values.</p>\n<div class=\"figures\">\n",
        out);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        page_picture picture = {.owner = p, .logarithmic = kinds[k].logarithmic};
        collect_series(&kinds[k], &picture);
        if (picture.count > 0) TLI_TRY(write_figure(&kinds[k], &picture, ++p->pictures, out, err));
    }
    fputs("</div>\n", out);
    if (p->pictures == 0) fputs("<p>There is nothing to draw yet.</p>\n", out);
    fputs("</section>\n", out);
    return TL_OK;
}

#include <inttypes.h>
#include <math.h>

#include "cli/page.h"

typedef struct range {
    double least, most;
} range;

/* Of the numbers that are finite. */
static range find_range(const double *values, uint64_t count)
{
    range r = {(double)INFINITY, -(double)INFINITY};
    for (uint64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        r.least = fmin(r.least, values[i]);
        r.most = fmax(r.most, values[i]);
    }
    return r;
}

static void write_cell(double value, const range *r, FILE *out)
{
    if (!isfinite(value))
        fputs("<td>–</td>", out);
    else if (r->most > r->least)
        fprintf(out, "<td class=\"h%d\">%.3g</td>", tli_page_shade((value - r->least) / (r->most - r->least)),
                value);
    else
        fprintf(out, "<td>%.3g</td>", value);
}

void tli_page_grid(FILE *out, const page_subject *about, const char *caption, const page_grid *g)
{
    const range r = find_range(g->values, g->rows * g->columns);
    tli_page_table_begin(out, about, caption);
    fputs("<thead><tr><td></td>", out);
    for (uint64_t x = 0; x < g->columns; x++)
        fprintf(out, "<th scope=\"col\">%" PRId64 "</th>", (int64_t)x + g->left);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint64_t y = 0; y < g->rows; y++) {
        fprintf(out, "<tr><th scope=\"row\">%" PRId64 "</th>", (int64_t)y + g->top);
        for (uint64_t x = 0; x < g->columns; x++) write_cell(g->values[y * g->columns + x], &r, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

void tli_page_offsets(FILE *out, const page_subject *about, const char *caption, uint64_t rows,
                      uint64_t columns, const double *values, bool class_token)
{
    static const char *const pairs[PAGE_CLASS_OFFSETS] = {"class token to itself", "class token asks a patch",
                                                          "patch asks the class token"};
    static const range none = {0, 0}; /* they are of another size than the plane's, and have no colour */
    const page_grid g = {rows, columns, -(int64_t)(rows / 2), -(int64_t)(columns / 2), values};
    tli_page_grid(out, about, caption, &g);
    if (!class_token) return;
    fputs("<table><tbody>", out);
    for (int i = 0; i < PAGE_CLASS_OFFSETS; i++) {
        fprintf(out, "<tr><th scope=\"row\">%s</th>", pairs[i]);
        write_cell(values[rows * columns + (uint64_t)i], &none, out);
        fputs("</tr>", out);
    }
    fputs("</tbody></table>\n", out);
}

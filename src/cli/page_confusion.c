/* Confusion counts of runs: how many samples of each class were taken for each class. A run's folder has them in a file that `train`
 * leaves, a table of tab-separated cells: names of the classes found above, a line for every true class with its name before. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/page.h"
#include "core/files.h"

/* Classes and bytes that are read; classes that are shown as a table; of more, how many of the most frequent confusions. */
enum { MAX_CLASSES = 4096, MAX_BYTES = 1 << 28, TABLE_CLASSES = 32, LISTED = 24 };

typedef struct confusion {
    char *text;       /* of the file, cut into cells */
    char **names;     /* [classes], in `text` */
    uint64_t *counts; /* [true class][class found] */
    uint32_t classes;
} confusion;

static void confusion_free(confusion *c)
{
    free(c->text);
    free(c->names);
    free(c->counts);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* Cuts off the cell at *at, which ends by a tab or, the last of a line, by the line's end; NULL: it ends otherwise. */
static char *next_cell(char **at, bool last)
{
    char *cell = *at, *end = cell + strcspn(cell, "\t\n");
    if (*end != (last ? '\n' : '\t')) return NULL;
    *end = '\0';
    *at = end + 1;
    return cell;
}

static bool read_row_of_counts(char **at, uint64_t *counts, uint32_t classes)
{
    if (next_cell(at, false) == NULL) return false; /* the class's name again */
    for (uint32_t i = 0; i < classes; i++) {
        const char *cell = next_cell(at, i + 1 == classes);
        if (cell == NULL || *cell == '\0' || strlen(cell) > 12 || strspn(cell, "0123456789") != strlen(cell))
            return false;
        counts[i] = strtoull(cell, NULL, 10);
    }
    return true;
}

/* False: it is no such table, or memory is out. */
static bool parse_confusion(confusion *c)
{
    char *at = c->text;
    c->classes = 0;
    for (const char *head = at; *head != '\0' && *head != '\n'; head++) c->classes += *head == '\t';
    if (c->classes == 0 || c->classes > MAX_CLASSES || next_cell(&at, false) == NULL) return false;
    c->names = malloc(c->classes * sizeof *c->names);
    c->counts = malloc((size_t)c->classes * c->classes * sizeof *c->counts);
    if (c->names == NULL || c->counts == NULL) return false;
    for (uint32_t i = 0; i < c->classes; i++) {
        c->names[i] = next_cell(&at, i + 1 == c->classes);
        if (c->names[i] == NULL) return false;
    }
    for (uint32_t i = 0; i < c->classes; i++)
        if (!read_row_of_counts(&at, c->counts + (size_t)i * c->classes, c->classes)) return false;
    return *at == '\0';
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static uint64_t row_sum(const confusion *c, uint32_t row)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->classes; i++) sum += c->counts[(size_t)row * c->classes + i];
    return sum;
}

static void write_name(const char *name, FILE *out)
{
    enum { MOST = 40 };
    tli_page_text(out, name, MOST);
}

static void write_true_class(const confusion *c, uint32_t row, FILE *out)
{
    const uint64_t *counts = c->counts + (size_t)row * c->classes, sum = row_sum(c, row);
    fputs("<tr><th scope=\"row\">", out);
    write_name(c->names[row], out);
    fputs("</th>", out);
    for (uint32_t i = 0; i < c->classes; i++) {
        const int shade = sum > 0 ? tli_page_shade((double)counts[i] / (double)sum) : 0;
        fprintf(out, "<td class=\"h%d\">%" PRIu64 "</td>", shade, counts[i]);
    }
    if (sum > 0)
        fprintf(out, "<td>%.1f</td></tr>\n", 100.0 * (double)counts[row] / (double)sum);
    else
        fputs("<td>–</td></tr>\n", out);
}

static void write_matrix(const confusion *c, const page_subject *about, FILE *out)
{
    tli_page_table_begin(out, about, "Samples of each class (down) by the class that was found (across)");
    fputs("<thead><tr><td></td>", out);
    for (uint32_t i = 0; i < c->classes; i++) {
        fputs("<th scope=\"col\">", out);
        write_name(c->names[i], out);
        fputs("</th>", out);
    }
    fputs("<th scope=\"col\">right, %</th></tr></thead>\n<tbody>\n", out);
    for (uint32_t row = 0; row < c->classes; row++) write_true_class(c, row, out);
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

/* Places of the largest counts off the diagonal, largest first; returns how many. */
static int find_largest(const confusion *c, size_t places[LISTED])
{
    int count = 0;
    for (size_t at = 0; at < (size_t)c->classes * c->classes; at++) {
        if (at / c->classes == at % c->classes || c->counts[at] == 0) continue;
        if (count == LISTED && c->counts[at] <= c->counts[places[LISTED - 1]]) continue;
        int to = count < LISTED ? count++ : LISTED - 1;
        for (; to > 0 && c->counts[at] > c->counts[places[to - 1]]; to--) places[to] = places[to - 1];
        places[to] = at;
    }
    return count;
}

static void write_largest(const confusion *c, const page_subject *about, FILE *out)
{
    size_t places[LISTED];
    const int count = find_largest(c, places);
    tli_page_table_begin(out, about, "The most frequent confusions");
    fputs("<thead><tr><th scope=\"col\">class</th><th scope=\"col\">taken for</th><th "
          "scope=\"col\">samples</th>"
          "<th scope=\"col\">of</th></tr></thead>\n<tbody>\n",
          out);
    for (int i = 0; i < count; i++) {
        const uint32_t row = (uint32_t)(places[i] / c->classes);
        fputs("<tr><th scope=\"row\">", out);
        write_name(c->names[row], out);
        fputs("</th><td>", out);
        write_name(c->names[places[i] % c->classes], out);
        fprintf(out, "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n", c->counts[places[i]],
                row_sum(c, row));
    }
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

/* Nothing for a run without the file. */
static void write_run(const page *p, int r, int *runs, FILE *out)
{
    char path[4200];
    struct stat info;
    size_t bytes = 0;
    confusion c = {.classes = 0};
    const page_subject about = {r + 1, p->runs[r].path, -1};
    snprintf(path, sizeof path, "%s/" PAGE_CONFUSION, p->runs[r].path);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return;
    c.text = tli_read_file(path, MAX_BYTES, &bytes);
    if (c.text == NULL) return;
    if ((*runs)++ == 0)
        fputs("<section aria-labelledby=\"confusion\"><h2 id=\"confusion\">Confusion counts</h2>\n"
              "<p>Of the newest evaluation at a run's end. The stronger the colour, the larger the share of "
              "the "
              "samples of a class.</p>\n",
              out);
    fputs("<details open><summary>", out);
    tli_page_run_name(out, p, r, -1);
    fputs("</summary>\n<div class=\"map\">\n", out);
    if (strlen(c.text) != bytes || !parse_confusion(&c))
        fputs("<p class=\"fault\">The file " PAGE_CONFUSION " holds no table of classes.</p>\n", out);
    else if (c.classes <= TABLE_CLASSES)
        write_matrix(&c, &about, out);
    else
        write_largest(&c, &about, out);
    fputs("</div></details>\n", out);
    confusion_free(&c);
}

void tli_page_confusion(const page *p, FILE *out)
{
    int runs = 0;
    for (int r = 0; r < p->count; r++) write_run(p, r, &runs, out);
    if (runs > 0) fputs("</section>\n", out);
}

/* The user's own table on top of a page: a text file of lines whose cells are separated by tabs, the first of them the head. Lines
 * behind an empty one are paragraphs below it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "core/files.h"

enum { MAX_BYTES = 1 << 16, MAX_COLUMNS = 100 };

/* The length of a line without its end, and where the next one begins. */
static size_t line_length(const char *line, char **next)
{
    const size_t length = strcspn(line, "\n");
    *next = (char *)line + length + (line[length] == '\n');
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

/* Copies a line to *to, which lies before it or is the same, as strings: its cells, or, without `cells`, the whole. */
static void copy_line(const char *line, size_t length, bool cells, char **to)
{
    for (size_t i = 0; i < length; i++) *(*to)++ = line[i] != '\t' ? line[i] : cells ? '\0' : ' ';
    *(*to)++ = '\0';
}

/* Counts the cells of a line of the table; the first one sets how many all have. */
static tl_status check_line(page_results *r, const char *path, size_t number, const char *line, size_t length,
                            tl_error *err)
{
    size_t cells = 1;
    for (size_t i = 0; i < length; i++) cells += line[i] == '\t';
    if (r->rows == 0) r->columns = cells;
    if (cells > MAX_COLUMNS)
        return tli_fail(err, TL_ERROR_INPUT, "the table %s has %zu columns, and a page shows up to %d", path,
                        cells, MAX_COLUMNS);
    if (cells != r->columns)
        return tli_fail(
            err, TL_ERROR_INPUT,
            "line %zu of the table %s has %zu cell%s where its first line has %zu: separate cells "
            "by tabs",
            number, path, cells, cells > 1 ? "s" : "", r->columns);
    r->rows++;
    return TL_OK;
}

/* Cuts the text into strings, in place. */
static tl_status cut_text(page_results *r, const char *path, tl_error *err)
{
    size_t number = 1;
    bool below = false; /* the table, which has ended */
    char *to = r->text, *next = NULL;
    for (char *line = r->text; *line != '\0'; line = next, number++) {
        const size_t length = line_length(line, &next);
        below = below || length == 0;
        if (length == 0) continue;
        if (below)
            r->paragraphs++;
        else
            TLI_TRY(check_line(r, path, number, line, length, err));
        copy_line(line, length, !below, &to);
    }
    if (r->rows > 0) return TL_OK;
    return tli_fail(err, TL_ERROR_INPUT,
                    "the table %s begins with no line of cells, which would be its head: cells are separated "
                    "by tabs",
                    path);
}

static tl_status read_text(page_results *r, const char *path, tl_error *err)
{
    size_t bytes = 0;
    r->text = tli_read_file(path, MAX_BYTES + 1, &bytes);
    if (r->text == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "the table %s cannot be read: %s", path, strerror(errno));
    if (bytes > MAX_BYTES)
        return tli_fail(err, TL_ERROR_INPUT, "the table %s is larger than %d KiB, the most that a page shows",
                        path, MAX_BYTES / 1024);
    if (strlen(r->text) != bytes)
        return tli_fail(err, TL_ERROR_INPUT, "the table %s holds a zero byte: it must be text", path);
    return cut_text(r, path, err);
}

tl_status tli_page_read_results(page_results *r, const char *path, tl_error *err)
{
    *r = (page_results){.text = NULL};
    if (path[0] == '\0') return TL_OK;
    const tl_status status = read_text(r, path, &r->fault);
    return status != TL_OK ? tli_fail(err, status, "%s", r->fault.text) : TL_OK;
}

/* Writes a string of the text as an element, and moves on to the next one. */
static void write_next(const char **at, const char *element, const char *attributes, FILE *out)
{
    fprintf(out, "<%s%s>", element, attributes);
    tli_page_text(out, *at, SIZE_MAX);
    fprintf(out, "</%s>", element);
    *at += strlen(*at) + 1;
}

static void write_table(const page_results *r, const char **at, FILE *out)
{
    tli_page_table_begin(out, NULL, "Given with --table");
    for (size_t row = 0; row < r->rows; row++) {
        fputs(row == 0 ? "<thead><tr>" : "<tr>", out);
        for (size_t column = 0; column < r->columns; column++) {
            const bool head = row == 0 || column == 0;
            write_next(at, head ? "th" : "td",
                       row == 0 ? " scope=\"col\""
                       : head   ? " scope=\"row\""
                                : "",
                       out);
        }
        fputs(row == 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n", out);
    }
    fputs("</tbody>", out);
    tli_page_table_end(out);
}

void tli_page_results(const page *p, FILE *out)
{
    const page_results *r = &p->results;
    const char *at = r->fault.text[0] != '\0' ? r->fault.text : r->text;
    if (at == NULL) return;
    fputs("<section aria-labelledby=\"results\"><h2 id=\"results\">Results</h2>\n", out);
    if (at == r->fault.text) {
        write_next(&at, "p", " class=\"fault\"", out);
    } else {
        write_table(r, &at, out);
        for (size_t i = 0; i < r->paragraphs; i++) write_next(&at, "p", "", out);
    }
    fputs("\n</section>\n", out);
}

/* What tokens attend to, as `eval --attention-maps` has averaged it: for every block and head the weight by offset, and that of the
 * class token by patch. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/page.h"

/* A tensor of such a file: for every head a table. */
typedef struct attention_table {
    tl_tensor_info tensor;
    bool by_offset, class_token; /* class_token: the class token's offsets follow the plane's */
    uint64_t rows, columns;
} attention_table;

static uint64_t patches_along(const tl_file *file, const char *key)
{
    const char *text = tl_file_metadata(file, key);
    const uint64_t count = text != NULL ? strtoul(text, NULL, 10) : 0;
    return count <= PAGE_MAX_CELLS ? count : 0;
}

/* Whether the tensor is a table of one image: those of volumes are not drawn. */
static bool find_table(const tl_file *file, attention_table *t)
{
    const uint64_t height = patches_along(file, "height"), width = patches_along(file, "width");
    const tl_tensor_info *have = &t->tensor;
    if (height == 0 || width == 0 || patches_along(file, "depth") > 1 || have->rank < 2 ||
        have->shape[0] == 0)
        return false;
    t->by_offset = have->rank == 2;
    t->rows = t->by_offset ? 2 * height - 1 : height;
    t->columns = t->by_offset ? 2 * width - 1 : width;
    if (!t->by_offset) return have->rank == 3 && have->shape[1] == height && have->shape[2] == width;
    const uint64_t plane = t->rows * t->columns;
    t->class_token = have->shape[1] == plane + PAGE_CLASS_OFFSETS;
    return t->class_token || have->shape[1] == plane;
}

static void write_head(const attention_table *t, int run, uint64_t head, const double *values, FILE *out)
{
    const page_subject about = {run, t->tensor.name, (int64_t)head};
    fputs("<figure class=\"map\"><h3>", out);
    tli_page_text(out, t->tensor.name, SIZE_MAX);
    fprintf(out, ", head %" PRIu64 "</h3>\n", head);
    if (t->by_offset)
        tli_page_offsets(out, &about,
                         "Mean attention weight by rows (down) and columns (across) from key to query",
                         t->rows, t->columns, values, t->class_token);
    else
        tli_page_grid(out, &about, "Mean attention weight of the class token to the patches of the image",
                      &(page_grid){t->rows, t->columns, 0, 0, values});
    fputs("</figure>\n", out);
}

static tl_status write_heads(tl_file *file, const attention_table *t, int run, FILE *out, tl_error *err)
{
    const uint64_t heads = t->tensor.shape[0], count = t->tensor.count / heads;
    float *weights = malloc((count + 1) * sizeof *weights);
    double *values = malloc((count + 1) * sizeof *values);
    tl_status status = weights != NULL && values != NULL
                           ? TL_OK
                           : tli_fail(err, TL_ERROR_MEMORY, "out of host memory while reading attention");
    for (uint64_t head = 0; head < heads && status == TL_OK; head++) {
        status = tl_file_read(file, t->tensor.name, head * count, count, weights, err);
        for (uint64_t i = 0; i < count && status == TL_OK; i++) values[i] = (double)weights[i];
        if (status == TL_OK) write_head(t, run, head, values, out);
    }
    free(weights);
    free(values);
    return status;
}

/* *cells: how many may still be written. */
static tl_status write_tables(tl_file *file, int run, uint64_t *cells, FILE *out, tl_error *err)
{
    attention_table t = {.rows = 0};
    for (int i = 0; tl_file_tensor_at(file, i, &t.tensor); i++) {
        if (!find_table(file, &t)) continue;
        if (t.tensor.count > *cells) {
            fputs("<p>Further tables are left out: they are too large for a page.</p>\n", out);
            return TL_OK;
        }
        *cells -= t.tensor.count;
        TLI_TRY(write_heads(file, &t, run, out, err));
    }
    return TL_OK;
}

static void write_begin(const page *p, int r, FILE *out)
{
    fputs("<details><summary>", out);
    tli_page_run_name(out, p, r, -1);
    fputs("</summary>\n", out);
}

/* A file that cannot be read is named: the rest of the page does not need it. */
static void write_run(const page *p, int r, const char *path, uint64_t *cells, FILE *out)
{
    tl_error fault = {0};
    tl_file *file = NULL;
    tl_status status = tl_file_open(path, &file, &fault);
    const char *samples = status == TL_OK ? tl_file_metadata(file, "samples") : NULL;
    write_begin(p, r, out);
    if (samples != NULL) {
        fputs("<p>Averaged over ", out);
        tli_page_text(out, samples, 20);
        fputs(" test images.</p>\n", out);
    }
    fputs("<div class=\"figures\">\n", out);
    if (status == TL_OK) status = write_tables(file, r + 1, cells, out, &fault);
    fputs("</div>\n", out);
    if (status != TL_OK) {
        fputs("<p class=\"fault\">", out);
        tli_page_text(out, fault.text, SIZE_MAX);
        fputs("</p>\n", out);
    }
    fputs("</details>\n", out);
    tl_file_close(file);
}

void tli_page_attention(const page *p, FILE *out)
{
    uint64_t cells = PAGE_MAX_CELLS;
    int runs = 0;
    for (int r = 0; r < p->count; r++) {
        char path[4200];
        struct stat info;
        snprintf(path, sizeof path, "%s/" PAGE_ATTENTION, p->runs[r].path);
        if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) continue;
        if (runs++ == 0)
            fputs("<section aria-labelledby=\"attention\"><h2 id=\"attention\">Attention</h2>\n"
                  "<p>The mean weight of a pair of tokens, by the offset from key to query, and of the class "
                  "token to "
                  "each patch, for every block and head. The stronger the colour, the larger within a "
                  "table.</p>\n",
                  out);
        write_run(p, r, path, &cells, out);
    }
    if (runs > 0) fputs("</section>\n", out);
}

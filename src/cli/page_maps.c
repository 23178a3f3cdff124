/* Maps of the tables by offset: for every block and per-offset role the norm of each offset's matrix, a table whose cells are
 * coloured by their number. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"

enum { MAX_CELLS = 40000, CLS_OFFSETS = 3 }; /* MAX_CELLS: of a page, about 1 MB */

/* A table by offset: those of a plane, row by row, and behind them, with a class token, three that it takes part in. */
typedef struct offset_map {
    tl_tensor_info tensor;
    uint64_t rows, columns; /* offsets of the plane */
    bool mirrored;          /* the table is read by the mirrored offset: that of the query */
    double *norms;          /* [tensor.shape[0]] */
    double least, most;     /* of the plane, those that are not finite left out */
} offset_map;

/* Tokens along an axis by the settings of the run; 0: it has none. */
static uint64_t tokens_along(const tl_file *file, const char *image_key, const char *patch_key)
{
    const char *image = tl_file_metadata(file, image_key), *patch = tl_file_metadata(file, patch_key);
    const uint64_t pixels = image != NULL ? strtoul(image, NULL, 10) : 0;
    const uint64_t step = patch != NULL ? strtoul(patch, NULL, 10) : 0;
    return step > 0 && pixels / step <= MAX_CELLS ? pixels / step : 0;
}

/* Whether the tensor is a table by offset of a plane. */
static bool find_plane(const tl_file *file, offset_map *map)
{
    const tl_tensor_info *t = &map->tensor;
    const uint64_t height = tokens_along(file, "image_height", "patch_height");
    const uint64_t width = tokens_along(file, "image_width", "patch_width");
    if (height == 0 || width == 0 || t->rank != 3 || strstr(t->name, ".unique_params") == NULL) return false;
    map->rows = 2 * height - 1;
    map->columns = 2 * width - 1;
    map->mirrored = strstr(t->name, ".to_q") != NULL;
    const uint64_t plane = map->rows * map->columns;
    return t->shape[0] == plane || t->shape[0] == plane + CLS_OFFSETS;
}

/* Reads the table, a matrix at a time; the caller frees `norms`, also after a failure. */
static tl_status measure_map(tl_file *file, offset_map *map, tl_error *err)
{
    const uint64_t offsets = map->tensor.shape[0], size = map->tensor.count / offsets;
    float *matrix = malloc((size + 1) * sizeof *matrix);
    map->least = (double)INFINITY;
    map->most = -(double)INFINITY;
    map->norms = malloc(offsets * sizeof *map->norms);
    tl_status status = matrix != NULL && map->norms != NULL
                           ? TL_OK
                           : tli_fail(err, TL_ERROR_MEMORY,
                                      "out of host memory while reading tables by offset");
    for (uint64_t k = 0; k < offsets && status == TL_OK; k++) {
        double sum = 0;
        status = tl_file_read(file, map->tensor.name, k * size, size, matrix, err);
        for (uint64_t i = 0; i < size && status == TL_OK; i++) sum += (double)matrix[i] * (double)matrix[i];
        map->norms[k] = sqrt(sum);
        if (k < map->rows * map->columns && isfinite(map->norms[k])) {
            map->least = fmin(map->least, map->norms[k]);
            map->most = fmax(map->most, map->norms[k]);
        }
    }
    free(matrix);
    return status;
}

/* Row of the table for an offset from the key to the query, counted as those of keys and values. */
static uint64_t map_row(const offset_map *map, uint64_t offset)
{
    const uint64_t plane = map->rows * map->columns;
    if (!map->mirrored || offset == plane) return offset;
    return offset < plane ? plane - 1 - offset : 2 * plane + CLS_OFFSETS - offset;
}

/* A cell with its shade. Offsets of the class token have none: their norms are of another size than the plane's. */
static void write_norm(const offset_map *map, uint64_t offset, FILE *out)
{
    const double norm = map->norms[map_row(map, offset)], range = map->most - map->least;
    if (!isfinite(norm))
        fputs("<td>–</td>", out);
    else if (offset < map->rows * map->columns && range > 0)
        fprintf(out, "<td class=\"h%d\">%.3g</td>", tli_page_shade((norm - map->least) / range), norm);
    else
        fprintf(out, "<td>%.3g</td>", norm);
}

static void write_plane(const offset_map *map, FILE *out)
{
    fputs("<thead><tr><td></td>", out);
    for (uint64_t x = 0; x < map->columns; x++)
        fprintf(out, "<th scope=\"col\">%" PRId64 "</th>", (int64_t)x - (int64_t)(map->columns / 2));
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint64_t y = 0; y < map->rows; y++) {
        fprintf(out, "<tr><th scope=\"row\">%" PRId64 "</th>", (int64_t)y - (int64_t)(map->rows / 2));
        for (uint64_t x = 0; x < map->columns; x++) write_norm(map, y * map->columns + x, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>", out);
}

static void write_map(const offset_map *map, FILE *out)
{
    static const char *const pairs[CLS_OFFSETS] = {"class token to itself", "class token asks a patch",
                                                   "patch asks the class token"};
    const uint64_t plane = map->rows * map->columns;
    fputs("<figure class=\"map\"><h3>", out);
    tli_page_text(out, map->tensor.name, SIZE_MAX);
    fputs("</h3>\n", out);
    tli_page_table_begin(out, "Norm by rows (down) and columns (across) from key to query");
    write_plane(map, out);
    tli_page_table_end(out);
    if (map->tensor.shape[0] > plane) {
        fputs("<table><tbody>", out);
        for (uint64_t i = 0; i < CLS_OFFSETS; i++) {
            fprintf(out, "<tr><th scope=\"row\">%s</th>", pairs[i]);
            write_norm(map, plane + i, out);
            fputs("</tr>", out);
        }
        fputs("</tbody></table>\n", out);
    }
    fputs("</figure>\n", out);
}

/* The maps of a run, folded away; *cells: how many may still be written. */
static tl_status write_run_maps(const page *p, int r, uint64_t *cells, FILE *out, tl_error *err)
{
    tl_file *file = p->runs[r].weights;
    offset_map map = {.rows = 0};
    int count = 0;
    bool full = false;
    for (int i = 0; file != NULL && tl_file_tensor_at(file, i, &map.tensor); i++) {
        if (!find_plane(file, &map)) continue;
        full = map.tensor.shape[0] > *cells;
        if (full) break;
        *cells -= map.tensor.shape[0];
        if (count++ == 0) {
            fputs("<details><summary>", out);
            tli_page_run_name(out, p, r, -1);
            fputs("</summary>\n<div class=\"figures\">\n", out);
        }
        const tl_status status = measure_map(file, &map, err);
        if (status == TL_OK) write_map(&map, out);
        free(map.norms);
        TLI_TRY(status);
    }
    if (count > 0) fputs("</div></details>\n", out);
    if (full) fputs("<p>Further tables are left out: they are too large for a page.</p>\n", out);
    return TL_OK;
}

static bool has_maps(const page *p)
{
    offset_map map = {.rows = 0};
    for (int r = 0; r < p->count; r++)
        for (int i = 0; p->runs[r].weights != NULL && tl_file_tensor_at(p->runs[r].weights, i, &map.tensor);
             i++)
            if (find_plane(p->runs[r].weights, &map)) return true;
    return false;
}

tl_status tli_page_maps(const page *p, FILE *out, tl_error *err)
{
    uint64_t cells = MAX_CELLS;
    if (!has_maps(p)) return TL_OK;
    fputs("<section aria-labelledby=\"maps\"><h2 id=\"maps\">Tables by offset</h2>\n"
          "<p>The norm of each offset's matrix, for every block and per-offset role; a number further down "
          "the rows or "
          "columns is a query that lies further down or right of its key. The stronger the colour, the "
          "larger within a map.</p>\n",
          out);
    for (int r = 0; r < p->count; r++) TLI_TRY(write_run_maps(p, r, &cells, out, err));
    fputs("</section>\n", out);
    return TL_OK;
}

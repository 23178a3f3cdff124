/* Maps of the tables by offset: for every block and per-offset role the norm of each offset's matrix, a table whose cells are
 * coloured by their number. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"

/* A table by offset: those of a plane, row by row, and behind them, with a class token, three that it takes part in. */
typedef struct offset_map {
    tl_tensor_info tensor;
    uint64_t rows, columns; /* offsets of the plane */
    bool mirrored;          /* the table is read by the mirrored offset: that of the query */
    double *norms;          /* [tensor.shape[0]], by the offset from key to query */
} offset_map;

/* Tokens along an axis by the settings of the run; 0: it has none. */
static uint64_t tokens_along(const tl_file *file, const char *image_key, const char *patch_key)
{
    const char *image = tl_file_metadata(file, image_key), *patch = tl_file_metadata(file, patch_key);
    const uint64_t pixels = image != NULL ? strtoul(image, NULL, 10) : 0;
    const uint64_t step = patch != NULL ? strtoul(patch, NULL, 10) : 0;
    return step > 0 && pixels / step <= PAGE_MAX_CELLS ? pixels / step : 0;
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
    return t->shape[0] == plane || t->shape[0] == plane + PAGE_CLASS_OFFSETS;
}

/* The offset from key to query of a row of the table. */
static uint64_t map_offset(const offset_map *map, uint64_t row)
{
    const uint64_t plane = map->rows * map->columns;
    if (!map->mirrored || row == plane) return row;
    return row < plane ? plane - 1 - row : 2 * plane + PAGE_CLASS_OFFSETS - row;
}

/* Reads the table, a matrix at a time; the caller frees `norms`, also after a failure. */
static tl_status measure_map(tl_file *file, offset_map *map, tl_error *err)
{
    const uint64_t offsets = map->tensor.shape[0], size = map->tensor.count / offsets;
    float *matrix = malloc((size + 1) * sizeof *matrix);
    map->norms = malloc(offsets * sizeof *map->norms);
    tl_status status = matrix != NULL && map->norms != NULL
                           ? TL_OK
                           : tli_fail(err, TL_ERROR_MEMORY,
                                      "out of host memory while reading tables by offset");
    for (uint64_t k = 0; k < offsets && status == TL_OK; k++) {
        double sum = 0;
        status = tl_file_read(file, map->tensor.name, k * size, size, matrix, err);
        for (uint64_t i = 0; i < size && status == TL_OK; i++) sum += (double)matrix[i] * (double)matrix[i];
        map->norms[map_offset(map, k)] = sqrt(sum);
    }
    free(matrix);
    return status;
}

static void write_map(const offset_map *map, FILE *out)
{
    fputs("<figure class=\"map\"><h3>", out);
    tli_page_text(out, map->tensor.name, SIZE_MAX);
    fputs("</h3>\n", out);
    tli_page_offsets(out, "Norm by rows (down) and columns (across) from key to query", map->rows,
                     map->columns, map->norms, map->tensor.shape[0] > map->rows * map->columns);
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
    uint64_t cells = PAGE_MAX_CELLS;
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

/* Maps of the tables by offset: for every block and per-offset role the norm of each offset's matrix, a table whose cells are
 * coloured by their number. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/page.h"
#include "core/choices.h"

/* What the settings of a run make of its tables: offsets of a plane, row by row, and behind them, with a class token, three that it
 * takes part in. */
typedef struct offset_plane {
    uint64_t rows, columns;
    bool clipped;        /* the outermost rows and columns serve all offsets beyond, too */
    const char *missing; /* why there is no such plane; NULL: there is one */
} offset_plane;

typedef struct offset_map {
    tl_tensor_info tensor;
    offset_plane plane;
    bool mirrored; /* the table is read by the mirrored offset: that of the query */
    double *norms; /* [tensor.shape[0]], by the offset from key to query */
} offset_map;

/* ---- the run's settings ------------------------------------------------------------------------------ */

static uint64_t setting_number(const tl_file *file, const char *key)
{
    const char *text = tl_file_metadata(file, key);
    return text != NULL ? strtoul(text, NULL, 10) : 0;
}

/* Tokens along an axis; 0: it has none. */
static uint64_t tokens_along(const tl_file *file, const char *image_key, const char *patch_key)
{
    const uint64_t pixels = setting_number(file, image_key), step = setting_number(file, patch_key);
    return step > 0 && pixels / step <= PAGE_MAX_CELLS ? pixels / step : 0;
}

static tl_sharing sharing_of(const tl_file *file)
{
    const char *text = tl_file_metadata(file, "offset_sharing");
    int value = TL_SHARING_NONE;
    if (text != NULL) (void)tli_choice_find(&tli_sharing_choices, text, strlen(text), &value);
    return (tl_sharing)value;
}

/* Offsets along an axis of so many tokens: all, or those within the window, or within the radius of what shares the rest. */
static uint64_t offsets_along(const tl_file *file, uint64_t tokens, offset_plane *plane)
{
    const uint64_t window = setting_number(file, "window"), radius = setting_number(file, "sharing_radius");
    const uint64_t reach = window > 0 && window < tokens - 1 ? window : tokens - 1;
    if (reach > radius && sharing_of(file) == TL_SHARING_LOG)
        plane->missing =
            "offsets of the run share matrices by octaves, so that most rows of a table are no single offset";
    if (reach <= radius || sharing_of(file) != TL_SHARING_CLIP) return 2 * reach + 1;
    plane->clipped = true;
    return 2 * radius + 1;
}

static offset_plane find_plane(const tl_file *file)
{
    const uint64_t height = tokens_along(file, "image_height", "patch_height");
    const uint64_t width = tokens_along(file, "image_width", "patch_width");
    offset_plane plane = {.rows = 0};
    if (tl_file_metadata(file, "image_height") == NULL)
        plane.missing = "the settings of the run name no image, whose rows and columns a map is made of";
    else if (tokens_along(file, "image_depth", "patch_depth") > 1)
        plane.missing = "images of the run are volumes, whose offsets have a depth besides rows and columns";
    else if (height == 0 || width == 0)
        plane.missing = "the settings of the run give no grid of patches";
    if (plane.missing != NULL) return plane;
    plane.rows = offsets_along(file, height, &plane);
    plane.columns = offsets_along(file, width, &plane);
    return plane;
}

/* ---- the tables --------------------------------------------------------------------------------------- */

static bool is_table(const tl_tensor_info *t)
{
    return t->rank == 3 && strstr(t->name, ".unique_params") != NULL;
}

/* Why the table has no map; NULL: it has one. */
static const char *why_no_map(const offset_map *map)
{
    const uint64_t offsets = map->plane.rows * map->plane.columns, have = map->tensor.shape[0];
    if (map->plane.missing != NULL || have == offsets || have == offsets + PAGE_CLASS_OFFSETS)
        return map->plane.missing;
    return "the settings of the run make another number of offsets";
}

/* The offset from key to query of a row of the table. */
static uint64_t map_offset(const offset_map *map, uint64_t row)
{
    const uint64_t plane = map->plane.rows * map->plane.columns;
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

static void write_map(const offset_map *map, int run, FILE *out)
{
    static const char plain
        [] = "Norm by rows (down) and columns (across) from key to query",
   clipped[] =
        "Norm by rows (down) and columns (across) from key to query; the outermost may serve all beyond, too";
    const page_subject about = {run, map->tensor.name, -1};
    const offset_plane *plane = &map->plane;
    fputs("<figure class=\"map\"><h3>", out);
    tli_page_text(out, map->tensor.name, SIZE_MAX);
    fputs("</h3>\n", out);
    tli_page_offsets(out, &about, plane->clipped ? clipped : plain, plane->rows, plane->columns, map->norms,
                     map->tensor.shape[0] > plane->rows * plane->columns);
    fputs("</figure>\n", out);
}

/* ---- the section -------------------------------------------------------------------------------------- */

/* What a run's tables came to. */
typedef struct map_counts {
    int drawn, missing;
    const char *why; /* those that are missing are */
    bool full;       /* the page has no room for more */
} map_counts;

static void write_begin(const page *p, int r, FILE *out)
{
    fputs("<details><summary>", out);
    tli_page_run_name(out, p, r, -1);
    fputs("</summary>\n<div class=\"figures\">\n", out);
}

static void write_end(const page *p, int r, const map_counts *counts, FILE *out)
{
    if (counts->drawn > 0) fputs("</div></details>\n", out);
    if (counts->full) fputs("<p>Further tables are left out: they are too large for a page.</p>\n", out);
    if (counts->missing == 0) return;
    fputs("<p>", out);
    tli_page_run_name(out, p, r, -1);
    fprintf(out, ": %d table%s no map, as %s.</p>\n", counts->missing,
            counts->missing > 1 ? "s have" : " has", counts->why);
}

/* The maps of a run, folded away; *cells: how many may still be written. */
static tl_status write_run_maps(const page *p, int r, uint64_t *cells, FILE *out, tl_error *err)
{
    tl_file *file = p->runs[r].weights;
    offset_map map = {.plane = find_plane(file)};
    map_counts counts = {.drawn = 0};
    tl_status status = TL_OK;
    for (int i = 0; status == TL_OK && tl_file_tensor_at(file, i, &map.tensor); i++) {
        if (!is_table(&map.tensor)) continue;
        const char *why = why_no_map(&map);
        if (why != NULL) {
            counts.missing++;
            counts.why = why;
            continue;
        }
        counts.full = map.tensor.shape[0] > *cells;
        if (counts.full) break;
        *cells -= map.tensor.shape[0];
        map.mirrored = strstr(map.tensor.name, ".to_q") != NULL;
        if (counts.drawn++ == 0) write_begin(p, r, out);
        status = measure_map(file, &map, err);
        if (status == TL_OK) write_map(&map, r + 1, out);
        free(map.norms);
    }
    write_end(p, r, &counts, out);
    return status;
}

static bool has_tables(const page_run *run)
{
    tl_tensor_info tensor;
    for (int i = 0; run->weights != NULL && tl_file_tensor_at(run->weights, i, &tensor); i++)
        if (is_table(&tensor)) return true;
    return false;
}

tl_status tli_page_maps(const page *p, FILE *out, tl_error *err)
{
    uint64_t cells = PAGE_MAX_CELLS;
    int runs = 0;
    for (int r = 0; r < p->count; r++) {
        if (!has_tables(&p->runs[r])) continue;
        if (runs++ == 0)
            fputs("<section aria-labelledby=\"maps\"><h2 id=\"maps\">Tables by offset</h2>\n"
                  "<p>The norm of each offset's matrix, for every block and per-offset role; a number "
                  "further down the rows or "
                  "columns is a query that lies further down or right of its key. The stronger the colour, "
                  "the larger within a "
                  "map.</p>\n",
                  out);
        TLI_TRY(write_run_maps(p, r, &cells, out, err));
    }
    if (runs > 0) fputs("</section>\n", out);
    return TL_OK;
}

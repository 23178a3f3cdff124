/* translution tune --show, --export and --import: the table of tuned tiles, without measuring. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/tune.h"
#include "core/choices.h"
#include "core/files.h"

char *tli_tune_product(const tli_product_shape *s, char text[TLI_TUNE_PRODUCT])
{
    (void)snprintf(text, TLI_TUNE_PRODUCT, "%s %u x %u x %u, %u", tli_product_name(s->kind), (unsigned)s->m,
                   (unsigned)s->n, (unsigned)s->k, (unsigned)s->count);
    return text;
}

static const char *who_serves(const tli_tuned *e)
{
    return e->clblast_gflops > e->own_gflops ? "CLBlast" : e->tiled ? "tuned" : "default";
}

void tli_tune_print_titles(void)
{
    printf("%-40s %9s %9s %6s %9s %9s  %-8s %s\n", "product: m x n x k, count", "default", "tuned", "gain",
           tli_choice_name(&tli_gemm_choices, TL_GEMM_OWN), "CLBlast", "serves", "tile");
}

/* A rate in GFLOP/s or, where it was not measured, a dash. */
static const char *rate(float gflops, char text[16])
{
    if (gflops > 0)
        (void)snprintf(text, 16, "%.1f", (double)gflops);
    else
        (void)snprintf(text, 16, "-");
    return text;
}

void tli_tune_print(const tli_tuned *e)
{
    char product[TLI_TUNE_PRODUCT], tile[TLI_TILE_TEXT], of[4][16], gain[16] = "-";
    if (e->default_gflops > 0 && e->tuned_gflops > 0)
        (void)snprintf(gain, sizeof gain, "%.2f", (double)(e->tuned_gflops / e->default_gflops));
    printf("%-40s %9s %9s %6s %9s %9s  %-8s %s\n", tli_tune_product(&e->shape, product),
           rate(e->default_gflops, of[0]), rate(e->tuned_gflops, of[1]), gain, rate(e->own_gflops, of[2]),
           rate(e->clblast_gflops, of[3]), who_serves(e), e->tiled ? tli_tile_text(&e->tile, tile) : "");
    fflush(stdout);
}

cJSON *tli_tune_json(const tli_tuned *e)
{
    char tile[TLI_TILE_TEXT];
    cJSON *row = cJSON_CreateObject();
    tli_json_add_text(row, "product", tli_product_name(e->shape.kind));
    cJSON_AddNumberToObject(row, "m", e->shape.m);
    cJSON_AddNumberToObject(row, "n", e->shape.n);
    cJSON_AddNumberToObject(row, "k", e->shape.k);
    cJSON_AddNumberToObject(row, "count", e->shape.count);
    cJSON_AddNumberToObject(row, "default_gflops", (double)e->default_gflops);
    cJSON_AddNumberToObject(row, "tuned_gflops", (double)e->tuned_gflops);
    cJSON_AddNumberToObject(row, "own_gflops", (double)e->own_gflops);
    cJSON_AddNumberToObject(row, "clblast_gflops", (double)e->clblast_gflops);
    tli_json_add_text(row, "serves", who_serves(e));
    tli_json_add_text(row, "tile", e->tiled ? tli_tile_text(&e->tile, tile) : "");
    return row;
}

static tl_status table_in_use(tl_context *ctx, const tli_tuning_table **table, tli_tuning_origin *origin)
{
    *table = tli_tuning_in_use(ctx, origin);
    if (*table != NULL) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the table of tiles");
}

tl_status tli_tune_show(tli_cli_options *o, tl_context *ctx)
{
    const tli_tuning_table *table;
    tli_tuning_origin origin;
    TLI_TRY(table_in_use(ctx, &table, &origin));
    if (o->json) {
        cJSON *rows = cJSON_CreateArray();
        for (int i = 0; i < table->count; i++) cJSON_AddItemToArray(rows, tli_tune_json(&table->entries[i]));
        return tli_cli_print_json(rows, tl_context_error(ctx));
    }
    if (origin == TLI_TUNING_NONE) {
        printf("no tiles are tuned for this device: the defaults serve\n");
        return TL_OK;
    }
    printf("%s\nmeasured by version %s on %s (%s, driver %s, %u compute units)\n",
           origin == TLI_TUNING_KEPT ? "kept for this device in the cache folder"
                                     : "carried by the program: the nearest device that was tuned",
           table->program, table->device, table->platform, table->driver, (unsigned)table->compute_units);
    tli_tune_print_titles();
    for (int i = 0; i < table->count; i++) tli_tune_print(&table->entries[i]);
    return TL_OK;
}

tl_status tli_tune_export(tli_cli_options *o, tl_context *ctx)
{
    const tli_tuning_table *table;
    tli_tuning_origin origin;
    bool created;
    TLI_TRY(table_in_use(ctx, &table, &origin));
    if (origin == TLI_TUNING_NONE)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "no tiles are tuned for this device: run `translution tune` before --export");
    char *text = tli_tuning_table_write(table);
    if (text == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the table of tiles");
    const int code = tli_replace_file(o->tune.export, text, strlen(text), &created);
    free(text);
    if (code == 0) return TL_OK;
    return tli_fail(tl_context_error(ctx), created ? TL_ERROR_IO : TL_ERROR_INPUT,
                    "cannot write the table %s: %s; choose another --export", o->tune.export, strerror(code));
}

static tl_status check_device(tl_context *ctx, const char *path, const tli_tuning_table *table)
{
    tli_tuning_table here;
    tli_tuning_table_begin(ctx, &here);
    if (table->cpu != here.cpu)
        return tli_fail(tl_context_error(ctx), TL_ERROR_INPUT,
                        "%s has tiles for %ss, and %s runs the form for %ss: choose another --device", path,
                        table->cpu ? "CPU" : "GPU", here.device, here.cpu ? "CPU" : "GPU");
    if (table->vector_width != here.vector_width)
        return tli_fail(
            tl_context_error(ctx), TL_ERROR_INPUT,
            "%s has tiles for vectors of %u floats, and those of %s have %u: import a table of a device "
            "like it",
            path, (unsigned)table->vector_width, here.device, (unsigned)here.vector_width);
    if (strcmp(table->device, here.device) != 0) tli_cli_say("%s was measured on %s\n", path, table->device);
    return TL_OK;
}

tl_status tli_tune_import(tli_cli_options *o, tl_context *ctx)
{
    tl_error *err = tl_context_error(ctx);
    const char *path = o->tune.import;
    size_t bytes = 0;
    char *text = tli_read_file(path, TLI_TUNING_TEXT_MOST, &bytes);
    if (text == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the table %s: %s", path, strerror(errno));
    tli_tuning_table table;
    tl_status status = strlen(text) == bytes
                           ? tli_tuning_table_read(path, text, &table, err)
                           : tli_fail(err, TL_ERROR_INPUT, "%s is no text: it has a byte 0", path);
    free(text);
    if (status == TL_OK) status = check_device(ctx, path, &table);
    return status == TL_OK ? tli_tune_keep(o, ctx, &table) : status;
}

tl_status tli_tune_keep(const tli_cli_options *o, tl_context *ctx, const tli_tuning_table *table)
{
    bool kept = false;
    TLI_TRY(tli_tuning_learn(ctx, table, &kept));
    if (!kept)
        return tli_fail(
            tl_context_error(ctx), TL_ERROR_IO,
            "the table could not be kept: set TRANSLUTION_CACHE_DIR to a folder that can be written");
    if (!o->quiet)
        tli_cli_say("kept for this device, driver and version: %d products (`translution tune --show`)\n",
                    table->count);
    return TL_OK;
}

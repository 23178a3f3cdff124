#include "ops/tuning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/random.h"
#include "core/variable.h"
#include "ops/tuning_carried.h"

/* A tuned tile serves products whose sizes are each within this factor of the measured one's. */
#define NEAR_ENOUGH 4.0

enum { CHECKED_MOST = 512 };

/* Of a tile that was compared with plain loops. */
typedef struct checked_tile {
    uint32_t kind, right;
    tli_tile tile;
} checked_tile;

/* Stored with the context. */
typedef struct tuning {
    bool sought; /* the table */
    tli_tuning_origin origin;
    tli_tuning_table table;
    tli_tuning_trial trial;
    tli_tile_check check;
    bool recalled; /* the tiles that were checked */
    int count;
    checked_tile checked[CHECKED_MOST];
} tuning;

static tuning *tuning_of(tl_context *ctx)
{
    tli_user_data *slot = tli_context_user_data(ctx, TLI_SLOT_TUNING);
    if (slot->data == NULL) *slot = (tli_user_data){calloc(1, sizeof(tuning)), free};
    return slot->data;
}

/* ---- the table -------------------------------------------------------------------------------------- */

static const char table_name[] = "tiles-" TL_VERSION;

/* Each form of the kernels has a table of its own. */
static const char *name_of_form(bool cpu, char name[64])
{
    (void)snprintf(name, 64, "%s-%s", table_name,
                   tli_choice_name(&tli_path_choices, cpu ? TL_PATH_CPU : TL_PATH_GPU));
    return name;
}

static bool is_of_device(const tli_tuning_table *t, const tli_tuning_table *here)
{
    return t->cpu == here->cpu && t->vector_width == here->vector_width;
}

static void recall_table(tl_context *ctx, tuning *t)
{
    unsigned char *data = NULL;
    char name[64], *text;
    size_t size = 0;
    tl_error err;
    tli_tuning_table here;
    tli_tuning_table_begin(ctx, &here);
    if (!tli_cache_get(ctx, name_of_form(here.cpu, name), &data, &size)) return;
    text = malloc(size + 1);
    if (text != NULL) {
        memcpy(text, data, size);
        text[size] = '\0';
        if (tli_tuning_table_read("the cache", text, &t->table, &err) == TL_OK &&
            is_of_device(&t->table, &here))
            t->origin = TLI_TUNING_KEPT;
        else
            t->table.count = 0;
    }
    free(text);
    free(data);
}

static void seek_table(tl_context *ctx, tuning *t)
{
    t->sought = true;
    if (!tli_variable_value(TLI_VARIABLE_TUNING, true)) return;
    recall_table(ctx, t);
    if (t->origin == TLI_TUNING_NONE && tli_tuning_carried(ctx, &t->table)) t->origin = TLI_TUNING_CARRIED;
    if (t->origin == TLI_TUNING_NONE) return;
    tli_log_write(tli_context_log(ctx), TL_LOG_DETAIL,
                  "tiles of %d matrix products are those that were tuned %s %s (`translution tune --show`)",
                  t->table.count,
                  t->origin == TLI_TUNING_KEPT ? "for this device, on" : "on a device like this one,",
                  t->table.device);
}

const tli_tuning_table *tli_tuning_in_use(tl_context *ctx, tli_tuning_origin *origin)
{
    tuning *t = tuning_of(ctx);
    if (t == NULL) return NULL;
    if (!t->sought) seek_table(ctx, t);
    *origin = t->origin;
    return &t->table;
}

tl_status tli_tuning_learn(tl_context *ctx, const tli_tuning_table *table, bool *kept)
{
    char name[64];
    unsigned char *data = NULL;
    size_t size = 0;
    tuning *t = tuning_of(ctx);
    char *text = t != NULL ? tli_tuning_table_write(table) : NULL;
    if (text == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the table of tiles");
    const size_t length = strlen(text);
    t->sought = true;
    t->origin = TLI_TUNING_KEPT;
    t->table = *table;
    tli_cache_put(ctx, name_of_form(table->cpu, name), text, length);
    *kept = tli_cache_get(ctx, name, &data, &size) && size == length && memcmp(data, text, size) == 0;
    free(data);
    free(text);
    return TL_OK;
}

char *tli_tuning_label(tl_context *ctx, char label[TLI_TUNING_LABEL])
{
    tli_tuning_origin origin = TLI_TUNING_NONE;
    const tli_tuning_table *table = tli_tuning_in_use(ctx, &origin);
    uint64_t hash = 0;
    char line[TLI_TILE_TEXT + 96], tile[TLI_TILE_TEXT];
    (void)snprintf(label, TLI_TUNING_LABEL, "no table");
    if (table == NULL || origin == TLI_TUNING_NONE) return label;
    for (int i = 0; i < table->count; i++) {
        const tli_tuned *e = &table->entries[i];
        (void)snprintf(line, sizeof line, "%016llx %d %u %u %u %u %d %s", (unsigned long long)hash,
                       (int)e->shape.kind, (unsigned)e->shape.m, (unsigned)e->shape.n, (unsigned)e->shape.k,
                       (unsigned)e->shape.count, e->clblast_gflops > e->own_gflops,
                       tli_tile_text(&e->tile, tile));
        hash = tli_random_stream(line);
    }
    (void)snprintf(label, TLI_TUNING_LABEL, "that of %s (%016llx)", table->device, (unsigned long long)hash);
    return label;
}

/* ---- checks ----------------------------------------------------------------------------------------- */

static const char *name_of_checked(tl_context *ctx, char name[96])
{
    (void)snprintf(name, 96, "tiles-checked-" TL_VERSION "-%016llx-%u",
                   (unsigned long long)tli_kernel_sources_hash(ctx),
                   (unsigned)tli_context_form(ctx, true).vector_width);
    return name;
}

static void recall_checked(tl_context *ctx, tuning *t)
{
    char name[96];
    unsigned char *data = NULL;
    size_t size = 0;
    t->recalled = true;
    if (!tli_cache_get(ctx, name_of_checked(ctx, name), &data, &size)) return;
    if (size % sizeof *t->checked == 0 && size <= sizeof t->checked) {
        memcpy(t->checked, data, size);
        t->count = (int)(size / sizeof *t->checked);
    }
    free(data);
}

static bool check_tile(tl_context *ctx, tuning *t, tli_product_kind kind, const tli_tile *tile)
{
    double error = 0;
    const tli_context_aside aside = tli_context_step_aside(ctx);
    const tli_tuning_trial before = tli_tuning_try(ctx, (tli_tuning_trial){true, kind, tile});
    const bool right = t->check(ctx, kind, &error) == TL_OK && error <= 1;
    (void)tli_tuning_try(ctx, before);
    tli_context_step_back(ctx, &aside);
    return right;
}

bool tli_tuning_is_right(tl_context *ctx, tli_product_kind kind, const tli_tile *tile)
{
    char name[96], text[TLI_TILE_TEXT];
    tuning *t = tuning_of(ctx);
    if (t == NULL || t->check == NULL) return t != NULL;
    if (!t->recalled) recall_checked(ctx, t);
    for (int i = 0; i < t->count; i++)
        if (t->checked[i].kind == (uint32_t)kind && memcmp(&t->checked[i].tile, tile, sizeof *tile) == 0)
            return t->checked[i].right;
    const bool right = check_tile(ctx, t, kind, tile);
    if (t->count == CHECKED_MOST) t->count = 0;
    t->checked[t->count++] = (checked_tile){(uint32_t)kind, right, *tile};
    tli_cache_put(ctx, name_of_checked(ctx, name), t->checked, (size_t)t->count * sizeof *t->checked);
    if (!right)
        tli_log_write(tli_context_log(ctx), t->trial.on ? TL_LOG_DETAIL : TL_LOG_NOTICE,
                      "the tile %s of %s fails its comparison with plain loops on %s: the default serves",
                      tli_tile_text(tile, text), tli_product_name(kind), tl_context_device(ctx)->name);
    return right;
}

tl_status tli_tuning_check_with(tl_context *ctx, tli_tile_check check)
{
    tuning *t = tuning_of(ctx);
    if (t == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the table of tiles");
    t->check = check;
    return TL_OK;
}

tli_tuning_trial tli_tuning_try(tl_context *ctx, tli_tuning_trial trial)
{
    tuning *t = tuning_of(ctx);
    if (t == NULL) return trial;
    const tli_tuning_trial before = t->trial;
    t->trial = trial;
    return before;
}

/* ---- the choice ------------------------------------------------------------------------------------- */

const tli_tile *tli_tuning_tile(tl_context *ctx, tli_kernel_form form, const tli_product_shape *shape,
                                uint32_t width)
{
    tuning *t = tuning_of(ctx);
    const tli_tile *tile = NULL;
    if (t == NULL || (form.tile > 0 && !form.cpu) || tli_context_is_dry(ctx)) return NULL;
    if (t->trial.on) {
        tile = t->trial.kind == shape->kind ? t->trial.tile : NULL;
    } else {
        if (!t->sought) seek_table(ctx, t);
        const tli_tuned *e = t->table.count > 0 && t->table.cpu == form.cpu
                                 ? tli_tuning_table_nearest(&t->table, shape, NEAR_ENOUGH, NULL)
                                 : NULL;
        tile = e != NULL && e->tiled ? &e->tile : NULL;
        if (tile != NULL && !tli_tuning_is_right(ctx, shape->kind, tile)) tile = NULL;
    }
    return tile != NULL && tli_tile_refuses(tile, shape, form.cpu, form.vector_width, width) == NULL ? tile
                                                                                                     : NULL;
}

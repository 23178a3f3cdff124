/* translution tune: searches the tiles of the models' matrix products on this device, and keeps what is fastest. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/tune.h"
#include "cli/tune_case.h"
#include "cli/tune_search.h"
#include "core/arithmetic.h"
#include "core/clock.h"
#include "core/progress.h"
#include "ops/gemm_choice.h"
#include "ops/gpu_tile.h"
#include "ops/self_test.h"

enum { ROUNDS = 5, QUICK_ROUNDS = 2, FINAL_TURNS = 15 };
enum { SMALLEST_SIDE = 16 };
static const double BUDGET = 600, QUICK_BUDGET = 10; /* seconds */

typedef struct product {
    tli_product_shape shape;
    bool causal;
} product;

#define BY_OFFSET(m, count, causal)                                                                          \
    {{TLI_OFFSET_LOGITS, m, 64, 192, count}, causal}, {{TLI_OFFSET_VALUES, m, 64, 192, count}, causal},      \
        {{TLI_OFFSET_LOGITS_BACKWARD, m, 64, 192, count}, causal},                                           \
        {{TLI_OFFSET_VALUES_BACKWARD, m, 64, 192, count}, causal},                                           \
    {                                                                                                        \
        {TLI_OFFSET_WEIGHT_GRADIENT, m, 64, 192, count}, causal                                              \
    }

/* Of the models' steps: projections and MLP forward, backward to x and to W; products by offset of images and text; attention;
 * and larger ones. */
static const product products[] = {
    {{TLI_GEMM_NT, 3200, 192, 192, 1}, false},
    {{TLI_GEMM_NT, 3200, 768, 192, 1}, false},
    {{TLI_GEMM_NT, 3200, 192, 768, 1}, false},
    {{TLI_GEMM_NN, 3200, 192, 192, 1}, false},
    {{TLI_GEMM_NN, 3200, 192, 768, 1}, false},
    {{TLI_GEMM_NN, 3200, 768, 192, 1}, false},
    {{TLI_GEMM_TN, 192, 192, 3200, 1}, false},
    {{TLI_GEMM_TN, 768, 192, 3200, 1}, false},
    BY_OFFSET(64, 17, false),
    {{TLI_GEMM_NT, 50, 50, 64, 192}, false},
    {{TLI_GEMM_NN, 50, 64, 50, 192}, false},
    {{TLI_GEMM_TN, 50, 64, 50, 192}, false},
    BY_OFFSET(8, 64, true),
    {{TLI_GEMM_NT, 197, 197, 64, 192}, false},
    {{TLI_GEMM_NN, 197, 64, 197, 192}, false},
    {{TLI_GEMM_TN, 197, 64, 197, 192}, false},
    {{TLI_GEMM_NN, 512, 512, 512, 1}, false},
    {{TLI_GEMM_NN, 2048, 2048, 2048, 1}, false},
    {{TLI_GEMM_NT, 3200, 768, 3072, 1}, false},
    {{TLI_GEMM_NN, 3200, 768, 768, 1}, false},
    {{TLI_GEMM_TN, 768, 768, 12800, 1}, false},
};
/* A few small ones, to check quickly that it works. */
static const product quick_products[] = {{{TLI_GEMM_NN, 64, 64, 64, 1}, false},
                                         {{TLI_GEMM_NT, 50, 50, 64, 4}, false},
                                         {{TLI_OFFSET_VALUES, 8, 8, 80, 5}, false}};

/* ---- one product ------------------------------------------------------------------------------------ */

typedef struct tuning_run {
    const tli_cli_options *o;
    tl_context *ctx;
    tli_tune_case now;
    double budget, until; /* seconds that are left, and when this search ends */
    bool found[TLI_PRODUCT_KINDS];
    tli_tile best[TLI_PRODUCT_KINDS]; /* of the product of this kind that was searched last */
    tli_progress progress;
    uint64_t done;
} tuning_run;

/* Registers of accumulators, a row of vectors and a scalar, in instruction sets with vectors of so many floats: few multiply-adds
 * a load where a large part of the registers has none. */
static bool suits_cpu(const tuning_run *t, const tli_tile *tile)
{
    const tli_product_shape *s = &t->now.shape;
    const tli_limits *limits = tli_context_limits(t->ctx);
    const uint32_t registers = limits->vector_width == 16 ? 32 : 16,
                   accumulators = tile->rows * tile->vectors;
    if (accumulators + tile->vectors + 1 > registers || accumulators < registers * 5 / 8) return false;
    if (!tli_product_is_gemm(s->kind) || (tile->tiles == 1 && tile->panels == 1)) return true;
    const uint64_t groups = tli_ceil_div(s->m, (uint64_t)tile->tiles * tile->rows) *
                            tli_ceil_div(s->n,
                                         (uint64_t)tile->panels * tile->vectors * limits->vector_width) *
                            s->count;
    return groups >= limits->compute_units;
}

static bool suits_gpu(const tuning_run *t, const tli_tile *tile)
{
    const tli_product_shape *s = &t->now.shape;
    const tli_limits *limits = tli_context_limits(t->ctx);
    if (tli_gpu_tile_items(*tile) > tl_context_device(t->ctx)->max_work_group ||
        tli_gpu_tile_local_bytes(*tile) > limits->local_bytes)
        return false;
    if (!tli_product_is_gemm(s->kind) || tile->side == SMALLEST_SIDE) return true;
    return tli_ceil_div(s->m, tile->side) * tli_ceil_div(s->n, tile->side) * s->count >=
           limits->compute_units;
}

static bool suits(void *user, const tli_tile *tile)
{
    const tuning_run *t = user;
    const tli_limits *limits = tli_context_limits(t->ctx);
    return tli_tile_refuses(tile, &t->now.shape, limits->cpu_path, limits->vector_width, t->now.width) ==
               NULL &&
           (limits->cpu_path ? suits_cpu(t, tile) : suits_gpu(t, tile));
}

static bool is_right(void *user, const tli_tile *tile)
{
    const tuning_run *t = user;
    return tli_tuning_is_right(t->ctx, t->now.shape.kind, tile);
}

/* The first turn of a tile compiles its kernel. */
static bool time_tile(void *user, const tli_tile *tile, double *seconds)
{
    tuning_run *t = user;
    double flops;
    tli_progress_update(&t->progress, t->done, tli_clock_seconds());
    return tli_tune_case_time(&t->now, tile, seconds, &flops) == TL_OK;
}

static bool is_late(void *user)
{
    const tuning_run *t = user;
    return tli_clock_seconds() > t->until;
}

/* Median rates of the default and of the tile that was found, in turns. */
static tl_status compare(tuning_run *t, const tli_tile *found, tli_tuned *e)
{
    double default_ms[FINAL_TURNS], found_ms[FINAL_TURNS], flops = 0;
    for (int i = 0; i < FINAL_TURNS; i++) {
        TLI_TRY(tli_tune_case_time(&t->now, NULL, &default_ms[i], &flops));
        TLI_TRY(tli_tune_case_time(&t->now, found, &found_ms[i], &flops));
    }
    const bool beats = tli_tile_beats(found_ms, default_ms, FINAL_TURNS);
    e->default_gflops = (float)(flops / tli_timing_of(default_ms, FINAL_TURNS).median_ms * 1e-9);
    e->tuned_gflops = (float)(flops / tli_timing_of(found_ms, FINAL_TURNS).median_ms * 1e-9);
    e->tiled = beats && e->tuned_gflops > e->default_gflops;
    if (e->tiled) e->tile = *found;
    return TL_OK;
}

/* Of whole calls, as tli_gemm makes them. */
static tl_status call_rate(tuning_run *t, tl_gemm_mode mode, float *gflops)
{
    tli_timing timing;
    TLI_TRY(tli_gemm_force(t->ctx, mode));
    TLI_TRY(tli_measure(t->ctx, tli_product_call_run, &t->now.gemm, t->o->tune.quick ? QUICK_ROUNDS : ROUNDS,
                        30.0, (tli_beside){NULL, NULL}, NULL, &timing));
    const tli_product_shape *s = &t->now.shape;
    *gflops = (float)(2.0 * s->m * s->n * s->k * s->count / timing.min_ms * 1e-6);
    return tli_gemm_force(t->ctx, TL_GEMM_OWN);
}

static tl_status compare_clblast(tuning_run *t, tli_tuned *e)
{
    const tli_tuning_trial trial = {true, e->shape.kind, e->tiled ? &e->tile : NULL},
                           before = tli_tuning_try(t->ctx, trial);
    tl_status status = call_rate(t, TL_GEMM_OWN, &e->own_gflops);
    (void)tli_tuning_try(t->ctx, before);
    if (status == TL_OK) status = call_rate(t, TL_GEMM_CLBLAST, &e->clblast_gflops);
    return status;
}

/* Where the last product of this kind ended; of the first one the middle of what is legal, and where other kinds ended. */
static int begin_with(const tuning_run *t, tli_product_kind kind, tli_tile *starts)
{
    const bool cpu = tli_context_limits(t->ctx)->cpu_path;
    int count = 0;
    starts[count++] = t->found[kind] ? t->best[kind] : tli_tile_search_start(kind, cpu, NULL, kind);
    for (int other = 0; other < TLI_PRODUCT_KINDS && !t->found[kind]; other++)
        if (t->found[other])
            starts[count++] = tli_tile_search_start(kind, cpu, &t->best[other], (tli_product_kind)other);
    return count;
}

static tl_status tune_case(tuning_run *t, tli_tuned *e)
{
    const bool cpu = tli_context_limits(t->ctx)->cpu_path;
    const tli_product_kind kind = e->shape.kind;
    tli_tile starts[TLI_PRODUCT_KINDS + 1];
    const int start_count = begin_with(t, kind, starts);
    const tli_tile_search search = {kind, cpu, starts, start_count, t, suits, is_right, time_tile, is_late};
    const double begun = tli_clock_seconds();
    tli_tile found;
    int tried;
    const bool any = tli_tile_search_run(&search, &found, &tried);
    t->budget -= tli_clock_seconds() - begun;
    if (any) {
        t->found[kind] = true;
        t->best[kind] = found;
        TLI_TRY(compare(t, &found, e));
    } else {
        double seconds, flops;
        TLI_TRY(tli_tune_case_time(&t->now, NULL, &seconds, &flops));
        e->default_gflops = (float)(flops / seconds * 1e-9);
    }
    if (t->o->verbose) {
        char text[TLI_TILE_TEXT], name[TLI_TUNE_PRODUCT];
        tli_cli_say_over("%s: %d tiles timed; found %s\n", tli_tune_product(&e->shape, name), tried,
                         tli_tile_text(&found, text));
    }
    /* on CPUs it would not serve all the same */
    return cpu || !tli_product_is_gemm(e->shape.kind) ? TL_OK : compare_clblast(t, e);
}

/* The first product of all has most kernels to compile, the first of a kind begins where other kinds ended, and others where it
 * did. Programs of products by offset take several times as long to compile. */
static double weight_of(const product *list, int i)
{
    if (i == 0) return 6;
    for (int before = 0; before < i; before++)
        if (list[before].shape.kind == list[i].shape.kind) return 1;
    return tli_product_is_gemm(list[i].shape.kind) ? 3 : 9;
}

/* The share of product i in the seconds that are left. */
static double share_of(const tuning_run *t, const product *list, int i, int count)
{
    double weights = 0;
    for (int later = i; later < count; later++) weights += weight_of(list, later);
    return t->budget * weight_of(list, i) / weights;
}

static tl_status tune_product(tuning_run *t, const product *list, int i, int count, tli_tuned *e)
{
    const product *p = &list[i];
    *e = (tli_tuned){.shape = p->shape};
    TLI_TRY(tli_tune_case_create(t->ctx, &p->shape, p->causal, &t->now));
    t->until = tli_clock_seconds() + share_of(t, list, i, count);
    const tl_status status = tune_case(t, e);
    tli_tune_case_destroy(&t->now);
    return status;
}

/* ---- all -------------------------------------------------------------------------------------------- */

/* What is kept already, to be replaced product by product: a search that is stopped loses nothing. */
static void begin_table(tl_context *ctx, tli_tuning_table *table)
{
    tli_tuning_origin origin = TLI_TUNING_NONE;
    const tli_tuning_table *kept = tli_tuning_in_use(ctx, &origin);
    tli_tuning_table here;
    tli_tuning_table_begin(ctx, &here);
    *table = here;
    if (kept != NULL && origin == TLI_TUNING_KEPT && strcmp(kept->device, here.device) == 0) *table = *kept;
}

static tl_status tune_all(tuning_run *t, const product *list, int count, tli_tuning_table *table, cJSON *json)
{
    const bool quick = t->o->tune.quick;
    for (int i = 0; i < count; i++) {
        tli_tuned e;
        bool kept;
        TLI_TRY(tune_product(t, list, i, count, &e));
        tli_progress_clear(&t->progress);
        if (!t->o->json) tli_tune_print(&e);
        cJSON_AddItemToArray(json, tli_tune_json(&e));
        tli_tuning_table_put(table, &e);
        if (!quick) TLI_TRY(tli_tuning_learn(t->ctx, table, &kept));
        t->done = (uint64_t)i + 1;
        tli_progress_update(&t->progress, t->done, tli_clock_seconds());
    }
    return TL_OK;
}

static tl_status tune_run(tli_cli_options *o, tl_context *ctx)
{
    const product *list = o->tune.quick ? quick_products : products;
    const int count = o->tune.quick ? (int)(sizeof quick_products / sizeof *quick_products)
                                    : (int)(sizeof products / sizeof *products);
    const double budget = o->tune.budget > 0 ? o->tune.budget : o->tune.quick ? QUICK_BUDGET : BUDGET;
    tuning_run t = {.o = o, .ctx = ctx, .budget = budget};
    tli_tuning_table table;
    TLI_TRY(tli_self_test_switch_on(ctx));
    TLI_TRY(tli_gemm_force(ctx, TL_GEMM_OWN));
    begin_table(ctx, &table);
    const tli_tuning_trial defaults = {true, TLI_PRODUCT_KINDS, NULL};
    (void)tli_tuning_try(ctx, defaults); /* for all that is not being tried */
    if (!o->json) tli_tune_print_titles();
    tli_progress_begin(&t.progress, tli_cli_progress(o), "tuning", "shapes", (uint64_t)count,
                       tli_clock_seconds());
    cJSON *json = cJSON_CreateArray();
    tl_status status = tune_all(&t, list, count, &table, json);
    tli_progress_clear(&t.progress);
    if (status == TL_OK && !o->tune.quick) status = tli_tune_keep(o, ctx, &table);
    if (status == TL_OK && o->json) return tli_cli_print_json(json, tl_context_error(ctx));
    cJSON_Delete(json);
    return status;
}

tl_status tli_cmd_tune(tli_cli_options *o, tl_error *err)
{
    const int others = o->tune.show + (o->tune.export[0] != '\0') + (o->tune.import[0] != '\0') +
                       o->tune.quick;
    if (o->argument != NULL)
        return tli_fail(err, TL_ERROR_USAGE, "tune takes no word like '%s'; see `translution tune --help`",
                        o->argument);
    if (others > 1)
        return tli_fail(err, TL_ERROR_USAGE,
                        "tune takes one of --show, --export, --import and --quick at a time");
    tli_device_work *work = o->tune.show                ? tli_tune_show
                            : o->tune.export[0] != '\0' ? tli_tune_export
                            : o->tune.import[0] != '\0' ? tli_tune_import
                                                        : tune_run;
    tli_cli_outlive_readers();
    o->profile = work == tune_run; /* products are timed by events */
    return tli_cli_on_device(o, err, work);
}

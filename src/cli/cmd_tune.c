/* translution tune: measures which GEMM implementation is faster on this device, shape by shape. */
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/timing.h"
#include "cli/tune.h"
#include "core/clock.h"
#include "core/progress.h"
#include "ops/gemm_choice.h"

enum { ROUNDS = 5, QUICK_ROUNDS = 2 };

/* GEMM shapes of the models' steps: projections and MLP forward, backward to x and to W; attention. */
static const tli_product shapes[] = {
    {512, 512, 512, 1, false, false},  {2048, 2048, 2048, 1, false, false}, {3200, 192, 192, 1, false, true},
    {3200, 768, 192, 1, false, true},  {3200, 192, 768, 1, false, true},    {3200, 768, 3072, 1, false, true},
    {3200, 192, 192, 1, false, false}, {3200, 192, 768, 1, false, false},   {3200, 768, 768, 1, false, false},
    {192, 192, 3200, 1, true, false},  {768, 192, 3200, 1, true, false},    {768, 768, 12800, 1, true, false},
    {50, 50, 64, 192, false, true},    {50, 64, 50, 192, false, false},     {50, 64, 50, 192, true, false},
    {197, 197, 64, 192, false, true},  {197, 64, 197, 192, false, false},   {197, 64, 197, 192, true, false},
};
/* A few small shapes, to check quickly that it works. */
static const tli_product quick_shapes[] = {{64, 64, 64, 1, false, false},
                                           {96, 48, 64, 1, false, true},
                                           {48, 96, 64, 1, true, false},
                                           {50, 50, 64, 4, false, true}};

static tl_status tune_rate(tl_context *ctx, const tli_product *p, tl_gemm_mode mode, uint32_t rounds,
                           float *gflops)
{
    tli_timing timing;
    TLI_TRY(tli_gemm_force(ctx, mode));
    TLI_TRY(tli_measure_product(ctx, p, rounds, &timing));
    *gflops = (float)(tli_product_flops(p) / timing.min_ms * 1e-6);
    return tli_gemm_force(ctx, TL_GEMM_AUTO);
}

static tl_status tune_run(tli_cli_options *o, tl_context *ctx)
{
    const tli_product *list = o->tune.quick ? quick_shapes : shapes;
    const int count = o->tune.quick ? (int)(sizeof quick_shapes / sizeof *quick_shapes)
                                    : (int)(sizeof shapes / sizeof *shapes);
    tli_tuning_table table;
    cJSON *json = cJSON_CreateArray();
    tli_tuning_table_begin(ctx, &table);
    tli_tune_print_titles();
    tl_status status = TL_OK;
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "tuning", "shapes", (uint64_t)count,
                       tli_clock_seconds());
    for (int i = 0; i < count && status == TL_OK; i++) {
        const tli_product *p = &list[i];
        tli_tuned e = {.shape = {tli_gemm_kind(p->transpose_a, p->transpose_b), p->m, p->n, p->k, p->batch}};
        const uint32_t rounds = o->tune.quick ? QUICK_ROUNDS : ROUNDS;
        status = tune_rate(ctx, p, TL_GEMM_OWN, rounds, &e.own_gflops);
        if (status == TL_OK) status = tune_rate(ctx, p, TL_GEMM_CLBLAST, rounds, &e.clblast_gflops);
        tli_progress_clear(&progress);
        if (status != TL_OK) break;
        tli_tune_print(&e);
        tli_tuning_table_put(&table, &e);
        tli_progress_update(&progress, (uint64_t)i + 1, tli_clock_seconds());
        cJSON_AddItemToArray(json, tli_tune_json(&e));
    }
    tli_progress_clear(&progress);
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
    tli_cli_outlive_readers();
    return tli_cli_on_device(o, err,
                             o->tune.show                ? tli_tune_show
                             : o->tune.export[0] != '\0' ? tli_tune_export
                             : o->tune.import[0] != '\0' ? tli_tune_import
                                                         : tune_run);
}

/* translution tune: measures which GEMM implementation is faster on this device, shape by shape. */
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "cli/timing.h"
#include "core/choices.h"
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
    const tli_product *list = o->quick ? quick_shapes : shapes;
    const int count = o->quick ? (int)(sizeof quick_shapes / sizeof *quick_shapes)
                               : (int)(sizeof shapes / sizeof *shapes);
    tli_gemm_entry entries[TLI_GEMM_MAX_ENTRIES];
    cJSON *json = cJSON_CreateArray();
    printf("%-34s %12s %12s  %s\n", "GFLOP/s", tli_choice_name(&tli_gemm_choices, TL_GEMM_OWN), "CLBlast",
           "serves");
    tl_status status = TL_OK;
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "tuning", "shapes", (uint64_t)count,
                       tli_clock_seconds());
    for (int i = 0; i < count && status == TL_OK; i++) {
        const tli_product *p = &list[i];
        tli_gemm_entry *e = &entries[i];
        *e = (tli_gemm_entry){.transpose_a = p->transpose_a,
                              .transpose_b = p->transpose_b,
                              .batched = p->batch > 1,
                              .m = p->m,
                              .n = p->n,
                              .k = p->k};
        const uint32_t rounds = o->quick ? QUICK_ROUNDS : ROUNDS;
        status = tune_rate(ctx, p, TL_GEMM_OWN, rounds, &e->own_gflops);
        if (status == TL_OK) status = tune_rate(ctx, p, TL_GEMM_CLBLAST, rounds, &e->clblast_gflops);
        tli_progress_clear(&progress);
        if (status != TL_OK) break;
        char name[64];
        snprintf(name, sizeof name, "%u x %u x %u %c%c%s", p->m, p->n, p->k, p->transpose_a ? 't' : 'n',
                 p->transpose_b ? 't' : 'n', p->batch > 1 ? ", batched" : "");
        const char *serves = tli_choice_name(
            &tli_gemm_choices, e->clblast_gflops > e->own_gflops ? TL_GEMM_CLBLAST : TL_GEMM_OWN);
        printf("%-34s %12.1f %12.1f  %s\n", name, (double)e->own_gflops, (double)e->clblast_gflops, serves);
        fflush(stdout);
        tli_progress_update(&progress, (uint64_t)i + 1, tli_clock_seconds());
        cJSON *row = cJSON_CreateObject();
        tli_json_add_text(row, "shape", name);
        cJSON_AddNumberToObject(row, "own_gflops", (double)e->own_gflops);
        cJSON_AddNumberToObject(row, "clblast_gflops", (double)e->clblast_gflops);
        tli_json_add_text(row, "serves", serves);
        cJSON_AddItemToArray(json, row);
    }
    tli_progress_clear(&progress);
    if (status == TL_OK && !o->quick) status = tli_gemm_learn(ctx, entries, count);
    if (status == TL_OK && o->json) return tli_cli_print_json(json, tl_context_error(ctx));
    cJSON_Delete(json);
    if (status == TL_OK && !o->quick)
        tli_cli_say("kept for this device and driver; --gemm auto %s\n",
                    tli_context_limits(ctx)->cpu_path ? "takes the own kernels on CPUs all the same"
                                                      : "goes by it");
    return status;
}

tl_status tli_cmd_tune(tli_cli_options *o, tl_error *err)
{
    if (o->argument != NULL)
        return tli_fail(err, TL_ERROR_USAGE, "tune takes no word like '%s'; see `translution tune --help`",
                        o->argument);
    tli_cli_outlive_readers();
    return tli_cli_on_device(o, err, tune_run);
}

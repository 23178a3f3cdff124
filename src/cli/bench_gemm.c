/* translution bench gemm: plain, transposed and batched GEMM, and with --grid the grouped GEMM over token
 * offsets. */
#include <math.h>

#include "cli/bench.h"
#include "cli/bench_reference.h"
#include "cli/flags.h"
#include "core/random.h"
#include "ops/init.h"
#include "ops/offset_gemm.h"
#include "ops/precision.h"
#include "ops/self_test.h"

static uint32_t or_else(uint32_t given, uint32_t otherwise)
{
    return given > 0 ? given : otherwise;
}

static cJSON *json_of(tl_context *ctx, tli_timing timing, double gflops, const tli_reference *reference)
{
    cJSON *o = cJSON_CreateObject();
    tli_reference_json(o, reference);
    cJSON_AddNumberToObject(o, "gflops", gflops);
    cJSON_AddNumberToObject(o, "ms_median", timing.median_ms);
    cJSON_AddNumberToObject(o, "ms_min", timing.min_ms);
    cJSON_AddNumberToObject(o, "peak_device_bytes", (double)tl_memory_peak(ctx));
    tli_bench_json_device(o, ctx);
    return o;
}

/* Times the call in turns with a square product. */
static tl_status time_in_turns(const tli_cli_options *o, tl_context *ctx, tli_measured call, void *what,
                               tli_reference *reference, tli_timing *timing)
{
    const tli_product square = tli_square_product(ctx);
    tl_status status = tli_reference_begin(ctx, &square, 1, reference);
    if (status == TL_OK)
        status = tli_measure(ctx, call, what, tli_bench_rounds(o), 30.0, tli_reference_beside(reference),
                             tli_cli_progress(o), timing);
    return tli_reference_end(ctx, reference, status);
}

static tl_status run_plain(tli_cli_options *o, tl_context *ctx)
{
    const tli_product p = {.m = or_else(o->bench.m, 1024),
                           .n = or_else(o->bench.n, 1024),
                           .k = or_else(o->bench.k, 1024),
                           .batch = or_else(o->bench.batch, 1),
                           .transpose_a = o->bench.transpose >= 2,
                           .transpose_b = o->bench.transpose % 2 == 1};
    tli_product_call call;
    tli_reference reference;
    tli_timing timing = {0};
    TLI_TRY(tli_precision_choose(ctx, NULL, o->settings.training.precision));
    TLI_TRY(tli_product_call_create(ctx, &p, &call));
    const tl_status status = time_in_turns(o, ctx, tli_product_call_run, &call, &reference, &timing);
    tli_product_call_destroy(ctx, &call);
    TLI_TRY(status);
    TLI_TRY(tli_cli_print_profile(stderr, o, ctx));
    const double gflops = tli_product_flops(&p) / timing.min_ms * 1e-6;
    if (o->json) {
        cJSON *json = json_of(ctx, timing, gflops, &reference);
        cJSON_AddNumberToObject(json, "m", p.m);
        cJSON_AddNumberToObject(json, "n", p.n);
        cJSON_AddNumberToObject(json, "k", p.k);
        tli_json_add_text(json, "trans", tli_choice_name(&transpose_choices, o->bench.transpose));
        cJSON_AddNumberToObject(json, "batch", p.batch);
        return tli_cli_print_json(json, tl_context_error(ctx));
    }
    tli_bench_line("product", "%u x %u x %u, %s, %u in one call", p.m, p.n, p.k,
                   tli_choice_name(&transpose_choices, o->bench.transpose), p.batch);
    tli_bench_line_ms("time", timing);
    tli_bench_line("rate", "%.1f GFLOP/s", gflops);
    tli_reference_line(&reference);
    return TL_OK;
}

/* y_i += sum over j of x_j W[offset of i and j], rows [token][batch]: one matrix per offset, all in one
 * launch. */
typedef struct grouped {
    tli_pair_table pairs;
    tli_offset_gemm relative;
    tl_tensor *x, *w, *weights, *y, *workspace;
} grouped;

static tl_status call_grouped(tl_context *ctx, void *what)
{
    grouped *g = what;
    return tli_offset_gemm_values(ctx, &g->relative, tli_at(g->x, 0), g->w, tli_at(g->weights, 0),
                                  tli_at(g->y, 0), tli_at(g->workspace, 0));
}

static tl_status create_grouped(tl_context *ctx, grouped *g, const tli_geometry *geometry, uint32_t batch,
                                uint32_t k, uint32_t n)
{
    enum { HEAD = 64 }; /* columns per head, as in the models if the width is divisible */
    const uint32_t heads = n % HEAD == 0 ? n / HEAD : 1, tokens = tli_geometry_tokens(geometry);
    const uint64_t rows = (uint64_t)tokens * batch;
    TLI_TRY(tli_self_test_switch_on(ctx));
    TLI_TRY(tli_pair_table_create(ctx, "pairs", geometry, tokens, &g->pairs));
    g->relative = (tli_offset_gemm){
        .pairs = &g->pairs, .batch = batch, .inner = k, .heads = heads, .head_dim = n / heads};
    TLI_TRY(tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, rows * k, &g->x));
    TLI_TRY(tl_tensor_create(ctx, "y", TL_MEMORY_DATA, 1, rows * n, &g->y));
    TLI_TRY(
        tl_tensor_create(ctx, "w", TL_MEMORY_DATA, tli_geometry_offsets(geometry), (uint64_t)k * n, &g->w));
    TLI_TRY(tl_tensor_create(ctx, "pair weights", TL_MEMORY_DATA, 1, (uint64_t)heads * g->pairs.count * batch,
                             &g->weights));
    TLI_TRY(tl_tensor_create(ctx, "batch panels", TL_MEMORY_WORKSPACE, 1,
                             tli_offset_gemm_workspace(0, tokens, g->pairs.count, g->pairs.largest, batch, k,
                                                       heads, n / heads, true),
                             &g->workspace));
    TLI_TRY(tli_init_uniform(ctx, g->x, 1.0f, 0, tli_random_stream("x")));
    TLI_TRY(tli_init_uniform(ctx, g->w, 1.0f / sqrtf((float)k), 0, tli_random_stream("w")));
    return tli_init_constant(ctx, g->weights, 1.0f / (float)tokens);
}

static tl_status run_grouped(tli_cli_options *o, tl_context *ctx)
{
    const uint32_t k = or_else(o->bench.k, 192), n = or_else(o->bench.n, 192),
                   batch = or_else(o->bench.batch, 64);
    uint32_t sizes[3];
    tl_error *err = tl_context_error(ctx);
    TLI_TRY(tli_cli_sizes(o->bench.grid, "--grouped", 4096, sizes, err));
    const tli_geometry geometry = {
        .kind = TLI_GRID, .depth = sizes[0], .height = sizes[1], .width = sizes[2]};
    const uint64_t plane = (uint64_t)geometry.height * geometry.width,
                   tokens = plane > 4096 ? plane : plane * geometry.depth;
    if (tokens > 4096 || tokens * tokens * batch * (n / 64 + 1) > INT32_MAX)
        return tli_fail(err, TL_ERROR_USAGE, "--grouped %s with --batch %u has too many pairs of rows",
                        o->bench.grid, batch);
    grouped g = {.x = NULL};
    tli_timing timing = {0};
    tli_reference reference = {.calls = 0};
    TLI_TRY(tli_precision_choose(ctx, NULL, o->settings.training.precision));
    tl_status status = create_grouped(ctx, &g, &geometry, batch, k, n);
    if (status == TL_OK) status = time_in_turns(o, ctx, call_grouped, &g, &reference, &timing);
    const double flops = 2.0 * g.pairs.count * batch * k * n, gflops = flops / timing.min_ms * 1e-6;
    const uint32_t offsets = g.pairs.groups, pairs = g.pairs.count;
    tli_pair_table_destroy(ctx, &g.pairs);
    tl_tensor *const tensors[] = {g.x, g.w, g.weights, g.y, g.workspace};
    for (int i = 0; i < 5; i++) tl_tensor_destroy(ctx, tensors[i]);
    TLI_TRY(status);
    TLI_TRY(tli_cli_print_profile(stderr, o, ctx));
    if (o->json) {
        cJSON *json = json_of(ctx, timing, gflops, &reference);
        tli_json_add_text(json, "grouped", o->bench.grid);
        cJSON_AddNumberToObject(json, "offsets", offsets);
        cJSON_AddNumberToObject(json, "rows", (double)pairs * batch);
        cJSON_AddNumberToObject(json, "n", n);
        cJSON_AddNumberToObject(json, "k", k);
        cJSON_AddNumberToObject(json, "batch", batch);
        return tli_cli_print_json(json, err);
    }
    tli_bench_line("product", "%u offsets of %s, %.0f rows in all, each %u x %u", offsets, o->bench.grid,
                   (double)pairs * batch, k, n);
    tli_bench_line_ms("time", timing);
    tli_bench_line("rate", "%.1f GFLOP/s", gflops);
    tli_reference_line(&reference);
    return TL_OK;
}

tl_status tli_cmd_bench_gemm(tli_cli_options *o, tl_error *err)
{
    uint32_t sizes[3];
    TLI_TRY(tli_bench_no_word(o, "gemm", err));
    if (o->bench.grid[0] != '\0') TLI_TRY(tli_cli_sizes(o->bench.grid, "--grouped", 4096, sizes, err));
    return tli_cli_on_device(o, err, o->bench.grid[0] != '\0' ? run_grouped : run_plain);
}

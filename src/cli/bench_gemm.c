/* translution bench gemm: plain, transposed and batched products, and the grouped one of a grid of tokens. */
#include <math.h>

#include "cli/bench.h"
#include "cli/flags.h"
#include "core/random.h"
#include "ops/init.h"
#include "ops/relative.h"

static uint32_t or_else(uint32_t given, uint32_t otherwise)
{
    return given > 0 ? given : otherwise;
}

static cJSON *json_of(tl_context *ctx, tl_timing timing, double gflops)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "gflops", gflops);
    cJSON_AddNumberToObject(o, "ms_median", timing.median_ms);
    cJSON_AddNumberToObject(o, "ms_min", timing.min_ms);
    cJSON_AddNumberToObject(o, "peak_device_bytes", (double)tl_memory_peak(ctx));
    tl_json_add_text(o, "device", tl_context_device(ctx)->name);
    return o;
}

static tl_status run_plain(tl_cli_options *o, tl_context *ctx)
{
    const tl_product p = {.m = or_else(o->bench.m, 1024),
                          .n = or_else(o->bench.n, 1024),
                          .k = or_else(o->bench.k, 1024),
                          .batch = or_else(o->bench.batch, 1),
                          .transpose_a = o->bench.transpose >= 2,
                          .transpose_b = o->bench.transpose % 2 == 1};
    tl_timing timing;
    TL_TRY(tl_measure_product(ctx, &p, tl_bench_rounds(o), &timing));
    TL_TRY(tl_cli_print_profile(stderr, o, ctx));
    const double gflops = tl_product_flops(&p) / timing.min_ms * 1e-6;
    if (o->json) {
        cJSON *json = json_of(ctx, timing, gflops);
        cJSON_AddNumberToObject(json, "m", p.m);
        cJSON_AddNumberToObject(json, "n", p.n);
        cJSON_AddNumberToObject(json, "k", p.k);
        tl_json_add_text(json, "trans", choice_name(&transpose_choices, o->bench.transpose));
        cJSON_AddNumberToObject(json, "batch", p.batch);
        return tl_cli_print_json(json, tl_context_error(ctx));
    }
    tl_bench_line("product", "%u x %u x %u, %s, %u in one call", p.m, p.n, p.k,
                  choice_name(&transpose_choices, o->bench.transpose), p.batch);
    tl_bench_line_ms("time", timing);
    tl_bench_line("rate", "%.1f GFLOP/s", gflops);
    return TL_OK;
}

/* y_i += sum over j of x_j W[offset of i and j], rows [token][batch]: a product of its own matrix for every
 * offset, all in one launch. */
typedef struct grouped {
    tl_pairs pairs;
    tl_relative relative;
    tl_tensor *x, *w, *weights, *y;
} grouped;

static tl_status call_grouped(tl_context *ctx, void *what)
{
    grouped *g = what;
    return tl_relative_aggregate(ctx, &g->relative, tl_at(g->x, 0), g->w, tl_at(g->weights, 0),
                                 tl_at(g->y, 0));
}

static tl_status create_grouped(tl_context *ctx, grouped *g, const tl_geometry *geometry, uint32_t batch,
                                uint32_t k, uint32_t n)
{
    enum { HEAD = 64 }; /* columns that share a pair's weight, as in the models where that divides */
    const uint32_t heads = n % HEAD == 0 ? n / HEAD : 1, tokens = tl_geometry_tokens(geometry);
    const uint64_t rows = (uint64_t)tokens * batch;
    TL_TRY(tl_pairs_create(ctx, "pairs", geometry, tokens, &g->pairs));
    g->relative = (tl_relative){
        .pairs = &g->pairs, .batch = batch, .inner = k, .heads = heads, .head_dim = n / heads};
    TL_TRY(tl_tensor_create(ctx, "x", TL_MEMORY_DATA, 1, rows * k, &g->x));
    TL_TRY(tl_tensor_create(ctx, "y", TL_MEMORY_DATA, 1, rows * n, &g->y));
    TL_TRY(tl_tensor_create(ctx, "w", TL_MEMORY_DATA, tl_geometry_offsets(geometry), (uint64_t)k * n, &g->w));
    TL_TRY(tl_tensor_create(ctx, "pair weights", TL_MEMORY_DATA, 1, (uint64_t)heads * g->pairs.count * batch,
                            &g->weights));
    TL_TRY(tl_init_uniform(ctx, g->x, 1.0f, 0, tl_random_stream("x")));
    TL_TRY(tl_init_uniform(ctx, g->w, 1.0f / sqrtf((float)k), 0, tl_random_stream("w")));
    return tl_init_constant(ctx, g->weights, 1.0f / (float)tokens);
}

static tl_status run_grouped(tl_cli_options *o, tl_context *ctx)
{
    const uint32_t k = or_else(o->bench.k, 192), n = or_else(o->bench.n, 192),
                   batch = or_else(o->bench.batch, 64);
    uint32_t sizes[3];
    tl_error *err = tl_context_error(ctx);
    TL_TRY(tl_cli_sizes(o->bench.grid, "--grouped", 4096, sizes, err));
    const tl_geometry geometry = {.kind = TL_GRID, .depth = sizes[0], .height = sizes[1], .width = sizes[2]};
    const uint64_t plane = (uint64_t)geometry.height * geometry.width,
                   tokens = plane > 4096 ? plane : plane * geometry.depth;
    if (tokens > 4096 || tokens * tokens * batch * (n / 64 + 1) > INT32_MAX)
        return tl_fail(err, TL_ERROR_USAGE, "--grouped %s with --batch %u has too many pairs of rows",
                       o->bench.grid, batch);
    grouped g = {.x = NULL};
    tl_timing timing = {0, 0, 0};
    tl_status status = create_grouped(ctx, &g, &geometry, batch, k, n);
    if (status == TL_OK) status = tl_measure(ctx, call_grouped, &g, tl_bench_rounds(o), 30.0, &timing);
    const double flops = 2.0 * g.pairs.count * batch * k * n, gflops = flops / timing.min_ms * 1e-6;
    const uint32_t offsets = g.pairs.groups, pairs = g.pairs.count;
    tl_pairs_destroy(ctx, &g.pairs);
    tl_tensor *const tensors[] = {g.x, g.w, g.weights, g.y};
    for (int i = 0; i < 4; i++) tl_tensor_destroy(ctx, tensors[i]);
    TL_TRY(status);
    TL_TRY(tl_cli_print_profile(stderr, o, ctx));
    if (o->json) {
        cJSON *json = json_of(ctx, timing, gflops);
        tl_json_add_text(json, "grouped", o->bench.grid);
        cJSON_AddNumberToObject(json, "offsets", offsets);
        cJSON_AddNumberToObject(json, "rows", (double)pairs * batch);
        cJSON_AddNumberToObject(json, "n", n);
        cJSON_AddNumberToObject(json, "k", k);
        cJSON_AddNumberToObject(json, "batch", batch);
        return tl_cli_print_json(json, err);
    }
    tl_bench_line("product", "%u offsets of %s, %.0f rows in all, each %u x %u", offsets, o->bench.grid,
                  (double)pairs * batch, k, n);
    tl_bench_line_ms("time", timing);
    tl_bench_line("rate", "%.1f GFLOP/s", gflops);
    return TL_OK;
}

tl_status tl_cmd_bench_gemm(tl_cli_options *o, tl_error *err)
{
    uint32_t sizes[3];
    TL_TRY(tl_bench_no_word(o, "gemm", err));
    if (o->bench.grid[0] != '\0') TL_TRY(tl_cli_sizes(o->bench.grid, "--grouped", 4096, sizes, err));
    return tl_bench_on_device(o, err, o->bench.grid[0] != '\0' ? run_grouped : run_plain);
}

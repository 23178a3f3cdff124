/* translution bench op: one attention operation, forward and backward, compared with plain GEMMs on as
 * many rows. */
#include "cli/bench.h"
#include "cli/bench_reference.h"
#include "core/number.h"
#include "core/random.h"
#include "models/cost.h"
#include "models/layer.h"
#include "models/model.h"
#include "ops/init.h"
#include "ops/op_rules.h"
#include "ops/precision.h"

typedef struct bench_op {
    tli_op_shape shape;
    tl_layer *layer;
    tl_tensor *x, *o, *d_o, *dx;
} bench_op;

static tl_status create_data(tl_context *ctx, tl_tensor **out, const char *name, uint64_t count,
                             uint64_t seed)
{
    TLI_TRY(tl_tensor_create(ctx, name, TL_MEMORY_DATA, 1, count, out));
    return tli_init_uniform(ctx, *out, 1.0f, seed, tli_random_stream(name));
}

static tl_status bench_op_create(tl_context *ctx, bench_op *b, uint64_t seed)
{
    const tli_op_shape *s = &b->shape;
    const uint64_t rows = (uint64_t)tli_geometry_tokens(&s->geometry) * s->batch,
                   width = (uint64_t)s->heads * s->head_dim;
    TLI_TRY(create_data(ctx, &b->x, "x", rows * s->dim, seed));
    TLI_TRY(create_data(ctx, &b->d_o, "do", rows * width, seed));
    TLI_TRY(tl_tensor_create(ctx, "o", TL_MEMORY_DATA, 1, rows * width, &b->o));
    TLI_TRY(tl_tensor_create(ctx, "dx", TL_MEMORY_DATA, 1, rows * s->dim, &b->dx));
    return tli_layer_create(ctx, s, (tli_layer_use){.training = true}, seed, &b->layer);
}

static void bench_op_destroy(tl_context *ctx, bench_op *b)
{
    tl_tensor *const tensors[] = {b->x, b->o, b->d_o, b->dx};
    for (int i = 0; i < 4; i++) tl_tensor_destroy(ctx, tensors[i]);
    tli_layer_destroy(ctx, b->layer);
}

static tl_status forward(tl_context *ctx, void *what)
{
    bench_op *b = what;
    return tli_layer_forward(ctx, b->layer, b->x, b->o);
}

static tl_status backward(tl_context *ctx, void *what)
{
    bench_op *b = what;
    return tli_layer_backward(ctx, b->layer, b->x, b->d_o, b->dx);
}

/* ---- shape --------------------------------------------------------------------------------------- */

/* Floats of everything that bench_op_create allocates. */
static double bench_op_floats(bench_op *b)
{
    const tli_op_shape *s = &b->shape;
    const double rows = (double)tli_geometry_tokens(&s->geometry) * s->batch,
                 width = (double)s->heads * s->head_dim;
    double sum = 2 * rows * (s->dim + width) + (double)tli_op_workspace_count(s) +
                 (double)tli_op_activation_count(s);
    tli_op_parameter list[OP_MAX_PARAMETERS];
    const int count = tli_op_parameters(s, list);
    for (int i = 0; i < count; i++) {
        double values = 1;
        for (uint32_t d = 0; d < list[i].rank; d++) values *= (double)list[i].shape[d];
        sum += 2 * values; /* values and gradients */
    }
    return sum;
}

static bool bench_op_fits(const tli_limits *limits, bench_op *b)
{
    return 4 * bench_op_floats(b) <= (double)limits->memory_limit &&
           4 * tli_op_saved_pairs_count(&b->shape) <= limits->max_alloc_bytes;
}

/* --recompute auto saves q_ij and k_ij if they fit, as in training, and chunks are the device's if these do. */
static void choose_keep(const tl_context *ctx, bench_op *b, tl_recompute recompute)
{
    const tli_limits *limits = tli_context_limits(ctx);
    b->shape.save_pairs = tli_op_saves_pairs(&b->shape) && recompute != TL_RECOMPUTE_ALWAYS;
    b->shape.chunk_bytes = limits->chunk_bytes;
    if (bench_op_fits(limits, b)) return;
    b->shape.chunk_bytes = 0;
    if (bench_op_fits(limits, b) || recompute == TL_RECOMPUTE_NEVER || !b->shape.save_pairs) return;
    b->shape.save_pairs = false;
    b->shape.chunk_bytes = limits->chunk_bytes;
    if (!bench_op_fits(limits, b)) b->shape.chunk_bytes = 0;
}

static tl_status make_shape(const tli_cli_options *o, tli_op_shape *s, tl_error *err)
{
    uint32_t sizes[3];
    const char *grid = o->bench.grid[0] != '\0' ? o->bench.grid : "7x7";
    TLI_TRY(tli_cli_sizes(grid, "--grid", 4096, sizes, err));
    const uint32_t depth = sizes[0], height = sizes[1], width = sizes[2];
    if (o->bench.causal && depth * height != 1)
        return tli_fail(err, TL_ERROR_USAGE, "--causal takes a sequence such as --grid 1x160, not %s", grid);
    if ((uint64_t)height * width > 16384 / depth)
        return tli_fail(err, TL_ERROR_USAGE, "--grid %s has more than 16384 tokens", grid);
    /* Validated as a model of one block with one pixel per token. */
    tl_model_config model = o->settings.model;
    const uint32_t batch = tli_cli_given(o, "batch-size") ? o->settings.training.batch_size : 64;
    model.depth = model.patch_depth = model.patch_height = model.patch_width = 1;
    model.image_depth = depth;
    model.image_height = height;
    model.image_width = width;
    if (o->bench.causal) model.pool = TL_POOL_MEAN;
    TLI_TRY(tli_model_check(&model, err));
    TLI_TRY(tli_model_batch_check(&model, batch, err));
    *s = tli_model_block_shape(&model, batch, false, 0).op;
    s->queries = tli_geometry_tokens(&s->geometry);
    if (o->bench.causal) {
        s->geometry.kind = TLI_CAUSAL;
        s->geometry.max_length = width;
    }
    return tli_op_check(s, err);
}

/* ---- report -------------------------------------------------------------------------------------- */

typedef struct figures {
    tli_timing forward, backward;
    tli_flops flops;
    tli_reference reference; /* a product of as many rows */
    uint64_t peak;
} figures;

static tl_status bench_op_report(const tli_cli_options *o, tl_context *ctx, const tli_op_shape *s,
                                 const figures *f)
{
    const double ms = f->forward.min_ms + f->backward.min_ms, flops = f->flops.forward + f->flops.backward;
    const double fraction = tli_limit_fraction(flops, f->reference.best, ms);
    const double rates[2] = {f->flops.forward / f->forward.min_ms * 1e-6,
                             f->flops.backward / f->backward.min_ms * 1e-6};
    const uint32_t tokens = tli_geometry_tokens(&s->geometry);
    if (o->json) {
        cJSON *json = cJSON_CreateObject();
        tli_json_add_text(json, "op", tl_op_name(s->kind));
        cJSON_AddNumberToObject(json, "tokens", tokens);
        cJSON_AddNumberToObject(json, "batch_size", s->batch);
        cJSON_AddNumberToObject(json, "gflops", flops / ms * 1e-6);
        cJSON_AddNumberToObject(json, "ms_median", f->forward.median_ms + f->backward.median_ms);
        cJSON_AddNumberToObject(json, "ms_min", ms);
        cJSON_AddNumberToObject(json, "cpu_ms", f->forward.cpu_ms + f->backward.cpu_ms);
        cJSON_AddNumberToObject(json, "forward_ms_median", f->forward.median_ms);
        cJSON_AddNumberToObject(json, "forward_ms_min", f->forward.min_ms);
        cJSON_AddNumberToObject(json, "forward_gflops", rates[0]);
        cJSON_AddNumberToObject(json, "backward_ms_median", f->backward.median_ms);
        cJSON_AddNumberToObject(json, "backward_ms_min", f->backward.min_ms);
        cJSON_AddNumberToObject(json, "backward_gflops", rates[1]);
        cJSON_AddNumberToObject(json, "gemm_gflops", f->reference.best);
        cJSON_AddNumberToObject(
            json, "limit_fraction_median",
            tli_reference_fraction(&f->reference, flops, f->forward.relative + f->backward.relative));
        tli_reference_json(json, &f->reference);
        cJSON_AddNumberToObject(json, "limit_fraction", fraction);
        cJSON_AddNumberToObject(json, "peak_device_bytes", (double)f->peak);
        if (tli_op_saves_pairs(s)) cJSON_AddBoolToObject(json, "recompute", !s->save_pairs);
        tli_bench_json_device(json, ctx);
        return tli_cli_print_json(json, tl_context_error(ctx));
    }
    tli_bench_line("operation", "%s, %u tokens, batch %u, dim %u, heads %u x %u%s", tl_op_name(s->kind),
                   tokens, s->batch, s->dim, s->heads, s->head_dim,
                   !tli_op_saves_pairs(s) ? ""
                   : s->save_pairs        ? ", q and k kept"
                                          : ", q and k computed again");
    tli_bench_line_ms("forward", f->forward);
    tli_bench_line("", "%.1f GFLOP/s", rates[0]);
    tli_bench_line_ms("backward", f->backward);
    tli_bench_line("", "%.1f GFLOP/s", rates[1]);
    tli_bench_line("both", "%.1f GFLOP/s, %.2f of %.1f GFLOP/s of products of as many rows",
                   flops / ms * 1e-6, fraction, f->reference.best);
    tli_reference_line(&f->reference);
    tli_bench_line("device memory", "%s", TLI_SIZE(f->peak));
    return TL_OK;
}

static tl_status bench_op_run(tli_cli_options *o, tl_context *ctx)
{
    bench_op b = {.layer = NULL};
    figures f = {.peak = 0};
    TLI_TRY(make_shape(o, &b.shape, tl_context_error(ctx)));
    TLI_TRY(tli_precision_choose(ctx, NULL, o->settings.training.precision));
    choose_keep(ctx, &b, o->settings.run.recompute);
    tl_status status = bench_op_create(ctx, &b, o->settings.training.seed);
    const tli_product rows = tli_rows_product(
        (uint64_t)tli_geometry_tokens(&b.shape.geometry) * b.shape.batch, b.shape.dim);
    if (status == TL_OK) status = tli_reference_begin(ctx, &rows, 1, &f.reference);
    const tli_beside beside = tli_reference_beside(&f.reference);
    if (status == TL_OK)
        status = tli_measure(ctx, forward, &b, tli_bench_rounds(o), 30.0, beside, tli_cli_progress(o),
                             &f.forward);
    if (status == TL_OK)
        status = tli_measure(ctx, backward, &b, tli_bench_rounds(o), 30.0, beside, tli_cli_progress(o),
                             &f.backward);
    bench_op_destroy(ctx, &b);
    TLI_TRY(tli_reference_end(ctx, &f.reference, status));
    TLI_TRY(tli_cli_print_profile(stderr, o, ctx));
    f.peak = tl_memory_peak(ctx);
    f.flops = tli_op_flops(&b.shape);
    return bench_op_report(o, ctx, &b.shape, &f);
}

tl_status tli_cmd_bench_op(tli_cli_options *o, tl_error *err)
{
    tli_op_shape shape;
    TLI_TRY(tli_bench_no_word(o, "op", err));
    TLI_TRY(make_shape(o, &shape, err)); /* before opening a device */
    return tli_cli_on_device(o, err, bench_op_run);
}

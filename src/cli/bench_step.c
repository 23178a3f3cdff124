/* translution bench step: whole training steps on random data: forward, loss, backward and optimizer,
 * timed until the device has finished. */
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* ru_maxrss */
#endif
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "cli/bench.h"
#include "cli/bench_reference.h"
#include "core/clock.h"
#include "core/number.h"
#include "core/progress.h"
#include "core/random.h"
#include "models/cost.h"
#include "models/model.h"
#include "ops/precision.h"
#include "tasks/task.h"
#include "train/step.h"

enum { WARM_UP = 2 };

typedef struct figures {
    tli_timing step;
    double set_batch_ms;       /* host time of tli_model_set_batch, alternating full and smaller batches */
    double start_ms, first_ms; /* from program start to the end of set-up and of the first step */
    double flops, rate;        /* rate: predictions per second */
    tli_reference reference;   /* a square product or one of the model's rows */
    uint64_t params, peak_device, peak_process;
} figures;

/* Peak resident memory of this process in bytes. On a CPU device it includes the buffers. */
static uint64_t peak_process_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
    return (uint64_t)usage.ru_maxrss;
#else
    return (uint64_t)usage.ru_maxrss * 1024;
#endif
}

/* Random pixels and classes, or ids. */
static void bench_step_draw(const tl_settings *s, uint64_t values, float *images, uint64_t ids,
                            uint32_t below, int32_t *tokens, uint64_t predictions, int32_t *targets)
{
    tli_random random = tli_random_make(s->training.seed, tli_random_stream("bench/images"));
    for (uint64_t i = 0; i < values; i++) images[i] = tli_random_uniform(&random);
    for (uint64_t i = 0; i < ids; i++) tokens[i] = (int32_t)tli_random_below(&random, below);
    for (uint64_t i = 0; i < predictions; i++) targets[i] = (int32_t)tli_random_below(&random, below);
}

/* Alternates full batches and ones of one sample less, ending with a full one. */
static tl_status time_set_batch(tl_context *ctx, tl_model *model, tl_batch inputs, double *ms)
{
    enum { TIMES = 15 };
    double times[TIMES];
    const uint32_t full = inputs.count;
    for (int i = 0; i < TIMES; i++) {
        inputs.count = i % 2 == 1 && full > 1 ? full - 1 : full;
        TLI_TRY(tl_finish(ctx)); /* so that only host time is measured */
        const double begun = tli_clock_seconds();
        TLI_TRY(tli_model_set_batch(ctx, model, &inputs));
        times[i] = (tli_clock_seconds() - begun) * 1e3;
    }
    *ms = tli_timing_of(times, TIMES).median_ms;
    return TL_OK;
}

static tl_status set_random_batch(tl_context *ctx, tl_model *model, const tl_settings *s, double *ms)
{
    const tl_model_config *c = &s->model;
    const bool text = c->arch == TL_ARCH_GPT;
    const uint64_t values = text ? 0 : s->training.batch_size * tli_model_image_values(c);
    const uint64_t predictions = tli_model_predictions(model), ids = text ? predictions : 0;
    float *images = malloc((values + 1) * sizeof *images);
    int32_t *tokens = malloc((ids + 1) * sizeof *tokens), *targets = malloc(predictions * sizeof *targets);
    tl_status status = TL_OK;
    if (images == NULL || tokens == NULL || targets == NULL) {
        status = tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                          "out of host memory for a batch of %u samples", s->training.batch_size);
    } else {
        bench_step_draw(s, values, images, ids, text ? c->vocab_size : c->classes, tokens, predictions,
                        targets);
        status = time_set_batch(ctx, model,
                                (tl_batch){.count = s->training.batch_size,
                                           .images = images,
                                           .tokens = tokens,
                                           .length = c->seq_len,
                                           .targets = targets},
                                ms);
    }
    free(images);
    free(tokens);
    free(targets);
    return status;
}

/* The product with which steps take turns, once memory is at its peak. */
static tl_status begin_turns(tl_context *ctx, const tl_settings *s, figures *f)
{
    const tli_product products[] = {
        tli_square_product(ctx),
        tli_rows_product((uint64_t)tli_model_tokens(&s->model) * s->training.batch_size, s->model.dim)};
    f->peak_device = tl_memory_peak(ctx);
    f->peak_process = peak_process_bytes();
    return tli_reference_begin(ctx, products, 2, &f->reference);
}

static tl_status run_steps(const tli_cli_options *o, tl_context *ctx, tl_model *model, double *ms,
                           double *relative, uint32_t rounds, figures *f)
{
    const tl_settings *s = &o->settings;
    TLI_TRY(tli_registry_init(ctx, tli_model_registry(model), s->training.seed));
    TLI_TRY(set_random_batch(ctx, model, s, &f->set_batch_ms));
    const tli_beside beside = tli_reference_beside(&f->reference);
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "timing", "steps", WARM_UP + rounds,
                       tli_clock_seconds());
    for (uint32_t i = 0; i < WARM_UP + rounds; i++) {
        const optimizer_settings optimizer = tli_step_optimizer(s, s->training.lr, i + 1);
        if (i == WARM_UP) TLI_TRY(begin_turns(ctx, s, f));
        if (i == 0) TLI_TRY(tl_finish(ctx)); /* parameter initialisation has finished */
        const double begun = tli_clock_seconds();
        if (i == 0) f->start_ms = (begun - o->started) * 1e3;
        TLI_TRY(tli_step_gradients(ctx, model, 0));
        TLI_TRY(tli_registry_update(ctx, tli_model_registry(model), &optimizer));
        TLI_TRY(tl_finish(ctx));
        const double ended = tli_clock_seconds();
        if (i == 0) f->first_ms = (ended - o->started) * 1e3;
        if (i >= WARM_UP) {
            double product_ms;
            TLI_TRY(beside.turn(ctx, beside.what, &product_ms));
            ms[i - WARM_UP] = (ended - begun) * 1e3;
            relative[i - WARM_UP] = ms[i - WARM_UP] / product_ms;
        }
        tli_progress_update(&progress, i + 1, ended);
    }
    tli_progress_clear(&progress);
    float loss;
    TLI_TRY(tli_model_read_losses(ctx, model, 0, 1, &loss));
    if (!isfinite(loss))
        return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                        "the loss is not a number after %u steps: these times are of no use",
                        WARM_UP + rounds);
    f->params = tli_registry_count(tli_model_registry(model));
    f->step = tli_timing_of(ms, rounds);
    f->step.relative = tli_timing_of(relative, rounds).median_ms;
    f->rate = tli_model_predictions(model) / f->step.median_ms * 1e3;
    return TL_OK;
}

static tl_status bench_step_measure(tli_cli_options *o, tl_context *ctx, figures *f)
{
    const uint32_t rounds = tli_bench_rounds(o);
    tl_settings *s = &o->settings;
    tl_model *model = NULL;
    s->training.grad_clip = 0.0f; /* timed steps do not clip */
    TLI_TRY(tli_step_choose_batch(ctx, s, 1));
    TLI_TRY(tli_precision_choose(ctx, NULL, s->training.precision));
    double *ms = malloc(2 * (size_t)rounds * sizeof *ms);
    if (ms == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for %u times", rounds);
    tl_status status = tli_model_create(
        ctx, &s->model, &(tl_model_options){.batch = s->training.batch_size, .training = true},
        tli_optimizer_rule_of(s->training.optimizer), &model);
    if (status == TL_OK) status = run_steps(o, ctx, model, ms, ms + rounds, rounds, f);
    status = tli_reference_end(ctx, &f->reference, status);
    tli_model_destroy(ctx, model);
    free(ms);
    TLI_TRY(status);
    TLI_TRY(tli_cli_print_profile(stderr, o, ctx));
    const tli_flops flops = tli_model_flops(&s->model, s->training.batch_size);
    f->flops = flops.forward + flops.backward;
    return TL_OK;
}

static tl_status report_json(const tli_cli_options *o, tl_context *ctx, const figures *f, double fraction)
{
    const tl_settings *s = &o->settings;
    cJSON *json = cJSON_CreateObject();
    tli_json_add_text(json, "task", s->task);
    tli_json_add_text(json, "op", tl_op_name(s->model.op));
    cJSON_AddNumberToObject(json, "params", (double)f->params);
    cJSON_AddNumberToObject(json, "tokens", tli_model_tokens(&s->model));
    cJSON_AddNumberToObject(json, "batch_size", s->training.batch_size);
    cJSON_AddNumberToObject(json, "gflops", f->flops / f->step.min_ms * 1e-6);
    cJSON_AddNumberToObject(json, "ms_median", f->step.median_ms);
    cJSON_AddNumberToObject(json, "ms_min", f->step.min_ms);
    char rate_key[32];
    snprintf(rate_key, sizeof rate_key, "%s_per_second", tli_task_find(s->task)->unit);
    cJSON_AddNumberToObject(json, rate_key, f->rate);
    cJSON_AddNumberToObject(json, "peak_device_bytes", (double)f->peak_device);
    cJSON_AddNumberToObject(json, "peak_process_bytes", (double)f->peak_process);
    cJSON_AddNumberToObject(json, "start_ms", f->start_ms);
    cJSON_AddNumberToObject(json, "first_step_ms", f->first_ms);
    cJSON_AddNumberToObject(json, "set_batch_ms", f->set_batch_ms);
    cJSON_AddNumberToObject(json, "dense_flops", f->flops);
    cJSON_AddNumberToObject(json, "gemm_gflops", f->reference.best);
    cJSON_AddNumberToObject(json, "limit_fraction", fraction);
    cJSON_AddNumberToObject(json, "limit_fraction_median",
                            tli_reference_fraction(&f->reference, f->flops, f->step.relative));
    tli_reference_json(json, &f->reference);
    cJSON_AddBoolToObject(json, "recompute", s->model.recompute);
    tli_bench_json_device(json, ctx);
    return tli_cli_print_json(json, tl_context_error(ctx));
}

static tl_status bench_step_run(tli_cli_options *o, tl_context *ctx)
{
    figures f = {.params = 0};
    TLI_TRY(bench_step_measure(o, ctx, &f));
    const tl_settings *s = &o->settings;
    const double fraction = tli_limit_fraction(f.flops, f.reference.best, f.step.min_ms);
    if (o->json) return report_json(o, ctx, &f, fraction);
    tli_bench_line("model", "%s, %s, %llu parameters, %u tokens, batch %u%s", s->task,
                   tl_op_name(s->model.op), (unsigned long long)f.params, tli_model_tokens(&s->model),
                   s->training.batch_size, s->model.recompute ? ", with recomputation" : "");
    tli_bench_line_ms("step", f.step);
    tli_bench_line("first step", "begun %.0f ms, ended %.0f ms after the program's start", f.start_ms,
                   f.first_ms);
    tli_bench_line("set batch", "%.3f ms of the host", f.set_batch_ms);
    tli_bench_line("throughput", "%.1f %s/s", f.rate, tli_task_find(s->task)->unit);
    tli_bench_line("rate", "%.1f GFLOP/s, %.2f of %.1f GFLOP/s of plain products",
                   f.flops / f.step.min_ms * 1e-6, fraction, f.reference.best);
    tli_reference_line(&f.reference);
    tli_bench_line("memory", "%s on the device, %s of the process", TLI_SIZE(f.peak_device),
                   TLI_SIZE(f.peak_process));
    return TL_OK;
}

tl_status tli_cmd_bench_step(tli_cli_options *o, tl_error *err)
{
    TLI_TRY(tli_bench_no_word(o, "step", err));
    TLI_TRY(tli_model_check(&o->settings.model, err));
    if (o->bench.model_device[0] != '\0') return tli_bench_step_model(o, err);
    return tli_cli_on_device(o, err, bench_step_run);
}

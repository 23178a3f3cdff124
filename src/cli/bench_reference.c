#include "cli/bench_reference.h"

#include <math.h>

#include "cli/bench.h"

enum { TURNS = 5 }; /* before and after */
#define TURN_MS   30.0
#define TOLERANCE 0.15 /* of a steady rate */

static double turn_gflops(const tli_reference *r, double ms)
{
    return tli_product_flops(&r->product) / ms * 1e-6;
}

/* Ends work that did not count, but keeps its message. */
static tl_status step_back(tl_context *ctx, const tli_context_aside *aside, tl_status status)
{
    const tl_error told = *tl_context_error(ctx);
    tli_context_step_back(ctx, aside);
    if (status != TL_OK) *tl_context_error(ctx) = told;
    return status;
}

/* One turn; *ms: of a call. */
static tl_status take_turn(tl_context *ctx, void *what, double *ms)
{
    tli_reference *r = what;
    const tli_context_aside aside = tli_context_step_aside(ctx);
    TLI_TRY(step_back(ctx, &aside, tli_time_calls(ctx, tli_product_call_run, &r->call, r->calls, ms)));
    if (turn_gflops(r, *ms) > r->best) r->best = turn_gflops(r, *ms);
    return TL_OK;
}

/* Median of several turns in GFLOP/s. */
static tl_status take_turns(tl_context *ctx, tli_reference *r, double *gflops)
{
    double ms[TURNS];
    for (int i = 0; i < TURNS; i++) TLI_TRY(take_turn(ctx, r, &ms[i]));
    *gflops = turn_gflops(r, tli_timing_of(ms, TURNS).median_ms);
    return TL_OK;
}

/* Matrices, kernels that are built, and the number of calls that fill a turn. */
static tl_status prepare(tl_context *ctx, const tli_product *product, tli_reference *r)
{
    double once = 0;
    *r = (tli_reference){.product = *product};
    TLI_TRY(tli_product_call_create(ctx, product, &r->call));
    for (int i = 0; i < 2; i++) TLI_TRY(tli_time_calls(ctx, tli_product_call_run, &r->call, 1, &once));
    r->calls = tli_calls_of(TURN_MS, once);
    return TL_OK;
}

/* Of a failure the caller frees what there is. */
static tl_status choose(tl_context *ctx, const tli_product *products, int count, tli_reference *r)
{
    for (int i = 0; i < count; i++) {
        tli_reference one;
        tl_status status = prepare(ctx, &products[i], &one);
        if (status == TL_OK) status = take_turns(ctx, &one, &one.before);
        const bool faster = status == TL_OK && one.before > r->before;
        tli_product_call_destroy(ctx, faster ? &r->call : &one.call);
        if (faster) *r = one;
        TLI_TRY(status);
    }
    return TL_OK;
}

tl_status tli_reference_begin(tl_context *ctx, const tli_product *products, int count, tli_reference *r)
{
    const tli_context_aside aside = tli_context_step_aside(ctx);
    *r = (tli_reference){.calls = 0};
    return step_back(ctx, &aside, choose(ctx, products, count, r));
}

tli_beside tli_reference_beside(tli_reference *r)
{
    return (tli_beside){take_turn, r};
}

tl_status tli_reference_end(tl_context *ctx, tli_reference *r, tl_status status)
{
    if (status == TL_OK) status = take_turns(ctx, r, &r->after);
    tli_product_call_destroy(ctx, &r->call);
    if (status == TL_OK && !tli_reference_is_steady(r->before, r->after))
        tli_log_write(
            tli_context_log(ctx), TL_LOG_NOTICE,
            "plain products reached %.1f GFLOP/s before the rounds and %.1f after: the machine is busy with "
            "other work, so measure again, or believe ratios to such a product alone",
            r->before, r->after);
    return status;
}

/* ---- what it says -------------------------------------------------------------------------------- */

bool tli_reference_is_steady(double before, double after)
{
    return before <= after * (1 + TOLERANCE) && after <= before * (1 + TOLERANCE);
}

double tli_reference_fraction(const tli_reference *r, double flops, double relative)
{
    return fmin(1, flops / (relative * tli_product_flops(&r->product)));
}

void tli_reference_line(const tli_reference *r)
{
    tli_bench_line("plain products", "%.1f GFLOP/s before the rounds, %.1f after%s", r->before, r->after,
                   tli_reference_is_steady(r->before, r->after) ? "" : ": a busy machine");
}

void tli_reference_json(cJSON *object, const tli_reference *r)
{
    cJSON_AddNumberToObject(object, "gemm_gflops_before", r->before);
    cJSON_AddNumberToObject(object, "gemm_gflops_after", r->after);
    cJSON_AddBoolToObject(object, "steady", tli_reference_is_steady(r->before, r->after));
}

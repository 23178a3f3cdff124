/* translution train TASK: validates all that needs no device, then trains, or prints the memory plan. */
#include "cli/cli.h"
#include "cli/ranks.h"
#include "core/number.h"

/* Memory of one training step on a device with these limits; opens none itself. */
static tl_status make_plan(tl_settings *s, const tli_cli_limits *limits, tl_memory_plan *plan, tl_error *err)
{
    return tl_train_plan(s, limits->known ? limits->total_bytes : 0,
                         limits->known ? limits->max_alloc_bytes : 0, plan, err);
}

/* What one of --ranks would take and send. A plan that does not fit is printed, too, and then refused. */
static tl_status plan_ranks(tli_cli_options *o, const tli_cli_limits *limits, tl_error *err)
{
    tl_rank_plan plan;
    o->cluster.size = sizeof o->cluster;
    o->cluster.memory_limit = limits->known ? limits->total_bytes : 0;
    o->cluster.max_alloc_bytes = limits->known ? limits->max_alloc_bytes : 0;
    TLI_TRY(tl_train_plan_ranks(&o->settings, &o->cluster, &plan, err));
    tli_cli_print_plan(stdout, &o->settings, &plan.memory, limits);
    tli_cli_print_rank_plan(stdout, (int)o->cluster.ranks, &plan);
    TLI_TRY(tli_cli_print_plan_json(&o->settings, &plan.memory, limits, (int)o->cluster.ranks, &plan, err));
    if (plan.memory.fits) return TL_OK;
    char fitting[80] = "";
    if (plan.fitting_offset_ranks > 0)
        snprintf(fitting, sizeof fitting, "share the matrices by offset out by `run.offset_ranks` %llu, ",
                 (unsigned long long)plan.fitting_offset_ranks);
    return tli_fail(err, TL_ERROR_MEMORY,
                    "a rank needs %.2f MiB, and its device has %.2f MiB, the largest allocation %.2f MiB: "
                    "%sstart more ranks, or take batches in more parts by `run.accumulate`",
                    TLI_MIB(plan.memory.total), TLI_MIB(limits->total_bytes),
                    TLI_MIB(limits->max_alloc_bytes), fitting);
}

static tl_status dry_run(tli_cli_options *o, tl_error *err)
{
    tl_memory_plan plan;
    tli_cli_limits limits;
    const tl_log log = tli_cli_log(o);
    /* A plan does not need the default data; if data are named, they complete the model. */
    TLI_TRY(tli_cli_given(o, "data") ? tl_settings_complete(&o->settings, &log, err)
                                     : tl_settings_check(&o->settings, &log, err));
    TLI_TRY(tli_cli_find_limits(o, &limits, err));
    o->settings.model.chunk_bytes = limits.chunk_bytes;
    if (o->cluster.ranks > 0) return plan_ranks(o, &limits, err);
    TLI_TRY(make_plan(&o->settings, &limits, &plan, err));
    tli_cli_print_plan(stdout, &o->settings, &plan, &limits);
    return tli_cli_print_plan_json(&o->settings, &plan, &limits, 0, NULL, err);
}

/* The table after "does not fit", so that the user can see what to reduce. */
static void explain_memory(tli_cli_options *o, const tl_context *ctx)
{
    tl_rank_plan plan;
    tl_error ignored = {0};
    tli_cli_limits limits = tli_cli_limits_of(tl_context_device(ctx), o);
    const tl_cluster cluster = {.size = sizeof cluster,
                                .ranks = (uint64_t)tl_ranks_size(o->ranks),
                                .memory_limit = limits.total_bytes,
                                .max_alloc_bytes = limits.max_alloc_bytes};
    if (tl_train_plan_ranks(&o->settings, &cluster, &plan, &ignored) != TL_OK) return;
    tli_cli_print_plan(stderr, &o->settings, &plan.memory, &limits);
}

/* Prints the result, once everything is saved. */
static tl_status train_report(tli_cli_options *o, tl_context *ctx, const tl_result *result)
{
    const tl_status status = o->profile ? tli_cli_print_profile(stderr, o, ctx) : TL_OK;
    tl_error *err = status == TL_OK ? tl_context_error(ctx)
                                    : NULL; /* which otherwise says what failed first */
    const tl_status printed = tli_cli_print_result(&o->settings, result, tl_context_device(ctx)->name, err);
    return status == TL_OK ? printed : status;
}

/* The end of the process is the run's: what cannot be reported fails a run that is done, not one that was stopped. */
static tl_status train_run(tli_cli_options *o, tl_context *ctx)
{
    tl_hooks hooks = {.size = sizeof hooks,
                      .progress = tli_cli_progress(o),
                      .stop = &tli_cli_signal,
                      .ranks = o->ranks,
                      .init = o->init};
    tl_result result = {0};
    tl_status status = tl_train(ctx, &o->settings, &hooks, &result);
    if (tl_ranks_rank(o->ranks) > 0) return status;
    if (status == TL_ERROR_MEMORY) explain_memory(o, ctx);
    if (status == TL_OK) return train_report(o, ctx, &result);
    if (status != TL_INTERRUPTED) return status;
    tl_error *err = tl_context_error(ctx);
    const tl_error stopped = *err;
    if (train_report(o, ctx, &result) != TL_OK) tli_cli_say("%s\n", err->text);
    *err = stopped;
    return status;
}

static tl_status check_and_run(tli_cli_options *o, tl_error *err)
{
    TLI_TRY(tl_settings_check_ranks(&o->settings, o->ranks, err));
    TLI_TRY(tl_settings_open_init(&o->settings, NULL, &o->init, err));
    const tl_status status = tli_cli_on_device(o, err, train_run);
    tl_file_close(o->init);
    return status;
}

tl_status tli_cmd_train(tli_cli_options *o, tl_error *err)
{
    if (o->argument == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "train needs a task: `translution train %s`; see `translution train --help`",
                        o->settings.task); /* the default one */
    if (o->dry_run) return dry_run(o, err);
    return tli_cli_with_ranks(o, err, check_and_run);
}

/* Opens and closes a command's device: log, context, trace. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/ranks.h"
#include "core/terminal.h"

static void write_line(void *user, tl_log_level level, const char *line)
{
    tli_cli_say("%s\n", line);
}

static void write_over_progress(void *user, tl_log_level level, const char *line)
{
    tli_cli_say_over("%s\n", line);
}

tl_log tli_cli_log(const tli_cli_options *o)
{
    tl_log_level level = o->quiet ? TL_LOG_ERROR : o->verbose ? TL_LOG_DETAIL : TL_LOG_NOTICE;
    /* The cursor may be on a line of text that `generate` wrote. */
    const bool over = o->command != TLI_CLI_GENERATE || o->json || !tli_is_terminal(stdout);
    return (tl_log){.level = level, .write = over ? write_over_progress : write_line};
}

FILE *tli_cli_progress(const tli_cli_options *o)
{
    return o->quiet ? NULL : stderr;
}

/* Opens the trace before the run, so that a path that cannot be written is reported early. */
static tl_status begin_trace(const tli_cli_options *o, tl_context *ctx, tl_error *err)
{
    if (o->trace[0] == '\0') return TL_OK;
    FILE *file = fopen(o->trace, "w");
    if (file == NULL)
        return tli_fail(err, TL_ERROR_IO, "cannot write the trace %s: %s", o->trace, strerror(errno));
    fclose(file);
    return tl_profile_trace(ctx, 0);
}

/* Rank 0's is always said; those of the others with --verbose. */
static void say_device(const tli_cli_options *o, const tl_device_info *d)
{
    const int rank = tl_ranks_rank(o->ranks);
    char who[24] = "";
    if (rank > 0) snprintf(who, sizeof who, "rank %d: ", rank);
    if (rank == 0 || o->verbose)
        tli_cli_say("%sdevice %d:%d %s (%s, %s)\n", who, d->platform, d->device, d->name, d->platform_name,
                    tl_device_type_name(d->type));
}

/* Creates the context of --device and prints the device's name on stderr, also with --quiet. */
static tl_status open_device(const tli_cli_options *o, const tl_log *log, tl_context **ctx, tl_error *err)
{
    const tl_context_options options = {
        .size = sizeof options,
        .device = o->device[0] != '\0' ? o->device : NULL,
        .path = o->kernel_path,
        .gemm = o->gemm,
        .profile = o->profile,
        .memory_limit = o->memory_limit,
        .log = log,
    };
    TLI_TRY(tl_context_create(&options, ctx, err));
    say_device(o, tl_context_device(*ctx));
    tl_status status = begin_trace(o, *ctx, err);
    if (status == TL_OK && tli_cli_signal != 0)
        status = tli_fail(err, TL_INTERRUPTED, "stopped by signal %d before the work began",
                          (int)tli_cli_signal);
    if (status == TL_OK) return TL_OK;
    tl_context_destroy(*ctx);
    *ctx = NULL;
    return status;
}

tl_status tli_cli_on_device(tli_cli_options *o, tl_error *err, tli_device_work *work)
{
    const tl_log log = tli_cli_log(o);
    tl_context *ctx = NULL;
    tl_status status = open_device(o, &log, &ctx, err);
    if (status == TL_INTERRUPTED) tli_cli_stop_ranks(o, err);
    TLI_TRY(status);
    status = work(o, ctx);
    if (status != TL_OK) *err = *tl_context_error(ctx);
    tl_context_destroy(ctx);
    return status;
}

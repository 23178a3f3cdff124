/* Writes the profile's launches as a Chrome trace, directly as text: a million of them as a tree of JSON
 * values would take a gigabyte of host memory. */
#include "device/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

tl_status tl_profile_trace(tl_context *ctx, uint64_t most)
{
    if (ctx == NULL) return TL_ERROR_USAGE;
    if (!ctx->profile.on)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "a trace needs a context that times its kernels: create it with `profile`");
    ctx->profile.trace_most = most > 0 ? most : TLI_TRACE_MAX;
    return TL_OK;
}

/* A JSON string; names of devices come from drivers. */
static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fputc('\\', file);
        fputc(c < 0x20 || c >= 0x7f ? '?' : c, file);
    }
    fputc('"', file);
}

static void write_event(FILE *file, const tli_profile *profile, const tli_traced *event, uint64_t origin)
{
    const double seconds = (double)event->nanoseconds * 1e-9;
    fprintf(file, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":");
    write_text(file, profile->rows[event->row].kernel);
    tli_print(file, ",\"ts\":%.3f,\"dur\":%.3f,\"args\":{", (double)(event->start - origin) * 1e-3,
              (double)event->nanoseconds * 1e-3);
    const tli_launch *work = &event->work;
    const char *comma = "";
    if (work->items > 0) {
        fprintf(file, "\"groups\":\"%llux%llux%llu\",\"items\":%u", (unsigned long long)work->groups[0],
                (unsigned long long)work->groups[1], (unsigned long long)work->groups[2], work->items);
        comma = ",";
    }
    if (work->flops > 0) {
        tli_print(file, "%s\"flops\":%.0f", comma, work->flops);
        if (seconds > 0) tli_print(file, ",\"gflops\":%.3f", work->flops / seconds * 1e-9);
        comma = ",";
    }
    if (work->bytes > 0) {
        tli_print(file, "%s\"bytes\":%.0f", comma, work->bytes);
        if (seconds > 0) tli_print(file, ",\"gbytes_per_s\":%.3f", work->bytes / seconds * 1e-9);
    }
    fputs("}}", file);
}

tl_status tl_profile_write_trace(tl_context *ctx, const char *path)
{
    if (ctx == NULL) return TL_ERROR_USAGE;
    if (path == NULL) return tli_fail(&ctx->error, TL_ERROR_USAGE, "a trace to be written needs a path");
    const tli_profile *profile = &ctx->profile;
    TLI_TRY(tli_profile_settle(ctx));
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return tli_fail(&ctx->error, TL_ERROR_IO, "cannot write the trace %s: %s", path, strerror(errno));
    uint64_t origin = UINT64_MAX;
    for (uint64_t i = 0; i < profile->traced; i++)
        if (profile->trace[i].start < origin) origin = profile->trace[i].start;
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
          "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"process_name\",\"args\":{\"name\":",
          file);
    write_text(file, ctx->device.name);
    fputs("}}", file);
    for (uint64_t i = 0; i < profile->traced; i++) write_event(file, profile, &profile->trace[i], origin);
    fputs("\n]}\n", file);
    const bool bad = ferror(file) != 0;
    if (fclose(file) != 0 || bad)
        return tli_fail(&ctx->error, TL_ERROR_IO, "cannot write the trace %s: %s", path, strerror(errno));
    return TL_OK;
}

/* Per-kernel times from OpenCL events. Pending events are bounded: when TLI_PROFILE_PENDING are waiting,
 * the older half is waited for and summed. */
#include "device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tli_profile_row_of(tli_profile *profile, const char *name)
{
    for (int i = 0; i < profile->count; i++)
        if (strncmp(profile->rows[i].kernel, name, sizeof profile->rows[i].kernel - 1) == 0) return i;
    if (profile->count == profile->capacity) {
        int capacity = profile->capacity > 0 ? profile->capacity * 2 : 32;
        tl_profile_row *rows = realloc(profile->rows, (size_t)capacity * sizeof *rows);
        if (rows == NULL) return -1;
        profile->rows = rows;
        profile->capacity = capacity;
    }
    tl_profile_row *row = &profile->rows[profile->count];
    memset(row, 0, sizeof *row);
    snprintf(row->kernel, sizeof row->kernel, "%s", name);
    return profile->count++;
}

/* Records a launch for the trace; drops it when there is no memory: a profile must not stop a run. */
static void profile_keep(tl_context *ctx, const tli_timed_event *timed, uint64_t start, uint64_t nanoseconds)
{
    tli_profile *profile = &ctx->profile;
    if (profile->trace_most == 0) return;
    if (profile->traced == profile->trace_room && profile->trace_room < profile->trace_most) {
        uint64_t capacity = profile->trace_room > 0 ? 2 * profile->trace_room : 4096;
        if (capacity > profile->trace_most) capacity = profile->trace_most;
        tli_traced *trace = realloc(profile->trace, capacity * sizeof *trace);
        if (trace != NULL) {
            profile->trace = trace;
            profile->trace_room = capacity;
        }
    }
    if (profile->traced < profile->trace_room) {
        profile->trace[profile->traced++] = (tli_traced){start, nanoseconds, timed->work, timed->row};
    } else if (!profile->trace_full) {
        profile->trace_full = true;
        tli_log_write(ctx->log, TL_LOG_NOTICE, "the trace is full: it holds the first %llu launches",
                      (unsigned long long)profile->traced);
    }
}

/* Waits for the oldest `count` events and sums their times. */
static tl_status profile_drain(tl_context *ctx, int count)
{
    tli_profile *profile = &ctx->profile;
    if (count == 0) return TL_OK;
    /* in-order queue: when the last one is complete, so are those before it */
    cl_int first_bad = clWaitForEvents(1, &profile->pending[count - 1].event);
    for (int i = 0; i < count; i++) {
        cl_event event = profile->pending[i].event;
        cl_ulong start = 0, end = 0;
        cl_int code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
        if (code == CL_SUCCESS)
            code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        if (code == CL_SUCCESS) {
            const uint64_t nanoseconds = end > start ? end - start : 0;
            tl_profile_row *row = &profile->rows[profile->pending[i].row];
            row->launches++;
            row->nanoseconds += nanoseconds;
            if (nanoseconds > row->longest) row->longest = nanoseconds;
            row->flops += profile->pending[i].work.flops;
            row->bytes += profile->pending[i].work.bytes;
            profile_keep(ctx, &profile->pending[i], start, nanoseconds);
        } else if (first_bad == CL_SUCCESS)
            first_bad = code;
        clReleaseEvent(event);
    }
    profile->waiting -= count;
    memmove(profile->pending, profile->pending + count, (size_t)profile->waiting * sizeof *profile->pending);
    return tli_cl_check(&ctx->error, first_bad, "timing the kernels (clGetEventProfilingInfo)");
}

tl_status tli_profile_add(tl_context *ctx, int row, cl_event event, const tli_launch *work)
{
    tli_profile *profile = &ctx->profile;
    if (profile->pending == NULL) profile->pending = malloc(TLI_PROFILE_PENDING * sizeof *profile->pending);
    if (profile->pending == NULL || row < 0) {
        clReleaseEvent(event);
        return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for the profile");
    }
    profile->pending[profile->waiting++] = (tli_timed_event){event, row, *work};
    return profile->waiting < TLI_PROFILE_PENDING ? TL_OK : profile_drain(ctx, TLI_PROFILE_PENDING / 2);
}

tl_status tli_profile_event(tl_context *ctx, const char *name, void *event, double flops, double bytes)
{
    if (event == NULL) return TL_OK;
    if (!ctx->profile.on) {
        clReleaseEvent(event);
        return TL_OK;
    }
    const tli_launch work = {.flops = flops, .bytes = bytes};
    return tli_profile_add(ctx, tli_profile_row_of(&ctx->profile, name), event, &work);
}

bool tli_profile_is_on(const tl_context *ctx)
{
    return ctx->profile.on;
}

static int longest_first(const void *a, const void *b)
{
    uint64_t left = ((const tl_profile_row *)a)->nanoseconds,
             right = ((const tl_profile_row *)b)->nanoseconds;
    return left < right   ? 1
           : left > right ? -1
                          : strcmp(((const tl_profile_row *)a)->kernel, ((const tl_profile_row *)b)->kernel);
}

tl_status tli_profile_settle(tl_context *ctx)
{
    TLI_TRY(tl_finish(ctx));
    return profile_drain(ctx, ctx->profile.waiting);
}

tl_status tl_profile_read(tl_context *ctx, tl_profile_row **rows, int *count)
{
    if (ctx == NULL) return TL_ERROR_USAGE;
    if (rows == NULL || count == NULL)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "a profile to be read needs a place for its rows and their count");
    *rows = NULL;
    *count = 0;
    TLI_TRY(tli_profile_settle(ctx));
    if (ctx->profile.count == 0) return TL_OK;
    *rows = malloc((size_t)ctx->profile.count * sizeof **rows);
    if (*rows == NULL)
        return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for the profile");
    memcpy(*rows, ctx->profile.rows, (size_t)ctx->profile.count * sizeof **rows);
    *count = ctx->profile.count;
    qsort(*rows, (size_t)*count, sizeof **rows, longest_first);
    return TL_OK;
}

void tli_profile_close(tli_profile *profile)
{
    for (int i = 0; i < profile->waiting; i++) clReleaseEvent(profile->pending[i].event);
    free(profile->pending);
    free(profile->rows);
    free(profile->trace);
    *profile = (tli_profile){.on = false};
}

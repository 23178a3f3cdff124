/* Prints results as tables for people or one JSON object per line for programs. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "core/choices.h"
#include "core/number.h"

char *tli_cli_plain(const char *text, char *out, size_t capacity)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < capacity; i++) out[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
    out[i] = '\0';
    return out;
}

tl_status tli_cli_print_json(struct cJSON *value, tl_error *err)
{
    char *line = value != NULL ? cJSON_PrintUnformatted(value) : NULL;
    cJSON_Delete(value);
    if (line == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while printing the result");
    printf("%s\n", line);
    cJSON_free(line);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return tli_fail(err, TL_ERROR_IO, "cannot write the result to standard output: %s", strerror(errno));
    return TL_OK;
}

/* "images", "passed_over" and "ignored", with a prefix. */
static void add_files(cJSON *o, const char *prefix, const tl_set_files *files)
{
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"images", files->images}, {"passed_over", files->passed_over}, {"ignored", files->ignored}};
    char key[32];
    for (size_t i = 0; files->known && i < sizeof counts / sizeof *counts; i++) {
        snprintf(key, sizeof key, "%s%s", prefix, counts[i].key);
        cJSON_AddNumberToObject(o, key, (double)counts[i].value);
    }
}

/* Of an evaluation; nothing where there was no time to measure. */
static void add_rate(cJSON *o, const tl_settings *settings, double step_ms)
{
    const tl_model_config *m = &settings->model;
    const bool text = m->arch == TL_ARCH_GPT;
    const double predictions = (double)settings->training.batch_size * (text ? m->seq_len : 1);
    if (step_ms > 0)
        cJSON_AddNumberToObject(o, text ? "tokens_per_second" : "images_per_second",
                                1e3 * predictions / step_ms);
}

tl_status tli_cli_print_result(const tl_settings *settings, const tl_result *result, const char *device,
                               tl_error *err)
{
    cJSON *o = cJSON_CreateObject();
    tli_json_add_text(o, "task", settings->task);
    tli_json_add_text(o, "op", tl_op_name(settings->model.op));
    const char *name;
    double value;
    for (int i = 0; tl_result_number(result, settings->task, i, &name, &value); i++)
        cJSON_AddNumberToObject(o, name, value); /* cJSON prints values that are not finite as null */
    if (result->files.known) {
        const bool trained = result->out[0] != '\0'; /* otherwise loss and top-1 are the test set's */
        cJSON_AddNumberToObject(o, "classes", settings->model.classes);
        add_files(o, "", &result->files);
        if (trained) add_files(o, "test_", &result->test_files);
    }
    if (result->not_finite > 0) cJSON_AddNumberToObject(o, "not_finite", (double)result->not_finite);
    cJSON_AddNumberToObject(o, "step_ms", result->step_ms);
    if (result->out[0] == '\0') add_rate(o, settings, result->step_ms);
    if (result->data_wait >= 0) cJSON_AddNumberToObject(o, "data_wait", result->data_wait);
    if (result->communication >= 0) cJSON_AddNumberToObject(o, "communication", result->communication);
    cJSON_AddNumberToObject(o, "peak_device_bytes", (double)result->peak_device_bytes);
    tli_json_add_text(o, "device", device);
    if (result->out[0] != '\0') {
        tli_json_add_text(o, "precision", tli_choice_shown(&tli_precision_choices, (int)result->precision));
        tli_json_add_text(o, "out", result->out);
    }
    return tli_cli_print_json(o, err);
}

/* "12.3 GFLOP/s" or "4.5 GB/s", whichever is known for more of the launches; empty if unknown. */
static void rate_text(const tl_profile_row *row, char *text, size_t capacity)
{
    const double ns = (double)row->nanoseconds; /* work per nanosecond is 1e9 work per second */
    text[0] = '\0';
    if (ns > 0 && row->flops > 0)
        snprintf(text, capacity, "%.1f GFLOP/s", row->flops / ns);
    else if (ns > 0 && row->bytes > 0)
        snprintf(text, capacity, "%.1f GB/s", row->bytes / ns);
}

static tl_status print_kernels(FILE *out, tl_context *ctx)
{
    tl_profile_row *rows = NULL;
    int count = 0;
    TLI_TRY(tl_profile_read(ctx, &rows, &count));
    double all = 0;
    for (int i = 0; i < count; i++) all += (double)rows[i].nanoseconds;
    if (count > 0)
        fprintf(out, "%-32s %10s %12s %10s %10s %7s %16s\n", "kernel", "launches", "ms", "mean us",
                "longest us", "share", "rate");
    for (int i = 0; i < count; i++) {
        const tl_profile_row *row = &rows[i];
        char rate[48];
        rate_text(row, rate, sizeof rate);
        fprintf(out, "%-32s %10" PRIu64 " %12.3f %10.1f %10.1f %6.1f%% %16s\n", row->kernel, row->launches,
                (double)row->nanoseconds * 1e-6, (double)row->nanoseconds * 1e-3 / (double)row->launches,
                (double)row->longest * 1e-3, all > 0 ? 100 * (double)row->nanoseconds / all : 0, rate);
    }
    free(rows);
    return TL_OK;
}

static void print_rank_time(FILE *out, const tl_rank_time *t)
{
    const double steps = (double)t->steps;
    fprintf(out, "%-32s %10.1f %12.3f %10.3f %18.1f%%\n", t->what, (double)t->messages / steps,
            t->seconds * 1e3 / steps, (double)t->sent_bytes * 1e-6 / steps,
            100 * t->seconds / t->step_seconds);
}

/* What rank 0's steps have spent with other ranks; nothing where it was alone or did one step. */
static void print_ranks(FILE *out, const tl_ranks *ranks)
{
    tl_rank_time time, all = {.what = "all of it"};
    for (int i = 0; tl_ranks_time(ranks, i, &time) && time.steps > 0; i++) {
        if (i == 0)
            fprintf(out, "%-32s %10s %12s %10s %19s\n", "rank 0 with others, a step", "messages", "ms",
                    "MB sent", "share");
        print_rank_time(out, &time);
        all.steps = time.steps;
        all.step_seconds = time.step_seconds;
        all.seconds += time.seconds;
        all.messages += time.messages;
        all.sent_bytes += time.sent_bytes;
    }
    if (all.steps == 0) return;
    print_rank_time(out, &all);
    fprintf(out,
            "(of %" PRIu64
            " steps of %.3f ms; waiting for ranks that compute longer and copies between device "
            "and host are in it)\n",
            all.steps, all.step_seconds * 1e3 / (double)all.steps);
}

tl_status tli_cli_print_profile(FILE *out, const tli_cli_options *o, tl_context *ctx)
{
    TLI_TRY(print_kernels(out, ctx));
    print_ranks(out, o->ranks);
    return o->trace[0] != '\0' ? tl_profile_write_trace(ctx, o->trace) : TL_OK;
}

/* ---- the memory plan ----------------------------------------------------------------------------- */

tl_status tli_cli_find_limits(const tli_cli_options *o, tli_cli_limits *limits, tl_error *err)
{
    tl_device_info *list = NULL;
    int count = 0, chosen = -1;
    TLI_TRY(tl_device_list(&list, &count, err));
    tl_status status = tl_device_select(list, count, o->device[0] != '\0' ? o->device : NULL, &chosen, err);
    *limits = tli_cli_limits_of(status == TL_OK ? &list[chosen] : NULL, o);
    free(list);
    return status == TL_ERROR_NO_DEVICE ? TL_OK : status;
}

tli_cli_limits tli_cli_limits_of(const tl_device_info *device, const tli_cli_options *o)
{
    tli_cli_limits limits = {0};
    if (device == NULL) return limits;
    limits.known = true;
    limits.total_bytes = o->memory_limit != 0 ? o->memory_limit : device->global_bytes;
    limits.max_alloc_bytes = device->max_alloc_bytes;
    limits.chunk_bytes = tl_device_chunk_bytes(device, o->kernel_path, limits.total_bytes);
    snprintf(limits.device, sizeof limits.device, "%d:%d %s", device->platform, device->device, device->name);
    return limits;
}

static void plan_line(FILE *out, const char *name, uint64_t bytes)
{
    fprintf(out, "  %-20s %16" PRIu64 " B %12s\n", name, bytes, TLI_SIZE(bytes));
}

/* "84 x 60", or "4 x 84 x 60" where there is depth. */
static char *report_extent(uint32_t depth, uint32_t height, uint32_t width, char text[48])
{
    const int used = depth > 1 ? snprintf(text, 48, "%u x ", depth) : 0;
    snprintf(text + used, (size_t)(48 - used), "%u x %u", height, width);
    return text;
}

/* The largest batch that fits, up to the one that was asked for. */
static uint32_t shown_batch(const tl_settings *s, const tl_memory_plan *plan)
{
    return plan->largest_batch < s->training.batch_size ? plan->largest_batch : s->training.batch_size;
}

void tli_cli_print_plan(FILE *out, const tl_settings *settings, const tl_memory_plan *plan,
                        const tli_cli_limits *limits)
{
    const tl_model_config *m = &settings->model;
    char input[128], image[48], patch[48];
    if (m->arch == TL_ARCH_GPT)
        snprintf(input, sizeof input, "sequence %u, vocabulary %u", m->seq_len, m->vocab_size);
    else
        snprintf(input, sizeof input, "image %s, patch %s",
                 report_extent(m->image_depth, m->image_height, m->image_width, image),
                 report_extent(m->patch_depth, m->patch_height, m->patch_width, patch));
    fprintf(out, "%s, dim %u, depth %u, heads %u x %u, mlp %u, %s, batch %u", tl_op_name(m->op), m->dim,
            m->depth, m->heads, m->head_dim, m->mlp_dim, input, settings->training.batch_size);
    const uint32_t slice = tl_settings_slice_samples(settings);
    if (slice < settings->training.batch_size) fprintf(out, " in slices of %u", slice);
    fprintf(out, ": %" PRIu64 " parameters\n", plan->params);
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
        plan_line(out, tl_memory_kind_name((tl_memory_kind)kind), plan->bytes[kind]);
    plan_line(out, "sum", plan->total);
    plan_line(out, "largest buffer", plan->largest);
    if (plan->can_recompute)
        fprintf(out, "  outputs of LayerNorm and GELU, and q and k of pairs, are %s\n",
                m->recompute ? "computed again in the backward pass" : "kept for the backward pass");
    if (settings->training.precision != TL_PRECISION_FP32)
        fprintf(out, "  matrix products in %s, if the device can\n",
                tli_choice_shown(&tli_precision_choices, (int)settings->training.precision));
    if (!limits->known) {
        fprintf(out, "  no usable OpenCL device: whether it fits is unknown\n");
        return;
    }
    fprintf(out, "device %s\n", limits->device);
    plan_line(out, "may take", limits->total_bytes);
    plan_line(out, "largest allocation", limits->max_alloc_bytes);
    if (plan->fits) {
        fprintf(out, "  fits: yes\n");
        return;
    }
    const uint32_t batch = shown_batch(settings, plan);
    if (batch > 0)
        fprintf(out, "  fits: no; the largest batch that would fit is %u\n", batch);
    else
        fprintf(out, "  fits: no, not even with batch 1\n");
}

static void time_line(FILE *out, const char *name, double seconds)
{
    if (isnan(seconds))
        fprintf(out, "  %-20s unknown\n", name);
    else
        fprintf(out, "  %-20s %16.3f ms\n", name, seconds * 1e3);
}

void tli_cli_print_rank_plan(FILE *out, int ranks, const tl_rank_plan *plan)
{
    fprintf(out, "each of %d ranks, in a step of %" PRIu64 " slices:\n", ranks, plan->slices);
    plan_line(out, "sends", plan->sent_bytes);
    fprintf(out, "  %-20s %16" PRIu64 "\n", "messages", plan->messages);
    fprintf(out, "  %-20s %16.3f TFLOP\n", "computes", plan->flops * 1e-12);
    time_line(out, "time of computing", plan->compute_seconds);
    time_line(out, "time of exchange", plan->link_seconds);
    time_line(out, "time of a step", plan->compute_seconds + plan->link_seconds);
}

/* null where it is unknown */
static void add_milliseconds(cJSON *o, const char *name, double seconds)
{
    if (isnan(seconds))
        cJSON_AddNullToObject(o, name);
    else
        cJSON_AddNumberToObject(o, name, seconds * 1e3);
}

static void add_rank_plan(cJSON *o, int ranks, const tl_rank_plan *plan)
{
    cJSON_AddNumberToObject(o, "ranks", ranks);
    cJSON_AddNumberToObject(o, "rank_slices", (double)plan->slices);
    cJSON_AddNumberToObject(o, "sent_bytes", (double)plan->sent_bytes);
    cJSON_AddNumberToObject(o, "messages", (double)plan->messages);
    cJSON_AddNumberToObject(o, "dense_flops", plan->flops);
    add_milliseconds(o, "compute_ms", plan->compute_seconds);
    add_milliseconds(o, "link_ms", plan->link_seconds);
    add_milliseconds(o, "step_ms", plan->compute_seconds + plan->link_seconds);
}

tl_status tli_cli_print_plan_json(const tl_settings *s, const tl_memory_plan *plan,
                                  const tli_cli_limits *limits, int ranks, const tl_rank_plan *rank_plan,
                                  tl_error *err)
{
    cJSON *o = cJSON_CreateObject(), *bytes = cJSON_CreateObject();
    tli_json_add_text(o, "task", s->task);
    tli_json_add_text(o, "op", tl_op_name(s->model.op));
    cJSON_AddNumberToObject(o, "params", (double)plan->params);
    cJSON_AddNumberToObject(o, "batch_size", s->training.batch_size);
    cJSON_AddNumberToObject(o, "slice_samples", tl_settings_slice_samples(s));
    for (int kind = 0; kind < TL_MEMORY_KINDS; kind++)
        cJSON_AddNumberToObject(bytes, tl_memory_kind_name((tl_memory_kind)kind), (double)plan->bytes[kind]);
    cJSON_AddItemToObject(o, "bytes", bytes);
    if (plan->can_recompute) cJSON_AddBoolToObject(o, "recompute", plan->recompute);
    cJSON_AddNumberToObject(o, "total_bytes", (double)plan->total);
    cJSON_AddNumberToObject(o, "largest_bytes", (double)plan->largest);
    if (limits->known) {
        cJSON_AddBoolToObject(o, "fits", plan->fits);
        cJSON_AddNumberToObject(o, "largest_batch", shown_batch(s, plan));
        cJSON_AddNumberToObject(o, "device_bytes", (double)limits->total_bytes);
        cJSON_AddNumberToObject(o, "device_max_alloc_bytes", (double)limits->max_alloc_bytes);
        tli_json_add_text(o, "device", limits->device);
    } else {
        cJSON_AddNullToObject(o, "fits");
        cJSON_AddNullToObject(o, "device");
    }
    if (rank_plan != NULL) add_rank_plan(o, ranks, rank_plan);
    return tli_cli_print_json(o, err);
}

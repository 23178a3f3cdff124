/* translution bench step --model-device: predicts the time of a training step on another device, from the launches that the step
 * would make and the device's figures. Nothing is launched. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "device/speed_model.h"
#include "models/cost.h"
#include "train/every_program.h"
#include "train/step.h"

/* Launches of one kernel with one tile. */
typedef struct model_row {
    const char *kernel;
    uint32_t tile;
    uint64_t launches;
    double seconds, flops, limited[TLI_LIMITS]; /* seconds by what takes them */
} model_row;

typedef struct step_model {
    tli_speed_device device;
    model_row *rows;
    int count;
    double seconds, flops; /* flops: dense ones, without what is computed again */
    uint64_t launches,
        free; /* free: launches that tell nothing of their work, and count by the launch alone */
    bool no_memory;
} step_model;

static model_row *row_of(step_model *m, const char *kernel, uint32_t tile)
{
    for (int i = 0; i < m->count; i++)
        if (m->rows[i].tile == tile && strcmp(m->rows[i].kernel, kernel) == 0) return &m->rows[i];
    model_row *rows = realloc(m->rows, ((size_t)m->count + 1) * sizeof *rows);
    if (rows == NULL) return NULL;
    m->rows = rows;
    rows[m->count] = (model_row){.kernel = kernel, .tile = tile};
    return &rows[m->count++];
}

static void add_launch(void *user, const char *kernel, const tli_launch *launch)
{
    step_model *m = user;
    const tli_speed_estimate e = tli_speed_of(&m->device, kernel, launch);
    model_row *row = row_of(m, kernel, launch->tile);
    if (row == NULL) {
        m->no_memory = true;
        return;
    }
    row->launches++, row->seconds += e.seconds, row->flops += launch->flops;
    row->limited[e.limit] += e.seconds;
    m->launches++, m->seconds += e.seconds;
    m->free += launch->tile == 0 && launch->bytes == 0;
}

static int slowest_first(const void *a, const void *b)
{
    const double x = ((const model_row *)a)->seconds, y = ((const model_row *)b)->seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

static const char *main_limit(const model_row *row)
{
    int most = 0;
    for (int i = 1; i < TLI_LIMITS; i++)
        if (row->limited[i] > row->limited[most]) most = i;
    return tli_speed_limit_name((tli_speed_limit)most);
}

static double share_of_peak(const step_model *m, double flops, double seconds)
{
    return flops / seconds / tli_speed_peak(&m->device);
}

static tl_status print_json(const tl_settings *s, const step_model *m, tl_error *err)
{
    cJSON *json = cJSON_CreateObject();
    tli_json_add_text(json, "task", s->task);
    tli_json_add_text(json, "op", tl_op_name(s->model.op));
    cJSON_AddNumberToObject(json, "batch_size", s->training.batch_size);
    tli_json_add_text(json, "model_device", m->device.name);
    cJSON_AddNumberToObject(json, "peak_gflops", tli_speed_peak(&m->device) * 1e-9);
    cJSON_AddNumberToObject(json, "model_ms", m->seconds * 1e3);
    cJSON_AddNumberToObject(json, "dense_flops", m->flops);
    cJSON_AddNumberToObject(json, "peak_fraction", share_of_peak(m, m->flops, m->seconds));
    cJSON_AddNumberToObject(json, "launches", (double)m->launches);
    cJSON *kernels = cJSON_AddArrayToObject(json, "kernels");
    for (int i = 0; i < m->count; i++) {
        const model_row *row = &m->rows[i];
        cJSON *kernel = cJSON_CreateObject();
        tli_json_add_text(kernel, "kernel", row->kernel);
        cJSON_AddNumberToObject(kernel, "tile", row->tile);
        cJSON_AddNumberToObject(kernel, "launches", (double)row->launches);
        cJSON_AddNumberToObject(kernel, "ms", row->seconds * 1e3);
        cJSON_AddNumberToObject(kernel, "peak_fraction", share_of_peak(m, row->flops, row->seconds));
        tli_json_add_text(kernel, "limit", main_limit(row));
        cJSON_AddItemToArray(kernels, kernel);
    }
    return tli_cli_print_json(json, err);
}

static void print_table(const tl_settings *s, const step_model *m)
{
    char tile[16];
    printf("%-32s %4s %8s %10s %6s %6s  %s\n", "kernel", "tile", "launches", "ms", "step", "peak", "limit");
    for (int i = 0; i < m->count; i++) {
        const model_row *row = &m->rows[i];
        snprintf(tile, sizeof tile, row->tile > 0 ? "%u" : "-", row->tile);
        printf("%-32s %4s %8llu %10.3f %5.1f%% %5.1f%%  %s\n", row->kernel, tile,
               (unsigned long long)row->launches, row->seconds * 1e3, 100 * row->seconds / m->seconds,
               100 * share_of_peak(m, row->flops, row->seconds), main_limit(row));
    }
    tli_bench_line("model", "%s, %s, batch %u%s", s->task, tl_op_name(s->model.op), s->training.batch_size,
                   s->model.recompute ? ", with recomputation" : "");
    tli_bench_line("device", "%s, %.1f TFLOP/s at most", m->device.name, tli_speed_peak(&m->device) * 1e-12);
    tli_bench_line("step", "%.3f ms by arithmetic, %.1f %% of the device's peak", m->seconds * 1e3,
                   100 * share_of_peak(m, m->flops, m->seconds));
    tli_bench_line("launches", "%llu, of which %llu count by the launch alone",
                   (unsigned long long)m->launches, (unsigned long long)m->free);
}

static tl_status run_model(tli_cli_options *o, tl_context *ctx)
{
    tl_settings *s = &o->settings;
    step_model m = {.device = *o->bench.figures};
    TLI_TRY(tli_cli_need_gpu_form(ctx));
    TLI_TRY(tli_step_choose_batch(ctx, s, 1));
    TLI_TRY(tli_context_dry(ctx, NULL, NULL));
    tli_context_dry_launches(ctx, (uint32_t)m.device.units, add_launch, &m);
    tl_status status = tli_dry_steps(ctx, s, s->training.batch_size);
    const tli_flops flops = tli_model_flops(&s->model, s->training.batch_size);
    m.flops = flops.forward + flops.backward;
    if (status == TL_OK && m.no_memory)
        status = tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                          "out of host memory for a table of kernels");
    if (status == TL_OK) {
        qsort(m.rows, (size_t)m.count, sizeof *m.rows, slowest_first);
        if (o->json)
            status = print_json(s, &m, tl_context_error(ctx));
        else
            print_table(s, &m);
    }
    free(m.rows);
    return status;
}

tl_status tli_bench_step_model(tli_cli_options *o, tl_error *err)
{
    tli_speed_device device;
    TLI_TRY(tli_speed_device_read(o->bench.model_device, &device, err));
    o->bench.figures = &device;
    if (o->memory_limit == 0) o->memory_limit = (uint64_t)(device.memory_gib * (double)(1ull << 30));
    o->kernel_path = TL_PATH_GPU;
    o->gemm = TL_GEMM_OWN; /* CLBlast's launches are its own */
    return tli_cli_on_device(o, err, run_model);
}

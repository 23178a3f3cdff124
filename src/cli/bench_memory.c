/* translution bench memory: what fits the device, by the memory plan alone. */
#include <inttypes.h>

#include "cli/bench.h"

enum { MOST_BATCH = 1 << 20, MOST_GRID = 181, OPS = 3, GRIDS = 3 };
static const tl_op_kind ops[OPS] = {TL_OP_ATTENTION, TL_OP_TRANSLUTION, TL_OP_ALPHA};
static const uint32_t grids[GRIDS] = {4, 7, 14};

typedef struct figures {
    uint32_t batch;             /* largest, at the model's own image size; 0: none fits */
    uint32_t grid;              /* side of the largest square grid, at --batch-size */
    uint64_t activation[GRIDS]; /* bytes kept and scratch of a step at --batch-size */
} figures;

static tl_settings with_grid(const tl_settings *s, uint32_t side)
{
    tl_settings other = *s;
    other.model.image_depth = other.model.patch_depth = 1;
    other.model.image_height = side * s->model.patch_height;
    other.model.image_width = side * s->model.patch_width;
    return other;
}

static bool grid_fits(const tl_settings *s, uint32_t side, const tl_cli_limits *limits)
{
    tl_settings other = with_grid(s, side);
    tl_memory_plan plan;
    return tl_model_plan_training(&other.model, s->batch_size, s->recompute, limits->total_bytes,
                                  limits->max_alloc_bytes, &plan);
}

static uint32_t largest_grid(const tl_settings *s, const tl_cli_limits *limits)
{
    uint32_t good = 0, bad = MOST_GRID + 1; /* memory grows with the grid */
    while (bad - good > 1) {
        const uint32_t middle = good + (bad - good) / 2;
        if (grid_fits(s, middle, limits))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

static tl_status measure(const tl_settings *settings, tl_op_kind op, const tl_cli_limits *limits, figures *f,
                         tl_error *err)
{
    tl_settings s = *settings;
    s.model.op = op;
    s.model.positions = op == TL_OP_ATTENTION ? TL_POSITIONS_LEARNED : TL_POSITIONS_NONE;
    TL_TRY(tl_model_check(&s.model, err));
    f->batch = tl_cli_largest_batch(&s, MOST_BATCH, limits);
    f->grid = largest_grid(&s, limits);
    for (int i = 0; i < GRIDS; i++) {
        tl_settings other = with_grid(&s, grids[i]);
        tl_memory_plan plan;
        other.model.recompute = true;
        TL_TRY(tl_model_plan(&other.model, s.batch_size, true, &plan, err));
        f->activation[i] = plan.bytes[TL_MEMORY_ACTIVATION] + plan.bytes[TL_MEMORY_WORKSPACE];
    }
    return TL_OK;
}

static tl_status report_json(const tl_cli_options *o, const tl_cli_limits *limits, const figures f[OPS],
                             tl_error *err)
{
    cJSON *json = cJSON_CreateObject(), *list = cJSON_AddObjectToObject(json, "ops");
    cJSON_AddNumberToObject(json, "batch_size", o->settings.batch_size);
    cJSON_AddNumberToObject(json, "device_bytes", (double)limits->total_bytes);
    cJSON_AddNumberToObject(json, "device_max_alloc_bytes", (double)limits->max_alloc_bytes);
    cJSON_AddStringToObject(json, "device", limits->device);
    for (int i = 0; i < OPS; i++) {
        cJSON *op = cJSON_AddObjectToObject(list, tl_op_name(ops[i])),
              *activation = cJSON_AddObjectToObject(op, "activation_bytes");
        cJSON_AddNumberToObject(op, "largest_batch", f[i].batch);
        cJSON_AddNumberToObject(op, "largest_grid", f[i].grid);
        for (int j = 0; j < GRIDS; j++) {
            char name[32];
            snprintf(name, sizeof name, "%ux%u", grids[j], grids[j]);
            cJSON_AddNumberToObject(activation, name, (double)f[i].activation[j]);
        }
    }
    return tl_cli_print_json(json, err);
}

tl_status tl_cmd_bench_memory(tl_cli_options *o, tl_error *err)
{
    tl_settings *s = &o->settings;
    tl_cli_limits limits;
    figures f[OPS];
    TL_TRY(tl_bench_no_word(o, "memory", err));
    TL_TRY(tl_model_check(&s->model, err));
    TL_TRY(tl_cli_find_limits(o, &limits, err));
    if (!limits.known)
        return tl_fail(err, TL_ERROR_NO_DEVICE,
                       "no usable OpenCL device, so nothing to fit: install a driver, on a CPU PoCL");
    if (!s->batch_given) s->batch_size = 1;
    for (int i = 0; i < OPS; i++) TL_TRY(measure(s, ops[i], &limits, &f[i], err));
    if (o->json) return report_json(o, &limits, f, err);
    char total[32], largest[32], bytes[GRIDS][32];
    const uint32_t rows = s->model.image_height / s->model.patch_height,
                   columns = s->model.image_width / s->model.patch_width;
    printf("device %s: %s, at most %s a buffer\n", limits.device, tl_cli_bytes(limits.total_bytes, total),
           tl_cli_bytes(limits.max_alloc_bytes, largest));
    printf(
        "largest batch on a grid of %u x %u, largest square grid at batch %u, activations and scratch of a "
        "step\nat batch %u when q and k of pairs are computed again:\n",
        rows, columns, s->batch_size, s->batch_size);
    printf("%-14s %12s %12s %14s %14s %14s\n", "op", "batch", "grid", "4 x 4", "7 x 7", "14 x 14");
    for (int i = 0; i < OPS; i++) {
        char grid[32];
        snprintf(grid, sizeof grid, "%u x %u", f[i].grid, f[i].grid);
        for (int j = 0; j < GRIDS; j++) tl_cli_bytes(f[i].activation[j], bytes[j]);
        printf("%-14s %12u %12s %14s %14s %14s\n", tl_op_name(ops[i]), f[i].batch, grid, bytes[0], bytes[1],
               bytes[2]);
    }
    return TL_OK;
}

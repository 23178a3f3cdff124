/* translution bench memory: the largest batches and inputs that fit the device, by the memory plan only. */
#include <inttypes.h>

#include "cli/bench.h"
#include "core/clock.h"
#include "core/number.h"
#include "core/progress.h"
#include "train/plan.h"

enum { MAX_BATCH = 1 << 20, OPS = 3, EXTENTS = 3, FIGURES = 2 + EXTENTS };
static const tl_op_kind ops[OPS] = {TL_OP_ATTENTION, TL_OP_TRANSLUTION, TL_OP_ALPHA};

/* The extent is the side of a square patch grid, or the sequence length. */
typedef struct scale {
    const char *name; /* "grid": largest_grid */
    uint32_t most, extents[EXTENTS];
} scale;
static const scale grids = {"grid", 181, {4, 7, 14}}, lengths = {"length", 32768, {160, 512, 1024}};

static bool is_text(const tl_settings *s)
{
    return s->model.arch == TL_ARCH_GPT;
}

static const scale *scale_of(const tl_settings *s)
{
    return is_text(s) ? &lengths : &grids;
}

typedef struct figures {
    uint32_t batch;               /* largest at the model's own input size; 0: none fits */
    uint32_t extent;              /* largest at --batch-size */
    uint64_t activation[EXTENTS]; /* bytes of activations and scratch of a step at --batch-size */
} figures;

static tl_settings with_extent(const tl_settings *s, uint32_t side)
{
    tl_settings other = *s;
    if (is_text(s)) {
        other.model.seq_len = side;
        return other;
    }
    other.model.image_depth = other.model.patch_depth = 1;
    other.model.image_height = side * s->model.patch_height;
    other.model.image_width = side * s->model.patch_width;
    return other;
}

static bool extent_fits(const tl_settings *s, uint32_t side, const tli_cli_limits *limits)
{
    const tl_settings other = with_extent(s, side);
    const tl_plan_options o = tli_plan_of_run(&other, limits->total_bytes, limits->max_alloc_bytes);
    tl_memory_plan plan;
    return tli_plan(&other.model, &o, &plan, NULL) == TL_OK && plan.fits;
}

static uint32_t largest_extent(const tl_settings *s, const tli_cli_limits *limits)
{
    const uint32_t most = scale_of(s)->most;
    uint32_t good = 0, bad = 1; /* doubled, then bisected: memory grows with it, as does the time to plan */
    for (; bad <= most && extent_fits(s, bad, limits); bad *= 2) good = bad;
    if (bad > most) bad = most + 1;
    while (bad - good > 1) {
        const uint32_t middle = good + (bad - good) / 2;
        if (extent_fits(s, middle, limits))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

static tl_status bench_memory_measure(const tl_settings *settings, tl_op_kind op,
                                      const tli_cli_limits *limits, tli_progress *progress, uint64_t *done,
                                      figures *f, tl_error *err)
{
    tl_settings s = *settings;
    s.model.op = op;
    s.model.chunk_bytes = limits->chunk_bytes;
    /* flags apply to the operations that take them */
    if (!tli_op_takes_positions(op, s.model.positions)) s.model.positions = TL_POSITIONS_DEFAULT;
    if (tli_op_rule_of(op)->per_offset == 0) {
        s.model.relative = 0;
        s.model.translution_layers = 0;
        s.model.sharing = TL_SHARING_NONE;
    }
    TLI_TRY(tli_model_check(&s.model, err));
    const tl_plan_options o = tli_plan_of_run(&s, limits->total_bytes, limits->max_alloc_bytes);
    f->batch = tli_plan_largest_batch(&s.model, &o, MAX_BATCH);
    tli_progress_update(progress, ++*done, tli_clock_seconds());
    f->extent = largest_extent(&s, limits);
    tli_progress_update(progress, ++*done, tli_clock_seconds());
    for (int i = 0; i < EXTENTS; i++) {
        tl_settings other = with_extent(&s, scale_of(&s)->extents[i]);
        tl_memory_plan plan;
        other.model.recompute = true;
        TLI_TRY(tli_model_plan(&other.model, s.training.batch_size,
                               tli_optimizer_rule_of(s.training.optimizer), &plan, err));
        f->activation[i] = plan.bytes[TL_MEMORY_ACTIVATION] + plan.bytes[TL_MEMORY_WORKSPACE];
        tli_progress_update(progress, ++*done, tli_clock_seconds());
    }
    return TL_OK;
}

static tl_status measure_all(const tli_cli_options *o, const tli_cli_limits *limits, figures f[OPS],
                             tl_error *err)
{
    tl_status status = TL_OK;
    uint64_t done = 0;
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "planning", "figures", (uint64_t)OPS * FIGURES,
                       tli_clock_seconds());
    for (int i = 0; i < OPS && status == TL_OK; i++)
        status = bench_memory_measure(&o->settings, ops[i], limits, &progress, &done, &f[i], err);
    tli_progress_clear(&progress);
    return status;
}

/* "7x7", or "160". */
static void extent_text(const tl_settings *s, uint32_t extent, const char *times, char *text, size_t capacity)
{
    if (is_text(s))
        snprintf(text, capacity, "%u", extent);
    else
        snprintf(text, capacity, "%u%s%u", extent, times, extent);
}

static tl_status report_json(const tli_cli_options *o, const tli_cli_limits *limits, const figures f[OPS],
                             tl_error *err)
{
    cJSON *json = cJSON_CreateObject(), *list = cJSON_AddObjectToObject(json, "ops");
    const scale *kind = scale_of(&o->settings);
    cJSON_AddNumberToObject(json, "batch_size", o->settings.training.batch_size);
    cJSON_AddNumberToObject(json, "device_bytes", (double)limits->total_bytes);
    cJSON_AddNumberToObject(json, "device_max_alloc_bytes", (double)limits->max_alloc_bytes);
    tli_json_add_text(json, "device", limits->device);
    for (int i = 0; i < OPS; i++) {
        cJSON *op = cJSON_AddObjectToObject(list, tl_op_name(ops[i])),
              *activation = cJSON_AddObjectToObject(op, "activation_bytes");
        cJSON_AddNumberToObject(op, "largest_batch", f[i].batch);
        char name[64];
        snprintf(name, sizeof name, "largest_%s", kind->name);
        cJSON_AddNumberToObject(op, name, f[i].extent);
        for (int j = 0; j < EXTENTS; j++) {
            extent_text(&o->settings, kind->extents[j], "x", name, sizeof name);
            cJSON_AddNumberToObject(activation, name, (double)f[i].activation[j]);
        }
    }
    return tli_cli_print_json(json, err);
}

static void print_table(const tl_settings *s, const tli_cli_limits *limits, const figures f[OPS])
{
    const scale *kind = scale_of(s);
    char input[64], extent[64];
    printf("device %s: %s, at most %s a buffer\n", limits->device, TLI_SIZE(limits->total_bytes),
           TLI_SIZE(limits->max_alloc_bytes));
    if (is_text(s))
        snprintf(input, sizeof input, "of sequences of %u", s->model.seq_len);
    else
        snprintf(input, sizeof input, "on a grid of %u x %u", s->model.image_height / s->model.patch_height,
                 s->model.image_width / s->model.patch_width);
    printf("largest batch %s, largest %s%s at batch %u, activations and scratch of a "
           "step\nat batch %u with --recompute always:\n",
           input, is_text(s) ? "" : "square ", kind->name, s->training.batch_size, s->training.batch_size);
    printf("%-14s %12s %12s", "op", "batch", kind->name);
    for (int j = 0; j < EXTENTS; j++) {
        extent_text(s, kind->extents[j], " x ", extent, sizeof extent);
        printf(" %14s", extent);
    }
    for (int i = 0; i < OPS; i++) {
        extent_text(s, f[i].extent, " x ", extent, sizeof extent);
        printf("\n%-14s %12u %12s", tl_op_name(ops[i]), f[i].batch, extent);
        for (int j = 0; j < EXTENTS; j++) printf(" %14s", TLI_SIZE(f[i].activation[j]));
    }
    putchar('\n');
}

tl_status tli_cmd_bench_memory(tli_cli_options *o, tl_error *err)
{
    tl_settings *s = &o->settings;
    tli_cli_limits limits;
    figures f[OPS];
    TLI_TRY(tli_bench_no_word(o, "memory", err));
    TLI_TRY(tli_cli_find_limits(o, &limits, err));
    if (!limits.known)
        return tli_fail(err, TL_ERROR_NO_DEVICE,
                        "no usable OpenCL device, so nothing to fit: install a driver, on a CPU PoCL");
    if (!tli_cli_given(o, "batch-size")) s->training.batch_size = 1;
    TLI_TRY(measure_all(o, &limits, f, err));
    if (o->json) return report_json(o, &limits, f, err);
    print_table(s, &limits, f);
    return TL_OK;
}

#include "device/speed_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/files.h"
#include "core/number.h"
#include "core/text.h"

/* ---- a device's figures ------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    size_t offset;
} figures[] = {
    {"units", offsetof(tli_speed_device, units)},
    {"fma", offsetof(tli_speed_device, fma)},
    {"clock_ghz", offsetof(tli_speed_device, clock_ghz)},
    {"local_bytes", offsetof(tli_speed_device, local_bytes)},
    {"cache_gbytes", offsetof(tli_speed_device, cache_gbytes)},
    {"memory_gbytes", offsetof(tli_speed_device, memory_gbytes)},
    {"memory_gib", offsetof(tli_speed_device, memory_gib)},
    {"launch_us", offsetof(tli_speed_device, launch_us)},
};
enum { FIGURES = sizeof figures / sizeof *figures, MOST_BYTES = 1 << 16 };
static const double LARGEST_FIGURE = 1e9;

static double *figure_of(tli_speed_device *device, int i)
{
    return (double *)(void *)((char *)device + figures[i].offset);
}

static tl_status take_line(const char *path, int number, char *line, tli_speed_device *device, tl_error *err)
{
    line[strcspn(line, "#")] = '\0';
    char *key = tli_text_trim(line), *value = strchr(key, '=');
    if (*key == '\0') return TL_OK;
    if (value == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "%s:%d: a line must read `key = value`, not '%.60s'", path,
                        number, key);
    *value++ = '\0';
    key = tli_text_trim(key), value = tli_text_trim(value);
    if (strcmp(key, "name") == 0 && *value != '\0') {
        snprintf(device->name, sizeof device->name, "%s", value);
        return TL_OK;
    }
    for (int i = 0; i < FIGURES; i++) {
        if (strcmp(key, figures[i].key) != 0) continue;
        char *end;
        const double x = tli_parse_double(value, &end);
        if (end == value || *end != '\0' || !(x > 0 && x <= LARGEST_FIGURE))
            return tli_fail(err, TL_ERROR_INPUT,
                            "%s:%d: %s must be a number above 0 and up to 1e9, not '%.60s'", path, number,
                            key, value);
        *figure_of(device, i) = x;
        return TL_OK;
    }
    return tli_fail(err, TL_ERROR_INPUT,
                    "%s:%d: '%.60s' is no figure of a device; the files in devices/ show what is", path,
                    number, key);
}

static tl_status check_figures(const char *path, tli_speed_device *device, tl_error *err)
{
    for (int i = 0; i < FIGURES; i++)
        if (*figure_of(device, i) == 0)
            return tli_fail(err, TL_ERROR_INPUT, "%s lacks the figure %s: add a line `%s = NUMBER`", path,
                            figures[i].key, figures[i].key);
    if (device->units != floor(device->units))
        return tli_fail(err, TL_ERROR_INPUT, "%s: units must be a whole number, not %g", path, device->units);
    if (device->name[0] == '\0')
        return tli_fail(err, TL_ERROR_INPUT, "%s lacks the device's name: add a line `name = TEXT`", path);
    return TL_OK;
}

tl_status tli_speed_device_read(const char *path, tli_speed_device *device, tl_error *err)
{
    *device = (tli_speed_device){.units = 0};
    size_t bytes;
    char *text = tli_read_file(path, MOST_BYTES, &bytes);
    if (text == NULL)
        return tli_fail(err, TL_ERROR_INPUT, "cannot read the figures of a device from %s: %s", path,
                        strerror(errno));
    tl_status status = TL_OK;
    char *line = text;
    for (int number = 1; status == TL_OK && line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        status = take_line(path, number, line, device, err);
        line = end != NULL ? end + 1 : NULL;
    }
    free(text);
    return status == TL_OK ? check_figures(path, device, err) : status;
}

double tli_speed_peak(const tli_speed_device *d)
{
    return 2e9 * d->units * d->fma * d->clock_ghz;
}

/* ---- a launch ----------------------------------------------------------------------------------------- */

/* Of kernels/tile_fma.cl: a work-item's results, the steps of the inner dimension in a slice, and the vectors from local memory in a
 * step. */
typedef struct slice {
    double results, steps, vectors;
} slice;

static slice slice_of(uint32_t side)
{
    return side > 64 ? (slice){64, 8, 4} : (slice){16, (double)side / 4, 2};
}

/* Instructions of a slice beside multiply-adds and vectors from local memory, as tools/check_gpu_kernels counts them for sm_90:
 * elements from global memory and to local memory, addresses, barriers. */
enum { SLICE_INSTRUCTIONS = 66, SLICE_INSTRUCTIONS_OF_GRADIENT = 132 };
/* Bytes of local memory in a slice: 8 for a vector of 16, of which half are those of a neighbour; and what is put there, 32, of which half
 * meets one other in a bank. */
enum { VECTOR_BYTES = 8, PUT_BYTES = 48 };

double tli_speed_fma_percent(const char *kernel, uint32_t side)
{
    const slice s = slice_of(side);
    const double fma = s.steps * s.results, others = strcmp(kernel, "offset_gemm_weight_gradient") == 0
                                                         ? SLICE_INSTRUCTIONS_OF_GRADIENT
                                                         : SLICE_INSTRUCTIONS;
    return 100.0 * fma / (fma + s.vectors * s.steps + others);
}

/* The slowest unit's share of the groups, where all would have 1 if they could be divided. */
static double unevenness(const tli_speed_device *d, double groups)
{
    return ceil(groups / d->units) * d->units / groups;
}

static void take_longer(tli_speed_estimate *e, double seconds, tli_speed_limit limit)
{
    if (seconds <= e->seconds) return;
    *e = (tli_speed_estimate){seconds, limit};
}

static void take_product(const tli_speed_device *d, const char *kernel, const tli_launch *launch,
                         double groups, tli_speed_estimate *e)
{
    const double side = launch->tile, fma = launch->tile_flops / 2,
                 of_slowest = fma / d->units * unevenness(d, groups) / (d->clock_ghz * 1e9),
                 items = ceil(groups / d->units) * launch->items, lanes = fmin(d->fma, items);
    take_longer(e, of_slowest / lanes / (tli_speed_fma_percent(kernel, launch->tile) / 100),
                TLI_LIMIT_INSTRUCTIONS);
    const slice s = slice_of(launch->tile);
    take_longer(e, of_slowest * (VECTOR_BYTES * s.vectors + PUT_BYTES / s.steps) / s.results / d->local_bytes,
                TLI_LIMIT_LOCAL);
    take_longer(e, fma * 2 * sizeof(float) / side / (d->cache_gbytes * 1e9), TLI_LIMIT_CACHE);
}

tli_speed_estimate tli_speed_of(const tli_speed_device *d, const char *kernel, const tli_launch *launch)
{
    const double groups = (double)launch->groups[0] * (double)launch->groups[1] * (double)launch->groups[2],
                 begin = d->launch_us * 1e-6;
    tli_speed_estimate e = {0, TLI_LIMIT_LAUNCH};
    if (launch->tile > 0) take_product(d, kernel, launch, groups, &e);
    take_longer(&e, launch->bytes * unevenness(d, groups) / (d->memory_gbytes * 1e9), TLI_LIMIT_MEMORY);
    if (e.seconds < begin) e.limit = TLI_LIMIT_LAUNCH;
    e.seconds += begin;
    return e;
}

const char *tli_speed_limit_name(tli_speed_limit limit)
{
    static const char *const names[] = {"instructions", "local memory", "cache", "memory", "launch"};
    return names[limit];
}

#include "ops/self_test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/self_test_probe.h"

/* ---- arrays of a check ---------------------------------------------------------------------------- */

static tl_status no_memory(tli_probe *p)
{
    return tli_fail(tl_context_error(p->ctx), TL_ERROR_MEMORY,
                    "out of host memory for the kernels' self-test");
}

tl_status tli_probe_make(tli_probe *p, uint64_t lead, uint64_t row, bool drawn, tli_probe_array **out)
{
    if (p->used == TLI_PROBE_ARRAYS) return no_memory(p);
    tli_probe_array *array = &p->arrays[p->used];
    array->count = lead * row;
    array->host = calloc(array->count > 0 ? array->count : 1, sizeof *array->host);
    if (array->host == NULL) return no_memory(p);
    p->used++;
    for (uint64_t i = 0; drawn && i < array->count; i++) array->host[i] = tli_random_normal(&p->random);
    *out = array;
    TLI_TRY(tl_tensor_create(p->ctx, "self-test", TL_MEMORY_WORKSPACE, lead, row, &array->tensor));
    array->view = tli_at(array->tensor, 0);
    return tl_tensor_write(p->ctx, array->tensor, 0, array->count, array->host);
}

tl_status tli_probe_expect(tli_probe *p, uint64_t count, double **out)
{
    if (p->expected == TLI_PROBE_ARRAYS) return no_memory(p);
    *out = calloc(count, sizeof **out);
    if (*out == NULL) return no_memory(p);
    p->wanted[p->expected++] = *out;
    return TL_OK;
}

tl_status tli_probe_compare(tli_probe *p, const tli_probe_array *array, const double *want, double terms,
                            double scale)
{
    float *got = malloc(array->count * sizeof *got);
    if (got == NULL) return no_memory(p);
    tl_status status = tl_tensor_read(p->ctx, array->tensor, 0, array->count, got);
    for (uint64_t i = 0; status == TL_OK && i < array->count; i++) {
        const double allowed = 16 * (double)FLT_EPSILON * sqrt(terms) * fmax(scale, fabs(want[i]));
        const double error = fabs((double)got[i] - want[i]) / allowed;
        if (!(error <= p->error)) p->error = isnan(error) ? INFINITY : error;
    }
    free(got);
    return status;
}

void tli_probe_free(tli_probe *p)
{
    for (int i = 0; i < p->used; i++) {
        free(p->arrays[i].host);
        tl_tensor_destroy(p->ctx, p->arrays[i].tensor);
        p->arrays[i] = (tli_probe_array){.host = NULL};
    }
    for (int i = 0; i < p->expected; i++) free(p->wanted[i]);
    p->used = p->expected = 0;
}

/* ---- the table ------------------------------------------------------------------------------------ */

static const struct {
    const char *kernels;
    tli_probe_check check;
} checks[] = {
    {"layernorm", tli_probe_layernorm}, {"softmax", tli_probe_softmax},
    {"loss", tli_probe_loss},           {"gelu", tli_probe_gelu},
    {"optimizer", tli_probe_optimizer}, {"clip", tli_probe_clip},
    {"columns", tli_probe_column_sum},  {"add", tli_probe_add},
    {"gemm", tli_probe_gemm},           {"translution", tli_probe_offset_gemm},
};

static tl_status run_checks(tl_context *ctx, const tl_log *log, tli_self_test_row *rows, int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    for (int i = 0; i < *count; i++) {
        tli_probe probe = {.ctx = ctx, .random = tli_random_make(1, (uint64_t)i)};
        if (checks[i].check(&probe) != TL_OK) {
            probe.error = INFINITY;
            tli_log_write(log, TL_LOG_DETAIL, "self-test of kernels/%s.cl: %s", checks[i].kernels,
                          tl_context_error(ctx)->text);
        }
        tli_probe_free(&probe);
        rows[i] = (tli_self_test_row){checks[i].kernels, probe.error, probe.error <= 1};
    }
    return tl_finish(ctx);
}

bool tli_self_test_has_form(const tl_context *ctx, tl_kernel_path path)
{
    return path == TL_PATH_CPU || tl_context_device(ctx)->max_work_group >= 256; /* of kernels/tile_gpu.cl */
}

tl_status tli_self_test_form(tl_context *ctx, tl_kernel_path path, tli_self_test_row *rows, int *count)
{
    char device[32];
    snprintf(device, sizeof device, "%d:%d", tl_context_device(ctx)->platform,
             tl_context_device(ctx)->device);
    const tl_context_options options = {.device = device,
                                        .path = path}; /* without a log: `ctx` has given the notices */
    tl_context *own = NULL;
    TLI_TRY(tl_context_create(&options, &own, tl_context_error(ctx)));
    tl_status status = run_checks(own, tli_context_log(ctx), rows, count);
    if (status != TL_OK) *tl_context_error(ctx) = *tl_context_error(own);
    tl_context_destroy(own);
    return status;
}

/* ---- the choice ----------------------------------------------------------------------------------- */

static const char *form_name(tl_kernel_path path)
{
    return path == TL_PATH_CPU ? "CPU" : "GPU";
}

/* The first row that is not right; NULL: all are. */
static const tli_self_test_row *first_wrong(const tli_self_test_row *rows, int count)
{
    for (int i = 0; i < count; i++)
        if (!rows[i].right) return &rows[i];
    return NULL;
}

static tl_status choose_by_test(tl_context *ctx, bool may_change, tl_kernel_path *path)
{
    tli_self_test_row rows[TLI_SELF_TEST_MAX], others[TLI_SELF_TEST_MAX];
    int count = 0;
    TLI_TRY(tli_self_test_form(ctx, *path, rows, &count));
    const tli_self_test_row *wrong = first_wrong(rows, count);
    if (wrong == NULL) return TL_OK;
    const tl_kernel_path own = *path, other = own == TL_PATH_CPU ? TL_PATH_GPU : TL_PATH_CPU;
    if (may_change && tli_self_test_has_form(ctx, other)) {
        TLI_TRY(tli_self_test_form(ctx, other, others, &count));
        if (first_wrong(others, count) == NULL) {
            *path = other;
            return TL_OK;
        }
    }
    return tli_fail(
        tl_context_error(ctx), TL_ERROR_DEVICE,
        "kernels/%s.cl in the form for %ss fails its self-test on %s (driver %s), with %.3g times the error "
        "that "
        "rounding explains: see `translution devices --self-test`, try another driver or device, or set "
        "TRANSLUTION_SELF_TEST=off to run in spite of it",
        wrong->kernels, form_name(own), tl_context_device(ctx)->name, tl_context_device(ctx)->driver,
        wrong->error);
}

static bool is_off(void)
{
    const char *setting = getenv("TRANSLUTION_SELF_TEST");
    return (setting != NULL && strcmp(setting, "off") == 0) || getenv("TRANSLUTION_FAULT") != NULL;
}

tl_status tli_self_test_choose(tl_context *ctx, bool may_change, tl_kernel_path *path)
{
    const tl_kernel_path own = tli_context_limits(ctx)->cpu_path ? TL_PATH_CPU : TL_PATH_GPU;
    *path = own;
    if (is_off()) return TL_OK;
    char name[64];
    snprintf(name, sizeof name, "self-test-%016llx-%d%d-%u", (unsigned long long)tli_kernel_sources_hash(ctx),
             (int)own, (int)may_change, (unsigned)tli_context_limits(ctx)->vector_width);
    unsigned char *data = NULL;
    size_t size = 0;
    if (tli_cache_get(ctx, name, &data, &size)) {
        if (size == 1 && (data[0] == TL_PATH_CPU || data[0] == TL_PATH_GPU)) *path = (tl_kernel_path)data[0];
        free(data);
    } else {
        TLI_TRY(
            choose_by_test(ctx, may_change, path)); /* a failure is not kept: the next start tries again */
        tli_cache_put(ctx, name, &(unsigned char){(unsigned char)*path}, 1);
    }
    if (*path != own)
        tli_log_write(
            tli_context_log(ctx), TL_LOG_NOTICE,
            "the kernels' form for %ss fails its self-test on %s: the form for %ss serves (see `translution "
            "devices --self-test`)",
            form_name(own), tl_context_device(ctx)->name, form_name(*path));
    return TL_OK;
}

#include "ops/self_test_probe.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

tl_status tli_probe_write(tli_probe *p, tli_probe_array *array, const void *values)
{
    memcpy(array->host, values, array->count * sizeof *array->host);
    return tl_tensor_write(p->ctx, array->tensor, 0, array->count, values);
}

void tli_probe_count(tli_probe *p, double error)
{
    if (!(error <= p->error)) p->error = isnan(error) ? INFINITY : error;
}

tl_status tli_probe_expect(tli_probe *p, uint64_t count, double **out)
{
    if (p->expected == TLI_PROBE_ARRAYS) return no_memory(p);
    *out = calloc(count, sizeof **out);
    if (*out == NULL) return no_memory(p);
    p->wanted[p->expected++] = *out;
    return TL_OK;
}

/* A result has at most four rounded operands on its way, each off by a unit / sqrt(3) in the root mean square: ten times all of them, as
 * results are larger than their mean, and errors than theirs. Right kernels reach 0.6 of it, those that cut digits off 1.6. */
static double rounding_of(double unit, const double *want, uint64_t count)
{
    double squares = 0;
    for (uint64_t i = 0; i < count; i++) squares += want[i] * want[i];
    return 10 * sqrt(4.0 / 3.0) * unit * sqrt(squares / (double)count);
}

tl_status tli_probe_compare(tli_probe *p, const tli_probe_array *array, const double *want, double terms,
                            double scale)
{
    float *got = malloc(array->count * sizeof *got);
    if (got == NULL) return no_memory(p);
    tl_status status = tl_tensor_read(p->ctx, array->tensor, 0, array->count, got);
    const double rounding = p->unit > 0 ? rounding_of(p->unit, want, array->count) : 0;
    for (uint64_t i = 0; status == TL_OK && i < array->count; i++) {
        const double allowed = 16 * (double)FLT_EPSILON * sqrt(terms) * fmax(scale, fabs(want[i])) + rounding;
        const double error = fabs((double)got[i] - want[i]) / allowed;
        tli_probe_count(p, error);
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

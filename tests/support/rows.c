#include "rows.h"

place put_at(const char *file, int line, tl_context *ctx, const void *values, uint64_t count)
{
    float *host = malloc((count + 2 * GUARD) * sizeof *host);
    assert_non_null(host);
    for (uint64_t i = 0; i < count + 2 * GUARD; i++) host[i] = NAN;
    if (values != NULL) memcpy(host + GUARD, values, count * sizeof *host);
    place p = {upload_at(file, line, ctx, host, 1, count + 2 * GUARD), {0}, count};
    p.view = tli_at(p.tensor, GUARD);
    free(host);
    return p;
}

void *get_at(const char *file, int line, tl_context *ctx, place p)
{
    float *host = download_at(file, line, ctx, p.tensor);
    for (int i = 0; i < GUARD; i++)
        if (!isnan(host[i]) || !isnan(host[GUARD + p.count + (uint64_t)i]))
            fail_at(file, line, "a kernel wrote outside of its %llu elements", (unsigned long long)p.count);
    memmove(host, host + GUARD, p.count * sizeof *host);
    return host;
}

void drop(tl_context *ctx, place p)
{
    tl_tensor_destroy(ctx, p.tensor);
}

float *draw(tli_random *r, uint64_t count)
{
    float *x = malloc((count > 0 ? count : 1) * sizeof *x);
    assert_non_null(x);
    for (uint64_t i = 0; i < count; i++) x[i] = tli_random_normal(r);
    return x;
}

double *zeros(uint64_t count)
{
    double *x = calloc(count > 0 ? count : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

void near_to_at(const char *file, int line, const char *what, const float *got, const double *want,
                uint64_t count, double tolerance, double scale)
{
    for (uint64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance * fmax(scale, fabs(want[i]))))
            fail_at(file, line, "%s[%llu] is %.9g, not %.9g", what, (unsigned long long)i, got[i], want[i]);
}

void slope_is_at(const char *file, int line, const char *what, double got, double plus, double minus,
                 double step, double scale)
{
    const double want = (plus - minus) / (2 * step);
    if (!(fabs(got - want) <= 2e-5 * fmax(scale, fabs(want))))
        fail_at(file, line, "%s: slope %.9g, by differences %.9g", what, got, want);
}

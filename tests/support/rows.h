/* For the tests of the row operations: values on the device between guard elements, comparison with a
 * double-precision reference, and a run on both kernel paths. */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

#include "golden.h"

#include "core/random.h"

enum { GUARD = 5 }; /* elements before and after: also makes every view start unaligned */

typedef struct place {
    tl_tensor *tensor;
    tli_view view;
    uint64_t count;
} place;

/* `count` values (4 bytes each; NULL: NaN, which no kernel may read) on the device. */
static inline place put(tl_context *ctx, const void *values, uint64_t count)
{
    float *host = malloc((count + 2 * GUARD) * sizeof *host);
    assert_non_null(host);
    for (uint64_t i = 0; i < count + 2 * GUARD; i++) host[i] = NAN;
    if (values != NULL) memcpy(host + GUARD, values, count * sizeof *host);
    place p = {golden_upload(ctx, host, 1, count + 2 * GUARD), {0}, count};
    p.view = tli_at(p.tensor, GUARD);
    free(host);
    return p;
}

/* The values, freed by the caller; fails when something wrote outside of them. */
static inline void *get(tl_context *ctx, place p)
{
    float *host = golden_download(ctx, p.tensor);
    for (int i = 0; i < GUARD; i++)
        if (!isnan(host[i]) || !isnan(host[GUARD + p.count + (uint64_t)i]))
            fail_msg("a kernel wrote outside of its %llu elements", (unsigned long long)p.count);
    memmove(host, host + GUARD, p.count * sizeof *host);
    return host;
}

static inline void drop(tl_context *ctx, place p)
{
    tl_tensor_destroy(ctx, p.tensor);
}

static inline float *draw(tli_random *r, uint64_t count)
{
    float *x = malloc((count > 0 ? count : 1) * sizeof *x);
    assert_non_null(x);
    for (uint64_t i = 0; i < count; i++) x[i] = tli_random_normal(r);
    return x;
}

static inline double *zeros(uint64_t count)
{
    double *x = calloc(count > 0 ? count : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

/* |got - want| <= tolerance * max(scale, |want|) everywhere; a NaN fails. */
static inline void near_to(const char *what, const float *got, const double *want, uint64_t count,
                           double tolerance, double scale)
{
    for (uint64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance * fmax(scale, fabs(want[i]))))
            fail_msg("%s[%llu] is %.9g, not %.9g", what, (unsigned long long)i, got[i], want[i]);
}

/* A directional derivative against a central difference of a double-precision reference. */
static inline void slope_is(const char *what, double got, double plus, double minus, double step,
                            double scale)
{
    const double want = (plus - minus) / (2 * step);
    if (!(fabs(got - want) <= 2e-5 * fmax(scale, fabs(want))))
        fail_msg("%s: slope %.9g, by differences %.9g", what, got, want);
}

/* Declares `name`_cpu and `name`_gpu, CMocka tests that run name(ctx) on either kernel path. */
#define ON_BOTH_PATHS(name)                                                                                  \
    static void name##_cpu(void **unused)                                                                    \
    {                                                                                                        \
        tl_context *ctx = golden_context(TL_PATH_CPU);                                                       \
        name(ctx);                                                                                           \
        tl_context_destroy(ctx);                                                                             \
    }                                                                                                        \
    static void name##_gpu(void **unused)                                                                    \
    {                                                                                                        \
        tl_context *ctx = golden_context(TL_PATH_GPU);                                                       \
        name(ctx);                                                                                           \
        tl_context_destroy(ctx);                                                                             \
    }
#define BOTH_PATHS(name) cmocka_unit_test(name##_cpu), cmocka_unit_test(name##_gpu)

#endif

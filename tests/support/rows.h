/* For the tests of the row operations: values on the device between guard elements, comparison with a
 * double-precision reference, and a run on both kernel paths. */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

#include "context.h"

#include "core/random.h"

enum { GUARD = 5 }; /* elements before and after: also makes every view start unaligned */

typedef struct place {
    tl_tensor *tensor;
    tli_view view;
    uint64_t count;
} place;

/* `count` values (4 bytes each; NULL: NaN, which no kernel may read) on the device. */
#define put(ctx, values, count) put_at(HERE, ctx, values, count)
place put_at(const char *file, int line, tl_context *ctx, const void *values, uint64_t count);

/* The values, freed by the caller; fails when something wrote outside of them. */
#define get(ctx, place) get_at(HERE, ctx, place)
void *get_at(const char *file, int line, tl_context *ctx, place p);

void drop(tl_context *ctx, place p);

/* `count` normal numbers, and `count` zeros, freed by the caller. */
float *draw(tli_random *r, uint64_t count);
double *zeros(uint64_t count);

/* |got - want| <= tolerance * max(scale, |want|) everywhere; a NaN fails. */
#define near_to(what, got, want, count, tolerance, scale)                                                    \
    near_to_at(HERE, what, got, want, count, tolerance, scale)
void near_to_at(const char *file, int line, const char *what, const float *got, const double *want,
                uint64_t count, double tolerance, double scale);

/* A directional derivative against a central difference of a double-precision reference. */
#define slope_is(what, got, plus, minus, step, scale) slope_is_at(HERE, what, got, plus, minus, step, scale)
void slope_is_at(const char *file, int line, const char *what, double got, double plus, double minus,
                 double step, double scale);

/* Declares `name`_cpu and `name`_gpu, CMocka tests that run name(ctx) on either kernel path, unless the plain run has done the same. */
#define ON_BOTH_PATHS(name)                                                                                  \
    static void name##_cpu(void **unused)                                                                    \
    {                                                                                                        \
        if (same_as_plain_run(TL_PATH_CPU)) return;                                                          \
        tl_context *ctx = new_context(TL_PATH_CPU);                                                          \
        name(ctx);                                                                                           \
        tl_context_destroy(ctx);                                                                             \
    }                                                                                                        \
    static void name##_gpu(void **unused)                                                                    \
    {                                                                                                        \
        if (same_as_plain_run(TL_PATH_GPU)) return;                                                          \
        tl_context *ctx = new_context(TL_PATH_GPU);                                                          \
        name(ctx);                                                                                           \
        tl_context_destroy(ctx);                                                                             \
    }
#define BOTH_PATHS(name) cmocka_unit_test(name##_cpu), cmocka_unit_test(name##_gpu)

#endif

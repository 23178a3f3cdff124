/* For the tests of the public header that compute: a context, a folder, tensors and numbers. */
#ifndef TESTS_API_VALUES_H
#define TESTS_API_VALUES_H

#include <translution/translution.h>

#include "files.h"
#include "test.h"

static tl_context *ctx;

#define OK(call)                                                                                             \
    do {                                                                                                     \
        if ((call) != TL_OK) {                                                                               \
            print_error("%s:%d: %s\n", __FILE__, __LINE__, tl_context_error(ctx)->text);                     \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

/* A small fixed sequence in [-1, 1): the tests need numbers, not randomness. */
static inline float wave(uint32_t seed, uint64_t i)
{
    uint32_t v = (uint32_t)(i + 1) * 2654435761u ^ seed * 40503u;
    v = (v ^ v >> 15) * 2246822519u;
    return (float)(v >> 8) * 0x1p-23f - 1.0f;
}

static inline float *waves(uint32_t seed, uint64_t count)
{
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    for (uint64_t i = 0; i < count; i++) out[i] = wave(seed, i);
    return out;
}
#define waves(...) VALUE_FROM_HERE(waves(__VA_ARGS__))

static inline tl_tensor *tensor(const char *name, uint64_t count, const float *values)
{
    tl_tensor *t = NULL;
    OK(tl_tensor_create(ctx, name, TL_MEMORY_DATA, 1, count, &t));
    if (values != NULL) OK(tl_tensor_write(ctx, t, 0, count, values));
    return t;
}
#define tensor(...) VALUE_FROM_HERE(tensor(__VA_ARGS__))

static inline float *values_of(const tl_tensor *t, uint64_t count)
{
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    OK(tl_tensor_read(ctx, t, 0, count, out));
    return out;
}
#define values_of(...) VALUE_FROM_HERE(values_of(__VA_ARGS__))

static inline uint64_t elements_of(const tl_parameter *p)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < p->rank; i++) count *= p->shape[i];
    return count;
}

static inline double dot(const float *a, const float *b, uint64_t count)
{
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static inline void assert_near(const char *what, const float *got, const float *want, uint64_t count,
                               double tolerance)
{
    for (uint64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance))
            fail_msg("%s, number %llu: %.9g, not %.9g", what, (unsigned long long)i, (double)got[i],
                     (double)want[i]);
}
#define assert_near(...) FROM_HERE(assert_near(__VA_ARGS__))

static inline int set_up_context(void **state)
{
    tl_error err = {0};
    (void)state;
    if (tl_context_create(NULL, &ctx, &err) == TL_OK) return 0;
    print_error("%s\n", err.text);
    return -1;
}

static inline int tear_down_context(void **state)
{
    (void)state;
    tl_context_destroy(ctx);
    return 0;
}

static inline int set_up_context_and_folder(void **state)
{
    return make_folder(state) == 0 ? set_up_context(state) : -1;
}

static inline int tear_down_context_and_folder(void **state)
{
    tear_down_context(state);
    return remove_folder(state);
}

#endif

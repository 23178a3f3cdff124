/* Golden vectors for tests: a safetensors file of tests/golden, its tensors as host arrays, and comparisons
 * by the measure e = max|a - b| / max|b|. Everything fails the test with a message instead of returning an
 * error. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/safetensors.h"
#include "device/device.h"

/* Fails the test with the context's message. */
#define MUST(ctx, call)                                                                                      \
    do {                                                                                                     \
        if ((call) != TL_OK) fail_msg("%s: %s", #call, tl_context_error(ctx)->text);                         \
    } while (0)

static inline tli_safetensors golden_open(const char *name)
{
    char path[512];
    tli_safetensors st;
    tl_error err = {0};
    snprintf(path, sizeof path, "%s/%s.safetensors", TL_GOLDEN_DIR, name);
    if (tli_st_open(path, &st, &err) != TL_OK) fail_msg("%s", err.text);
    return st;
}

static inline uint64_t golden_count(const tli_st_entry *e)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < e->rank; i++) count *= e->shape[i];
    return count;
}

/* The tensor's elements (floats or int64), freed by the caller; *count may be NULL. */
static inline void *golden_read(tli_safetensors *st, const char *name, uint64_t *count)
{
    tl_error err = {0};
    const tli_st_entry *e = tli_st_find(st, name);
    if (e == NULL) fail_msg("%s holds no %s", st->path, name);
    const uint64_t n = golden_count(e);
    void *data = malloc(n * (e->dtype == ST_I64 ? 8 : 4));
    assert_non_null(data);
    if (tli_st_read(st, e, 0, n, data, &err) != TL_OK) fail_msg("%s", err.text);
    if (count != NULL) *count = n;
    return data;
}

/* [outer][inner][channels] -> [inner][outer][channels], freed by the caller: the files have the batch
 * outermost, the engine the tokens. */
static inline float *golden_swap(const float *x, uint64_t outer, uint64_t inner, uint64_t channels)
{
    float *y = malloc(outer * inner * channels * sizeof *y);
    assert_non_null(y);
    for (uint64_t a = 0; a < outer; a++)
        for (uint64_t b = 0; b < inner; b++)
            memcpy(y + (b * outer + a) * channels, x + (a * inner + b) * channels, channels * sizeof *y);
    return y;
}

static inline void golden_compare(const char *what, const float *got, const float *want, uint64_t count,
                                  double tolerance)
{
    double worst = 0, largest = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double e = fabs((double)got[i] - want[i]);
        if (isnan(e) || e > worst) worst = e; /* a NaN is the worst of all, and stays */
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
        if (want[i] == 0.0f && got[i] != 0.0f)
            fail_msg("%s[%llu] is %g instead of 0", what, (unsigned long long)i, got[i]);
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s: error %g, tolerance %g", what, worst / largest, tolerance);
}

/* A new single-shard tensor holding the values (or zeros when values is NULL). */
static inline tl_tensor *golden_upload(tl_context *ctx, const float *values, uint64_t lead, uint64_t row)
{
    tl_tensor *t = NULL;
    MUST(ctx, tl_tensor_create(ctx, "test", TL_MEMORY_WORKSPACE, lead, row, &t));
    if (values != NULL) MUST(ctx, tl_tensor_write(ctx, t, 0, lead * row, values));
    return t;
}

static inline float *golden_download(tl_context *ctx, const tl_tensor *t)
{
    float *values = malloc(t->lead * t->row * sizeof *values);
    assert_non_null(values);
    MUST(ctx, tl_tensor_read(ctx, t, 0, t->lead * t->row, values));
    return values;
}

static inline tl_context *golden_context(tl_kernel_path path)
{
    tl_context *ctx = NULL;
    tl_error err = {0};
    const tl_context_options options = {.path = path};
    if (tl_context_create(&options, &ctx, &err) != TL_OK) fail_msg("%s", err.text);
    return ctx;
}

#endif

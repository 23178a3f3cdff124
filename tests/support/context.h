/* A context of the default device, and arrays on it. Everything fails the test with a message instead of returning an error. */
#ifndef TESTS_CONTEXT_H
#define TESTS_CONTEXT_H

#include "test.h"

#include "device/device.h"

/* Fails the test with the context's message. */
#define MUST(ctx, call)                                                                                      \
    do {                                                                                                     \
        if ((call) != TL_OK) fail_at(HERE, "%s: %s", #call, tl_context_error(ctx)->text);                    \
    } while (0)

/* To be called before a context is made: has PoCL compile the form for GPUs without optimization, in a fifth of the time. Nobody runs that
 * form on a processor, and how well compilers for GPUs do is for tools/check_gpu_kernels to see. */
void compile_for(tl_kernel_path path);

/* Whether this run of a test computes in this form what its plain run does: another vector width (WIDTHS in CMake) changes the form for CPUs
 * alone, another tile (TILES) that for GPUs. */
bool same_as_plain_run(tl_kernel_path path);

#define new_context(path) new_context_at(HERE, path)
tl_context *new_context_at(const char *file, int line, tl_kernel_path path);

/* A new single-shard tensor holding the values (or zeros when values is NULL). */
#define upload(ctx, values, lead, row) upload_at(HERE, ctx, values, lead, row)
tl_tensor *upload_at(const char *file, int line, tl_context *ctx, const float *values, uint64_t lead,
                     uint64_t row);

/* Its elements, freed by the caller. */
#define download(ctx, tensor) download_at(HERE, ctx, tensor)
float *download_at(const char *file, int line, tl_context *ctx, const tl_tensor *t);

/* max|got - want| <= tolerance * max|want|, and where want is 0, got is 0; a NaN fails. */
#define assert_close(what, got, want, count, tolerance)                                                      \
    assert_close_at(HERE, what, got, want, count, tolerance)
void assert_close_at(const char *file, int line, const char *what, const float *got, const float *want,
                     uint64_t count, double tolerance);

#endif

/* Choice of the GEMM implementation per shape and device: measured by `tune`, checked by a self-test. */
#ifndef OPS_GEMM_CHOICE_H
#define OPS_GEMM_CHOICE_H

#include "ops/gemm.h"

/* A measured shape. */
typedef struct tli_gemm_entry {
    uint32_t transpose_a, transpose_b, batched;
    uint32_t m, n, k;
    float own_gflops, clblast_gflops;
} tli_gemm_entry;

enum { TLI_GEMM_MAX_ENTRIES = 64 };

/* Replaces the context's table and saves it in the on-disk cache for this device and driver. */
tl_status tli_gemm_learn(tl_context *ctx, const tli_gemm_entry *entries, int count);
/* The context's table; *count 0: the device has not been tuned. */
const tli_gemm_entry *tli_gemm_table(tl_context *ctx, int *count);
/* Until called with AUTO, every product that can uses `mode` (for measuring). */
tl_status tli_gemm_force(tl_context *ctx, tl_gemm_mode mode);

/* Whether CLBlast computes this product. */
bool tli_gemm_prefers_clblast(tl_context *ctx, const tli_gemm_args *args);

/* Checks a product on a few odd shapes and all transposes against a plain loop. Returns the largest error
 * in units of the expected rounding error; above 1 is wrong. */
typedef tl_status (*tli_gemm_function)(tl_context *ctx, const tli_gemm_args *args);
tl_status tli_gemm_measure_error(tl_context *ctx, tli_gemm_function product, double *error);
bool tli_gemm_is_right(tl_context *ctx, tli_gemm_function product);

#endif

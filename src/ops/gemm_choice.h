/* Choice of the GEMM implementation per shape and device: measured by `tune`, checked by a self-test. */
#ifndef OPS_GEMM_CHOICE_H
#define OPS_GEMM_CHOICE_H

#include "ops/gemm.h"

/* Until called with AUTO, every product that can uses `mode` (for measuring). */
tl_status tli_gemm_force(tl_context *ctx, tl_gemm_mode mode);

/* Whether CLBlast computes this product. */
bool tli_gemm_prefers_clblast(tl_context *ctx, const tli_gemm_args *args);

/* For tli_gemm_measure_error: bits 1 << tli_gemm_kind. */
#define TLI_ALL_TRANSPOSES 15u
/* Checks a product on a few odd shapes and these transposes against a plain loop, with all of them also single rows. Returns the largest error
 * in units of the rounding error that is expected in this precision; above 1 is wrong. */
typedef tl_status (*tli_gemm_function)(tl_context *ctx, const tli_gemm_args *args);
tl_status tli_gemm_measure_error(tl_context *ctx, tli_gemm_function product, tl_precision precision,
                                 unsigned transposes, double *error);
bool tli_gemm_is_right(tl_context *ctx, tli_gemm_function product);

#endif

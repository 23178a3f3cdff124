/* Dense products by the matrix units of GPUs (kernels/gemm_tensor.cl): tensor cores, where a context's precision is not fp32, and AMD's matrix
 * cores. */
#ifndef OPS_GEMM_TENSOR_H
#define OPS_GEMM_TENSOR_H

#include "ops/gemm.h"

typedef enum tli_matrix_unit {
    TLI_UNIT_NONE,
    TLI_UNIT_MMA,  /* NVIDIA's tensor cores, from compute capability 8.0 on: tf32 and bf16 */
    TLI_UNIT_MFMA, /* AMD's matrix cores from CDNA2 on: fp32 and bf16 */
} tli_matrix_unit;

bool tli_matrix_unit_has(tli_matrix_unit unit, tl_precision precision);

/* The files of a unit's program, as of tli_kernel_family. */
#define TLI_GEMM_MMA_FILES  "gemm_sizes+gemm_finish+bf16+mma+gemm_tensor"
#define TLI_GEMM_MFMA_FILES "gemm_sizes+gemm_finish+bf16+mfma+gemm_tensor"

/* Whether matrix units compute this product: where tli_gemm_tensor_use asked for them, and it is not so narrow that a tile would be nearly
 * empty. */
bool tli_gemm_tensor_serves(tl_context *ctx, const tli_gemm_args *args);

/* In the precision that tli_gemm_tensor_use gave. */
tl_status tli_gemm_tensor(tl_context *ctx, const tli_gemm_args *args);

/* The kernel of a precision with tiles of `side` rows and columns, 64 or 128. */
tl_status tli_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                 bool transpose_a, bool transpose_b, uint32_t side, tli_kernel **out);

/* Dense products from now on have this precision and run on matrix units, without a check. */
tl_status tli_gemm_tensor_use(tl_context *ctx, tl_precision precision);
/* Dense products from now on are fp32, without matrix units. */
void tli_gemm_tensor_stop(tl_context *ctx);
bool tli_gemm_tensor_is_on(tl_context *ctx);
tl_precision tli_gemm_tensor_precision(tl_context *ctx);

/* What the context's device may have, with kernels in the form for GPUs: NVIDIA's, whose compiler takes PTX, and those of AMD's that are known by
 * name. Others are not asked: their compilers may end the program at an instruction that they do not know. */
tli_matrix_unit tli_gemm_tensor_unit(tl_context *ctx);
/* Whether that unit has this precision. */
bool tli_gemm_tensor_may(tl_context *ctx, tl_precision precision);
/* For tests on other devices: from now on kernels emulate this unit, which tli_gemm_tensor_unit returns. */
tl_status tli_gemm_tensor_emulate(tl_context *ctx, tli_matrix_unit unit);

#endif

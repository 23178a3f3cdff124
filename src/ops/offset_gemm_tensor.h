/* Products by offset on the matrix units of GPUs: the kernels of kernels/offset_gemm_gpu.cl with the tile of kernels/tile_tensor.cl. */
#ifndef OPS_OFFSET_GEMM_TENSOR_H
#define OPS_OFFSET_GEMM_TENSOR_H

#include "ops/matrix_unit.h"
#include "ops/tile.h"

/* The files of a unit's program, as of tli_kernel_family. */
#define TLI_OFFSET_GEMM_MMA_FILES                                                                            \
    "offset_gemm_sizes+bf16+mma+mma_fragment+tile_tensor+tile_gpu+offset_gemm_columns+offset_gemm_gpu"
#define TLI_OFFSET_GEMM_MFMA_FILES                                                                           \
    "offset_gemm_sizes+bf16+mfma+mma_fragment+tile_tensor+tile_gpu+offset_gemm_columns+offset_gemm_gpu"
#define TLI_OFFSET_GEMM_DPAS_FILES                                                                           \
    "offset_gemm_sizes+bf16+dpas+mma_fragment+tile_tensor+tile_gpu+offset_gemm_columns+offset_gemm_gpu"

/* Whether matrix units compute a product of so many rows and columns, in a context whose kernels by offset are of this form: where products
 * are computed by them, and both are more than half of a tile's, or a tile is asked for that is as large (TRANSLUTION_TILE). */
bool tli_offset_gemm_tensor_serves(tl_context *ctx, tli_kernel_form form, uint64_t rows, uint64_t columns);

/* Their tile. */
tli_tile tli_offset_gemm_tensor_tile(void);

/* The kernel of this name and these widths (INNER and so on) in a precision. */
tl_status tli_offset_gemm_tensor_kernel(tl_context *ctx, tli_matrix_unit unit, tl_precision precision,
                                        const char *name, const char *widths, tli_kernel **out);

#endif

/* The project's own GEMM kernels, for CPUs and GPUs; they support every shape. */
#ifndef OPS_GEMM_OWN_H
#define OPS_GEMM_OWN_H

#include "ops/gemm.h"
#include "ops/tile.h"

tl_status tli_gemm_own(tl_context *ctx, const tli_gemm_args *args);

/* Launches a kernel with the arguments of gemm.cl's: groups of `items` work-items for blocks of rows x columns. tile: of the GPU form,
 * for the launch's work; NULL in the CPU form. */
tl_status tli_gemm_launch(tl_context *ctx, tli_kernel *kernel, const tli_gemm_args *args, uint32_t rows,
                          uint32_t columns, uint32_t items, const tli_tile *tile);
/* Matrices of the batch. */
uint32_t tli_gemm_batches(const tli_gemm_args *args);

#endif

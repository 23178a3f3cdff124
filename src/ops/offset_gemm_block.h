/* Tiles of the GPU form's kernels by offset; and where the batch is smaller than a tile, blocks of tokens: a tile of their rows
 * meets the offsets of all of them (kernels/offset_gemm_block.cl). */
#ifndef OPS_OFFSET_GEMM_BLOCK_H
#define OPS_OFFSET_GEMM_BLOCK_H

#include "ops/gpu_tile.h"
#include "ops/offset_gemm.h"

/* The files of the program for blocks, as of tli_kernel_family; it is checked with the family offset_gemm. */
#define TLI_OFFSET_GEMM_BLOCK_FILES                                                                          \
    "offset_gemm_sizes+tile_fma+tile_gpu+offset_gemm_columns+offset_gemm_block"

/* Tokens of a block: a power of two whose rows fit the tile; 1: kernels/offset_gemm_gpu.cl, as for kinds whose work-groups do not
 * own tokens. */
uint32_t tli_offset_gemm_block(tli_tile tile, uint32_t batch, tli_product_kind kind);

/* Which part of the rows of tiles has results, in all steps of all blocks. */
double tli_offset_gemm_block_filled(const tli_offset_gemm *r, tli_tile tile, uint32_t tokens,
                                    tli_product_kind kind);

/* The default tile. By the shape alone, so that results do not depend on the device. */
tli_tile tli_offset_gemm_gpu_tile(const tli_offset_gemm *r, tli_kernel_form form, tli_product_kind kind);

/* Into how many parts the offsets of a launch of blocks are split that has `groups` work-groups else: so many that a large GPU has work for
 * all of its compute units, also when half of the blocks have few offsets. Each has `floats` sums, `room` is what there is for them. */
uint32_t tli_offset_gemm_block_parts(uint64_t groups, uint64_t floats, uint64_t room);

#endif

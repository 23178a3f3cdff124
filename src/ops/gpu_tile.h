/* The tiles of kernels/tile_fma.cl, of which products consist on GPUs. */
#ifndef OPS_GPU_TILE_H
#define OPS_GPU_TILE_H

#include "ops/tile.h"

/* The tile of kernels by offset that have work-groups enough at any shape, and no parts, for so many columns. */
tli_tile tli_gpu_tile_without_parts(tli_kernel_form form, uint64_t columns);

/* The tile of this side. */
tli_tile tli_gpu_tile_of(uint32_t side);

/* The tile for `count` products of rows x columns: a smaller one where there would be too few work-groups for a large GPU, or
 * where half of it would have no rows or columns. By the shape alone, so that results do not depend on the device. */
tli_tile tli_gpu_tile_choose(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count);

/* The same for gemm, which has a larger tile, too. */
tli_tile tli_gpu_tile_choose_gemm(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count);

/* Its build options, with a space before them. */
void tli_gpu_tile_options(tli_tile tile, char *options, size_t capacity);

/* Its work-items: TILE_ITEMS. */
uint32_t tli_gpu_tile_items(tli_tile tile);

/* Local memory of a work-group, with that of a sum over the work-items of a row. */
uint64_t tli_gpu_tile_local_bytes(tli_tile tile);

/* Which part of the rows (or columns) of tiles has results, where there are so many. */
double tli_gpu_tile_filled(tli_tile tile, uint64_t rows);
/* Adds the tile and its work to a launch that has flops. filled: the part of its results that are some. */
void tli_gpu_tile_work(tli_tile tile, double filled, tli_launch *launch);

#endif

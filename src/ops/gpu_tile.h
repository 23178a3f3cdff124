/* The tiles of kernels/tile_gpu.cl, of which products consist on GPUs. */
#ifndef OPS_GPU_TILE_H
#define OPS_GPU_TILE_H

#include "device/device.h"

/* Rows and columns of results, and the work-items that share a result. */
typedef struct tli_gpu_tile {
    uint32_t side, parts;
} tli_gpu_tile;

/* The tile of kernels that have work-groups enough at any shape. */
tli_gpu_tile tli_gpu_tile_largest(tli_kernel_form form);

/* The tile for `count` products of rows x columns: a smaller one where there would be too few work-groups for a large GPU, or
 * where half of it would have no rows or columns. By the shape alone, so that results do not depend on the device. */
tli_gpu_tile tli_gpu_tile_choose(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count);

/* Its build options, with a space before them. */
void tli_gpu_tile_options(tli_gpu_tile tile, char *options, size_t capacity);

/* Its work-items: TILE_ITEMS. */
uint32_t tli_gpu_tile_items(tli_gpu_tile tile);

/* Which part of the rows (or columns) of tiles has results, where there are so many. */
double tli_gpu_tile_filled(tli_gpu_tile tile, uint64_t rows);
/* Adds the tile and its work to a launch that has flops. filled: the part of its results that are some. */
void tli_gpu_tile_work(tli_gpu_tile tile, double filled, tli_launch *launch);

#endif

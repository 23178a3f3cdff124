#include "ops/gpu_tile.h"

#include <stdio.h>

#include "core/arithmetic.h"

enum { WORK_GROUPS = 264 }; /* two for each compute unit of the largest GPUs */
enum { LARGEST = 64, SMALLEST = 16, PARTS_OF_SMALLER = 4 };

static tli_gpu_tile tile_of(uint32_t side)
{
    return (tli_gpu_tile){side, side < LARGEST ? PARTS_OF_SMALLER : 1};
}

tli_gpu_tile tli_gpu_tile_largest(tli_kernel_form form)
{
    return (tli_gpu_tile){form.tile > 0 ? form.tile : LARGEST, 1};
}

tli_gpu_tile tli_gpu_tile_choose(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count)
{
    if (form.tile > 0) return tile_of(form.tile);
    uint32_t side = LARGEST;
    while (side > SMALLEST && (rows <= side / 2 || columns <= side / 2 ||
                               tli_ceil_div(rows, side) * tli_ceil_div(columns, side) * count < WORK_GROUPS))
        side /= 2;
    return tile_of(side);
}

void tli_gpu_tile_options(tli_gpu_tile tile, char *options, size_t capacity)
{
    const int used = snprintf(options, capacity, " -DTILE=%u", tile.side);
    if (tile.parts > 1)
        (void)snprintf(options + used, capacity - (size_t)used, " -DTILE_PARTS=%u", tile.parts);
}

uint32_t tli_gpu_tile_items(tli_gpu_tile tile)
{
    return tile.parts * (tile.side / 4) * (tile.side / 4);
}

double tli_gpu_tile_filled(tli_gpu_tile tile, uint64_t rows)
{
    return (double)rows / (double)(tli_ceil_div(rows, tile.side) * tile.side);
}

void tli_gpu_tile_work(tli_gpu_tile tile, double filled, tli_launch *launch)
{
    launch->tile = tile.side;
    launch->tile_flops = launch->flops / filled;
}

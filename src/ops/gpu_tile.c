#include "ops/gpu_tile.h"

#include <stdio.h>

#include "core/arithmetic.h"

enum { WORK_GROUPS = 264 }; /* two for each compute unit of the largest GPUs */
enum { LARGEST = TLI_TILE_LARGEST_BY_OFFSET, SMALLEST = 16, PARTS_OF_SMALLER = 4 };
enum { SMALLEST_WITHOUT_PARTS = 32 }; /* of 64 work-items, the width of the widest sub-groups */
/* Of kernels/tile_fma.cl: the padding where no option gives another; rows and columns of a work-item in each half of a tile, and the
 * smallest tile that has halves. */
enum { PADDING = 4, ITEM_RESULTS = 4, HALVED = 128 };
static const double HALVED_RATE =
    0.85; /* a smaller tile takes so much longer for a result: more of its instructions multiply nothing */

tli_tile tli_gpu_tile_of(uint32_t side)
{
    return (tli_tile){.side = side, .parts = side < LARGEST ? PARTS_OF_SMALLER : 1, .padding = PADDING};
}

tli_tile tli_gpu_tile_without_parts(tli_kernel_form form, uint64_t columns)
{
    uint32_t side = form.tile > 0 && form.tile < LARGEST ? form.tile : LARGEST;
    if (form.tile == 0 && columns <= SMALLEST_WITHOUT_PARTS) side = SMALLEST_WITHOUT_PARTS;
    return (tli_tile){.side = side, .parts = 1, .padding = PADDING};
}

static bool has_groups(uint32_t side, uint64_t rows, uint64_t columns, uint64_t count)
{
    return tli_ceil_div(rows, side) * tli_ceil_div(columns, side) * count >= WORK_GROUPS;
}

tli_tile tli_gpu_tile_choose(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count)
{
    if (form.tile > 0) return tli_gpu_tile_of((uint32_t)tli_smaller(form.tile, LARGEST));
    uint32_t side = LARGEST;
    while (side > SMALLEST &&
           (rows <= side / 2 || columns <= side / 2 || !has_groups(side, rows, columns, count)))
        side /= 2;
    return tli_gpu_tile_of(side);
}

static double filled(uint32_t side, uint64_t rows, uint64_t columns)
{
    const tli_tile tile = {.side = side};
    return tli_gpu_tile_filled(tile, rows) * tli_gpu_tile_filled(tile, columns);
}

tli_tile tli_gpu_tile_choose_gemm(tli_kernel_form form, uint64_t rows, uint64_t columns, uint64_t count)
{
    const bool halved = form.tile > 0 ? form.tile == HALVED
                                      : form.wide_tiles && has_groups(HALVED, rows, columns, count) &&
                                            filled(HALVED, rows, columns) >=
                                                HALVED_RATE * filled(LARGEST, rows, columns);
    return halved ? tli_gpu_tile_of(HALVED) : tli_gpu_tile_choose(form, rows, columns, count);
}

void tli_gpu_tile_options(tli_tile tile, char *options, size_t capacity)
{
    size_t used = (size_t)snprintf(options, capacity, " -DTILE=%u", (unsigned)tile.side);
    if (tile.parts > 1)
        used += (size_t)snprintf(options + used, capacity - used, " -DTILE_PARTS=%u", (unsigned)tile.parts);
    if (tile.padding != PADDING)
        (void)snprintf(options + used, capacity - used, " -DTILE_PADDING=%u", (unsigned)tile.padding);
}

uint32_t tli_gpu_tile_items(tli_tile tile)
{
    const uint32_t side = tile.side / ITEM_RESULTS / (tile.side >= HALVED ? 2 : 1);
    return tile.parts * side * side;
}

uint64_t tli_gpu_tile_local_bytes(tli_tile tile)
{
    const uint64_t items = tli_gpu_tile_items(tile), depth = 4 * items / tile.side;
    return sizeof(float) * (2 * depth * (tile.side + tile.padding) + 4 * items);
}

double tli_gpu_tile_filled(tli_tile tile, uint64_t rows)
{
    return (double)rows / (double)(tli_ceil_div(rows, tile.side) * tile.side);
}

void tli_gpu_tile_work(tli_tile tile, double filled, tli_launch *launch)
{
    launch->tile = tile.side;
    launch->tile_flops = launch->flops / filled;
}

#include "ops/offset_gemm_block.h"

#include "core/arithmetic.h"

enum { WORK_GROUPS = 198 }; /* of blocks, three for two compute units of the largest GPUs */

/* Sides of tiles, and how fast each is for what it has of results: multiply-adds among its instructions, of the smallest what
 * the cache gives it. */
static const struct {
    uint32_t side;
    double rate;
} sides[] = {{64, 0.75}, {32, 0.6}, {16, 0.33}};
enum { SIDES = sizeof sides / sizeof *sides };

/* Work-groups with parts of the offsets: two for each compute unit of those GPUs, and as many parts at most. */
enum { PART_GROUPS = 264, MOST_PARTS = 4 };

static bool owns_tokens(tli_product_kind kind)
{
    return kind == TLI_OFFSET_LOGITS_BACKWARD || kind == TLI_OFFSET_VALUES ||
           kind == TLI_OFFSET_VALUES_BACKWARD;
}

uint32_t tli_offset_gemm_block(tli_tile tile, uint32_t batch, tli_product_kind kind)
{
    uint32_t tokens = 1;
    if (owns_tokens(kind))
        while (2 * tokens * batch <= tile.side) tokens *= 2;
    return tokens;
}

static double steps_of(const tli_pair_table *pairs, int side, uint32_t tokens)
{
    uint32_t size = 0;
    while (1u << size < tokens) size++;
    return pairs->block_steps[side][size];
}

double tli_offset_gemm_block_filled(const tli_offset_gemm *r, tli_tile tile, uint32_t tokens,
                                    tli_product_kind kind)
{
    if (tokens == 1) return tli_gpu_tile_filled(tile, r->batch);
    const bool queries = kind != TLI_OFFSET_VALUES_BACKWARD, keys = kind != TLI_OFFSET_VALUES;
    const double steps = (queries ? steps_of(r->pairs, 0, tokens) : 0) +
                         (keys ? steps_of(r->pairs, 1, tokens) : 0),
                 rows = (double)(queries + keys) * r->pairs->count * r->batch;
    return steps > 0 ? rows / (steps * tile.side) : 1;
}

/* How fast tiles of this side are for blocks of tokens or, where blocks would be of one token, for rows of the batch. */
static double rate_of(const tli_offset_gemm *r, int i, tli_product_kind kind, uint64_t columns)
{
    const tli_tile tile = {.side = sides[i].side};
    return sides[i].rate * tli_gpu_tile_filled(tile, columns) *
           tli_offset_gemm_block_filled(r, tile, tli_offset_gemm_block(tile, r->batch, kind), kind);
}

tli_tile tli_offset_gemm_gpu_tile(const tli_offset_gemm *r, tli_kernel_form form, tli_product_kind kind)
{
    if (!owns_tokens(kind)) return tli_gpu_tile_without_parts(form, r->head_dim);
    const bool values = kind == TLI_OFFSET_VALUES;
    const uint64_t columns = values ? r->head_dim : r->inner, products = values ? r->heads : 1,
                   tokens = values ? r->pairs->queries : r->pairs->keys;
    tli_tile best = tli_gpu_tile_choose(form, r->batch, columns, products * tokens);
    if (form.tile > 0) return best;
    double highest = 0;
    for (int i = 0; i < SIDES; i++)
        if (sides[i].side == best.side) highest = rate_of(r, i, kind, columns);
    for (int i = 0; i < SIDES; i++) {
        const uint32_t block = tli_offset_gemm_block((tli_tile){.side = sides[i].side}, r->batch, kind);
        const uint64_t groups = tli_ceil_div(tokens, block) * tli_ceil_div(columns, sides[i].side) * products;
        const double rate = rate_of(r, i, kind, columns);
        if (block == 1 || groups < WORK_GROUPS || rate <= highest) continue;
        highest = rate;
        best = tli_gpu_tile_of(sides[i].side);
    }
    return best;
}

uint32_t tli_offset_gemm_block_parts(uint64_t groups, uint64_t floats, uint64_t room)
{
    uint32_t parts = 1;
    while (groups * parts < PART_GROUPS && parts < MOST_PARTS && 2 * parts * floats <= room) parts *= 2;
    return parts;
}

#include "ops/offset_gemm_chunk.h"

#include "core/arithmetic.h"
#include "ops/narrow_offset_gemm.h"
#include "ops/offset_gemv.h"

/* Backward processes the offsets in chunks, so that its memory per row is bounded for any grid. Where nothing else is chosen they
 * stay in a CPU's large cache; a GPU has few work-groups of so few rows. */
enum { LEAST_BYTES = 32 << 20 };

/* Columns of the inner dimension that a work-group of the backward kernels has at least. */
enum { NARROWEST_BLOCK = 16 };

/* Floats for two parts of the sums by token, of queries and of keys, where a GPU's tile has the rows of several tokens
 * (tli_offset_gemm_block_parts). */
static uint64_t parts_room(uint32_t tokens, uint32_t batch, uint64_t widest)
{
    enum { LARGEST_BATCH = 32 }; /* two tokens of which fit the largest tile */
    return 4ull * tokens * (batch < LARGEST_BATCH ? batch : LARGEST_BATCH) * widest;
}

uint64_t tli_offset_chunk_row(uint32_t inner, uint32_t heads, uint32_t head_dim, bool kept)
{
    const uint64_t rows = kept ? 0 : 2ull * heads * head_dim,
                   slices = (uint64_t)(uint32_t)tli_ceil_div(inner, NARROWEST_BLOCK) * heads;
    return rows > slices ? rows : slices;
}

uint64_t tli_offset_chunk_pairs(const tli_offset_gemm *r, uint64_t row)
{
    const uint32_t pairs = r->pairs->count, largest = r->pairs->largest;
    uint64_t fit = tli_chunk_bytes(r->chunk_bytes, LEAST_BYTES) / (4 * row * r->batch);
    if (fit < largest) fit = largest;
    return fit < pairs ? fit : pairs;
}

uint64_t tli_offset_gemm_workspace(uint64_t chunk_bytes, uint32_t tokens, uint32_t pairs, uint32_t largest,
                                   uint32_t batch, uint32_t inner, uint32_t heads, uint32_t head_dim,
                                   bool kept)
{
    const uint64_t row = tli_offset_chunk_row(inner, heads, head_dim, kept),
                   fit = tli_ceil_div(tli_chunk_bytes(chunk_bytes, LEAST_BYTES), 4 * row),
                   largest_rows = (uint64_t)largest * batch, all = (uint64_t)pairs * batch,
                   most = fit > largest_rows ? fit : largest_rows;
    /* what tli_offset_chunk_pairs gives for any batch up to this one, or more */
    const uint64_t width = (uint64_t)heads * head_dim,
                   room = chunk_bytes > 0 ? parts_room(tokens, batch, inner > width ? inner : width) : 0,
                   chunk = (all < most ? all : most) * row + room,
                   narrow = tli_narrow_offset_gemm_workspace(tokens, batch, inner, heads, head_dim);
    return tli_larger(tli_larger(chunk, narrow), tli_offset_gemv_workspace(tokens, heads, head_dim));
}

bool tli_offset_chunk_next(const tli_pair_table *pairs, const tl_tensor *query, const tl_tensor *key,
                           const tl_tensor *dquery, const tl_tensor *dkey, uint64_t limit,
                           tli_offset_chunk *c)
{
    uint32_t g = c->end;
    if (g == pairs->groups) return false;
    const tli_pair_group *group = pairs->group;
    uint64_t first;
    c->begin = g;
    c->pair_begin = group[g].first;
    c->key = key != NULL ? tli_shard(key, (uint64_t)group[g].key, &first).mem : NULL;
    c->key_first = key != NULL ? (int32_t)first : 0;
    c->dkey = dkey != NULL ? tli_shard(dkey, (uint64_t)group[g].key, &first).mem : NULL;
    c->query = query != NULL ? tli_shard(query, (uint64_t)group[g].query, &first).mem : NULL;
    c->query_first = query != NULL ? (int32_t)first : 0;
    c->dquery = dquery != NULL ? tli_shard(dquery, (uint64_t)group[g].query, &first).mem : NULL;
    for (; g < pairs->groups; g++) {
        const uint64_t held = (uint64_t)(group[g].first + group[g].count - c->pair_begin);
        if (g > c->begin && limit > 0 && held > limit) break;
        if (key != NULL && tli_shard(key, (uint64_t)group[g].key, &first).mem != c->key) break;
        if (query != NULL && tli_shard(query, (uint64_t)group[g].query, &first).mem != c->query) break;
        c->pair_end = group[g].first + group[g].count;
    }
    c->end = g;
    return true;
}

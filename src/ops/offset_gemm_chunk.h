/* Chunks of the products by offset: runs of groups of pairs that are computed together. */
#ifndef OPS_OFFSET_GEMM_CHUNK_H
#define OPS_OFFSET_GEMM_CHUNK_H

#include "ops/offset_gemm.h"

/* A run of groups whose matrices are in one shard of each table (and whose rows fit the workspace). */
typedef struct tli_offset_chunk {
    uint32_t begin, end; /* groups */
    int32_t pair_begin, pair_end;
    tli_mem query, key, dquery, dkey;
    int32_t query_first, key_first;
} tli_offset_chunk;

/* The next chunk from group c->end on; false at the end. Tables may be NULL. limit: pairs, 0 for any. */
bool tli_offset_chunk_next(const tli_pair_table *pairs, const tl_tensor *query, const tl_tensor *key,
                           const tl_tensor *dquery, const tl_tensor *dkey, uint64_t limit,
                           tli_offset_chunk *c);

/* Floats of backward's workspace a row: its q and k, or the slices of its weights' gradients. */
uint64_t tli_offset_chunk_row(uint32_t inner, uint32_t heads, uint32_t head_dim, bool kept);
/* The limit of pairs where backward has `row` floats for each of a pair's rows. */
uint64_t tli_offset_chunk_pairs(const tli_offset_gemm *r, uint64_t row);

#endif

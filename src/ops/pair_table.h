/* The pair table: the token pairs (i, j) of a geometry sorted by offset; the host copy plans launches, the
 * device copy is read by kernels. Pair weights are ordered [head][pair][batch]. */
#ifndef OPS_PAIR_TABLE_H
#define OPS_PAIR_TABLE_H

#include "ops/geometry.h"

typedef struct tli_pair_group {
    int32_t first, count; /* pairs [first, first + count) */
    int32_t query, key;   /* row of the query's matrix in its table; of the key's and value's */
} tli_pair_group;

/* Tokens that follow each other and are taken together: 2^0 ... 2^6 (offset_gemm_block.h). */
enum { TLI_BLOCK_SIZES = 7 };

typedef struct tli_pair_table {
    uint32_t groups, count; /* groups: offsets in use; count: pairs */
    uint32_t largest;       /* pairs of the largest group */
    uint32_t queries, keys;
    /* Of blocks of 2^b queries (side 0) or keys (side 1): their offsets, each once a block, in all blocks together. */
    uint32_t block_steps[2][TLI_BLOCK_SIZES];
    tli_pair_group *group; /* host copy, sorted by `key` */
    tl_tensor
        *device_groups; /* int4 per group; behind them the groups' numbers, by falling numbers of pairs */
    tl_tensor *device_pairs; /* int2 a pair: {i, j}; behind them the index of kernels/offset_gemm_gpu.cl: a
                               * span  {begin, end} a query, {pair, group} sorted by query; the same by key */
} tli_pair_table;

/* The two kernel arguments that stand for a pair table. */
#define TLI_ARG_PAIRS(p) TLI_ARG_MEM((p)->device_groups->mem[0]), TLI_ARG_MEM((p)->device_pairs->mem[0])

/* Contains only pairs whose query is one of the first `queries` tokens. */
tl_status tli_pair_table_create(tl_context *ctx, const char *name, const tli_geometry *geometry,
                                uint32_t queries, tli_pair_table *pairs);
void tli_pair_table_destroy(tl_context *ctx, tli_pair_table *pairs);
/* Rebuilds the table for another geometry with no more pairs, groups, queries and keys than it was created
 * for. */
tl_status tli_pair_table_fit(tl_context *ctx, const char *name, const tli_geometry *geometry,
                             uint32_t queries, tli_pair_table *pairs);

/* Numbers of the device's list of groups. */
uint64_t tli_pair_table_groups(uint32_t groups);
/* Numbers of pairs, and of pairs in the largest group, without building a table (for planning). */
void tli_pair_table_measure(const tli_geometry *geometry, uint32_t queries, uint32_t *groups, uint32_t *count,
                            uint32_t *largest);

/* Window mask: 1 where query i sees key j, else 0, [queries][keys]. */
tl_status tli_mask_create(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t queries,
                          tl_tensor **out);
/* Rebuilds the mask for another geometry with no more queries and keys. */
tl_status tli_mask_fit(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t queries,
                       tl_tensor *mask);
/* Sets the masked elements of `matrices` = batch * heads matrices of `count` = queries * keys elements to value. */
tl_status tli_mask_rows(tl_context *ctx, const tl_tensor *mask, uint64_t count, uint64_t matrices,
                        tli_view rows, float value);
/* values[0..count) = value. */
tl_status tli_fill(tl_context *ctx, tli_view values, uint64_t count, float value);

/* Converts pair weights to rows [batch][head][query][key] (added when `accumulate`), and back. Entries of
 * masked pairs are not written. */
tl_status tli_pairs_to_rows(tl_context *ctx, const tli_pair_table *pairs, uint32_t batch, uint32_t heads,
                            tli_view values, tli_view rows, bool accumulate);
tl_status tli_rows_to_pairs(tl_context *ctx, const tli_pair_table *pairs, uint32_t batch, uint32_t heads,
                            tli_view rows, tli_view values);

/* values of pairs [begin, end) = sum over slices of partial [slice][head][pair - begin][batch];
 * overwritten. */
tl_status tli_pair_table_sum_slices(tl_context *ctx, const tli_pair_table *pairs, uint32_t slices,
                                    uint32_t batch, uint32_t heads, int32_t begin, int32_t end,
                                    tli_view partial, tli_view values);

#endif

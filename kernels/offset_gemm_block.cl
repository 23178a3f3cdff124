// Grouped GEMM over token pairs that share an offset, GPU form for batches that are smaller than a tile: the kernels of
// offset_gemm_gpu.cl whose work-groups own tokens, with the same tables, layouts and arguments. A tile has the rows of `token_block`
// tokens that follow each other, which lie one behind another in an activation. The work-group walks over the offsets of all of
// them in ascending order; rows of a token that has no pair at an offset are zeros there.
// Macros: offset_gemm_sizes.cl.

#define NO_GROUP INT_MAX

// Where each token of the block is in its list of pairs: {pair, group}, with NO_GROUP behind those of this launch.
#define BLOCK_LOCALS __local int2 block_next[TILE]

// A token's span {next, end} of its list, from the first entry on that is of this launch; entries ascend by group.
static inline int2 walk_from(__global const int2 *list, int2 span, int group_begin)
{
    int end = span.y;
    while (span.x < end) {
        const int middle = (span.x + end) / 2;
        if (list[middle].y < group_begin)
            span.x = middle + 1;
        else
            end = middle;
    }
    return span;
}

static inline int2 walk_entry(__global const int2 *list, int2 walk, int group_end)
{
    const int2 entry = walk.x < walk.y ? list[walk.x] : (int2)(0, NO_GROUP);
    return entry.y < group_end ? entry : (int2)(0, NO_GROUP);
}

// Begins the walks of tokens [first, end); returns that of the token that has this work-item's number.
static inline int2 block_begin_sync(__local int2 *next, __global const int2 *span, __global const int2 *list,
                                    int first, int end, int group_begin, int group_end)
{
    const int item = get_local_id(0);
    int2 walk = (int2)(0, 0);
    if (first + item < end) walk = walk_from(list, span[first + item], group_begin);
    barrier(CLK_LOCAL_MEM_FENCE); // an earlier walk has been read
    if (item < TILE) next[item] = walk_entry(list, walk, group_end);
    barrier(CLK_LOCAL_MEM_FENCE);
    return walk;
}

// The next offset of any token of the block, the same for the whole work-group.
static inline int block_group(__local const int2 *next, int tokens)
{
    int group = NO_GROUP;
    for (int t = 0; t < tokens; t++) group = min(group, next[t].y);
    return group;
}

// Takes the tokens that have a pair at this offset to their next one. Behind it block_group gives the next offset.
static inline int2 block_step_sync(__local int2 *next, int2 walk, __global const int2 *list, int group,
                                   int group_end)
{
    const int item = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE); // all have read their pairs
    if (item < TILE && next[item].y == group) {
        walk.x++;
        next[item] = walk_entry(list, walk, group_end);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return walk;
}

// The pair at this offset of the token that has a row of the tile; -1: none.
static inline int row_pair(__local const int2 *next, int group, int batch, int row)
{
    const int2 entry = next[row / batch];
    return entry.y == group ? entry.x : -1;
}

// Those of the rows that a work-item fetches.
static inline int4 row_pairs(__local const int2 *next, int group, int batch)
{
    return (int4)(row_pair(next, group, batch, ITEM_TRANSPOSED_I(0)),
                  row_pair(next, group, batch, ITEM_TRANSPOSED_I(1)),
                  row_pair(next, group, batch, ITEM_TRANSPOSED_I(2)),
                  row_pair(next, group, batch, ITEM_TRANSPOSED_I(3)));
}

// Row `row` of the tile where rows are by pair or token `of`; -1 where that is.
static inline int row_at(int of, int batch, int row)
{
    return of < 0 ? -1 : of * batch + row % batch;
}

static inline int4 rows_at(int4 of, int batch)
{
    return (int4)(row_at(of.s0, batch, ITEM_TRANSPOSED_I(0)), row_at(of.s1, batch, ITEM_TRANSPOSED_I(1)),
                  row_at(of.s2, batch, ITEM_TRANSPOSED_I(2)), row_at(of.s3, batch, ITEM_TRANSPOSED_I(3)));
}

// The key (or query) of a pair; -1 where that is.
static inline int token_of(__global const int2 *pairs, int pair, bool key)
{
    const int2 at = pairs[max(pair, 0)];
    return pair < 0 ? -1 : key ? at.y : at.x;
}

static inline int4 tokens_of(__global const int2 *pairs, int4 pair, bool key)
{
    return (int4)(token_of(pairs, pair.s0, key), token_of(pairs, pair.s1, key), token_of(pairs, pair.s2, key),
                  token_of(pairs, pair.s3, key));
}

static inline float4 weights_at(__global const float *weights, int4 at)
{
    return (float4)(at.s0 < 0 ? 0.0f : weights[at.s0], at.s1 < 0 ? 0.0f : weights[at.s1],
                    at.s2 < 0 ? 0.0f : weights[at.s2], at.s3 < 0 ? 0.0f : weights[at.s3]);
}

// As tile_fetch_transposed; zeros of rows that are -1.
static inline float4 fetch_rows(__global const float *source, int ld, int4 rows, int depth)
{
    source += ITEM_TRANSPOSED_K;
    const bool some = ITEM_TRANSPOSED_K < depth;
    return (float4)(some && rows.s0 >= 0 ? source[(long)rows.s0 * ld] : 0.0f,
                    some && rows.s1 >= 0 ? source[(long)rows.s1 * ld] : 0.0f,
                    some && rows.s2 >= 0 ? source[(long)rows.s2 * ld] : 0.0f,
                    some && rows.s3 >= 0 ? source[(long)rows.s3 * ld] : 0.0f);
}

// Group (head and column panel, 0, block of queries).
__kernel TILE_GROUP void
offset_gemm_values(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                   __global const float *restrict x, __global const float *restrict w,
                   __global const float *restrict weights, __global float *y, const offset_gemm_sizes s)
{
    const int group_end = s.group_end, all_pairs = s.all_pairs, batch = s.batch, w_first = s.key_first;
    TILE_LOCALS;
    BLOCK_LOCALS;
    const int head = get_group_id(0) / HEAD_PANELS, panel = get_group_id(0) % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int first = get_group_id(2) * s.token_block, tokens = min(s.token_block, s.queries - first);
    __global const int2 *list = pairs + all_pairs + s.queries;
    __global const float *weight = weights + s.weights_at + (ulong)head * all_pairs * batch;
    float4 acc[4];
    tile_clear(acc);
    int2 walk = block_begin_sync(block_next, pairs + all_pairs, list, first, first + tokens, s.group_begin,
                                 group_end);
    for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
        const int4 p = row_pairs(block_next, g, batch);
        walk = block_step_sync(block_next, walk, list, g, group_end);
        const float4 factor = weights_at(weight, rows_at(p, batch));
        const int4 rows = rows_at(tokens_of(pairs, p, true), batch);
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + column;
#pragma unroll 1
        for (int k = 0; k < INNER + TILE_K; k += TILE_K) {
            float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
            if (k < INNER) {
                next_a = factor * fetch_rows(x + s.x_at + k, INNER, rows, TILE_DEPTH(INNER, k));
                next_b = tile_fetch(m + (ulong)k * WIDTH, WIDTH, columns, TILE_DEPTH(INNER, k));
            }
            tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, false);
        }
    }
    tile_sum_parts_sync(acc, tile_a);
    for (int r = 0; r < 4; r++) {
        const int row = TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && row < tokens * batch)
            add_columns(y + s.y_at + ((ulong)first * batch + row) * WIDTH + column, acc[r], columns);
    }
}

// Group (column panel of INNER, 0, block of tokens): the tokens' rows of dxq and dxk, which may be one array.
__kernel TILE_GROUP void
offset_gemm_logits_backward(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                            __global const float *restrict weights, __global const float *restrict q_rows,
                            __global const float *restrict k_rows, __global const float *restrict wq,
                            __global const float *restrict wk, __global float *dxq, __global float *dxk,
                            const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              all_pairs = s.all_pairs, queries = s.queries, keys = s.keys, batch = s.batch,
              wq_first = s.query_first, wk_first = s.key_first;
    TILE_LOCALS;
    BLOCK_LOCALS;
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int first = get_group_id(2) * s.token_block;
    const int4 rows_m = tile_rows(columns);
    for (int side = first < queries ? 0 : 1; side < 2; side++) { // 0: as queries, from k; 1: as keys, from q
        __global const int2 *span = pairs + all_pairs + (side == 0 ? 0 : queries + all_pairs);
        __global const int2 *list = span + (side == 0 ? queries : keys);
        __global const float *source = side == 0 ? k_rows + s.k_at : q_rows + s.q_at;
        const int tokens = min(s.token_block, (side == 0 ? queries : keys) - first);
        if (!(side == 0 ? Q_PER_OFFSET : K_PER_OFFSET)) { // the first group has all of its columns
            const int stride = side == 0 ? Q_STRIDE : K_STRIDE;
            __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                     (ulong)first * batch * stride;
            for (int c = 0; c0 == 0 && c < WIDTH; c += TILE) {
                for (int r = 0; r < 4; r++) {
                    const int row = TILE_ROW + TILE_ROW_STEP(r), b = row % batch;
                    if (!TILE_OWNS(r) || row >= tokens * batch) continue;
                    const int2 of_token = span[first + row / batch];
                    float4 sum = (float4)(0.0f);
                    for (int e = of_token.x; e < of_token.y; e++) {
                        const int p = list[e].x, g = list[e].y;
                        if (g < group_begin || g >= group_end) continue;
                        float w[4];
                        for (int q = 0; q < 4; q++) {
                            const int head = min(c + TILE_COLUMN + TILE_COLUMN_STEP(q), WIDTH - 1) / HEAD_DIM;
                            w[q] = weights[s.weights_at + ((ulong)head * all_pairs + p) * batch + b];
                        }
                        sum += vload4(0, w) *
                               load_columns(source + ((ulong)(p - pair_begin) * batch + b) * WIDTH + c,
                                            WIDTH - c);
                    }
                    add_columns(target + (ulong)row * stride + c, sum, WIDTH - c);
                }
            }
            continue;
        }
        float4 acc[4];
        tile_clear(acc);
        int2 walk = block_begin_sync(block_next, span, list, first, first + tokens, group_begin, group_end);
        for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
            const int4 at = rows_at(row_pairs(block_next, g, batch), batch);
            walk = block_step_sync(block_next, walk, list, g, group_end);
            const int4 rows = at - pair_begin * batch; // of pairs of this launch; others are below 0
            __global const float *m = (side == 0 ? wq + (ulong)(groups[g].z - wq_first) * MATRIX
                                                 : wk + (ulong)(groups[g].w - wk_first) * MATRIX) +
                                      (ulong)c0 * WIDTH;
#pragma unroll 1
            for (int k = 0; k < HEADS * HEAD_PADDED + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < HEADS * HEAD_PADDED) {
                    const int head = k / HEAD_PADDED, c = k % HEAD_PADDED, column = head * HEAD_DIM + c;
                    __global const float *weight = weights + s.weights_at + (ulong)head * all_pairs * batch;
                    next_a = weights_at(weight, at) *
                             fetch_rows(source + column, WIDTH, rows, TILE_DEPTH(HEAD_DIM, c));
                    next_b = tile_fetch_transposed(m + column, WIDTH, rows_m, TILE_DEPTH(HEAD_DIM, c));
                }
                tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, true);
            }
        }
        __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                 (ulong)first * batch * INNER + c0;
        tile_sum_parts_sync(acc, tile_a);
        for (int r = 0; r < 4; r++) {
            const int row = TILE_ROW + TILE_ROW_STEP(r);
            if (TILE_OWNS(r) && row < tokens * batch)
                add_columns(target + (ulong)row * INNER, acc[r], columns);
        }
    }
}

// Group (column panel of INNER, 0, block of keys).
__kernel TILE_GROUP void
offset_gemm_values_backward(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                            __global const float *restrict dy, __global const float *restrict x,
                            __global const float *restrict w, __global const float *restrict weights,
                            __global float *partial, __global float *dx, const offset_gemm_sizes s)
{
    const int group_end = s.group_end, pair_begin = s.pair_begin, all_pairs = s.all_pairs, batch = s.batch,
              w_first = s.key_first;
    TILE_LOCALS;
    BLOCK_LOCALS;
    __local float4 scratch[TILE_ITEMS];
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int first = get_group_id(2) * s.token_block, tokens = min(s.token_block, s.keys - first);
    const int4 rows_m = tile_rows(columns);
    const ulong chunk_rows = (ulong)(s.pair_end - pair_begin) * batch;
    __global float *out = partial + s.partial_at + get_group_id(0) * HEADS * chunk_rows;
    __global const int2 *span = pairs + 2 * all_pairs + s.queries, *list = span + s.keys;
    const ulong own_rows = (ulong)first * batch * INNER + c0;
    float4 own[4], total[4]; // x_j and dx_j of this work-item's elements
    for (int r = 0; r < 4; r++) {
        const int row = TILE_ROW + TILE_ROW_STEP(r);
        own[r] = row < tokens * batch ? load_columns(x + s.x_at + own_rows + (ulong)row * INNER, columns)
                                      : (float4)(0.0f);
    }
    tile_clear(total);
    int2 walk = block_begin_sync(block_next, span, list, first, first + tokens, s.group_begin, group_end);
    for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
        const int4 rows = rows_at(tokens_of(pairs, row_pairs(block_next, g, batch), false), batch);
        int at[4]; // of the work-item's results in a head's weights
        for (int r = 0; r < 4; r++) {
            const int row = TILE_ROW + TILE_ROW_STEP(r);
            at[r] = row_at(row_pair(block_next, g, batch, row), batch, row);
        }
        walk = block_step_sync(block_next, walk, list, g, group_end);
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + (ulong)c0 * WIDTH;
        for (int head = 0; head < HEADS; head++) {
            float4 u[4];
            tile_clear(u);
#pragma unroll 1
            for (int k = 0; k < HEAD_DIM + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < HEAD_DIM) {
                    next_a = fetch_rows(dy + s.dy_at + head * HEAD_DIM + k, WIDTH, rows,
                                        TILE_DEPTH(HEAD_DIM, k));
                    next_b = tile_fetch_transposed(m + head * HEAD_DIM + k, WIDTH, rows_m,
                                                   TILE_DEPTH(HEAD_DIM, k));
                }
                tile_turn_sync(u, k, tile_a, next_a, true, tile_b, next_b, true);
            }
            float sums[4];
            vstore4(tile_row_sums_sync(tile_row_dots(u, own), scratch), 0, sums);
            for (int r = 0; r < 4; r++) {
                if (at[r] < 0) continue;
                total[r] += weights[s.weights_at + (ulong)head * all_pairs * batch + at[r]] * u[r];
                if (TILE_X == 0 && TILE_OWNS(r))
                    out[head * chunk_rows + (at[r] - pair_begin * batch)] = sums[r];
            }
        }
    }
    tile_sum_parts_sync(total, tile_a);
    for (int r = 0; r < 4; r++) {
        const int row = TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && row < tokens * batch)
            add_columns(dx + s.dx_at + own_rows + (ulong)row * INNER, total[r], columns);
    }
}

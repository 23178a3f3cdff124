// Grouped GEMM over token pairs that share an offset, GPU form for batches that are smaller than a tile: the kernels of
// offset_gemm_gpu.cl whose work-groups own tokens, with the same tables, layouts and arguments. A tile has the rows of `token_block`
// tokens that follow each other, which lie one behind another in an activation. The work-group walks over the offsets of all of
// them in ascending order; rows of a token that has no pair at an offset add nothing there.
// Where blocks are few, or some have many more offsets than others, each work-group has a part of the launch's offsets: then its sums are
// stored in `parts` arrays that follow each other, which the host adds up, and not added to the result.
// Macros: offset_gemm_sizes.cl.

#define NO_GROUP INT_MAX

// Where each token of the block is in its list of pairs: {pair, group}, with NO_GROUP behind those of this launch. And of each row of the
// tile, at the offset that is computed: the row that is read for it, and its row in what is ordered by pair, from the launch's
// first one in memory on; below 0 where its token has no pair: what is then read, of the same sample, counts nothing.
#define BLOCK_LOCALS __local int2 block_next[TILE], block_rows[TILE]

// Which row is read: of the pair's query, of its key, or of the pair.
#define BY_QUERY 0
#define BY_KEY   1
#define BY_PAIR  2

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

// The offsets {begin, end} of the launch that this work-group has.
static inline int2 offsets_of_part(offset_gemm_sizes s)
{
    const int count = s.group_end - s.group_begin, part = get_group_id(1);
    return (int2)(s.group_begin + count * part / s.parts, s.group_begin + count * (part + 1) / s.parts);
}

// Where a work-group's sums of an array of `count` elements go.
static inline ulong part_at(ulong count)
{
    return get_group_id(1) * count;
}

static inline void put_columns(__global float *target, float4 v, int columns, int parts)
{
    if (parts > 1)
        store_columns(target, v, columns);
    else
        add_columns(target, v, columns);
}

static inline int2 walk_entry(__global const int2 *list, int2 walk, int group_end)
{
    const int2 entry = walk.x < walk.y ? list[walk.x] : (int2)(0, NO_GROUP);
    return entry.y < group_end ? entry : (int2)(0, NO_GROUP);
}

// Begins the walks of tokens [first, end); returns that of the token that has this work-item's number.
static inline int2 block_begin_sync(__local int2 *next, __global const int2 *span, __global const int2 *list,
                                    int first, int end, int2 offsets)
{
    const int item = get_local_id(0);
    int2 walk = (int2)(0, 0);
    if (first + item < end) walk = walk_from(list, span[first + item], offsets.x);
    barrier(CLK_LOCAL_MEM_FENCE); // an earlier walk has been read
    if (item < TILE) next[item] = walk_entry(list, walk, offsets.y);
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

// Finds the rows at this offset, and takes the tokens that have a pair there to their next one. Behind it block_group gives the next offset.
static inline int2 block_step_sync(__local int2 *next, __local int2 *rows, int2 walk,
                                   __global const int2 *pairs, __global const int2 *list, int group,
                                   int group_end, int by, offset_gemm_sizes s)
{
    const int item = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE); // the rows before have been read
    if (item < TILE) {
        const int2 entry = next[item / s.batch];
        const bool has = entry.y == group;
        const int b = item % s.batch, of_pair = has ? (entry.x - s.pair_begin) * s.batch + b : ~b;
        int row = has ? of_pair : b;
        if (by != BY_PAIR) {
            const int2 at = pairs[has ? entry.x : 0];
            row = (by == BY_KEY ? at.y : at.x) * s.batch + b;
        }
        rows[item] = (int2)(row, of_pair);
    }
    barrier(CLK_LOCAL_MEM_FENCE); // all have read their pairs
    if (item < TILE && next[item].y == group) {
        walk.x++;
        next[item] = walk_entry(list, walk, group_end);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return walk;
}

// Those of the rows that a work-item fetches.
static inline int4 fetched_rows(__local const int2 *rows)
{
    return (int4)(rows[ITEM_TRANSPOSED_I(0)].x, rows[ITEM_TRANSPOSED_I(1)].x, rows[ITEM_TRANSPOSED_I(2)].x,
                  rows[ITEM_TRANSPOSED_I(3)].x);
}

static inline float pair_weight(__global const float *weights, int at)
{
    return at < 0 ? 0.0f : weights[at];
}

// A weight for each of them.
static inline float4 fetched_weights(__global const float *weights, __local const int2 *rows)
{
    return (float4)(pair_weight(weights, rows[ITEM_TRANSPOSED_I(0)].y),
                    pair_weight(weights, rows[ITEM_TRANSPOSED_I(1)].y),
                    pair_weight(weights, rows[ITEM_TRANSPOSED_I(2)].y),
                    pair_weight(weights, rows[ITEM_TRANSPOSED_I(3)].y));
}

// Group (head and column panel, part, block of queries): later ones first, which have more offsets where they see what is before them.
__kernel TILE_GROUP void
offset_gemm_values(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                   __global const float *restrict x, __global const float *restrict w,
                   __global const float *restrict weights, __global float *y, const offset_gemm_sizes s)
{
    const int all_pairs = s.all_pairs, batch = s.batch, w_first = s.key_first;
    const int2 offsets = offsets_of_part(s);
    TILE_LOCALS;
    BLOCK_LOCALS;
    const int head = get_group_id(0) / HEAD_PANELS, panel = get_group_id(0) % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int first = (get_num_groups(2) - 1 - get_group_id(2)) * s.token_block,
              tokens = min(s.token_block, s.queries - first);
    __global const int2 *list = pairs + all_pairs + s.queries;
    __global const float *weight = weights + s.weights_at + ((ulong)head * all_pairs + s.pair_begin) * batch;
    float4 acc[4];
    tile_clear(acc);
    int2 walk = block_begin_sync(block_next, pairs + all_pairs, list, first, first + tokens, offsets);
    for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
        walk = block_step_sync(block_next, block_rows, walk, pairs, list, g, offsets.y, BY_KEY, s);
        const float4 factor = fetched_weights(weight, block_rows);
        const int4 rows = fetched_rows(block_rows);
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + column;
#pragma unroll 1
        for (int k = 0; k < LOOP_BOUND(INNER, batch) + TILE_K; k += TILE_K) {
            float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
            if (k < LOOP_BOUND(INNER, batch)) {
                next_a = factor * tile_fetch_transposed(x + s.x_at + k, INNER, rows, TILE_DEPTH(INNER, k));
                next_b = tile_fetch(m + (ulong)k * WIDTH, WIDTH, columns, TILE_DEPTH(INNER, k));
            }
            tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, false);
        }
    }
    tile_sum_parts_sync(acc, tile_a);
    __global float *target = y + s.y_at + part_at((ulong)s.queries * batch * WIDTH) +
                             (ulong)first * batch * WIDTH + column;
    for (int r = 0; r < 4; r++) {
        const int row = TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && row < tokens * batch)
            put_columns(target + (ulong)row * WIDTH, acc[r], columns, s.parts);
    }
}

// Group (column panel of INNER, part, block of tokens): the tokens' rows of dxq and dxk, which may be one array if they are not stored
// in parts.
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
    const int2 offsets = offsets_of_part(s);
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
        if (!(side == 0 ? Q_PER_OFFSET
                        : K_PER_OFFSET)) { // the first group has all of its columns and offsets
            const int stride = side == 0 ? Q_STRIDE : K_STRIDE;
            __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                     (ulong)first * batch * stride;
            for (int c = 0; c0 == 0 && get_group_id(1) == 0 && c < WIDTH; c += TILE) {
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
        int2 walk = block_begin_sync(block_next, span, list, first, first + tokens, offsets);
        for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
            walk = block_step_sync(block_next, block_rows, walk, pairs, list, g, offsets.y, BY_PAIR, s);
            const int4 rows = fetched_rows(block_rows);
            __global const float *weight = weights + s.weights_at + (ulong)pair_begin * batch; // of head 0
            float4 factor = (float4)(0.0f);                                                    // of this head
            __global const float *m = (side == 0 ? wq + (ulong)(groups[g].z - wq_first) * MATRIX
                                                 : wk + (ulong)(groups[g].w - wk_first) * MATRIX) +
                                      (ulong)c0 * WIDTH;
#pragma unroll 1
            for (int k = 0; k < LOOP_BOUND(HEADS * HEAD_PADDED, batch) + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < LOOP_BOUND(HEADS * HEAD_PADDED, batch)) {
                    const int head = k / HEAD_PADDED, c = k % HEAD_PADDED, column = head * HEAD_DIM + c;
                    if (c == 0)
                        factor = fetched_weights(weight + (ulong)head * all_pairs * batch, block_rows);
                    next_a = factor *
                             tile_fetch_transposed(source + column, WIDTH, rows, TILE_DEPTH(HEAD_DIM, c));
                    next_b = tile_fetch_transposed(m + column, WIDTH, rows_m, TILE_DEPTH(HEAD_DIM, c));
                }
                tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, true);
            }
        }
        __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                 part_at((ulong)(side == 0 ? queries : keys) * batch * INNER) +
                                 (ulong)first * batch * INNER + c0;
        tile_sum_parts_sync(acc, tile_a);
        for (int r = 0; r < 4; r++) {
            const int row = TILE_ROW + TILE_ROW_STEP(r);
            if (TILE_OWNS(r) && row < tokens * batch)
                put_columns(target + (ulong)row * INNER, acc[r], columns, s.parts);
        }
    }
}

// Group (column panel of INNER, part, block of keys).
__kernel TILE_GROUP void
offset_gemm_values_backward(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                            __global const float *restrict dy, __global const float *restrict x,
                            __global const float *restrict w, __global const float *restrict weights,
                            __global float *partial, __global float *dx, const offset_gemm_sizes s)
{
    const int pair_begin = s.pair_begin, all_pairs = s.all_pairs, batch = s.batch, w_first = s.key_first;
    const int2 offsets = offsets_of_part(s);
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
    int2 walk = block_begin_sync(block_next, span, list, first, first + tokens, offsets);
    for (int g = block_group(block_next, tokens); g != NO_GROUP; g = block_group(block_next, tokens)) {
        walk = block_step_sync(block_next, block_rows, walk, pairs, list, g, offsets.y, BY_QUERY, s);
        const int4 rows = fetched_rows(block_rows);
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + (ulong)c0 * WIDTH;
        for (int head = 0; head < HEADS; head++) {
            float4 u[4];
            tile_clear(u);
#pragma unroll 1
            for (int k = 0; k < LOOP_BOUND(HEAD_DIM, batch) + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < LOOP_BOUND(HEAD_DIM, batch)) {
                    next_a = tile_fetch_transposed(dy + s.dy_at + head * HEAD_DIM + k, WIDTH, rows,
                                                   TILE_DEPTH(HEAD_DIM, k));
                    next_b = tile_fetch_transposed(m + head * HEAD_DIM + k, WIDTH, rows_m,
                                                   TILE_DEPTH(HEAD_DIM, k));
                }
                tile_turn_sync(u, k, tile_a, next_a, true, tile_b, next_b, true);
            }
            float sums[4];
            vstore4(tile_row_sums_sync(tile_row_dots(u, own), scratch), 0, sums);
            for (int r = 0; r < 4; r++) {
                const int at = block_rows[TILE_ROW + TILE_ROW_STEP(r)].y;
                if (at < 0) continue;
                total[r] += weights[s.weights_at + ((ulong)head * all_pairs + pair_begin) * batch + at] *
                            u[r];
                if (TILE_X == 0 && TILE_OWNS(r)) out[head * chunk_rows + at] = sums[r];
            }
        }
    }
    tile_sum_parts_sync(total, tile_a);
    __global float *target = dx + s.dx_at + part_at((ulong)s.keys * batch * INNER) + own_rows;
    for (int r = 0; r < 4; r++) {
        const int row = TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && row < tokens * batch)
            put_columns(target + (ulong)row * INNER, total[r], columns, s.parts);
    }
}

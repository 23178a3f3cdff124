// Grouped GEMM over token pairs that share an offset: GPU form. Tables, layouts and arguments are those of
// offset_gemm_rows.cl; work-groups of TILE_ITEMS own TILE x TILE tiles. The pairs are followed by their index: spans
// {begin, end} and lists {pair, group} by query, then the same by key.
// Macros: offset_gemm_sizes.cl.

// Row r of a group is pair r / batch, batch index r % batch; the last one again behind the group's `rows`. `pairs`: the group's;
// key: their keys' rows, not the queries'. The row's number in an activation.
static inline int token_row(__global const int2 *pairs, bool key, int batch, int r, int rows)
{
    const int row = min(r, rows - 1);
    const int2 pair = pairs[row / batch];
    return (key ? pair.y : pair.x) * batch + row % batch;
}

// The rows of an activation that a work-item fetches of a tile which begins at row `row_begin` of the group.
static inline int4 token_rows(__global const int2 *pairs, bool key, int batch, int row_begin, int rows)
{
    return (int4)(token_row(pairs, key, batch, row_begin + ITEM_TRANSPOSED_I(0), rows),
                  token_row(pairs, key, batch, row_begin + ITEM_TRANSPOSED_I(1), rows),
                  token_row(pairs, key, batch, row_begin + ITEM_TRANSPOSED_I(2), rows),
                  token_row(pairs, key, batch, row_begin + ITEM_TRANSPOSED_I(3), rows));
}

// A weight for each of the rows.
static inline float4 row_weights(__global const float *weights, int4 rows)
{
    return (float4)(weights[rows.s0], weights[rows.s1], weights[rows.s2], weights[rows.s3]);
}

// The same as they would be loaded: zero behind the columns, where a tile repeats the last one.
static inline float4 first_columns(float4 v, int columns)
{
    const int c = TILE_COLUMN;
    return (float4)(c + TILE_COLUMN_STEP(0) < columns ? v.s0 : 0.0f,
                    c + TILE_COLUMN_STEP(1) < columns ? v.s1 : 0.0f,
                    c + TILE_COLUMN_STEP(2) < columns ? v.s2 : 0.0f,
                    c + TILE_COLUMN_STEP(3) < columns ? v.s3 : 0.0f);
}

// The work-item's rows of the tile, of an activation with `stride` floats between rows.
static inline void load_rows(float4 *target, __global const float *source, int stride,
                             __global const int2 *pairs, bool key, int batch, int row_begin, int rows,
                             int columns)
{
#pragma unroll
    for (int r = 0; r < 4; r++)
        target[r] = load_columns(
            source +
                (long)token_row(pairs, key, batch, row_begin + TILE_ROW + TILE_ROW_STEP(r), rows) * stride,
            columns);
}

// Kernels with a work-group for each group of pairs and tile of its rows, or of its matrix, have enough of them.
#if TILE_PARTS == 1

// Group (group, head, row tile).
__kernel TILE_GROUP void
offset_gemm_logits(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                   __global const float *restrict xq, __global const float *restrict wq,
                   __global const float *restrict xk, __global const float *restrict wk,
                   __global float *weights, __global float *q_rows, __global float *k_rows,
                   const offset_gemm_sizes s)
{
    const int batch = s.batch;
    TILE_LOCALS;
    __local float4 scratch[TILE_ITEMS];
    const int4 group = groups[s.group_begin + get_group_id(0)];
    const int head = get_group_id(1), rows = group.y * batch, row_begin = get_group_id(2) * TILE;
    // A tile past the group's rows has nothing to compute, but does not return: PoCL 3.1 miscompiles barriers
    // after a return.
    const int panels = row_begin < rows ? HEAD_PANELS : 0;
    float4 dots = (float4)(0.0f);
    for (int panel = 0; panel < panels; panel++) {
        const int c0 = panel * TILE, columns = min(TILE, HEAD_DIM - c0), column = head * HEAD_DIM + c0;
        float4 q[4]; // zero behind the columns
#pragma unroll       // else compilers keep accumulators in memory
        for (int side = 0; side < 2; side++) {
            __global const float *x = side == 0 ? xq + s.xq_at : xk + s.xk_at;
            float4 acc[4];
            tile_clear(acc);
            if (side == 0 ? Q_PER_OFFSET : K_PER_OFFSET) {
                __global const float *m = (side == 0 ? wq + (ulong)(group.z - s.query_first) * MATRIX
                                                     : wk + (ulong)(group.w - s.key_first) * MATRIX) +
                                          column;
                const int4 of_tokens = token_rows(pairs + group.x, side != 0, batch, row_begin, rows);
#pragma unroll 1
                for (int k = 0; k < LOOP_BOUND(INNER, batch) + TILE_K; k += TILE_K) {
                    float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                    if (k < LOOP_BOUND(INNER, batch)) {
                        next_a = tile_fetch_transposed(x + k, INNER, of_tokens, TILE_DEPTH(INNER, k));
                        next_b = tile_fetch(m + (ulong)k * WIDTH, WIDTH, columns, TILE_DEPTH(INNER, k));
                    }
                    tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, false);
                }
            } else {
                load_rows(acc, x + column, side == 0 ? Q_STRIDE : K_STRIDE, pairs + group.x, side != 0, batch,
                          row_begin, rows, columns);
            }
            __global float *kept = side == 0 ? q_rows + s.q_at : k_rows + s.k_at;
            kept += (ulong)(group.x - s.pair_begin) * batch * WIDTH + column;
#pragma unroll
            for (int r = 0; r < 4; r++) {
                const int row = row_begin + TILE_ROW + TILE_ROW_STEP(r);
                if (s.keep && row < rows) store_columns(kept + (ulong)row * WIDTH, acc[r], columns);
                if (side == 0) q[r] = first_columns(acc[r], columns);
            }
            if (side == 1) dots += tile_row_dots(q, acc);
        }
    }
    __global float *out = weights + s.weights_at + ((ulong)head * s.all_pairs + group.x) * batch;
    float sums[4];
    vstore4(s.scale * tile_row_sums_sync(dots, scratch), 0, sums);
    for (int r = 0; r < 4; r++) {
        const int row = row_begin + TILE_ROW + TILE_ROW_STEP(r);
        if (weights && TILE_X == 0 && row < rows) out[row] = sums[r];
    }
}

// Row u of the work-item's four of a slice: of the inputs, and of the gradients by their query (side 2) or by the pair. Then on
// by ROW_STEP rows = `step_pairs` pairs and `step_rest` batch indices: no division an element.
#define ROW_STEP (TILE_ITEMS / TILE)
#define FETCH_ROW(u)                                                                                         \
    if (k + ITEM_K(u) < rows) {                                                                              \
        const int2 at = own[pair];                                                                           \
        const int token = side == 0 ? at.x : at.y;                                                           \
        const int of_gradient = side == 2 ? at.x : first + pair;                                             \
        next_a.s##u = inputs[(long)(token * batch + b) * INNER];                                             \
        next_b.s##u = gradients[(long)(of_gradient * batch + b) * WIDTH] * weight[k + ITEM_K(u)];            \
    }                                                                                                        \
    b += step_rest;                                                                                          \
    pair += step_pairs;                                                                                      \
    if (b >= batch) {                                                                                        \
        b -= batch;                                                                                          \
        pair++;                                                                                              \
    }

#define INNER_TILES ((INNER + TILE - 1) / TILE)

// Group (tile of INNER, head and column panel, group), in one dimension, as devices begin groups in their order: the largest first.
__kernel TILE_GROUP void offset_gemm_weight_gradient(__global const int4 *restrict groups,
                                                     __global const int2 *restrict pairs,
                                                     __global const float *restrict x,
                                                     __global const float *restrict gradient,
                                                     __global const float *restrict weights,
                                                     __global float *dw, const offset_gemm_sizes s)
{
    const int batch = s.batch, side = s.side, dw_first = side == 0 ? s.query_first : s.key_first;
    TILE_LOCALS;
    const int of_matrix = get_group_id(0) % (INNER_TILES * HEADS * HEAD_PANELS),
              rank = get_group_id(0) / (INNER_TILES * HEADS * HEAD_PANELS);
    __global const int *by_size = (__global const int *)(groups + s.by_size);
    const int4 group = groups[s.by_size > 0 ? by_size[rank] : s.group_begin + rank];
    const int of_width = of_matrix / INNER_TILES, head = of_width / HEAD_PANELS,
              panel = of_width % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int rows = group.y * batch, c0 = of_matrix % INNER_TILES * TILE;
    __global const int2 *own = pairs + group.x;
    __global const float *weight = weights + s.weights_at + ((ulong)head * s.all_pairs + group.x) * batch;
    __global const float *inputs = x + s.x_at + c0 + min(ITEM_I, INNER - c0 - 1),
                         *gradients = gradient + s.gradient_at + column + min(ITEM_I, columns - 1);
    float4 acc[4];
    tile_clear(acc);
    const int first = group.x - s.pair_begin, step_pairs = ROW_STEP / batch, step_rest = ROW_STEP % batch;
    int pair = ITEM_K(0) / batch, b = ITEM_K(0) % batch; // of the row that is fetched next
#pragma unroll 1
    for (int k = 0; k < rows + TILE_K; k += TILE_K) {
        float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
        FETCH_ROW(0)
        FETCH_ROW(1)
        FETCH_ROW(2)
        FETCH_ROW(3)
        tile_turn_sync(acc, k, tile_a, next_a, false, tile_b, next_b, false);
    }
    __global float *target = dw + (ulong)((side == 0 ? group.z : group.w) - dw_first) * MATRIX + column;
    for (int r = 0; r < 4; r++) {
        const int c = c0 + TILE_ROW + TILE_ROW_STEP(r);
        if (c < INNER) store_columns(target + (ulong)c * WIDTH, acc[r], columns);
    }
}

#endif

// Group (head and column panel, batch tile, query): later ones first, which have more pairs where they see what is before them.
__kernel TILE_GROUP void
offset_gemm_values(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                   __global const float *restrict x, __global const float *restrict w,
                   __global const float *restrict weights, __global float *y, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, all_pairs = s.all_pairs,
              queries = s.queries, batch = s.batch, w_first = s.key_first;
    TILE_LOCALS;
    const int head = get_group_id(0) / HEAD_PANELS, panel = get_group_id(0) % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int b0 = get_group_id(1) * TILE, query = queries - 1 - get_group_id(2);
    __global const int2 *span = pairs + all_pairs, *list = span + queries;
    const int4 rows = tile_rows(batch - b0);
    float4 acc[4];
    tile_clear(acc);
    for (int e = span[query].x; e < span[query].y; e++) {
        const int p = list[e].x, g = list[e].y;
        if (g < group_begin || g >= group_end) continue; // the same for the whole work-group
        const float4 weight = row_weights(weights + s.weights_at + ((ulong)head * all_pairs + p) * batch + b0,
                                          rows);
        __global const float *row = x + s.x_at + ((ulong)pairs[p].y * batch + b0) * INNER;
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + column;
#pragma unroll 1
        for (int k = 0; k < LOOP_BOUND(INNER, batch) + TILE_K; k += TILE_K) {
            float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
            if (k < LOOP_BOUND(INNER, batch)) {
                next_a = weight * tile_fetch_transposed(row + k, INNER, rows, TILE_DEPTH(INNER, k));
                next_b = tile_fetch(m + (ulong)k * WIDTH, WIDTH, columns, TILE_DEPTH(INNER, k));
            }
            tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, false);
        }
    }
    tile_sum_parts_sync(acc, tile_a);
    for (int r = 0; r < 4; r++) {
        const int b = b0 + TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && b < batch)
            add_columns(y + s.y_at + ((ulong)query * batch + b) * WIDTH + column, acc[r], columns);
    }
}

// Group (column panel of INNER, batch tile, token): the token's rows of dxq and dxk, which may be one array.
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
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int b0 = get_group_id(1) * TILE, token = get_group_id(2);
    const int4 rows = tile_rows(batch - b0), rows_m = tile_rows(columns);
    for (int side = token < queries ? 0 : 1; side < 2; side++) { // 0: as a query, from k; 1: as a key, from q
        __global const int2 *span = pairs + all_pairs + (side == 0 ? 0 : queries + all_pairs);
        __global const int2 *list = span + (side == 0 ? queries : keys);
        __global const float *source = side == 0 ? k_rows + s.k_at : q_rows + s.q_at;
        if (!(side == 0 ? Q_PER_OFFSET : K_PER_OFFSET)) { // the first group has all of its columns
            __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                     (ulong)token * batch * (side == 0 ? Q_STRIDE : K_STRIDE);
            for (int c = 0; c0 == 0 && c < WIDTH; c += TILE) {
                for (int r = 0; r < 4; r++) {
                    const int b = TILE_OWNS(r) ? b0 + TILE_ROW + TILE_ROW_STEP(r)
                                               : batch; // behind the batch: nothing to add
                    float4 sum = (float4)(0.0f);
                    for (int e = span[token].x; b < batch && e < span[token].y; e++) {
                        const int p = list[e].x, g = list[e].y;
                        if (g < group_begin || g >= group_end) continue;
                        __global const float *row = source + ((ulong)(p - pair_begin) * batch + b) * WIDTH +
                                                    c;
                        float w[4];
                        for (int q = 0; q < 4; q++) {
                            const int head = min(c + TILE_COLUMN + TILE_COLUMN_STEP(q), WIDTH - 1) / HEAD_DIM;
                            w[q] = weights[s.weights_at + ((ulong)head * all_pairs + p) * batch + b];
                        }
                        sum += vload4(0, w) * load_columns(row, WIDTH - c);
                    }
                    if (b < batch)
                        add_columns(target + (ulong)b * (side == 0 ? Q_STRIDE : K_STRIDE) + c, sum,
                                    WIDTH - c);
                }
            }
            continue;
        }
        float4 acc[4];
        tile_clear(acc);
        for (int e = span[token].x; e < span[token].y; e++) {
            const int p = list[e].x, g = list[e].y;
            if (g < group_begin || g >= group_end) continue;
            __global const float *row = source + ((ulong)(p - pair_begin) * batch + b0) * WIDTH;
            __global const float *m = (side == 0 ? wq + (ulong)(groups[g].z - wq_first) * MATRIX
                                                 : wk + (ulong)(groups[g].w - wk_first) * MATRIX) +
                                      (ulong)c0 * WIDTH;
            __global const float *weight = weights + s.weights_at + (ulong)p * batch + b0; // of head 0
#pragma unroll 1
            for (int k = 0; k < LOOP_BOUND(HEADS * HEAD_PADDED, batch) + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < LOOP_BOUND(HEADS * HEAD_PADDED, batch)) {
                    const int head = k / HEAD_PADDED;
                    const int c = k % HEAD_PADDED;
                    const int at = head * HEAD_DIM + c;
                    next_a = row_weights(weight + head * ((ulong)all_pairs * batch), rows) *
                             tile_fetch_transposed(row + at, WIDTH, rows, TILE_DEPTH(HEAD_DIM, c));
                    next_b = tile_fetch_transposed(m + at, WIDTH, rows_m, TILE_DEPTH(HEAD_DIM, c));
                }
                tile_turn_sync(acc, k, tile_a, next_a, true, tile_b, next_b, true);
            }
        }
        __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                 (ulong)token * batch * INNER + c0;
        tile_sum_parts_sync(acc, tile_a);
        for (int r = 0; r < 4; r++) {
            const int b = b0 + TILE_ROW + TILE_ROW_STEP(r);
            if (TILE_OWNS(r) && b < batch) add_columns(target + (ulong)b * INNER, acc[r], columns);
        }
    }
}

// Group (column panel of INNER, batch tile, key).
__kernel TILE_GROUP void
offset_gemm_values_backward(__global const int4 *restrict groups, __global const int2 *restrict pairs,
                            __global const float *restrict dy, __global const float *restrict x,
                            __global const float *restrict w, __global const float *restrict weights,
                            __global float *partial, __global float *dx, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              pair_end = s.pair_end, all_pairs = s.all_pairs, queries = s.queries, keys = s.keys,
              batch = s.batch, w_first = s.key_first;
    TILE_LOCALS;
    __local float4 scratch[TILE_ITEMS];
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int b0 = get_group_id(1) * TILE, key = get_group_id(2);
    const int4 rows = tile_rows(batch - b0), rows_m = tile_rows(columns);
    const ulong chunk_rows = (ulong)(pair_end - pair_begin) * batch;
    __global float *out = partial + s.partial_at + get_group_id(0) * HEADS * chunk_rows;
    __global const int2 *span = pairs + 2 * all_pairs + queries, *list = span + keys;
    const ulong own_rows = (ulong)key * batch * INNER + c0;
    float4 own[4], total[4]; // x_j and dx_j of this work-item's elements
    for (int r = 0; r < 4; r++) {
        const int b = b0 + TILE_ROW + TILE_ROW_STEP(r);
        own[r] = b < batch ? load_columns(x + s.x_at + own_rows + (ulong)b * INNER, columns) : (float4)(0.0f);
    }
    tile_clear(total);
    for (int e = span[key].x; e < span[key].y; e++) {
        const int p = list[e].x, g = list[e].y;
        if (g < group_begin || g >= group_end) continue;
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + (ulong)c0 * WIDTH;
        __global const float *row = dy + s.dy_at + ((ulong)pairs[p].x * batch + b0) * WIDTH;
        for (int head = 0; head < LOOP_BOUND(HEADS, batch); head++) {
            float4 u[4];
            tile_clear(u);
#pragma unroll 1
            for (int k = 0; k < LOOP_BOUND(HEAD_DIM, batch) + TILE_K; k += TILE_K) {
                float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
                if (k < LOOP_BOUND(HEAD_DIM, batch)) {
                    next_a = tile_fetch_transposed(row + head * HEAD_DIM + k, WIDTH, rows,
                                                   TILE_DEPTH(HEAD_DIM, k));
                    next_b = tile_fetch_transposed(m + head * HEAD_DIM + k, WIDTH, rows_m,
                                                   TILE_DEPTH(HEAD_DIM, k));
                }
                tile_turn_sync(u, k, tile_a, next_a, true, tile_b, next_b, true);
            }
            float sums[4];
            vstore4(tile_row_sums_sync(tile_row_dots(u, own), scratch), 0, sums);
            for (int r = 0; r < 4; r++) {
                const int b = b0 + TILE_ROW + TILE_ROW_STEP(r);
                if (b >= batch) continue;
                total[r] += weights[s.weights_at + ((ulong)head * all_pairs + p) * batch + b] * u[r];
                if (TILE_X == 0 && TILE_OWNS(r))
                    out[head * chunk_rows + (ulong)(p - pair_begin) * batch + b] = sums[r];
            }
        }
    }
    tile_sum_parts_sync(total, tile_a);
    for (int r = 0; r < 4; r++) {
        const int b = b0 + TILE_ROW + TILE_ROW_STEP(r);
        if (TILE_OWNS(r) && b < batch)
            add_columns(dx + s.dx_at + own_rows + (ulong)b * INNER, total[r], columns);
    }
}

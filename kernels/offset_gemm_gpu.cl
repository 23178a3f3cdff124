// Grouped GEMM over token pairs that share an offset: GPU form. Tables, layouts and arguments are those of
// offset_gemm.cl; work-groups of TILE_ITEMS own 64 x 64 tiles. The pairs are followed by their index: spans
// {begin, end} and lists {pair, group} by query, then the same by key.
// Macros: offset_gemm_sizes.cl.

#define HEAD_PANELS ((HEAD_DIM + TILE - 1) / TILE)

// Row r of a group is pair r / batch, batch index r % batch. `pairs`: the group's; key: their keys' rows, not the
// queries'. The row's number in an activation.
static inline long token_row(__global const int2 *pairs, bool key, int batch, int r)
{
    const int2 pair = pairs[r / batch];
    return (long)(key ? pair.y : pair.x) * batch + r % batch;
}

// row_at[0..TILE): element offsets of rows row_begin, ... of an activation of `width` channels; -1 past the group's
// rows.
static inline void row_table(__local long *row_at, __global const int2 *pairs, bool key, int batch,
                             int row_begin, int rows, int width)
{
    for (int e = get_local_id(0); e < TILE; e += TILE_ITEMS)
        row_at[e] = row_begin + e < rows ? token_row(pairs, key, batch, row_begin + e) * width : -1;
}

// tile[k][i] = source[row_at[i] + k], as tile_load_transposed; zero where row_at is -1.
static inline void tile_load_rows(__local float *tile, __global const float *source,
                                  __local const long *row_at, int depth)
{
    for (int e = get_local_id(0); e < TILE * TILE_K; e += TILE_ITEMS) {
        const int k = e % TILE_K, i = e / TILE_K;
        tile[k * TILE + i] = k < depth && row_at[i] >= 0 ? source[row_at[i] + k] : 0.0f;
    }
}

// tile[k][i] = source[row k of the group from row_begin on][i], rows of `width` channels, as tile_load.
static inline void tile_load_tokens(__local float *tile, __global const float *source, int width,
                                    __global const int2 *pairs, bool key, int batch, int row_begin,
                                    __global const float *weights, int count, int depth)
{
    for (int e = get_local_id(0); e < TILE * TILE_K; e += TILE_ITEMS) {
        const int k = e / TILE, i = e % TILE;
        float value = 0.0f;
        if (i < count && k < depth) {
            value = source[token_row(pairs, key, batch, row_begin + k) * width + i];
            if (weights) value *= weights[k];
        }
        tile[k * TILE + i] = value;
    }
}

static inline void store_columns(__global float *target, float4 values, int columns)
{
    float v[4];
    vstore4(values, 0, v);
    for (int q = 0; q < 4 && 4 * TILE_X + q < columns; q++) target[4 * TILE_X + q] = v[q];
}

static inline float4 load_columns(__global const float *source, int columns)
{
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int q = 0; q < 4 && 4 * TILE_X + q < columns; q++) v[q] = source[4 * TILE_X + q];
    return vload4(0, v);
}

// The tile's rows at the offsets of a row table.
static inline void load_rows(float4 *target, __global const float *source, __local const long *row_at,
                             int columns)
{
    for (int r = 0; r < 4; r++) {
        const long at = row_at[4 * TILE_Y + r];
        target[r] = at >= 0 ? load_columns(source + at, columns) : (float4)(0.0f);
    }
}

static inline void add_columns(__global float *target, float4 values, int columns)
{
    float v[4];
    vstore4(values, 0, v);
    for (int q = 0; q < 4 && 4 * TILE_X + q < columns; q++) target[4 * TILE_X + q] += v[q];
}

// Group (group, head, row tile).
__kernel TILE_GROUP void offset_gemm_logits(__global const int4 *groups, __global const int2 *pairs,
                                            __global const float *xq, __global const float *wq,
                                            __global const float *xk, __global const float *wk,
                                            __global float *weights, __global float *q_rows,
                                            __global float *k_rows, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, pair_begin = s.pair_begin, all_pairs = s.all_pairs,
              batch = s.batch, wq_first = s.query_first, wk_first = s.key_first, keep = s.keep;
    const float scale = s.scale;
    TILE_LOCALS;
    __local float4 scratch[TILE_ITEMS];
    __local long row_q[TILE], row_k[TILE];
    const int4 group = groups[group_begin + get_group_id(0)];
    const int head = get_group_id(1), rows = group.y * batch, row_begin = get_group_id(2) * TILE;
    // A tile past the group's rows has nothing to compute, but does not return: PoCL 3.1 miscompiles barriers
    // after a return.
    const int panels = row_begin < rows ? HEAD_PANELS : 0;
    row_table(row_q, pairs + group.x, false, batch, row_begin, rows, Q_STRIDE);
    row_table(row_k, pairs + group.x, true, batch, row_begin, rows, K_STRIDE);
    barrier(CLK_LOCAL_MEM_FENCE);
    __global const float *mq = wq + (ulong)(group.z - wq_first) * MATRIX + head * HEAD_DIM;
    __global const float *mk = wk + (ulong)(group.w - wk_first) * MATRIX + head * HEAD_DIM;
    float4 dots = (float4)(0.0f);
    for (int panel = 0; panel < panels; panel++) {
        const int c0 = panel * TILE;
        float4 q[4], k[4];
        tile_clear(q);
        tile_clear(k);
        if (Q_PER_OFFSET) {
            for (int c = 0; c < INNER; c += TILE_K) {
                tile_load_rows(tile_a, xq + s.xq_at + c, row_q, INNER - c);
                tile_load(tile_b, mq + (ulong)c * WIDTH + c0, WIDTH, 0, HEAD_DIM - c0, INNER - c);
                tile_multiply_sync(q, tile_a, tile_b);
            }
        } else {
            load_rows(q, xq + s.xq_at + head * HEAD_DIM + c0, row_q, HEAD_DIM - c0);
        }
        if (K_PER_OFFSET) {
            for (int c = 0; c < INNER; c += TILE_K) {
                tile_load_rows(tile_a, xk + s.xk_at + c, row_k, INNER - c);
                tile_load(tile_b, mk + (ulong)c * WIDTH + c0, WIDTH, 0, HEAD_DIM - c0, INNER - c);
                tile_multiply_sync(k, tile_a, tile_b);
            }
        } else {
            load_rows(k, xk + s.xk_at + head * HEAD_DIM + c0, row_k, HEAD_DIM - c0);
        }
        dots += tile_row_dots(q, k);
        for (int r = 0; r < 4; r++) {
            const int row = row_begin + 4 * TILE_Y + r;
            if (keep && row < rows) {
                const ulong at = ((ulong)(group.x - pair_begin) * batch + row) * WIDTH + head * HEAD_DIM + c0;
                store_columns(q_rows + s.q_at + at, q[r], min(TILE, HEAD_DIM - c0));
                store_columns(k_rows + s.k_at + at, k[r], min(TILE, HEAD_DIM - c0));
            }
        }
    }
    __global float *out = weights + s.weights_at + ((ulong)head * all_pairs + group.x) * batch;
    float sums[4];
    vstore4(scale * tile_row_sums_sync(dots, scratch), 0, sums);
    for (int r = 0; r < 4; r++) {
        const int row = row_begin + 4 * TILE_Y + r;
        if (weights && TILE_X == 0 && row < rows) out[row] = sums[r];
    }
}

// Group (head and column panel, batch tile, query).
__kernel TILE_GROUP void offset_gemm_values(__global const int4 *groups, __global const int2 *pairs,
                                            __global const float *x, __global const float *w,
                                            __global const float *weights, __global float *y,
                                            const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, all_pairs = s.all_pairs,
              queries = s.queries, batch = s.batch, w_first = s.key_first;
    TILE_LOCALS;
    const int head = get_group_id(0) / HEAD_PANELS, panel = get_group_id(0) % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int b0 = get_group_id(1) * TILE, query = get_group_id(2);
    __global const int2 *span = pairs + all_pairs, *list = span + queries;
    float4 acc[4];
    tile_clear(acc);
    for (int e = span[query].x; e < span[query].y; e++) {
        const int p = list[e].x, g = list[e].y;
        if (g < group_begin || g >= group_end) continue; // the same for the whole work-group
        __global const float *weight = weights + s.weights_at + ((ulong)head * all_pairs + p) * batch;
        __global const float *row = x + s.x_at + (ulong)pairs[p].y * batch * INNER;
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + column;
        for (int c = 0; c < INNER; c += TILE_K) {
            tile_load_transposed(tile_a, row + (ulong)b0 * INNER + c, INNER, weight + b0, batch - b0,
                                 INNER - c);
            tile_load(tile_b, m + (ulong)c * WIDTH, WIDTH, 0, columns, INNER - c);
            tile_multiply_sync(acc, tile_a, tile_b);
        }
    }
    for (int r = 0; r < 4; r++) {
        const int b = b0 + 4 * TILE_Y + r;
        if (b < batch) add_columns(y + s.y_at + ((ulong)query * batch + b) * WIDTH + column, acc[r], columns);
    }
}

// Group (column panel of INNER, batch tile, token): the token's rows of dxq and dxk, which may be one array.
__kernel TILE_GROUP void offset_gemm_logits_backward(__global const int4 *groups, __global const int2 *pairs,
                                                     __global const float *weights,
                                                     __global const float *q_rows,
                                                     __global const float *k_rows, __global const float *wq,
                                                     __global const float *wk, __global float *dxq,
                                                     __global float *dxk, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              all_pairs = s.all_pairs, queries = s.queries, keys = s.keys, batch = s.batch,
              wq_first = s.query_first, wk_first = s.key_first;
    TILE_LOCALS;
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int b0 = get_group_id(1) * TILE, token = get_group_id(2);
    for (int side = token < queries ? 0 : 1; side < 2; side++) { // 0: as a query, from k; 1: as a key, from q
        __global const int2 *span = pairs + all_pairs + (side == 0 ? 0 : queries + all_pairs);
        __global const int2 *list = span + (side == 0 ? queries : keys);
        __global const float *source = side == 0 ? k_rows + s.k_at : q_rows + s.q_at;
        if (!(side == 0 ? Q_PER_OFFSET : K_PER_OFFSET)) { // the first group has all of its columns
            __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                     (ulong)token * batch * (side == 0 ? Q_STRIDE : K_STRIDE);
            for (int c = 0; c0 == 0 && c < WIDTH; c += TILE) {
                for (int r = 0; r < 4; r++) {
                    const int b = b0 + 4 * TILE_Y + r;
                    float4 sum = (float4)(0.0f);
                    for (int e = span[token].x; b < batch && e < span[token].y; e++) {
                        const int p = list[e].x, g = list[e].y;
                        if (g < group_begin || g >= group_end) continue;
                        __global const float *row = source + ((ulong)(p - pair_begin) * batch + b) * WIDTH +
                                                    c;
                        float w[4];
                        for (int q = 0; q < 4; q++) {
                            const int head = min(c + 4 * TILE_X + q, WIDTH - 1) / HEAD_DIM;
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
            __global const float *row = source + (ulong)(p - pair_begin) * batch * WIDTH;
            __global const float *m = (side == 0 ? wq + (ulong)(groups[g].z - wq_first) * MATRIX
                                                 : wk + (ulong)(groups[g].w - wk_first) * MATRIX) +
                                      (ulong)c0 * WIDTH;
            for (int head = 0; head < HEADS; head++) {
                __global const float *weight = weights + s.weights_at + ((ulong)head * all_pairs + p) * batch;
                for (int c = 0; c < HEAD_DIM; c += TILE_K) {
                    tile_load_transposed(tile_a, row + (ulong)b0 * WIDTH + head * HEAD_DIM + c, WIDTH,
                                         weight + b0, batch - b0, HEAD_DIM - c);
                    tile_load_transposed(tile_b, m + head * HEAD_DIM + c, WIDTH, 0, columns, HEAD_DIM - c);
                    tile_multiply_sync(acc, tile_a, tile_b);
                }
            }
        }
        __global float *target = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) +
                                 (ulong)token * batch * INNER + c0;
        for (int r = 0; r < 4; r++) {
            const int b = b0 + 4 * TILE_Y + r;
            if (b < batch) add_columns(target + (ulong)b * INNER, acc[r], columns);
        }
    }
}

// Group (block of 64 columns of INNER, batch tile, key).
__kernel TILE_GROUP void offset_gemm_values_backward(__global const int4 *groups, __global const int2 *pairs,
                                                     __global const float *dy, __global const float *x,
                                                     __global const float *w, __global const float *weights,
                                                     __global float *partial, __global float *dx,
                                                     const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              pair_end = s.pair_end, all_pairs = s.all_pairs, queries = s.queries, keys = s.keys,
              batch = s.batch, w_first = s.key_first;
    TILE_LOCALS;
    __local float4 scratch[TILE_ITEMS];
    const int c0 = get_group_id(0) * TILE, columns = min(TILE, INNER - c0);
    const int b0 = get_group_id(1) * TILE, key = get_group_id(2);
    const ulong chunk_rows = (ulong)(pair_end - pair_begin) * batch;
    __global float *out = partial + s.partial_at + get_group_id(0) * HEADS * chunk_rows;
    __global const int2 *span = pairs + 2 * all_pairs + queries, *list = span + keys;
    const ulong own_rows = (ulong)key * batch * INNER + c0;
    float4 own[4], total[4]; // x_j and dx_j of this work-item's elements
    for (int r = 0; r < 4; r++) {
        const int b = b0 + 4 * TILE_Y + r;
        float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int q = 0; q < 4 && b < batch && 4 * TILE_X + q < columns; q++)
            v[q] = x[s.x_at + own_rows + (ulong)b * INNER + 4 * TILE_X + q];
        own[r] = vload4(0, v);
    }
    tile_clear(total);
    for (int e = span[key].x; e < span[key].y; e++) {
        const int p = list[e].x, g = list[e].y;
        if (g < group_begin || g >= group_end) continue;
        __global const float *m = w + (ulong)(groups[g].w - w_first) * MATRIX + (ulong)c0 * WIDTH;
        __global const float *row = dy + s.dy_at + (ulong)pairs[p].x * batch * WIDTH;
        for (int head = 0; head < HEADS; head++) {
            float4 u[4];
            tile_clear(u);
            for (int c = 0; c < HEAD_DIM; c += TILE_K) {
                tile_load_transposed(tile_a, row + (ulong)b0 * WIDTH + head * HEAD_DIM + c, WIDTH, 0,
                                     batch - b0, HEAD_DIM - c);
                tile_load_transposed(tile_b, m + head * HEAD_DIM + c, WIDTH, 0, columns, HEAD_DIM - c);
                tile_multiply_sync(u, tile_a, tile_b);
            }
            float sums[4];
            vstore4(tile_row_sums_sync(tile_row_dots(u, own), scratch), 0, sums);
            for (int r = 0; r < 4; r++) {
                const int b = b0 + 4 * TILE_Y + r;
                if (b >= batch) continue;
                total[r] += weights[s.weights_at + ((ulong)head * all_pairs + p) * batch + b] * u[r];
                if (TILE_X == 0) out[head * chunk_rows + (ulong)(p - pair_begin) * batch + b] = sums[r];
            }
        }
    }
    for (int r = 0; r < 4; r++) {
        const int b = b0 + 4 * TILE_Y + r;
        if (b < batch) add_columns(dx + s.dx_at + own_rows + (ulong)b * INNER, total[r], columns);
    }
}

// Group (group, head and column panel, tile of INNER).
__kernel TILE_GROUP void offset_gemm_weight_gradient(__global const int4 *groups, __global const int2 *pairs,
                                                     __global const float *x, __global const float *gradient,
                                                     __global const float *weights, __global float *dw,
                                                     const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, pair_begin = s.pair_begin, all_pairs = s.all_pairs,
              batch = s.batch, side = s.side, dw_first = s.side == 0 ? s.query_first : s.key_first;
    TILE_LOCALS;
    const int4 group = groups[group_begin + get_group_id(0)];
    const int head = get_group_id(1) / HEAD_PANELS, panel = get_group_id(1) % HEAD_PANELS;
    const int columns = min(TILE, HEAD_DIM - panel * TILE), column = head * HEAD_DIM + panel * TILE;
    const int rows = group.y * batch, c0 = get_group_id(2) * TILE;
    __global const float *weight = weights + s.weights_at + ((ulong)head * all_pairs + group.x) * batch;
    float4 acc[4];
    tile_clear(acc);
    const ulong first = (ulong)(group.x - pair_begin) * batch;
    for (int r = 0; r < rows; r += TILE_K) {
        tile_load_tokens(tile_a, x + s.x_at + c0, INNER, pairs + group.x, side != 0, batch, r, 0, INNER - c0,
                         rows - r);
        if (side == 2) {
            tile_load_tokens(tile_b, gradient + s.gradient_at + column, WIDTH, pairs + group.x, false, batch,
                             r, weight + r, columns, rows - r);
        } else {
            tile_load(tile_b, gradient + s.gradient_at + (first + r) * WIDTH + column, WIDTH, weight + r,
                      columns, rows - r);
        }
        tile_multiply_sync(acc, tile_a, tile_b);
    }
    __global float *target = dw + (ulong)((side == 0 ? group.z : group.w) - dw_first) * MATRIX + column;
    for (int r = 0; r < 4; r++) {
        const int c = c0 + 4 * TILE_Y + r;
        if (c < INNER) store_columns(target + (ulong)c * WIDTH, acc[r], columns);
    }
}

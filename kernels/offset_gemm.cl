// Grouped GEMM over token pairs that share an offset, for logits, values and their gradients: CPU form. Behind offset_gemm_rows.cl, which
// says what groups, pairs and weights are.

#if !defined(LANES) && !defined(ONE_QUERY) // as there
#ifndef BLOCK_TILES
#define BLOCK_TILES 4 // row tiles that share a packed panel while it is in the first-level cache
#endif

// The rows of a work-group of a kernel that owns tokens: those of batch indices [b_begin, b_end) and of pairs whose query
// (side 0) or key (side 1) is in [token_begin, token_end).
typedef struct share_t {
    int side, b_begin, b_end, token_begin, token_end;
} share_t;

static inline share_t share_of_group(int side, const offset_gemm_sizes *s)
{
    const int b_begin = get_group_id(1) * s->batch_block, token_begin = get_group_id(2) * s->token_block;
    const share_t share = {side, b_begin, min(s->batch, b_begin + s->batch_block), token_begin,
                           token_begin + s->token_block};
    return share;
}

// The first of the pairs [p, end) that is in the share; `end` where there is none.
static inline int share_pair(share_t share, __global const int2 *pairs, int p, int end)
{
    for (; p < end; p++) {
        const int token = share.side == 0 ? pairs[p].x : pairs[p].y;
        if (token >= share.token_begin && token < share.token_end) return p;
    }
    return p;
}

static inline int share_rows(share_t share, __global const int2 *pairs, int4 group)
{
    const int end = group.x + group.y;
    int count = 0;
    for (int p = share_pair(share, pairs, group.x, end); p < end; p = share_pair(share, pairs, p + 1, end))
        count++;
    return count * (share.b_end - share.b_begin);
}

static inline row_t share_first(share_t share, __global const int2 *pairs, int4 group)
{
    const row_t row = {share_pair(share, pairs, group.x, group.x + group.y), share.b_begin};
    return row;
}

static inline row_t share_next(share_t share, __global const int2 *pairs, int4 group, row_t row)
{
    row = row_next(row, share.b_begin, share.b_end);
    if (row.b == share.b_begin) row.pair = share_pair(share, pairs, row.pair, group.x + group.y);
    return row;
}

// sums += row * x in the first `columns`; what is over goes to the first sum.
static inline void panel_dot(float *sums, const floatV row[NV], __global const float *x, int columns)
{
    floatV sum = vloadV(0, sums);
    if (columns == NR) {
#pragma unroll
        for (int v = 0; v < NV; v++) sum += row[v] * vloadV(v, x);
        vstoreV(sum, 0, sums);
        return;
    }
    float values[NR];
    tile_row_store(values, row);
    vstoreV(sum, 0, sums);
    for (int q = 0; q < columns; q++) sums[0] += values[q] * x[q];
}

// The head's columns of a matrix, packed panel by panel: packed[panel][k][NR].
static inline void pack_head(float *packed, __global const float *matrix, int head)
{
    for (int panel = 0; panel < HEAD_PANELS; panel++) {
        tile_pack(packed + panel * INNER * NR, matrix + head * HEAD_DIM + panel * NR, WIDTH, INNER,
                  PANEL_COLUMNS(panel, HEAD_DIM));
    }
}

// MR rows of the columns of an operand without per-offset matrix; zero beyond `columns`.
static inline void load_projected(float *values, __global const float **row, int at, int columns)
{
    for (int r = 0; r < MR; r++) panel_load(values + r * NR, row[r] + at, columns);
}

// offset_gemm_logits: with q = xq_i Wq and k = xk_j Wk of every row, weights[h][p][b] = scale * q . k over the head's
// channels (skipped when `weights` is NULL) and, when `keep`, saves the rows q and k, [row from
// pair_begin][WIDTH]; otherwise q and k stay in registers and one tile of scratch. Work-group (group, head)
// owns the group's pairs in that head.
__kernel void offset_gemm_logits(__global const int4 *groups, __global const int2 *pairs,
                                 __global const float *xq, __global const float *wq, __global const float *xk,
                                 __global const float *wk, __global float *weights, __global float *q_rows,
                                 __global float *k_rows, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, pair_begin = s.pair_begin, all_pairs = s.all_pairs,
              batch = s.batch, wq_first = s.query_first, wk_first = s.key_first;
    const float scale = s.scale;
    const int4 group = groups[group_begin + get_group_id(0)];
    const int head = get_group_id(1), rows = group.y * batch;
    float packed_q[HEAD_PANELS * INNER * NR], packed_k[HEAD_PANELS * INNER * NR];
    if (Q_PER_OFFSET) pack_head(packed_q, wq + (ulong)(group.z - wq_first) * MATRIX, head);
    if (K_PER_OFFSET) pack_head(packed_k, wk + (ulong)(group.w - wk_first) * MATRIX, head);
    __global float *out = weights ? weights + s.weights_at + ((ulong)head * all_pairs + group.x) * batch
                                  : weights;
    const ulong first = ((ulong)(group.x - pair_begin) * batch) * WIDTH + head * HEAD_DIM;

    row_t next = {group.x, 0};
    for (int begin = 0; begin < rows; begin += BLOCK_TILES * MR) {
        const int count = min(BLOCK_TILES * MR, rows - begin);
        __global const float *row_q[BLOCK_TILES * MR], *row_k[BLOCK_TILES * MR];
        for (int r = 0; r < BLOCK_TILES * MR; r++) { // rows past the end repeat the last one
            if (r < count) {
                const int2 pair = pairs[next.pair];
                row_q[r] = xq + s.xq_at + ((ulong)pair.x * batch + next.b) * Q_STRIDE;
                row_k[r] = xk + s.xk_at + ((ulong)pair.y * batch + next.b) * K_STRIDE;
                next = row_next(next, 0, batch);
            } else {
                row_q[r] = row_q[count - 1];
                row_k[r] = row_k[count - 1];
            }
        }
        float dot[BLOCK_TILES * MR * TL_VW];
        for (int panel = 0; panel < HEAD_PANELS; panel++) {
            const int columns = PANEL_COLUMNS(panel, HEAD_DIM);
            for (int tile = 0; tile * MR < count; tile++) {
                float q[MR * NR], k[MR * NR];
                floatV acc[MR][NV];
                if (Q_PER_OFFSET) {
                    tile_clear(acc);
                    tile_multiply(acc, row_q + tile * MR, 1, packed_q + panel * INNER * NR, INNER);
#pragma unroll
                    for (int r = 0; r < MR; r++) tile_row_store(q + r * NR, acc[r]);
                } else {
                    load_projected(q, row_q + tile * MR, head * HEAD_DIM + panel * NR, columns);
                }
                if (K_PER_OFFSET) {
                    tile_clear(acc);
                    tile_multiply(acc, row_k + tile * MR, 1, packed_k + panel * INNER * NR, INNER);
                } else {
                    load_projected(k, row_k + tile * MR, head * HEAD_DIM + panel * NR, columns);
#pragma unroll
                    for (int r = 0; r < MR; r++) {
#pragma unroll
                        for (int v = 0; v < NV; v++) acc[r][v] = vloadV(r * NV + v, k);
                    }
                }
#pragma unroll
                for (int r = 0; r < MR; r++) {
                    floatV sum = panel == 0 ? (floatV)(0.0f) : vloadV(tile * MR + r, dot);
#pragma unroll
                    for (int v = 0; v < NV; v++) sum += acc[r][v] * vloadV(r * NV + v, q);
                    vstoreV(sum, tile * MR + r, dot);
                }
                if (s.keep) {
#pragma unroll
                    for (int r = 0; r < MR; r++) tile_row_store(k + r * NR, acc[r]);
                    for (int r = 0; r < MR && tile * MR + r < count; r++) {
                        const ulong at = first + (ulong)(begin + tile * MR + r) * WIDTH + panel * NR;
                        panel_store(q_rows + s.q_at + at, q + r * NR, columns);
                        panel_store(k_rows + s.k_at + at, k + r * NR, columns);
                    }
                }
            }
        }
        for (int r = 0; out && r < count; r++) out[begin + r] = scale * tl_sumV(vloadV(r, dot));
    }
}

// offset_gemm_values: y_i[b] += sum_j weights[h][p][b] * x_j[b] W[key matrix], for all rows of the groups. Work-group
// (head and column panel, batch block, token block) owns those columns of y for its batch indices and queries and loops
// over all groups.
__kernel void offset_gemm_values(__global const int4 *groups, __global const int2 *pairs,
                                 __global const float *x, __global const float *w,
                                 __global const float *weights, __global float *y, const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, all_pairs = s.all_pairs, batch = s.batch,
              w_first = s.key_first;
    const share_t share = share_of_group(0, &s);
    const int head = get_group_id(0) / HEAD_PANELS, panel = get_group_id(0) % HEAD_PANELS;
    const int columns = PANEL_COLUMNS(panel, HEAD_DIM), column = head * HEAD_DIM + panel * NR;
    __global const float *weight = weights + s.weights_at + (ulong)head * all_pairs * batch;
    float packed[INNER * NR];
    for (int g = group_begin; g < group_end; g++) {
        const int4 group = groups[g];
        const int rows = share_rows(share, pairs, group);
        if (rows == 0) continue;
        tile_pack(packed, w + (ulong)(group.w - w_first) * MATRIX + column, WIDTH, INNER, columns);
        row_t next = share_first(share, pairs, group);
        for (int begin = 0; begin < rows; begin += MR) {
            __global const float *row[MR];
            __global float *target[MR];
            float scale[MR];
            for (int r = 0; r < MR; r++) { // rows past the end repeat the last one; they are not stored
                const int2 pair = pairs[next.pair];
                row[r] = x + s.x_at + ((ulong)pair.y * batch + next.b) * INNER;
                target[r] = y + s.y_at + ((ulong)pair.x * batch + next.b) * WIDTH + column;
                scale[r] = weight[(ulong)next.pair * batch + next.b];
                if (begin + r + 1 < rows) next = share_next(share, pairs, group, next);
            }
            floatV acc[MR][NV];
            tile_clear(acc);
            tile_multiply(acc, row, 1, packed, INNER);
#pragma unroll
            for (int r = 0; r < MR; r++) {
                if (begin + r < rows) tile_row_add(target[r], scale[r], acc[r], columns);
            }
        }
    }
}

#ifndef COLUMN_BLOCK
#define COLUMN_BLOCK 64 // columns of INNER that a work-group of the backward kernels owns
#endif
#define BLOCK_PANELS ((COLUMN_BLOCK + NR - 1) / NR)

// target[c] = w[head of c] * source[c]; the heads' weights lie `stride` apart.
static inline void scale_row(float *target, __global const float *source, __global const float *w,
                             ulong stride)
{
    for (int head = 0; head < HEADS; head++, w += stride) {
        const float weight = *w;
        for (int c = head * HEAD_DIM; c < (head + 1) * HEAD_DIM; c++) target[c] = weight * source[c];
    }
}

// packed[panel][k][NR]: the transpose of rows [0, columns) of a matrix, panel by panel.
static inline void pack_block_transposed(float *packed, __global const float *rows, int columns)
{
    for (int panel = 0; panel * NR < columns; panel++) {
        tile_pack_transposed(packed + panel * WIDTH * NR, rows + (ulong)panel * NR * WIDTH, WIDTH, WIDTH,
                             PANEL_COLUMNS(panel, columns));
    }
}

// offset_gemm_logits_backward: dx_i += (w k) Wq^T and dx_j += (w q) Wk^T (for an operand without per-offset matrix: no W)
// over the chunk's rows, where w are a row's weights (the gradients of the logits) and q, k the rows saved by
// offset_gemm_logits. Work-group (block of COLUMN_BLOCK columns of INNER, batch block, token block) owns those columns of
// dx_q and dx_k.
__kernel void offset_gemm_logits_backward(__global const int4 *groups, __global const int2 *pairs,
                                          __global const float *weights, __global const float *q_rows,
                                          __global const float *k_rows, __global const float *wq,
                                          __global const float *wk, __global float *dxq, __global float *dxk,
                                          const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              all_pairs = s.all_pairs, batch = s.batch, wq_first = s.query_first, wk_first = s.key_first;
    const int column_begin = get_group_id(0) * COLUMN_BLOCK;
    const int block_columns = min(COLUMN_BLOCK, INNER - column_begin);
    float packed[BLOCK_PANELS * WIDTH * NR], scaled[BLOCK_TILES * MR * WIDTH];
    const float *row[BLOCK_TILES * MR];
    for (int r = 0; r < BLOCK_TILES * MR; r++) row[r] = scaled + r * WIDTH;
    for (int side = 0; side < 2; side++) { // 0: into dx_i, from k; 1: into dx_j, from q
        const bool per_offset = side == 0 ? Q_PER_OFFSET : K_PER_OFFSET;
        const int stride = side == 0 ? Q_STRIDE : K_STRIDE;
        const share_t share = share_of_group(side, &s);
        if (!per_offset && column_begin > 0) continue; // the first block has all of its columns
        __global const float *source = side == 0 ? k_rows + s.k_at : q_rows + s.q_at;
        __global float *dx = (side == 0 ? dxq + s.dxq_at : dxk + s.dxk_at) + column_begin;
        for (int g = group_begin; g < group_end; g++) {
            const int4 group = groups[g];
            const int rows = share_rows(share, pairs, group);
            if (rows == 0) continue;
            __global const float *matrix = side == 0 ? wq + (ulong)(group.z - wq_first) * MATRIX
                                                     : wk + (ulong)(group.w - wk_first) * MATRIX;
            if (per_offset)
                pack_block_transposed(packed, matrix + (ulong)column_begin * WIDTH, block_columns);
            row_t next = share_first(share, pairs, group);
            for (int begin = 0; begin < rows; begin += BLOCK_TILES * MR) {
                const int count = min(BLOCK_TILES * MR, rows - begin);
                __global float *target[BLOCK_TILES * MR];
                for (int r = 0; r < count; r++) {
                    const int2 pair = pairs[next.pair];
                    const ulong number = (ulong)next.pair * batch + next.b;
                    target[r] = dx + ((ulong)(side == 0 ? pair.x : pair.y) * batch + next.b) * stride;
                    scale_row(scaled + r * WIDTH, source + (number - (ulong)pair_begin * batch) * WIDTH,
                              weights + s.weights_at + number, (ulong)all_pairs * batch);
                    next = share_next(share, pairs, group, next);
                    for (int c = 0; !per_offset && c < WIDTH; c++) target[r][c] += scaled[r * WIDTH + c];
                }
                for (int panel = 0; per_offset && panel * NR < block_columns; panel++) {
                    const int columns = PANEL_COLUMNS(panel, block_columns);
                    for (int tile = 0; tile * MR < count;
                         tile++) { // rows past the end: of earlier blocks, not stored
                        floatV acc[MR][NV];
                        tile_clear(acc);
                        tile_multiply_private(acc, row + tile * MR, 1, packed + panel * WIDTH * NR, WIDTH);
#pragma unroll
                        for (int r = 0; r < MR; r++) {
                            if (tile * MR + r >= count) continue;
                            __global float *out = target[tile * MR + r] + panel * NR;
                            if (columns == NR) {
#pragma unroll
                                for (int v = 0; v < NV; v++) vstoreV(acc[r][v] + vloadV(v, out), v, out);
                            } else {
                                float values[NR];
                                tile_row_store(values, acc[r]);
                                for (int q = 0; q < columns; q++) out[q] += values[q];
                            }
                        }
                    }
                }
            }
        }
    }
}

// offset_gemm_values_backward: with u_ijh = dy_ih Wv_h^T computes both of its uses: dx_j += weights * u, and d weights = u .
// x_j. Work-group (block of COLUMN_BLOCK columns of INNER, batch block, token block) owns those columns of dx and its
// slice of partial[column block][h][p][b]; `pair_table_sum_slices` adds the slices.
__kernel void offset_gemm_values_backward(__global const int4 *groups, __global const int2 *pairs,
                                          __global const float *dy, __global const float *x,
                                          __global const float *w, __global const float *weights,
                                          __global float *partial, __global float *dx,
                                          const offset_gemm_sizes s)
{
    const int group_begin = s.group_begin, group_end = s.group_end, pair_begin = s.pair_begin,
              pair_end = s.pair_end, all_pairs = s.all_pairs, batch = s.batch, w_first = s.key_first;
    const int column_begin = get_group_id(0) * COLUMN_BLOCK;
    const int block_columns = min(COLUMN_BLOCK, INNER - column_begin);
    const share_t share = share_of_group(1, &s);
    const ulong chunk_rows = (ulong)(pair_end - pair_begin) * batch, all_rows = (ulong)all_pairs * batch;
    __global float *out = partial + s.partial_at + get_group_id(0) * HEADS * chunk_rows;
    float packed[BLOCK_PANELS * WIDTH * NR];
    for (int g = group_begin; g < group_end; g++) {
        const int4 group = groups[g];
        const int rows = share_rows(share, pairs, group);
        if (rows == 0) continue;
        pack_block_transposed(packed, w + (ulong)(group.w - w_first) * MATRIX + (ulong)column_begin * WIDTH,
                              block_columns);
        row_t next = share_first(share, pairs, group);
        for (int begin = 0; begin < rows; begin += BLOCK_TILES * MR) {
            const int count = min(BLOCK_TILES * MR, rows - begin);
            ulong number[BLOCK_TILES * MR]; // of the row among all pairs' rows
            __global const float *row[BLOCK_TILES * MR], *x_row[BLOCK_TILES * MR];
            __global float *target[BLOCK_TILES * MR];
            for (int r = 0; r < BLOCK_TILES * MR; r++) { // rows past the end repeat the last one; not stored
                const int2 pair = pairs[next.pair];
                const ulong key_row = ((ulong)pair.y * batch + next.b) * INNER + column_begin;
                number[r] = (ulong)next.pair * batch + next.b;
                row[r] = dy + s.dy_at + ((ulong)pair.x * batch + next.b) * WIDTH;
                x_row[r] = x + s.x_at + key_row;
                target[r] = dx + s.dx_at + key_row;
                if (r + 1 < count || begin + count < rows) next = share_next(share, pairs, group, next);
            }
            float scale[HEADS * BLOCK_TILES * MR], dot[HEADS * BLOCK_TILES * MR * TL_VW];
            for (int head = 0; head < HEADS; head++) {
                for (int r = 0; r < BLOCK_TILES * MR; r++)
                    scale[head * BLOCK_TILES * MR + r] = weights[s.weights_at + head * all_rows + number[r]];
            }
            for (int n = 0; n < HEADS * BLOCK_TILES * MR; n++) vstoreV((floatV)(0.0f), n, dot);
            for (int panel = 0; panel * NR < block_columns; panel++) {
                const int columns = PANEL_COLUMNS(panel, block_columns);
                floatV sum[BLOCK_TILES * MR]
                          [NV]; // over heads: rows are added once, in this order for any blocks
                for (int tile = 0; tile < BLOCK_TILES; tile++) tile_clear(sum + tile * MR);
                for (int head = 0; head < HEADS; head++) {
                    for (int tile = 0; tile * MR < count; tile++) {
                        const int first = (head * BLOCK_TILES + tile) * MR;
                        floatV acc[MR][NV];
                        tile_clear(acc);
                        tile_multiply(acc, row + tile * MR, 1,
                                      packed + (panel * WIDTH + head * HEAD_DIM) * NR, HEAD_DIM);
#pragma unroll
                        for (int r = 0; r < MR; r++) {
                            panel_dot(dot + (first + r) * TL_VW, acc[r], x_row[tile * MR + r] + panel * NR,
                                      columns);
#pragma unroll
                            for (int v = 0; v < NV; v++)
                                sum[tile * MR + r][v] += scale[first + r] * acc[r][v];
                        }
                    }
                    for (int r = 0; r < BLOCK_TILES * MR; r++) row[r] += HEAD_DIM;
                }
                for (int r = 0; r < BLOCK_TILES * MR; r++) row[r] -= WIDTH;
                for (int r = 0; r < count; r++) tile_row_add(target[r] + panel * NR, 1.0f, sum[r], columns);
            }
            for (int head = 0; head < HEADS; head++) {
                const float *sums = dot + head * BLOCK_TILES * MR * TL_VW;
                for (int r = 0; r < count; r++)
                    out[head * chunk_rows + number[r] - (ulong)pair_begin * batch] = tl_sumV(vloadV(r, sums));
            }
        }
    }
}
#endif

// Grouped GEMM over token pairs that share an offset, CPU form for narrow rows (low-rank offset matrices): the batch is the
// innermost dimension, so that vectors are full however few channels a head has, and q . k is a sum of vectors.
//
// Rows are copied to panels first, [token][block][channel][BLOCK]: BLOCK batch indices of a token lie together, zero past
// the batch. Groups, pairs, their index, pair weights and tables are those of offset_gemm_rows.cl and offset_gemm_gpu.cl; a table
// is one buffer. q and k of a pair are never saved: computing them again takes less time than reading them.
// One work-item per work-group, no barriers; each element is owned by one work-group, as each kernel says.
// Build options:
//   -DINNER=C -DHEADS=h -DHEAD_DIM=d   as in offset_gemm_sizes.cl
//   -DLANES=4|8|16 -DNV=vectors        BLOCK = NV * LANES; where LANES is given, these kernels are compiled instead of those
//                                      of offset_gemm.cl
//   -DMR=rows                          channels of a register tile, a divisor of INNER and of WIDTH
//   -DGR=rows -DGC=columns             register tile of the weight gradient, divisors of INNER and of WIDTH

#ifdef LANES // else offset_gemm.cl is compiled
#define BLOCK   (NV * LANES)
#define floatL  TL_CAT(float, LANES)
#define vloadL  TL_CAT(vload, LANES)
#define vstoreL TL_CAT(vstore, LANES)
#define tl_sumL TL_CAT(tl_sum, LANES)

#ifndef STEPS
#define STEPS 32 // panels of one pair each whose products are added up in registers
#endif

static inline int block_count(int batch)
{
    return (batch + BLOCK - 1) / BLOCK;
}

// Element offset of a token's panel.
static inline ulong panel_at(int token, int block, int batch, int channels)
{
    return ((ulong)token * block_count(batch) + block) * channels * BLOCK;
}

// panels[token][block][channel][BLOCK] = rows[(token * batch + b) * stride + channel]. Group (token, block).
__kernel void narrow_offset_gemm_panels(__global const float *rows, ulong rows_at, int stride, int channels,
                                        int batch, __global float *panels, ulong panels_at)
{
    const int token = get_group_id(0), block = get_group_id(1), begin = block * BLOCK;
    __global const float *row = rows + rows_at + ((ulong)token * batch + begin) * stride;
    __global float *panel = panels + panels_at + panel_at(token, block, batch, channels);
    for (int c = 0; c < channels; c++) {
        for (int b = 0; b < BLOCK; b++)
            panel[c * BLOCK + b] = begin + b < batch ? row[(ulong)b * stride + c] : 0.0f;
    }
}

// rows += panels, as above.
__kernel void narrow_offset_gemm_add_panels(__global const float *panels, ulong panels_at, int channels,
                                            int batch, __global float *rows, ulong rows_at, int stride)
{
    const int token = get_group_id(0), block = get_group_id(1), begin = block * BLOCK,
              count = min(BLOCK, batch - begin);
    __global float *row = rows + rows_at + ((ulong)token * batch + begin) * stride;
    __global const float *panel = panels + panels_at + panel_at(token, block, batch, channels);
    for (int b = 0; b < count; b++) {
        for (int c = 0; c < channels; c++) row[(ulong)b * stride + c] += panel[c * BLOCK + b];
    }
}

// acc[r] += w[r * r_step] * x: one step of the inner dimension.
static inline void narrow_step(floatL acc[MR][NV], __global const float *w, int r_step, const floatL x[NV])
{
#pragma unroll
    for (int r = 0; r < MR; r++) {
        const floatL scalar = (floatL)(w[r * r_step]);
#pragma unroll
        for (int v = 0; v < NV; v++) acc[r][v] = scalar * x[v] + acc[r][v];
    }
}

// acc[r] += sum_k w[k * k_step + r * r_step] * panel[k][BLOCK]
static inline void narrow_multiply(floatL acc[MR][NV], __global const float *w, int k_step, int r_step,
                                   __global const float *panel, int depth)
{
#pragma unroll 2
    for (int k = 0; k < depth; k++) {
        floatL x[NV];
#pragma unroll
        for (int v = 0; v < NV; v++) x[v] = vloadL(v, panel + k * BLOCK);
        narrow_step(acc, w + k * k_step, r_step, x);
    }
}

// The same with a panel in private memory.
static inline void narrow_multiply_private(floatL acc[MR][NV], __global const float *w, int k_step,
                                           int r_step, const float *panel, int depth)
{
#pragma unroll 2
    for (int k = 0; k < depth; k++) {
        floatL x[NV];
#pragma unroll
        for (int v = 0; v < NV; v++) x[v] = vloadL(v, panel + k * BLOCK);
        narrow_step(acc, w + k * k_step, r_step, x);
    }
}

// Channel c of out[WIDTH][BLOCK] becomes x, times the weights of its head where `weights`, [HEADS][BLOCK], is not NULL, and is added if `add`.
static inline void put_channel(float *out, int c, const floatL x[NV], const float *weights, const bool add)
{
#pragma unroll
    for (int v = 0; v < NV; v++) {
        floatL value = x[v];
        if (weights) value *= vloadL(c / HEAD_DIM * NV + v, weights);
        if (add) value += vloadL(c * NV + v, out);
        vstoreL(value, c * NV + v, out);
    }
}

// W^T x, or, where the operand has no matrix per offset, x, put into `out` as above.
static inline void project(float *out, __global const float *matrix, __global const float *x,
                           const float *weights, const bool add)
{
    if (!matrix) {
        for (int c = 0; c < WIDTH; c++) {
            floatL row[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) row[v] = vloadL(c * NV + v, x);
            put_channel(out, c, row, weights, add);
        }
        return;
    }
    for (int c = 0; c < WIDTH; c += MR) {
        floatL acc[MR][NV];
#pragma unroll
        for (int r = 0; r < MR; r++) {
#pragma unroll
            for (int v = 0; v < NV; v++) acc[r][v] = (floatL)(0.0f);
        }
        narrow_multiply(acc, matrix + c, WIDTH, 1, x, INNER);
#pragma unroll
        for (int r = 0; r < MR; r++) put_channel(out, c + r, acc[r], weights, add);
    }
}

// sum[INNER][BLOCK] += W g, or, without a matrix, sum[WIDTH][BLOCK] += g.
static inline void project_back(float *sum, __global const float *matrix, const float *g)
{
    if (!matrix) {
        for (int e = 0; e < WIDTH * NV; e++) vstoreL(vloadL(e, sum) + vloadL(e, g), e, sum);
        return;
    }
    for (int c = 0; c < INNER; c += MR) {
        floatL acc[MR][NV];
#pragma unroll
        for (int r = 0; r < MR; r++) {
#pragma unroll
            for (int v = 0; v < NV; v++) acc[r][v] = vloadL((c + r) * NV + v, sum);
        }
        narrow_multiply_private(acc, matrix + c * WIDTH, 1, WIDTH, g, WIDTH);
#pragma unroll
        for (int r = 0; r < MR; r++) {
#pragma unroll
            for (int v = 0; v < NV; v++) vstoreL(acc[r][v], (c + r) * NV + v, sum);
        }
    }
}

static inline void clear_panel(float *panel, int channels)
{
    for (int e = 0; e < channels * NV; e++) vstoreL((floatL)(0.0f), e, panel);
}

static inline void store_panel(__global float *target, const float *panel, int channels)
{
    for (int e = 0; e < channels * NV; e++) vstoreL(vloadL(e, panel), e, target);
}

// The weights of a pair for a head's lanes; zero past the batch, `count` indices away.
static inline void load_weights(floatL w[NV], __global const float *weights, int count)
{
    if (count >= BLOCK) {
#pragma unroll
        for (int v = 0; v < NV; v++) w[v] = vloadL(v, weights);
        return;
    }
    float part[BLOCK];
    for (int b = 0; b < BLOCK; b++) part[b] = b < count ? weights[b] : 0.0f;
#pragma unroll
    for (int v = 0; v < NV; v++) w[v] = vloadL(v, part);
}

// The same of all heads, `stride` apart: w[HEADS][BLOCK].
static inline void load_heads(float *w, __global const float *weights, ulong stride, int count)
{
    for (int head = 0; head < HEADS; head++, weights += stride) {
        floatL part[NV];
        load_weights(part, weights, count);
#pragma unroll
        for (int v = 0; v < NV; v++) vstoreL(part[v], head * NV + v, w);
    }
}

static inline void store_weights(__global float *weights, const floatL w[NV], int count)
{
    if (count >= BLOCK) {
#pragma unroll
        for (int v = 0; v < NV; v++) vstoreL(w[v], v, weights);
        return;
    }
    float part[BLOCK];
#pragma unroll
    for (int v = 0; v < NV; v++) vstoreL(w[v], v, part);
    for (int b = 0; b < count; b++) weights[b] = part[b];
}

// panel[c] = weights[head of c] * source[c], WIDTH channels; heads lie `stride` apart.
static inline void scale_panel(float *panel, __global const float *source, __global const float *weights,
                               ulong stride, int count)
{
    for (int head = 0; head < HEADS; head++, weights += stride) {
        floatL w[NV];
        load_weights(w, weights, count);
        for (int c = head * HEAD_DIM; c < (head + 1) * HEAD_DIM; c++) {
#pragma unroll
            for (int v = 0; v < NV; v++) vstoreL(w[v] * vloadL(c * NV + v, source), c * NV + v, panel);
        }
    }
}

// The matrix of a pair of a group in a table; 0 where the operand has none.
static inline __global const float *matrix_of(__global const float *table, int number)
{
    return table ? table + (ulong)number * MATRIX : table;
}

// weights[h][p][b] = scale * q . k. Group (pair group, block) owns the group's pairs in that block.
__kernel void narrow_offset_gemm_logits(__global const int4 *groups, __global const int2 *pairs,
                                        __global const float *xq, __global const float *wq,
                                        __global const float *xk, __global const float *wk,
                                        __global float *weights, const offset_gemm_sizes s)
{
    const int4 group = groups[get_group_id(0)];
    const int block = get_group_id(1), count = s.batch - block * BLOCK;
    const ulong rows = (ulong)s.all_pairs * s.batch;
    __global const float *mq = matrix_of(wq, group.z), *mk = matrix_of(wk, group.w);
    float q[WIDTH * BLOCK], k[WIDTH * BLOCK];
    for (int p = group.x; p < group.x + group.y; p++) {
        const int2 pair = pairs[p];
        project(q, mq, xq + s.xq_at + panel_at(pair.x, block, s.batch, wq ? INNER : WIDTH), 0, false);
        project(k, mk, xk + s.xk_at + panel_at(pair.y, block, s.batch, wk ? INNER : WIDTH), 0, false);
        __global float *out = weights + s.weights_at + (ulong)p * s.batch + block * BLOCK;
        for (int head = 0; head < HEADS; head++, out += rows) {
            floatL dot[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) dot[v] = (floatL)(0.0f);
            for (int c = head * HEAD_DIM; c < (head + 1) * HEAD_DIM; c++) {
#pragma unroll
                for (int v = 0; v < NV; v++) dot[v] += vloadL(c * NV + v, q) * vloadL(c * NV + v, k);
            }
#pragma unroll
            for (int v = 0; v < NV; v++) dot[v] *= s.scale;
            store_weights(out, dot, count);
        }
    }
}

// y_i = sum_j weights * x_j W. Group (query, block) owns the query's panel of y.
__kernel void narrow_offset_gemm_values(__global const int4 *groups, __global const int2 *pairs,
                                        __global const float *x, __global const float *w,
                                        __global const float *weights, __global float *y,
                                        const offset_gemm_sizes s)
{
    const int query = get_group_id(0), block = get_group_id(1), count = s.batch - block * BLOCK;
    const ulong rows = (ulong)s.all_pairs * s.batch;
    __global const int2 *span = pairs + s.all_pairs, *list = span + s.queries;
    float sum[WIDTH * BLOCK], scale[HEADS * BLOCK];
    clear_panel(sum, WIDTH);
    for (int e = span[query].x; e < span[query].y; e++) {
        const int p = list[e].x;
        load_heads(scale, weights + s.weights_at + (ulong)p * s.batch + block * BLOCK, rows, count);
        project(sum, matrix_of(w, groups[list[e].y].w),
                x + s.x_at + panel_at(pairs[p].y, block, s.batch, INNER), scale, true);
    }
    store_panel(y + s.y_at + panel_at(query, block, s.batch, WIDTH), sum, WIDTH);
}

// dx_j = sum_i W (weights dy_i), and weights' gradients: dweights = dy_i . (x_j W) per head. Group (key, block) owns the key's
// panel of dx and its pairs' gradients.
__kernel void narrow_offset_gemm_values_backward(__global const int4 *groups, __global const int2 *pairs,
                                                 __global const float *dy, __global const float *x,
                                                 __global const float *w, __global const float *weights,
                                                 __global float *dweights, __global float *dx,
                                                 const offset_gemm_sizes s)
{
    const int key = get_group_id(0), block = get_group_id(1), count = s.batch - block * BLOCK;
    const ulong rows = (ulong)s.all_pairs * s.batch;
    __global const int2 *span = pairs + 2 * s.all_pairs + s.queries, *list = span + s.keys;
    __global const float *x_panel = x + s.x_at + panel_at(key, block, s.batch, INNER);
    float sum[INNER * BLOCK], u[WIDTH * BLOCK];
    clear_panel(sum, INNER);
    for (int e = span[key].x; e < span[key].y; e++) {
        const int p = list[e].x;
        const ulong at = (ulong)p * s.batch + block * BLOCK;
        __global const float *matrix = matrix_of(w, groups[list[e].y].w);
        __global const float *dy_panel = dy + s.dy_at + panel_at(pairs[p].x, block, s.batch, WIDTH);
        project(u, matrix, x_panel, 0, false);
        for (int head = 0; head < HEADS; head++) {
            floatL dot[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) dot[v] = (floatL)(0.0f);
            for (int c = head * HEAD_DIM; c < (head + 1) * HEAD_DIM; c++) {
#pragma unroll
                for (int v = 0; v < NV; v++) dot[v] += vloadL(c * NV + v, u) * vloadL(c * NV + v, dy_panel);
            }
            store_weights(dweights + s.partial_at + head * rows + at, dot, count);
        }
        scale_panel(u, dy_panel, weights + s.weights_at + at, rows, count);
        project_back(sum, matrix, u);
    }
    store_panel(dx + s.dx_at + panel_at(key, block, s.batch, INNER), sum, INNER);
}

// From the gradients of the logits, `weights`: side 0: dx_i = sum_j Wq (weights k_ij), x being xk; side 1: dx_j = sum_i Wk
// (weights q_ij), x being xq. `w`: table of the operand x; `own_w`: of the operand whose gradient is computed; either may be
// NULL. Group (token, block) owns the token's panel of dx.
__kernel void narrow_offset_gemm_logits_backward(__global const int4 *groups, __global const int2 *pairs,
                                                 __global const float *weights, __global const float *x,
                                                 __global const float *w, __global const float *own_w,
                                                 __global float *dx, const offset_gemm_sizes s)
{
    const int token = get_group_id(0), block = get_group_id(1), count = s.batch - block * BLOCK,
              side = s.side;
    const ulong rows = (ulong)s.all_pairs * s.batch;
    __global const int2 *span = pairs + s.all_pairs + (side == 0 ? 0 : s.queries + s.all_pairs);
    __global const int2 *list = span + (side == 0 ? s.queries : s.keys);
    float sum[(INNER > WIDTH ? INNER : WIDTH) * BLOCK], g[WIDTH * BLOCK], scale[HEADS * BLOCK];
    const int channels = own_w ? INNER : WIDTH;
    clear_panel(sum, channels);
    for (int e = span[token].x; e < span[token].y; e++) {
        const int p = list[e].x;
        const int2 pair = pairs[p];
        const int4 group = groups[list[e].y];
        load_heads(scale, weights + s.weights_at + (ulong)p * s.batch + block * BLOCK, rows, count);
        project(g, matrix_of(w, side == 0 ? group.w : group.z),
                x + s.x_at + panel_at(side == 0 ? pair.y : pair.x, block, s.batch, w ? INNER : WIDTH), scale,
                false);
        project_back(sum, matrix_of(own_w, side == 0 ? group.z : group.w), g);
    }
    store_panel(dx + s.dx_at + panel_at(token, block, s.batch, channels), sum, channels);
}

// sums[INNER][WIDTH][LANES] (+)= sum over `steps` panels x[INNER][BLOCK] g[WIDTH][BLOCK]
static inline void add_outer_products(float *sums, __global const float *const *x, const float *g, int steps,
                                      bool first)
{
    for (int r0 = 0; r0 < INNER; r0 += GR) {
        for (int c0 = 0; c0 < WIDTH; c0 += GC) {
            floatL acc[GR][GC];
            float *sum = sums + (r0 * WIDTH + c0) * LANES;
#pragma unroll
            for (int r = 0; r < GR; r++) {
#pragma unroll
                for (int c = 0; c < GC; c++) acc[r][c] = first ? (floatL)(0.0f) : vloadL(r * WIDTH + c, sum);
            }
            for (int step = 0; step < steps; step++) {
                __global const float *rows = x[step] + r0 * BLOCK;
                const float *columns = g + (step * WIDTH + c0) * BLOCK;
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    floatL column[GC];
#pragma unroll
                    for (int c = 0; c < GC; c++) column[c] = vloadL(c * NV + v, columns);
#pragma unroll
                    for (int r = 0; r < GR; r++) {
                        const floatL row = vloadL(r * NV + v, rows);
#pragma unroll
                        for (int c = 0; c < GC; c++) acc[r][c] = row * column[c] + acc[r][c];
                    }
                }
            }
#pragma unroll
            for (int r = 0; r < GR; r++) {
#pragma unroll
                for (int c = 0; c < GC; c++) vstoreL(acc[r][c], r * WIDTH + c, sum);
            }
        }
    }
}

// dW[matrix] = sum over the group's pairs and the batch of x[token]^T (weights g), overwritten, as offset_gemm_weight_gradient:
//   side 0  token i, g = k_ij, `other` and `other_w` the key's rows and table     side 1  token j, g = q_ij, the query's
//   side 2  token j, g = dy_i, in `other`
// Group (pair group) owns its matrix.
__kernel void narrow_offset_gemm_weight_gradient(__global const int4 *groups, __global const int2 *pairs,
                                                 __global const float *x, __global const float *other,
                                                 __global const float *other_w, __global const float *weights,
                                                 __global float *dw, const offset_gemm_sizes s)
{
    const int4 group = groups[get_group_id(0)];
    const int side = s.side, blocks = block_count(s.batch), all_steps = group.y * blocks;
    const ulong rows = (ulong)s.all_pairs * s.batch;
    __global const float *matrix = matrix_of(other_w, side == 0 ? group.w : group.z);
    float sums[INNER * WIDTH * LANES], g[STEPS * WIDTH * BLOCK], scale[HEADS * BLOCK];
    __global const float *x_panel[STEPS];
    for (int begin = 0; begin < all_steps; begin += STEPS) {
        const int steps = min(STEPS, all_steps - begin);
        for (int step = 0; step < steps; step++) {
            const int p = group.x + (begin + step) / blocks, block = (begin + step) % blocks;
            const int2 pair = pairs[p];
            const int count = s.batch - block * BLOCK;
            float *panel = g + step * WIDTH * BLOCK;
            x_panel[step] = x + s.x_at + panel_at(side == 0 ? pair.x : pair.y, block, s.batch, INNER);
            __global const float *w = weights + s.weights_at + (ulong)p * s.batch + block * BLOCK;
            if (side == 2) {
                scale_panel(panel, other + s.gradient_at + panel_at(pair.x, block, s.batch, WIDTH), w, rows,
                            count);
            } else {
                load_heads(scale, w, rows, count);
                project(panel, matrix,
                        other + s.gradient_at +
                            panel_at(side == 0 ? pair.y : pair.x, block, s.batch, other_w ? INNER : WIDTH),
                        scale, false);
            }
        }
        add_outer_products(sums, x_panel, g, steps, begin == 0);
    }
    __global float *target = dw + (ulong)(side == 0 ? group.z : group.w) * MATRIX;
    for (int e = 0; e < INNER * WIDTH; e++) target[e] = tl_sumL(vloadL(e, sums));
}
#endif

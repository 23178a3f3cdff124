// The offset GEMMs of one query and one sample, CPU form: a generated token against the keys before it. Each offset's matrix
// is used by a row or two, so that all that costs time is reading it once: row after row, as it lies, without packing.
//
// Groups, pairs, pair weights and tables are those of offset_gemm_rows.cl. One work-item per work-group, no barriers;
// work-group g has groups [group_begin + g * token_block, ... + token_block).
// Build options:
//   -DINNER=C -DHEADS=h -DHEAD_DIM=d and those of the operands   as in offset_gemm_sizes.cl
//   -DONE_QUERY                                                  these kernels are compiled instead of those of offset_gemm.cl

#ifdef ONE_QUERY

// out = x m: x has INNER channels, m [INNER][WIDTH].
static inline void project_row(float out[WIDTH], __global const float *x, __global const float *m)
{
    for (int d = 0; d < WIDTH; d++) out[d] = 0.0f;
    for (int c = 0; c < INNER; c++, m += WIDTH) { // row after row: processors foresee that
        const float value = x[c];
        for (int d = 0; d < TL_FULL(WIDTH); d += TL_VW)
            vstoreV(value * vloadV(0, m + d) + vloadV(0, out + d), 0, out + d);
        for (int d = TL_FULL(WIDTH); d < WIDTH; d++) out[d] += value * m[d];
    }
}

static inline void copy_row(float out[WIDTH], __global const float *x)
{
    for (int d = 0; d < WIDTH; d++) out[d] = x[d];
}

static inline float head_dot(const float *a, const float *b)
{
    floatV sum = (floatV)(0.0f);
    for (int d = 0; d < TL_FULL(HEAD_DIM); d += TL_VW) sum = vloadV(0, a + d) * vloadV(0, b + d) + sum;
    float all = tl_sumV(sum);
    for (int d = TL_FULL(HEAD_DIM); d < HEAD_DIM; d++) all += a[d] * b[d];
    return all;
}

static inline int last_group(int first, const offset_gemm_sizes *s)
{
    return min(s->group_end, first + s->token_block);
}

// weights[head][pair] = scale * q . k, overwritten.
__kernel void offset_gemv_logits(__global const int4 *groups, __global const int2 *pairs,
                                 __global const float *xq, __global const float *wq, __global const float *xk,
                                 __global const float *wk, __global float *weights, const offset_gemm_sizes s)
{
    const int first = s.group_begin + (int)get_group_id(0) * s.token_block, last = last_group(first, &s);
    float q[WIDTH], k[WIDTH];
    xq += s.xq_at;
    xk += s.xk_at;
    weights += s.weights_at;
    for (int g = first; g < last; g++) {
        const int4 group = groups[g];
        for (int p = group.x; p < group.x + group.y; p++) {
            const int2 pair = pairs[p];
#if Q_PER_OFFSET
            project_row(q, xq + (ulong)pair.x * Q_STRIDE, wq + (ulong)(group.z - s.query_first) * MATRIX);
#else
            copy_row(q, xq + (ulong)pair.x * Q_STRIDE);
#endif
#if K_PER_OFFSET
            project_row(k, xk + (ulong)pair.y * K_STRIDE, wk + (ulong)(group.w - s.key_first) * MATRIX);
#else
            copy_row(k, xk + (ulong)pair.y * K_STRIDE);
#endif
            for (int h = 0; h < HEADS; h++)
                weights[(ulong)h * s.all_pairs + p] = s.scale * head_dot(q + h * HEAD_DIM, k + h * HEAD_DIM);
        }
    }
}

// partial[work-group][WIDTH] = sum over its pairs of weight * x_j W, overwritten.
__kernel void offset_gemv_values(__global const int4 *groups, __global const int2 *pairs,
                                 __global const float *x, __global const float *w,
                                 __global const float *weights, __global float *partial,
                                 const offset_gemm_sizes s)
{
    const int first = s.group_begin + (int)get_group_id(0) * s.token_block, last = last_group(first, &s);
    float v[WIDTH], sum[WIDTH];
    x += s.x_at;
    weights += s.weights_at;
    for (int d = 0; d < WIDTH; d++) sum[d] = 0.0f;
    for (int g = first; g < last; g++) {
        const int4 group = groups[g];
        for (int p = group.x; p < group.x + group.y; p++) {
            project_row(v, x + (ulong)pairs[p].y * INNER, w + (ulong)(group.w - s.key_first) * MATRIX);
            for (int h = 0; h < HEADS; h++) {
                const float weight = weights[(ulong)h * s.all_pairs + p];
                for (int d = h * HEAD_DIM; d < (h + 1) * HEAD_DIM; d++) sum[d] += weight * v[d];
            }
        }
    }
    partial += s.partial_at + get_group_id(0) * (ulong)WIDTH;
    for (int d = 0; d < WIDTH; d++) partial[d] = sum[d];
}

// y += the sums of all work-groups of offset_gemv_values, `token_block` of them here. One work-group.
__kernel void offset_gemv_sum(__global const float *partial, __global float *y, const offset_gemm_sizes s)
{
    partial += s.partial_at;
    y += s.y_at;
    float sum[WIDTH];
    for (int d = 0; d < WIDTH; d++) sum[d] = y[d];
    for (int g = 0; g < s.token_block; g++, partial += WIDTH) {
        for (int d = 0; d < WIDTH; d++) sum[d] += partial[d];
    }
    for (int d = 0; d < WIDTH; d++) y[d] = sum[d];
}
#endif

// Matrix-vector products: one row by a Linear's weights, as of a token that is generated. All that costs time is reading
// the weights once; what stands before and behind the product in a block is computed with it, as each work-group has the
// whole row.

// statistics = mean and 1 / sqrt(variance + 1e-5) of a row, as in layernorm.cl; by a pointer, as Mesa 25's compiler
// crashes on a value that is returned here.
static inline void gemv_statistics(__global const float *x, uint n, __local float *of_mean,
                                   __local float *of_variance, float2 *statistics)
{
    const uint full = TL_FULL(n), rest = TL_REST(n);
    const float origin = x[0];
    floatR part = (floatR)(0.0f);
    for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) part += tl_load(x + c) - origin;
    if (rest) part += tl_load_part(x + full, rest, origin) - origin;
    const float mean = origin + tl_row_sum(tl_sumR(part), of_mean) / n;
    part = (floatR)(0.0f);
    for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
        const floatR centred = tl_load(x + c) - mean;
        part = centred * centred + part;
    }
    if (rest) {
        const floatR centred = tl_load_part(x + full, rest, mean) - mean;
        part = centred * centred + part;
    }
    *statistics = (float2)(mean, 1.0f / sqrt(tl_row_sum(tl_sumR(part), of_variance) / n + 1e-5f));
}

// y = gelu(alpha W x' + bias) + residual, overwritten, with x' = LayerNorm(x) where norm_weight is not NULL; without GELU
// where s.gelu is 0; bias and residual may be NULL, residual may be y. Of a work-group's rows of W, TL_LANES items
// compute TL_RW at a time.
__kernel void gemv(__global const float *x, __global const float *weight, __global const float *norm_weight,
                   __global const float *norm_bias, __global const float *bias,
                   __global const float *residual, __global float *y, const gemv_sizes s)
{
    TL_ROW_SCRATCH(of_mean);
    TL_ROW_SCRATCH(of_variance);
    TL_ROW_SCRATCH(of_product);
    const uint k = s.k, full = TL_FULL(k), rest = TL_REST(k);
    const uint first = get_group_id(0) * s.rows_per_group, last = min(first + s.rows_per_group, s.n);
    x += s.x_at;
    weight += s.weight_at;
    float2 statistics = (float2)(0.0f, 1.0f);
    if (norm_weight) {
        norm_weight += s.norm_weight_at;
        norm_bias += s.norm_bias_at;
        gemv_statistics(x, k, of_mean, of_variance, &statistics);
    }
    floatR tail = rest ? tl_load_part(x + full, rest, 0.0f) : (floatR)(0.0f);
    if (norm_weight && rest)
        tail = (tail - statistics.x) * statistics.y * tl_load_part(norm_weight + full, rest, 0.0f) +
               tl_load_part(norm_bias + full, rest, 0.0f);
    for (uint base = first; base < last; base += TL_ROWS * TL_RW) {
        const uint j = base + TL_SUBROW * TL_RW;
        const uint count = j < last ? min((uint)TL_RW, last - j) : 0;
        __global const float *row[TL_RW];
        floatR acc[TL_RW];
#pragma unroll
        for (int q = 0; q < TL_RW; q++) row[q] = weight + (ulong)min(j + q, s.n - 1) * s.ld;
            // Row after row, as they lie: processors foresee that, and not several rows in turn.
#pragma unroll
        for (int q = 0; q < TL_RW; q++) {
            acc[q] = (floatR)(0.0f);
            for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
                floatR v = tl_load(x + c);
                if (norm_weight)
                    v = (v - statistics.x) * statistics.y * tl_load(norm_weight + c) + tl_load(norm_bias + c);
                acc[q] = v * tl_load(row[q] + c) + acc[q];
            }
        }
        if (rest) {
#pragma unroll
            for (int q = 0; q < TL_RW; q++) acc[q] = tail * tl_load_part(row[q] + full, rest, 0.0f) + acc[q];
        }
        floatR result = tl_each_sum(acc);
#if TL_GROUP > 1
        result = tl_row_sum(result, of_product);
#endif
        if (TL_LANE == 0 && count > 0) {
            result *= s.alpha;
            const bool whole = count == TL_RW;
            if (bias) {
                __global const float *at = bias + s.bias_at + j;
                result += whole ? tl_load(at) : tl_load_part(at, count, 0.0f);
            }
            if (s.gelu) {
                floatR unused;
                result = tl_gelu(result, &unused);
            }
            if (residual) {
                __global const float *at = residual + s.residual_at + j;
                result += whole ? tl_load(at) : tl_load_part(at, count, 0.0f);
            }
            if (whole)
                tl_store(result, y + s.y_at + j);
            else
                tl_store_part(result, y + s.y_at + j, count);
        }
    }
}

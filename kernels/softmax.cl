// Softmax over rows of `keys` floats, in place. Row r belongs to query r % queries; with `causal` above 0,
// query i sees the first causal + i keys; the others are not read and become exactly 0. Work-groups of
// TL_GROUP items; a group has `rows_per_group` consecutive rows, TL_ROWS at a time.

static inline uint visible_keys(ulong row, uint queries, uint keys, uint causal)
{
    return causal ? min((uint)(row % queries) + causal, keys) : keys;
}

// logits become probabilities.
__kernel void softmax_forward(__global float *logits, ulong logits_at, ulong rows, uint queries, uint keys,
                              uint causal, uint rows_per_group)
{
    TL_ROW_SCRATCH(of_max);
    TL_ROW_SCRATCH(of_sum);
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong base = first; base < last; base += TL_ROWS) {
        ulong row = base + TL_SUBROW;
        uint n = row < last ? visible_keys(row, queries, keys, causal) : 0, full = TL_FULL(n),
             rest = TL_REST(n);
        __global float *a = logits + logits_at + row * keys;

        // The row's tail stays in a register: the last whole vector, which overlaps the one before; going through memory in
        // parts, as short rows must, is slow.
        floatR tail = !rest  ? (floatR)(-INFINITY)
                      : full ? tl_load(a + n - TL_RW)
                             : tl_load_part(a + full, rest, -INFINITY),
               top = tail;
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
            floatR v = tl_load(a + c);
            top = v > top ? v : top; // unlike fmax one instruction; a NaN reaches the sum below
        }
        float highest = tl_row_max(tl_maxR(top), of_max);

        tail = tl_exp(tail - highest);
        floatR part = !rest ? (floatR)(0.0f) : full ? tl_last(tail, rest) : tail;
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
            floatR e = tl_exp(tl_load(a + c) - highest);
            part += e;
            tl_store(e, a + c);
        }
        float share = 1.0f / tl_row_sum(tl_sumR(part), of_sum);

        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW)
            tl_store(tl_load(a + c) * share, a + c);
        if (rest && full)
            tl_store(tail * share, a + n - TL_RW);
        else if (rest)
            tl_store_part(tail * share, a + full, rest);
        if (n)
            for (uint c = n + TL_LANE; c < keys; c += TL_LANES) a[c] = 0.0f;
    }
}

// dprob becomes da = scale * p (dp - sum_j p_j dp_j).
__kernel void softmax_backward(__global const float *prob, ulong prob_at, __global float *dprob,
                               ulong dprob_at, ulong rows, uint queries, uint keys, uint causal, float scale,
                               uint rows_per_group)
{
    TL_ROW_SCRATCH(scratch);
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong base = first; base < last; base += TL_ROWS) {
        ulong row = base + TL_SUBROW;
        uint n = row < last ? visible_keys(row, queries, keys, causal) : 0, full = TL_FULL(n),
             rest = TL_REST(n);
        __global const float *p = prob + prob_at + row * keys;
        __global float *d = dprob + dprob_at + row * keys;

        floatR part = (floatR)(0.0f);
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW)
            part = tl_load(p + c) * tl_load(d + c) + part;
        if (rest) part = tl_load_part(p + full, rest, 0.0f) * tl_load_part(d + full, rest, 0.0f) + part;
        float mean = tl_row_sum(tl_sumR(part), scratch);

        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW)
            tl_store(scale * tl_load(p + c) * (tl_load(d + c) - mean), d + c);
        if (rest) {
            floatR da = scale * tl_load_part(p + full, rest, 0.0f) *
                        (tl_load_part(d + full, rest, 0.0f) - mean);
            tl_store_part(da, d + full, rest);
        }
        if (n)
            for (uint c = n + TL_LANE; c < keys; c += TL_LANES) d[c] = 0.0f;
    }
}

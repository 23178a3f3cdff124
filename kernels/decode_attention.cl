// Softmax attention of the newest token of a sequence, whose keys and values are in the KV cache: logits, softmax and
// weighted sum in one launch. Work-group g has head g % heads of sample g / heads. qkv is [key][batch][stride]; weights
// [batch][head][key] are overwritten, or hold logits to add to; o [batch][head][head_dim] is overwritten.

__kernel void decode_attention(__global const float *qkv, __global float *weights, __global float *o,
                               const decode_attention_sizes s)
{
    TL_ROW_SCRATCH(of_max);
    TL_ROW_SCRATCH(of_sum);
    const uint keys = s.keys, channels = s.head_dim, full = TL_FULL(channels), rest = TL_REST(channels);
    const uint b = get_group_id(0) / s.heads, head = get_group_id(0) % s.heads;
    const ulong step = (ulong)s.batch * s.stride, shift = s.qkv_at + (ulong)b * s.stride + head * channels;
    __global const float *q = qkv + s.q + shift, *k = qkv + s.k + shift, *v = qkv + s.v + shift;
    __global float *a = weights + s.weights_at + get_group_id(0) * (ulong)keys;
    o += s.o_at + get_group_id(0) * (ulong)channels;

    // TL_RW keys at a time; a work-item reads again only what it wrote itself.
    floatR top = (floatR)(-INFINITY);
    for (uint j = TL_LANE * TL_RW; j < keys; j += TL_LANES * TL_RW) {
        const uint count = min((uint)TL_RW, keys - j);
        __global const float *row[TL_RW];
        floatR acc[TL_RW];
#pragma unroll
        for (int r = 0; r < TL_RW; r++) row[r] = k + min(j + r, keys - 1) * step;
#pragma unroll
        for (int r = 0; r < TL_RW; r++) {
            acc[r] = (floatR)(0.0f);
            for (uint c = 0; c < full; c += TL_RW) acc[r] = tl_load(q + c) * tl_load(row[r] + c) + acc[r];
        }
        if (rest) {
            const floatR tail = tl_load_part(q + full, rest, 0.0f);
#pragma unroll
            for (int r = 0; r < TL_RW; r++) acc[r] = tail * tl_load_part(row[r] + full, rest, 0.0f) + acc[r];
        }
        floatR logit = s.scale * tl_each_sum(acc);
        if (s.adds) logit += count == TL_RW ? tl_load(a + j) : tl_load_part(a + j, count, 0.0f);
        if (count == TL_RW) {
            tl_store(logit, a + j);
        } else {
            tl_store_part(logit, a + j, count);
            logit = tl_load_part(a + j, count, -INFINITY);
        }
        top = logit > top ? logit : top; // unlike fmax one instruction; a NaN reaches the sum below
    }
    const float highest = tl_row_max(tl_maxR(top), of_max);

    floatR part = (floatR)(0.0f);
    for (uint j = TL_LANE * TL_RW; j < keys; j += TL_LANES * TL_RW) {
        const uint count = min((uint)TL_RW, keys - j);
        const floatR e = tl_exp((count == TL_RW ? tl_load(a + j) : tl_load_part(a + j, count, -INFINITY)) -
                                highest);
        part += e;
        if (count == TL_RW)
            tl_store(e, a + j);
        else
            tl_store_part(e, a + j, count);
    }
    const float share = 1.0f / tl_row_sum(tl_sumR(part), of_sum);
    for (uint j = TL_LANE * TL_RW; j < keys; j += TL_LANES * TL_RW) {
        const uint count = min((uint)TL_RW, keys - j);
        if (count == TL_RW)
            tl_store(tl_load(a + j) * share, a + j);
        else
            tl_store_part(tl_load_part(a + j, count, 0.0f) * share, a + j, count);
    }
    tl_global_barrier();

    for (uint c = TL_LANE * TL_RW; c < channels; c += TL_LANES * TL_RW) {
        const bool whole = c + TL_RW <= channels;
        floatR even = (floatR)(0.0f), odd = (floatR)(0.0f);
        uint j = 0;
        for (; whole && j + 2 <= keys; j += 2) {
            even = a[j] * tl_load(v + j * step + c) + even;
            odd = a[j + 1] * tl_load(v + (j + 1) * step + c) + odd;
        }
        for (; j < keys; j++)
            even = a[j] * (whole ? tl_load(v + j * step + c) : tl_load_part(v + j * step + c, rest, 0.0f)) +
                   even;
        const floatR result = s.output_scale * (even + odd);
        if (whole)
            tl_store(result, o + c);
        else
            tl_store_part(result, o + c, rest);
    }
}

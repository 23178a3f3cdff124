// Converts attention weights between [batch][head][query][keys] (softmax, dense GEMM) and [head][pair][batch]
// (per-offset GEMM), and adds the slices of split GEMMs. Work-group b owns PAIR_BLOCK pairs and their batch; no barriers.

#define PAIR_BLOCK 16

// Work-items that lie side by side along the batch; the others of a work-group have other pairs.
static inline int batch_lanes(int batch)
{
    int lanes = 1;
    while (lanes < TL_GROUP && lanes < batch) lanes *= 2;
    return lanes;
}

// rows[b][h][i][j] (+)= values[h][p][b]
__kernel void pairs_to_rows(__global const int2 *pairs, int all_pairs, int batch, int heads, int queries,
                            int keys, __global const float *values, ulong values_at, __global float *rows,
                            ulong rows_at, int accumulate)
{
    const int begin = get_group_id(0) * PAIR_BLOCK, end = min(all_pairs, begin + PAIR_BLOCK);
    const int head = get_group_id(1), lanes = batch_lanes(batch), item = get_local_id(0);
    for (int p = begin + item / lanes; p < end; p += TL_GROUP / lanes) {
        const int2 pair = pairs[p];
        __global const float *source = values + values_at + ((ulong)head * all_pairs + p) * batch;
        for (int b = item % lanes; b < batch; b += lanes) {
            __global float *target = rows + rows_at + (((ulong)b * heads + head) * queries + pair.x) * keys +
                                     pair.y;
            *target = accumulate ? *target + source[b] : source[b];
        }
    }
}

// values[h][p][b] = rows[b][h][i][j]
__kernel void rows_to_pairs(__global const int2 *pairs, int all_pairs, int batch, int heads, int queries,
                            int keys, __global const float *rows, ulong rows_at, __global float *values,
                            ulong values_at)
{
    const int begin = get_group_id(0) * PAIR_BLOCK, end = min(all_pairs, begin + PAIR_BLOCK);
    const int head = get_group_id(1), lanes = batch_lanes(batch), item = get_local_id(0);
    for (int p = begin + item / lanes; p < end; p += TL_GROUP / lanes) {
        const int2 pair = pairs[p];
        __global float *target = values + values_at + ((ulong)head * all_pairs + p) * batch;
        for (int b = item % lanes; b < batch; b += lanes)
            target[b] = rows[rows_at + (((ulong)b * heads + head) * queries + pair.x) * keys + pair.y];
    }
}

// values[h][pair_begin + r][b] = sum over slices of partial[slice][h][r][b], for the chunk's pairs.
__kernel void pair_table_sum_slices(int slices, int heads, int pair_begin, int pair_end, int all_pairs,
                                    int batch, __global const float *partial, ulong partial_at,
                                    __global float *values, ulong values_at)
{
    const ulong chunk = (ulong)(pair_end - pair_begin) * batch;
    const ulong begin = (ulong)get_group_id(0) * PAIR_BLOCK * batch,
                end = min(chunk, begin + PAIR_BLOCK * batch);
    const int head = get_group_id(1);
    __global float *target = values + values_at + ((ulong)head * all_pairs + pair_begin) * batch;
    for (ulong e = begin + get_local_id(0); e < end; e += TL_GROUP) {
        float sum = 0.0f;
        for (int s = 0; s < slices; s++) sum += partial[partial_at + ((ulong)s * heads + head) * chunk + e];
        target[e] = sum;
    }
}

// rows[m][e] = value where mask[e] is 0; work-group m has matrix m, `count` elements.
__kernel void mask_rows(__global const float *mask, ulong count, __global float *rows, ulong rows_at,
                        float value)
{
    rows += rows_at + get_group_id(0) * count;
    for (ulong e = get_local_id(0); e < count; e += TL_GROUP)
        if (mask[e] == 0.0f) rows[e] = value;
}

// values[0..count) = value; a work-group has `block` consecutive elements.
__kernel void fill(__global float *values, ulong values_at, ulong count, float value, uint block)
{
    const ulong first = get_group_id(0) * (ulong)block, last = min(first + block, count);
    for (ulong i = first + get_local_id(0); i < last; i += TL_GROUP) values[values_at + i] = value;
}

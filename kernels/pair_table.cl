// Converts attention weights between [batch][head][query][keys] (softmax, dense GEMM) and [head][pair][batch]
// (per-offset GEMM), and adds the slices of split GEMMs. Work-group b owns PAIR_BLOCK
// pairs and their batch, where nothing else is said; no barriers.

#define PAIR_BLOCK 16

#if TL_GROUP == 1
// CPU form: group (i, h, part) has query i, head h, and the samples [part * SAMPLES, +SAMPLES): a line of each pair.
#define SAMPLES TL_LINE

// What a group has: entries of the index by query ({pair, group}, see src/ops/pair_table.h), elements of rows[first sample][h][i] and
// of values[h][0][first sample], and of the rows how far apart samples are.
typedef struct query_part {
    __global const int2 *entries;
    int count, samples;
    ulong row, value, step;
} query_part;

static inline query_part query_part_of(__global const int2 *pairs, int all_pairs, int batch, int heads,
                                       int queries, int keys)
{
    const int query = get_group_id(0), head = get_group_id(1), sample = get_group_id(2) * SAMPLES;
    const int2 span = pairs[all_pairs + query];
    return (query_part){.entries = pairs + all_pairs + queries + span.x,
                        .count = span.y - span.x,
                        .samples = min(SAMPLES, batch - sample),
                        .row = (((ulong)sample * heads + head) * queries + query) * keys,
                        .value = (ulong)head * all_pairs * batch + sample,
                        .step = (ulong)heads * queries * keys};
}

// Entries that are converted together, from one on: eight whose keys follow each other, or one.
typedef struct entry_run {
    __global const int2 *entry;
    int count, step; // 8, and 1 where keys ascend or -1 where they descend; or 1, and 0
    int lowest;      // number of the entry with the lowest key
} entry_run;

static inline entry_run run_at(__global const int2 *pairs, query_part part, int e)
{
    __global const int2 *entry = part.entries + e;
    const entry_run one = {.entry = entry, .count = 1, .step = 0, .lowest = 0};
    if (e + 8 > part.count) return one;
    const int first = pairs[entry[0].x].y, step = pairs[entry[1].x].y - first;
    bool all = step == 1 || step == -1;
    for (int q = 2; q < 8; q++) all &= pairs[entry[q].x].y == first + q * step;
    if (!all) return one;
    return (entry_run){.entry = entry, .count = 8, .step = step, .lowest = step < 0 ? 7 : 0};
}

// The next query's rows, which are short and far apart: processors do not foresee them.
static inline void prefetch_next(query_part part, int keys, __global const float *rows)
{
    for (int b = 0; b < part.samples; b++) {
        for (int j = 0; j < keys; j += TL_LINE) PREFETCH(rows + b * part.step + keys + j);
    }
}

// rows[b][h][i][j] (+)= values[h][p][b]
__kernel void pairs_to_rows(__global const int2 *pairs, int all_pairs, int batch, int heads, int queries,
                            int keys, __global const float *values, ulong values_at, __global float *rows,
                            ulong rows_at, int accumulate)
{
    const query_part part = query_part_of(pairs, all_pairs, batch, heads, queries, keys);
    rows += rows_at + part.row;
    values += values_at + part.value;
    prefetch_next(part, keys, rows);
    for (int e = 0, n; e < part.count; e += n) {
        const entry_run run = run_at(pairs, part, e);
        int b = 0;
        n = run.count;
        for (; n == 8 && b + 8 <= part.samples; b += 8) {
            float8 v[8];
#pragma unroll
            for (int q = 0; q < 8; q++)
                v[q] = vload8(0, values + (ulong)run.entry[run.lowest + run.step * q].x * batch + b);
            transpose8(v);
            __global float *target = rows + b * part.step + pairs[run.entry[run.lowest].x].y;
#pragma unroll
            for (int q = 0; q < 8; q++) {
                if (accumulate) v[q] += vload8(0, target + q * part.step);
                vstore8(v[q], 0, target + q * part.step);
            }
        }
        for (; b < part.samples; b++) {
            for (int q = 0; q < n; q++) {
                __global float *target = rows + b * part.step + pairs[run.entry[q].x].y;
                const float value = values[(ulong)run.entry[q].x * batch + b];
                *target = accumulate ? *target + value : value;
            }
        }
    }
}

// values[h][p][b] = rows[b][h][i][j]
__kernel void rows_to_pairs(__global const int2 *pairs, int all_pairs, int batch, int heads, int queries,
                            int keys, __global const float *rows, ulong rows_at, __global float *values,
                            ulong values_at)
{
    const query_part part = query_part_of(pairs, all_pairs, batch, heads, queries, keys);
    rows += rows_at + part.row;
    values += values_at + part.value;
    prefetch_next(part, keys, rows);
    for (int e = 0, n; e < part.count; e += n) {
        const entry_run run = run_at(pairs, part, e);
        int b = 0;
        n = run.count;
        for (; n == 8 && b + 8 <= part.samples; b += 8) {
            float8 v[8];
            __global const float *source = rows + b * part.step + pairs[run.entry[run.lowest].x].y;
#pragma unroll
            for (int q = 0; q < 8; q++) v[q] = vload8(0, source + q * part.step);
            transpose8(v);
#pragma unroll
            for (int q = 0; q < 8; q++)
                vstore8(v[q], 0, values + (ulong)run.entry[run.lowest + run.step * q].x * batch + b);
        }
        for (; b < part.samples; b++) {
            for (int q = 0; q < n; q++)
                values[(ulong)run.entry[q].x * batch + b] = rows[b * part.step + pairs[run.entry[q].x].y];
        }
    }
}

#else
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
#endif

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

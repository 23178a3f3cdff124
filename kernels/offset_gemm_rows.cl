// Grouped GEMM over token pairs that share an offset, CPU form: what offset_gemm_gradient.cl and offset_gemm.cl behind it have in common.
//
// A group is all pairs (i, j) of one offset: groups[g] = {first pair, pairs, query matrix, key matrix},
// pairs[p] = {i, j}, sorted by group. A row is a pair with a batch index; the rows of a pair are contiguous panels
// of the activations [token][batch][channel]. Pair weights (logits, probabilities and their gradients) are
// [head][pair][batch]. Tables are [offset][INNER][WIDTH]; a table argument is a shard, whose first matrix is
// number *_first.
// Macros: offset_gemm_sizes.cl.
// `queries` and `keys` locate the index after the pairs, which only the GPU form (offset_gemm_gpu.cl) reads.
// One work-item per work-group, no barriers; each element is owned by one work-group, as each kernel says.

#if !defined(LANES) && !defined(ONE_QUERY) // else narrow_offset_gemm.cl or offset_gemv.cl is compiled
#define HEAD_PANELS                 ((HEAD_DIM + NR - 1) / NR) // column panels of a head
#define PANEL_COLUMNS(panel, width) min(NR, (width) - (panel)*NR)

// A row: pair and batch index; NEXT steps through [b_begin, b_end) of pair after pair.
typedef struct row_t {
    int pair, b;
} row_t;

static inline row_t row_next(row_t row, int b_begin, int b_end)
{
    row.b++;
    if (row.b == b_end) {
        row.b = b_begin;
        row.pair++;
    }
    return row;
}

static inline void panel_store(__global float *target, const float *values, int columns)
{
    if (columns == NR) {
#pragma unroll
        for (int v = 0; v < NV; v++) vstoreV(vloadV(v, values), v, target);
    } else {
        for (int q = 0; q < columns; q++) target[q] = values[q];
    }
}

static inline void panel_load(float *values, __global const float *source, int columns)
{
    if (columns == NR) {
#pragma unroll
        for (int v = 0; v < NV; v++) vstoreV(vloadV(v, source), v, values);
    } else {
        for (int q = 0; q < NR; q++) values[q] = q < columns ? source[q] : 0.0f;
    }
}
#endif

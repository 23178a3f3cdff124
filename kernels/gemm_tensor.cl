// C = (alpha op(A) op(B) + beta C + bias + residual) * factor by tensor cores, with sums in fp32: the same arguments as gemm.cl's
// kernel. Group (x, y, z) owns the TILE x TILE tile (y, x) of batch z; the MMA_ITEMS work-items of a warp, or wavefront, own TILE / 2 rows
// by MMA_ITEMS columns of it, in fragments of one instruction's results each (mma.cl for NVIDIA, mfma.cl for AMD, dpas.cl
// for Intel).
// Both operands pass through local memory in slices of WORDS words of the inner dimension, word by word [word][TILE]; while a
// slice is multiplied, the next one is on its way to registers.
//   -DTA=0|1 -DTB=0|1       which operands are transposed
//   -DTILE=64|128
#if TILE != 64 && TILE != 128
#error "TILE is one of 64, 128"
#endif

#define MMA_GROUP_ITEMS  (2 * TILE)
#define WARP_ROWS        (TILE / 2)
#define WARP_COLUMNS     MMA_ITEMS
#define ROW_FRAGMENTS    (WARP_ROWS / MMA_ROWS)
#define COLUMN_FRAGMENTS (WARP_COLUMNS / MMA_COLUMNS)
#define WORDS            16
#define SLICE            (WORDS * MMA_VALUES)             // inner indices
#define ITEM_WORDS       (WORDS * TILE / MMA_GROUP_ITEMS) // that a work-item loads of an operand's slice
#define STRIDE           (TILE + MMA_PADDING)             // words between rows in local memory

#define ITEM             ((int)get_local_id(0))
#define WARP_ROW         (ITEM / MMA_ITEMS % 2 * WARP_ROWS) // the warp's first row and column of the tile
#define WARP_COLUMN      (ITEM / MMA_ITEMS / 2 * WARP_COLUMNS)

// Word u of a work-item: its place along the inner dimension and along the tile. Neighbouring work-items read what lies side by
// side in memory: along the tile or, in an operand that is transposed there, eight words along the inner dimension.
static inline int word_k(int u, bool along_k)
{
    return along_k ? ITEM % 8 + u % 2 * 8 : ITEM / TILE + u * 2;
}
static inline int word_i(int u, bool along_k)
{
    return along_k ? ITEM / 8 + u / 2 * (MMA_GROUP_ITEMS / 8) : ITEM % TILE;
}

// source[k * ld + i], or [i * ld + k] along k, of `count` indices i, the last again behind them, and `depth` indices k.
static inline void fetch(float *values, __global const float *source, int ld, int count, int depth,
                         bool along_k)
{
#pragma unroll
    for (int v = 0; v < ITEM_WORDS * MMA_VALUES; v++) {
        const int k = word_k(v / MMA_VALUES, along_k) * MMA_VALUES + v % MMA_VALUES,
                  i = min(word_i(v / MMA_VALUES, along_k), count - 1);
        values[v] = depth == SLICE || k < depth ? source[along_k ? (long)i * ld + k : (long)k * ld + i]
                                                : 0.0f;
    }
}

static inline void put(__local mma_word *tile, const float *values, bool along_k)
{
#pragma unroll
    for (int u = 0; u < ITEM_WORDS; u++) {
#if BF16
        const uint word = MMA_PAIR(values[2 * u], values[2 * u + 1]);
#elif SPLIT
        const uint word = as_uint(values[u]);
#else
        const uint word = MMA_WORD(values[u]);
#endif
        tile[word_k(u, along_k) * STRIDE + word_i(u, along_k)] = MMA_AS_WORD(word);
    }
}

// acc += the product of the two slices.
static inline void multiply_sync(float (*acc)[MMA_RESULTS], __local const mma_word *tile_a,
                                 __local const mma_word *tile_b, __local float *scratch)
{
#pragma unroll
    for (int k = 0; k < WORDS; k += MMA_WORDS) {
        uint a[ROW_FRAGMENTS][MMA_WORDS_A], a_small[ROW_FRAGMENTS][MMA_WORDS_A];
        uint b[COLUMN_FRAGMENTS][MMA_WORDS_B], b_small[COLUMN_FRAGMENTS][MMA_WORDS_B];
#pragma unroll
        for (int f = 0; f < ROW_FRAGMENTS; f++)
            mma_load_a(a[f], a_small[f], tile_a, STRIDE, WARP_ROW + f * MMA_ROWS, k);
#pragma unroll
        for (int g = 0; g < COLUMN_FRAGMENTS; g++)
            mma_load_b(b[g], b_small[g], tile_b, STRIDE, WARP_COLUMN + g * MMA_COLUMNS, k);
#pragma unroll
        for (int f = 0; f < ROW_FRAGMENTS; f++) {
#pragma unroll
            for (int g = 0; g < COLUMN_FRAGMENTS; g++)
                mma_product_sync(acc[f * COLUMN_FRAGMENTS + g], a[f], a_small[f], b[g], b_small[g], scratch);
        }
    }
}

#if TA
#define FETCH_A(values, k, depth) fetch(values, a + (ulong)(k)*s.lda, s.lda, s.m - i0, depth, false)
#else
#define FETCH_A(values, k, depth) fetch(values, a + (k), s.lda, s.m - i0, depth, true)
#endif
#if TB
#define FETCH_B(values, k, depth) fetch(values, b + (k), s.ldb, s.n - j0, depth, true)
#else
#define FETCH_B(values, k, depth) fetch(values, b + (ulong)(k)*s.ldb, s.ldb, s.n - j0, depth, false)
#endif

__kernel __attribute__((reqd_work_group_size(MMA_GROUP_ITEMS, 1, 1))) MMA_SUB_GROUP void
gemm_tensor(__global const float *restrict a0, __global const float *restrict b0, __global float *c0,
            __global const float *bias, __global const float *residual, __global const float *factor,
            const gemm_sizes s)
{
    __local mma_word tile_a[WORDS * STRIDE], tile_b[WORDS * STRIDE];
    MMA_LOCALS(scratch);
    const int z = get_group_id(2), z_outer = z / s.inner, z_inner = z % s.inner;
    const ulong c_shift = z_outer * s.c_outer + z_inner * s.c_inner;
    const int i0 = get_group_id(1) * TILE, j0 = get_group_id(0) * TILE;
    __global const float *a = a0 + s.a_at + z_outer * s.a_outer + z_inner * s.a_inner +
                              (TA ? (ulong)i0 : (ulong)i0 * s.lda);
    __global const float *b = b0 + s.b_at + z_outer * s.b_outer + z_inner * s.b_inner +
                              (TB ? (ulong)j0 * s.ldb : (ulong)j0);
    __global float *c = c0 + s.c_at + c_shift;
    float acc[ROW_FRAGMENTS * COLUMN_FRAGMENTS][MMA_RESULTS];
#pragma unroll
    for (int v = 0; v < ROW_FRAGMENTS * COLUMN_FRAGMENTS; v++) {
#pragma unroll
        for (int e = 0; e < MMA_RESULTS; e++) acc[v][e] = 0.0f;
    }
    // The first slice is the one that may not be full, so that the loop checks no bounds along k.
    const int head = (s.k - 1) % SLICE + 1;
    float next_a[ITEM_WORDS * MMA_VALUES], next_b[ITEM_WORDS * MMA_VALUES];
    FETCH_A(next_a, 0, head);
    FETCH_B(next_b, 0, head);
    put(tile_a, next_a, !TA);
    put(tile_b, next_b, TB);
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1
    for (int k = head;; k += SLICE) {
        const bool more = k < s.k;
        if (more) {
            FETCH_A(next_a, k, SLICE);
            FETCH_B(next_b, k, SLICE);
        }
        multiply_sync(acc, tile_a, tile_b, scratch);
        if (!more) break;
        barrier(CLK_LOCAL_MEM_FENCE);
        put(tile_a, next_a, !TA);
        put(tile_b, next_b, TB);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int v = 0; v < MMA_RESULTS * ROW_FRAGMENTS * COLUMN_FRAGMENTS; v++) {
        const int e = v % MMA_RESULTS, g = v / MMA_RESULTS % COLUMN_FRAGMENTS,
                  f = v / MMA_RESULTS / COLUMN_FRAGMENTS;
        const int i = i0 + WARP_ROW + f * MMA_ROWS + MMA_C_ROW_STEP(e) + MMA_C_ROW,
                  j = j0 + WARP_COLUMN + g * MMA_COLUMNS + MMA_C_COLUMN + MMA_C_COLUMN_STEP(e);
        if (i >= s.m || j >= s.n) continue;
        const ulong at = (ulong)i * s.ldc + j;
        GEMM_FINISH(s.alpha * acc[f * COLUMN_FRAGMENTS + g][e])
    }
}

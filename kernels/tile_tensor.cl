// What tile_fma.cl says of the tile of the GPU GEMMs, for matrix units (mma.cl, mfma.cl or dpas.cl): 64 x 64 results by 256 work-items, whose warps, or
// wavefronts, have as many fragments as give each work-item four rows and four columns.
//   -DBF16=0|1 -DSPLIT=0|1  as of mma_fragment.cl
#define TILE             64
#define TILE_PARTS       1
#define TILE_HALVES      1
#define TILE_SIDE        16
#define TILE_ITEMS       (TILE_SIDE * TILE_SIDE)
#define PART_ITEMS       TILE_ITEMS
#define TILE_K           16
#define TILE_STRIDE      (TILE + MMA_PADDING)
#define TILE_GROUP       __attribute__((reqd_work_group_size(TILE_ITEMS, 1, 1))) MMA_SUB_GROUP
#define TILE_PART        0
#define TILE_OWNS(r)     true
#define TILE_RESULTS     4
#define MMA_GROUP_ITEMS  TILE_ITEMS

#define FRAGMENT_ROWS    (MMA_RESULTS / MMA_C_COLUMNS) // of a work-item
#define ROW_FRAGMENTS    (4 / FRAGMENT_ROWS)           // of a warp
#define COLUMN_FRAGMENTS (4 / MMA_C_COLUMNS)
#define ROW_WARPS        (TILE / (ROW_FRAGMENTS * MMA_ROWS)) // below one another
#define WARP             ((int)get_local_id(0) / MMA_ITEMS)
#define WARP_ROW         (WARP % ROW_WARPS * ROW_FRAGMENTS * MMA_ROWS)
#define WARP_COLUMN      (WARP / ROW_WARPS * COLUMN_FRAGMENTS * MMA_COLUMNS)

#define ROW_ITEMS        (MMA_COLUMNS / MMA_C_COLUMNS) // of a warp, that share a row
#define TILE_X           (WARP / ROW_WARPS * ROW_ITEMS + MMA_LANE % ROW_ITEMS)
#define TILE_Y           (WARP % ROW_WARPS * (MMA_ITEMS / ROW_ITEMS) + MMA_LANE / ROW_ITEMS)
#define TILE_ROW         (WARP_ROW + MMA_C_ROW)
#define TILE_ROW_STEP(e)                                                                                     \
    ((e) / FRAGMENT_ROWS * MMA_ROWS + MMA_C_ROW_STEP((e) % FRAGMENT_ROWS * MMA_C_COLUMNS))
#define TILE_COLUMN         (WARP_COLUMN + MMA_C_COLUMN)
#define TILE_COLUMN_STEP(e) ((e) / MMA_C_COLUMNS * MMA_COLUMNS + MMA_C_COLUMN_STEP((e) % MMA_C_COLUMNS))

typedef mma_word tile_word; // of an operand in local memory, [word][row or column]
// Neighbouring work-items put 16 inner indices of two rows at once. Those that are eight apart take rows that are four apart, so that no more
// than two meet in a bank; the eight lie side by side in memory, which is read by as many.
#define TILE_SWAPPED(k) ((k) / 8 * 4)
#define TILE_WORDS      (TILE_K / MMA_VALUES * TILE_STRIDE)
#ifdef MMA_EMULATED
#define TILE_SCRATCH (MMA_SCRATCH * MMA_GROUP_ITEMS / MMA_ITEMS) // behind tile_a
#else
#define TILE_SCRATCH 0
#endif
#define TILE_LOCALS                                                                                          \
    __local tile_word tile_a[TILE_WORDS + TILE_SCRATCH] __attribute__((aligned(16)));                        \
    __local tile_word tile_b[TILE_WORDS] __attribute__((aligned(16)))

// Where the word of inner index k begins; a value of it goes to place `at`.
#define TILE_INNER(k) ((k) / MMA_VALUES * TILE_STRIDE)
static inline void tile_store(__local tile_word *tile, int at, int k, float value)
{
#if BF16
    ((__local ushort *)(tile + at))[k % 2] = MMA_HALF(value);
#elif SPLIT
    tile[at] = as_uint(value);
#else
    tile[at] = MMA_WORD(value);
#endif
}

// Which fragment of a warp has row r and column q of a work-item's four, and as which element.
#define FRAGMENT(r, q) ((r) / FRAGMENT_ROWS * COLUMN_FRAGMENTS + (q) / MMA_C_COLUMNS)
#define ELEMENT(r, q)  ((r) % FRAGMENT_ROWS * MMA_C_COLUMNS + (q) % MMA_C_COLUMNS)

// acc += the product of the two slices. All work-items of the group must reach it.
static inline void tile_multiply_sync(float4 *acc, __local const tile_word *tile_a,
                                      __local const tile_word *tile_b)
{
    __local float *scratch = (__local float *)(tile_a + TILE_WORDS);
    float d[ROW_FRAGMENTS * COLUMN_FRAGMENTS][MMA_RESULTS];
#pragma unroll
    for (int r = 0; r < 4; r++) {
        d[FRAGMENT(r, 0)][ELEMENT(r, 0)] = acc[r].s0;
        d[FRAGMENT(r, 1)][ELEMENT(r, 1)] = acc[r].s1;
        d[FRAGMENT(r, 2)][ELEMENT(r, 2)] = acc[r].s2;
        d[FRAGMENT(r, 3)][ELEMENT(r, 3)] = acc[r].s3;
    }
#pragma unroll
    for (int k = 0; k < TILE_K / MMA_VALUES; k += MMA_WORDS) {
        uint a[ROW_FRAGMENTS][MMA_WORDS_A], a_small[ROW_FRAGMENTS][MMA_WORDS_A];
        uint b[COLUMN_FRAGMENTS][MMA_WORDS_B], b_small[COLUMN_FRAGMENTS][MMA_WORDS_B];
#pragma unroll
        for (int f = 0; f < ROW_FRAGMENTS; f++)
            mma_load_a(a[f], a_small[f], tile_a, TILE_STRIDE, WARP_ROW + f * MMA_ROWS, k);
#pragma unroll
        for (int g = 0; g < COLUMN_FRAGMENTS; g++)
            mma_load_b(b[g], b_small[g], tile_b, TILE_STRIDE, WARP_COLUMN + g * MMA_COLUMNS, k);
#pragma unroll
        for (int f = 0; f < ROW_FRAGMENTS; f++) {
#pragma unroll
            for (int g = 0; g < COLUMN_FRAGMENTS; g++)
                mma_product_sync(d[f * COLUMN_FRAGMENTS + g], a[f], a_small[f], b[g], b_small[g], scratch);
        }
    }
#pragma unroll
    for (int r = 0; r < 4; r++)
        acc[r] = (float4)(d[FRAGMENT(r, 0)][ELEMENT(r, 0)], d[FRAGMENT(r, 1)][ELEMENT(r, 1)],
                          d[FRAGMENT(r, 2)][ELEMENT(r, 2)], d[FRAGMENT(r, 3)][ELEMENT(r, 3)]);
}

// Local-memory tile of the GPU GEMMs: 64 x 64 results by 256 work-items, four by four each; both operands
// pass through local memory in slices of 16 of the inner dimension (8 KiB together). All work-items of the
// group must reach every barrier, so bounds are handled by loading zeros and by not storing.

#define TILE       64
#define TILE_K     16
#define TILE_ITEMS 256
#define TILE_GROUP                                                                                           \
    __attribute__((reqd_work_group_size(TILE_ITEMS, 1, 1))) // of every kernel that uses the tile
#define TILE_X ((int)get_local_id(0) % 16)                  // owns columns 4 * TILE_X ... + 3
#define TILE_Y ((int)get_local_id(0) / 16)                  // owns rows    4 * TILE_Y ... + 3

#define TILE_LOCALS                                                                                          \
    __local float tile_a[TILE_K * TILE];                                                                     \
    __local float tile_b[TILE_K * TILE]

// acc[r] += sum_k A(row, k) * B(k, column): a loop with barriers, which macros named ..._SYNC have. load_a and load_b are expressions in row_, k_ and column_; they are only
// evaluated for k_ < inner and must yield 0 beyond their matrices. a_by_k, b_by_k: neighbouring work-items load
// neighbouring k_ (1) or neighbouring rows or columns (0), whichever lies side by side in memory.
#define TILE_MULTIPLY_SYNC(acc, inner, a_by_k, load_a, b_by_k, load_b)                                       \
    for (int kb_ = 0; kb_ < (inner); kb_ += TILE_K) {                                                        \
        for (int e_ = get_local_id(0); e_ < TILE * TILE_K; e_ += TILE_ITEMS) {                               \
            const int row_ = (a_by_k) ? e_ / TILE_K : e_ % TILE, ka_ = (a_by_k) ? e_ % TILE_K : e_ / TILE;   \
            const int k_ = kb_ + ka_;                                                                        \
            tile_a[ka_ * TILE + row_] = k_ < (inner) ? (load_a) : 0.0f;                                      \
        }                                                                                                    \
        for (int e_ = get_local_id(0); e_ < TILE * TILE_K; e_ += TILE_ITEMS) {                               \
            const int column_ = (b_by_k) ? e_ / TILE_K : e_ % TILE,                                          \
                      kb2_ = (b_by_k) ? e_ % TILE_K : e_ / TILE;                                             \
            const int k_ = kb_ + kb2_;                                                                       \
            tile_b[kb2_ * TILE + column_] = k_ < (inner) ? (load_b) : 0.0f;                                  \
        }                                                                                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
        for (int s_ = 0; s_ < TILE_K; s_++) {                                                                \
            const float4 va_ = vload4(TILE_Y, tile_a + s_ * TILE), vb_ = vload4(TILE_X, tile_b + s_ * TILE); \
            (acc)[0] += va_.s0 * vb_;                                                                        \
            (acc)[1] += va_.s1 * vb_;                                                                        \
            (acc)[2] += va_.s2 * vb_;                                                                        \
            (acc)[3] += va_.s3 * vb_;                                                                        \
        }                                                                                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
    }

#define TILE_CLEAR(acc) (acc)[0] = (acc)[1] = (acc)[2] = (acc)[3] = (float4)(0.0f)

// Sums over the 16 work-items of a tile row, one for each of a work-item's four rows; all of them get it.
// scratch: TILE_ITEMS vectors of local memory. One reduction of vectors instead of four of scalars: a quarter
// of the barriers, and some compilers miscompile values that live across several.
static inline float4 tile_row_sums(float4 x, __local float4 *scratch)
{
    const int item = get_local_id(0), lane = item % 16;
    scratch[item] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = 8; step > 0; step /= 2) {
        if (lane < step) scratch[item] += scratch[item + step];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float4 total = scratch[item - lane];
    barrier(CLK_LOCAL_MEM_FENCE);
    return total;
}

static inline float4 tile_row_dots(const float4 *a, const float4 *b)
{
    return (float4)(dot(a[0], b[0]), dot(a[1], b[1]), dot(a[2], b[2]), dot(a[3], b[3]));
}

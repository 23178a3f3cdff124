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

// An operand's slice, k inner indices by TILE rows of the product (or columns, of the right operand): tile[k][i],
// zero from `count` rows and `depth` inner indices on. Neighbouring work-items read what lies side by side in memory.
//
// tile[k][i] = source[k * ld + i], times weights[k] unless `weights` is NULL.
static inline void tile_load(__local float *tile, __global const float *source, int ld,
                             __global const float *weights, int count, int depth)
{
    for (int e = get_local_id(0); e < TILE * TILE_K; e += TILE_ITEMS) {
        const int k = e / TILE, i = e % TILE;
        float value = 0.0f;
        if (i < count && k < depth) {
            value = source[(ulong)k * ld + i];
            if (weights) value *= weights[k];
        }
        tile[k * TILE + i] = value;
    }
}

// tile[k][i] = source[i * ld + k], times weights[i] unless `weights` is NULL.
static inline void tile_load_transposed(__local float *tile, __global const float *source, int ld,
                                        __global const float *weights, int count, int depth)
{
    for (int e = get_local_id(0); e < TILE * TILE_K; e += TILE_ITEMS) {
        const int k = e % TILE_K, i = e / TILE_K;
        float value = 0.0f;
        if (i < count && k < depth) {
            value = source[(ulong)i * ld + k];
            if (weights) value *= weights[i];
        }
        tile[k * TILE + i] = value;
    }
}

// acc[r] += the product of the two slices. Barriers before and after: all work-items of the group must reach it.
static inline void tile_multiply_sync(float4 *acc, __local const float *tile_a, __local const float *tile_b)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < TILE_K; k++) {
        const float4 a = vload4(TILE_Y, tile_a + k * TILE), b = vload4(TILE_X, tile_b + k * TILE);
        acc[0] += a.s0 * b;
        acc[1] += a.s1 * b;
        acc[2] += a.s2 * b;
        acc[3] += a.s3 * b;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

static inline void tile_clear(float4 *acc)
{
    acc[0] = acc[1] = acc[2] = acc[3] = (float4)(0.0f);
}

// Sums over the 16 work-items of a tile row, one for each of a work-item's four rows; all of them get it.
// scratch: TILE_ITEMS vectors of local memory. One reduction of vectors instead of four of scalars: a quarter
// of the barriers, and some compilers miscompile values that live across several.
static inline float4 tile_row_sums_sync(float4 x, __local float4 *scratch)
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

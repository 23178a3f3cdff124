// Local-memory tile of the GPU GEMMs: TILE x TILE results by a work-group. Behind tile_fma.cl or tile_tensor.cl, which say how large it is,
// where a work-item's results are and how slices are multiplied.
// Both operands pass through local memory in slices of TILE_K of the inner dimension; while a slice is multiplied, the next one is
// on its way to registers. All work-items of the group must reach every barrier, so bounds are handled by loading zeros
// behind the inner dimension, by loading the last row or column again behind the matrix, and by not storing.

// An operand's slice is TILE_K inner indices k by TILE rows of the product (or columns, of the right operand) i:
// tile[k][i]. A work-item fetches four of its elements into registers and puts them there later. Neighbouring work-items
// read what lies side by side in memory: along i, or, of an operand that is transposed there, along k. TILE_SWAPPED(k) has those with
// different k take other rows, so that they put them into different banks.
#define ITEM_K(u)         ((int)get_local_id(0) / TILE + (u) * (TILE_ITEMS / TILE))
#define ITEM_I            ((int)get_local_id(0) % TILE)
#define ITEM_TRANSPOSED_K ((int)get_local_id(0) % TILE_K)
#define ITEM_TRANSPOSED_I(u)                                                                                 \
    (((int)get_local_id(0) / TILE_K ^ TILE_SWAPPED(ITEM_TRANSPOSED_K)) +                                     \
     (u) * (TILE / 4)) // both below TILE / 4

// Of the largest tile, which NVIDIA's GPUs alone have: whether a slice needs no checks, and where an element is behind a pointer
// that all work-items share, by 32 bits, since an address is then that pointer and a register. On the others this makes some
// compilers spill.
#if TILE_HALVES == 2
#define TILE_ALL(depth) ((depth) == TILE_K)
typedef uint tile_place;
#else
#define TILE_ALL(depth) false
typedef long tile_place;
#endif

static inline float tile_read(__global const float *source, tile_place at)
{
#if TILE_HALVES == 2
    return *(__global const float *)((__global const char *)source + (at * 4u));
#else
    return source[at];
#endif
}

// source[k * ld + i] of `count` indices i and `depth` indices k.
static inline float4 tile_fetch(__global const float *source, int ld, int count, int depth)
{
    const bool all = TILE_ALL(depth);
    source += min(ITEM_I, count - 1);
    return (float4)(all || ITEM_K(0) < depth ? tile_read(source, (tile_place)ITEM_K(0) * ld) : 0.0f,
                    all || ITEM_K(1) < depth ? tile_read(source, (tile_place)ITEM_K(1) * ld) : 0.0f,
                    all || ITEM_K(2) < depth ? tile_read(source, (tile_place)ITEM_K(2) * ld) : 0.0f,
                    all || ITEM_K(3) < depth ? tile_read(source, (tile_place)ITEM_K(3) * ld) : 0.0f);
}

static inline void tile_put(__local tile_word *tile, float4 v)
{
    tile_store(tile, TILE_INNER(ITEM_K(0)) + ITEM_I, ITEM_K(0), v.s0);
    tile_store(tile, TILE_INNER(ITEM_K(1)) + ITEM_I, ITEM_K(1), v.s1);
    tile_store(tile, TILE_INNER(ITEM_K(2)) + ITEM_I, ITEM_K(2), v.s2);
    tile_store(tile, TILE_INNER(ITEM_K(3)) + ITEM_I, ITEM_K(3), v.s3);
}

// The rows of a transposed operand that a work-item fetches: the last again behind `count`.
static inline int4 tile_rows(int count)
{
    const int last = count - 1; // numbers one by one: oclgrind reads min(int4, int) wrongly
    return (int4)(min(ITEM_TRANSPOSED_I(0), last), min(ITEM_TRANSPOSED_I(1), last),
                  min(ITEM_TRANSPOSED_I(2), last), min(ITEM_TRANSPOSED_I(3), last));
}

// source[row * ld + k] of `depth` indices k.
static inline float4 tile_fetch_transposed(__global const float *source, int ld, int4 rows, int depth)
{
    float4 v = (float4)(0.0f);
    if (TILE_ALL(depth) || ITEM_TRANSPOSED_K < depth) {
        source += ITEM_TRANSPOSED_K;
        v = (float4)(source[(long)rows.s0 * ld], source[(long)rows.s1 * ld], source[(long)rows.s2 * ld],
                     source[(long)rows.s3 * ld]);
    }
    return v;
}

static inline void tile_put_transposed(__local tile_word *tile, float4 v)
{
    tile += TILE_INNER(ITEM_TRANSPOSED_K);
    tile_store(tile, ITEM_TRANSPOSED_I(0), ITEM_TRANSPOSED_K, v.s0);
    tile_store(tile, ITEM_TRANSPOSED_I(1), ITEM_TRANSPOSED_K, v.s1);
    tile_store(tile, ITEM_TRANSPOSED_I(2), ITEM_TRANSPOSED_K, v.s2);
    tile_store(tile, ITEM_TRANSPOSED_I(3), ITEM_TRANSPOSED_K, v.s3);
}

static inline void tile_put_as(__local tile_word *tile, float4 v, bool transposed)
{
    if (transposed)
        tile_put_transposed(tile, v);
    else
        tile_put(tile, v);
}

// A product over `inner` indices is a loop that has fetched the slice at k before it multiplies the one before; unrolled, it
// would fetch further ahead than there are registers for:
//     #pragma unroll 1
//     for (int k = 0; k < inner + TILE_K; k += TILE_K) {
//         ... next_a, next_b: fetched if k < inner
//         tile_turn_sync(acc, k, tile_a, next_a, ..., tile_b, next_b, ...);
//     }
// Its turn at k multiplies the slice that is in local memory, if there is one, and puts the next one there. All work-items of
// the group must reach it.
static inline void tile_turn_sync(float4 *acc, int k, __local tile_word *tile_a, float4 next_a,
                                  bool transposed_a, __local tile_word *tile_b, float4 next_b,
                                  bool transposed_b)
{
    if (k > 0) tile_multiply_sync(acc, tile_a, tile_b);
    barrier(CLK_LOCAL_MEM_FENCE);
    tile_put_as(tile_a, next_a, transposed_a);
    tile_put_as(tile_b, next_b, transposed_b);
    barrier(CLK_LOCAL_MEM_FENCE);
}

// The constant `number` as a loop's bound which Intel's compiler takes for unknown: it unrolls loops of a known number of turns whatever it
// is told, and then spills registers. positive: a number above 0 that it does not know, so that the larger one is always `number`.
#ifdef TL_SUB_GROUP
#define LOOP_BOUND(number, positive) max(number, -(positive))
#else
#define LOOP_BOUND(number, positive) (number)
#endif

// Inner indices of a slice that begins at k, of a number that is known to the compiler: no checks where all slices are full.
#define TILE_DEPTH(inner, k) ((inner) % TILE_K == 0 ? TILE_K : (inner) - (k))

static inline void tile_clear(float4 *acc)
{
#pragma unroll
    for (int v = 0; v < TILE_RESULTS; v++) acc[v] = (float4)(0.0f);
}

// Adds the parts of a product: acc[r] is then complete where TILE_OWNS(r). tile: one of TILE_LOCALS, no longer read.
static inline void tile_sum_parts_sync(float4 *acc, __local tile_word *tile)
{
#if TILE_PARTS > 1
    const int item = get_local_id(0), first = item % PART_ITEMS;
    __local float4 *scratch = (__local float4 *)tile;
#pragma unroll
    for (int r = 0; r < 4; r++) {
        scratch[item] = acc[r];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (TILE_OWNS(r)) {
            float4 sum = scratch[first];
            for (int part = 1; part < TILE_PARTS; part++) sum += scratch[part * PART_ITEMS + first];
            acc[r] = sum;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#endif
}

// Sums over the TILE_SIDE work-items of a tile row and their parts, one for each of a work-item's four rows; all get it.
// scratch: TILE_ITEMS vectors of local memory. One reduction of vectors instead of four of scalars: a quarter
// of the barriers, and some compilers miscompile values that live across several.
static inline float4 tile_row_sums_sync(float4 x, __local float4 *scratch)
{
    const int lane = TILE_X, first = TILE_Y * TILE_SIDE, item = TILE_PART * PART_ITEMS + first + lane;
    scratch[item] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int step = TILE_SIDE / 2; step > 0; step /= 2) {
        if (lane < step) scratch[item] += scratch[item + step];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float4 total = scratch[first];
    for (int part = 1; part < TILE_PARTS; part++) total += scratch[part * PART_ITEMS + first];
    barrier(CLK_LOCAL_MEM_FENCE);
    return total;
}

static inline float4 tile_row_dots(const float4 *a, const float4 *b)
{
    return (float4)(dot(a[0], b[0]), dot(a[1], b[1]), dot(a[2], b[2]), dot(a[3], b[3]));
}

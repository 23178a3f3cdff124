// Of the tile of the GPU GEMMs (tile_gpu.cl): its sizes, whose results a work-item has, and how it multiplies; here by fused multiply-adds.
// TILE_ITEMS work-items have TILE x TILE results, four by four each; of the largest tile, which gemm alone has, eight by eight: four by
// four in each of its quarters. Of a small tile each result has TILE_PARTS work-items, which divide the inner dimension among themselves
// and add up their sums in order.
// Build options, with the host's tli_gpu_tile:
//   -DTILE=16|32|64|128 -DTILE_PARTS=1|2|4 -DTILE_PADDING=0|4|8
#ifndef TILE
#define TILE 64
#endif
#if TILE != 16 && TILE != 32 && TILE != 64 && TILE != 128
#error "TILE is one of 16, 32, 64, 128"
#endif
#if TILE == 128
#define TILE_HALVES 2 // along a side; of a work-item's results: each half has four
#else
#define TILE_HALVES 1
#endif

#ifndef TILE_PARTS
#define TILE_PARTS 1
#endif
#if TILE_PARTS != 1 && TILE_PARTS != 2 && TILE_PARTS != 4
#error "TILE_PARTS is one of 1, 2, 4"
#endif
#ifndef TILE_PADDING
#define TILE_PADDING 4
#endif
#if TILE_PADDING % 4 != 0
#error "TILE_PADDING is a multiple of 4: rows in local memory begin at 16 bytes"
#endif

#define TILE_SIDE  (TILE / 4 / TILE_HALVES) // work-items along a side
#define PART_ITEMS (TILE_SIDE * TILE_SIDE)
#define TILE_ITEMS (TILE_PARTS * PART_ITEMS)
#define TILE_K     (4 * TILE_ITEMS / TILE) // then each work-item loads four elements of an operand's slice
#define TILE_STRIDE                                                                                          \
    (TILE + TILE_PADDING) // floats between rows in local memory: of 16 bytes, and in different banks
#ifdef TL_SUB_GROUP // of Intel's GPUs alone: the smallest sub-groups leave a work-item the most registers
#define TILE_SUB_GROUP __attribute__((intel_reqd_sub_group_size(TL_SUB_GROUP)))
#else
#define TILE_SUB_GROUP
#endif
#define TILE_GROUP                                                                                           \
    TILE_SUB_GROUP                                                                                           \
    __attribute__((reqd_work_group_size(TILE_ITEMS, 1, 1))) // of every kernel that uses the tile
// Work-items with the same TILE_Y have the same rows, with the same TILE_X the same columns. Of 16 neighbours no more than eight have columns
// of their own: then they read 128 bytes of an operand, what local memory gives at once.
#define PART_ITEM ((int)get_local_id(0) % PART_ITEMS)
#if TILE_SIDE == 16
#define TILE_X (PART_ITEM % 8 + PART_ITEM / 16 % 2 * 8)
#define TILE_Y (PART_ITEM / 8 % 2 + PART_ITEM / 32 * 2)
#else
#define TILE_X (PART_ITEM % TILE_SIDE)
#define TILE_Y (PART_ITEM / TILE_SIDE)
#endif
// The first of a work-item's four rows and columns, of the first half, and how much further number e is.
#define TILE_ROW            (4 * TILE_Y)
#define TILE_ROW_STEP(e)    (e)
#define TILE_COLUMN         (4 * TILE_X)
#define TILE_COLUMN_STEP(e) (e)
#if TILE_PARTS == 1
#define TILE_PART    0
#define TILE_OWNS(r) true // whether it has the result of its row r
#else
#define TILE_PART    ((int)get_local_id(0) / PART_ITEMS)
#define TILE_OWNS(r) (TILE_PART == (r)*TILE_PARTS / 4) // of tile_sum_parts_sync
#endif

// 32 items with different k and one i would meet in eight banks: those of each eight k have rows of their own. In shallower slices two
// meet in a bank.
#if TILE_K > 16
#define TILE_SWAPPED(k) ((k) / 8)
#else
#define TILE_SWAPPED(k) 0
#endif
typedef float tile_word; // of an operand in local memory, [inner index][row or column]
#define TILE_LOCALS                                                                                          \
    __local tile_word tile_a[TILE_K * TILE_STRIDE] __attribute__((aligned(16)));                             \
    __local tile_word tile_b[TILE_K * TILE_STRIDE] __attribute__((aligned(16)))

// Where inner index k begins; a value of it goes to place `at`.
#define TILE_INNER(k) ((k)*TILE_STRIDE)
static inline void tile_store(__local tile_word *tile, int at, int k, float value)
{
    tile[at] = value;
}

// A work-item's results: row r of half h, columns of half g.
#define TILE_RESULTS     (4 * TILE_HALVES * TILE_HALVES) // vectors
#define TILE_AT(h, r, g) ((4 * (h) + (r)) * TILE_HALVES + (g))

// acc += the product of the two slices, of its part of them. (Matrix units need all work-items of the group here.)
static inline void tile_multiply_sync(float4 *acc, __local const tile_word *tile_a,
                                      __local const tile_word *tile_b)
{
#if TILE_PARTS > 1
    tile_a += TILE_PART * (TILE_K / TILE_PARTS) * TILE_STRIDE;
    tile_b += TILE_PART * (TILE_K / TILE_PARTS) * TILE_STRIDE;
#endif
#pragma unroll
    for (int k = 0; k < TILE_K / TILE_PARTS; k++) {
        float4 a[TILE_HALVES], b[TILE_HALVES];
#pragma unroll
        for (int h = 0; h < TILE_HALVES; h++) {
            a[h] = vload4(TILE_Y + h * TILE_SIDE, tile_a + k * TILE_STRIDE);
            b[h] = vload4(TILE_X + h * TILE_SIDE, tile_b + k * TILE_STRIDE);
        }
#pragma unroll
        for (int h = 0; h < TILE_HALVES; h++) {
#pragma unroll
            for (int g = 0; g < TILE_HALVES; g++) {
                acc[TILE_AT(h, 0, g)] += a[h].s0 * b[g];
                acc[TILE_AT(h, 1, g)] += a[h].s1 * b[g];
                acc[TILE_AT(h, 2, g)] += a[h].s2 * b[g];
                acc[TILE_AT(h, 3, g)] += a[h].s3 * b[g];
            }
        }
    }
}

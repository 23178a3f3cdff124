// The names of mma.cl for the matrix units of Intel's GPUs (XMX): the DPAS_ITEMS neighbouring work-items of a sub-group multiply DPAS_ROWS x
// DPAS_ITEMS results by cl_intel_subgroup_matrix_multiply_accumulate, with operands of bf16. Under MMA_EMULATED the same, by the tables of
// that extension, through local memory.
//   -DDPAS_ITEMS=8|16  the smallest sub-group that the device has
//   -DDPAS_ROWS=4|8    of results, which a work-item has in one column
#ifndef DPAS_ROWS
#define DPAS_ROWS 8
#endif
#if DPAS_ITEMS != 8 && DPAS_ITEMS != 16
#error "DPAS_ITEMS is one of 8, 16"
#endif
#if DPAS_ROWS != 4 && DPAS_ROWS != 8
#error "DPAS_ROWS is one of 4, 8"
#endif
#if !BF16
#error "the operands are of bf16"
#endif
#define MMA_ITEMS   DPAS_ITEMS
#define MMA_ROWS    DPAS_ROWS
#define MMA_COLUMNS DPAS_ITEMS
#define MMA_WORDS   8
#define MMA_PADDING 1 // of rows in local memory: an odd number of words apart, they begin in different banks
#define MMA_LANE    ((int)get_local_id(0) % MMA_ITEMS)

// Of sub-groups of 16 a work-item has one inner index of A, of all rows: a word is that of two rows.
#if DPAS_ITEMS == 8
#define MMA_WORDS_A DPAS_ROWS
#define MMA_A_WORD  MMA_LANE
#else
#if DPAS_ROWS == 8
#define MMA_WORDS_A 4
#else
#define MMA_WORDS_A 2
#endif
#define MMA_A_WORD (MMA_LANE / 2)
#define MMA_A_HALF (MMA_LANE % 2)
#endif
#define MMA_A_ROW            0
#define MMA_A_ROW_STEP(e)    (e)
#define MMA_A_WORD_STEP(e)   0
#define MMA_WORDS_B          8
#define MMA_B_COLUMN         MMA_LANE
#define MMA_B_WORD           0
#define MMA_B_WORD_STEP(e)   (e)
#define MMA_RESULTS          DPAS_ROWS
#define MMA_C_ROW            0
#define MMA_C_COLUMN         MMA_LANE
#define MMA_C_ROW_STEP(e)    (e)
#define MMA_C_COLUMN_STEP(e) 0
#define MMA_C_COLUMNS        1

#ifndef MMA_EMULATED

#define MMA_SUB_GROUP    __attribute__((intel_reqd_sub_group_size(DPAS_ITEMS)))
#define MMA_LOCALS(name) __local float *const name = 0

// Of the two extensions, declared here as not every header of Intel's compilers has them.
ushort __attribute__((overloadable)) intel_convert_bfloat16_as_ushort(float x);
typedef TL_CAT(float, DPAS_ROWS) dpas_results;
#if DPAS_ITEMS == 8
typedef TL_CAT(int, DPAS_ROWS) dpas_rows;
#define DPAS_AS_ROWS TL_CAT(as_int, DPAS_ROWS)
#else
typedef TL_CAT(short, DPAS_ROWS) dpas_rows;
#define DPAS_AS_ROWS TL_CAT(as_short, DPAS_ROWS)
#endif
dpas_results __attribute__((overloadable))
intel_sub_group_bf16_bf16_matrix_mad_k16(dpas_rows a, int8 b, dpas_results sums);

#define MMA_HALF(x)    intel_convert_bfloat16_as_ushort(x)
#define MMA_PAIR(x, y) (intel_convert_bfloat16_as_ushort(x) | (uint)intel_convert_bfloat16_as_ushort(y) << 16)

// d += a b
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *unused)
{
    const dpas_rows rows = DPAS_AS_ROWS(TL_CAT(vload, MMA_WORDS_A)(0, a));
    const dpas_results sums = TL_CAT(vload, DPAS_ROWS)(0, d);
    TL_CAT(vstore, DPAS_ROWS)
    (intel_sub_group_bf16_bf16_matrix_mad_k16(rows, as_int8(vload8(0, b)), sums), 0, d);
}

#else

#define MMA_SUB_GROUP
#define MMA_HALF(x)    ((ushort)bf16_bits(x))
#define MMA_PAIR(x, y) bf16_pair(x, y)
#define MMA_SCRATCH                                                                                          \
    (MMA_ITEMS * (MMA_WORDS_A + MMA_WORDS_B)) // words of a sub-group, of A and of B: [word][work-item]
#define MMA_LOCALS(name) __local float name[MMA_SCRATCH * MMA_GROUP_ITEMS / MMA_ITEMS]

static inline float dpas_value(uint word, int half_of)
{
    return as_float(word >> half_of * 16 << 16);
}

// A[m][k]: of 8 work-items it is half k % 2 of component m of work-item k / 2, whose components are ints; of 16 component m of work-item
// k, whose components are shorts. B[k][n]: half k % 2 of component k / 2 of work-item n. C[m][n]: component m of work-item n.
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *scratch)
{
    const int n = MMA_LANE;
    scratch += get_local_id(0) / MMA_ITEMS * MMA_SCRATCH;
    __local float *of_a = scratch, *of_b = scratch + MMA_ITEMS * MMA_WORDS_A;
    for (int e = 0; e < MMA_WORDS_A; e++) of_a[e * MMA_ITEMS + n] = as_float(a[e]);
    for (int e = 0; e < MMA_WORDS_B; e++) of_b[e * MMA_ITEMS + n] = as_float(b[e]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int m = 0; m < DPAS_ROWS; m++)
        for (int k = 0; k < 16; k++) {
#if DPAS_ITEMS == 8
            const float x = dpas_value(as_uint(of_a[m * MMA_ITEMS + k / 2]), k % 2);
#else
            const float x = dpas_value(as_uint(of_a[m / 2 * MMA_ITEMS + k]), m % 2);
#endif
            d[m] = fma(x, dpas_value(as_uint(of_b[k / 2 * MMA_ITEMS + n]), k % 2), d[m]);
        }
    barrier(CLK_LOCAL_MEM_FENCE);
}

#endif

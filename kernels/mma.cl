// Products by tensor cores: 32 neighbouring work-items multiply 16 x 8 results by mma.sync of NVIDIA's PTX, each with a fragment of
// both operands and of the results. Under MMA_EMULATED the same, by the tables of the PTX ISA, through local memory, so that kernels
// can be tested where there are no tensor cores. All work-items of a work-group must reach every call.
// Operands are words of 32 bits: of tf32 (8 bits of exponent, 10 of mantissa) one value, of bf16 (8 and 7) two that lie side by
// side along the inner dimension, the first in the lower half. A call multiplies MMA_WORDS words of it.
#define MMA_ITEMS   32
#define MMA_ROWS    16
#define MMA_COLUMNS 8
#define MMA_WORDS   8
#define MMA_PADDING 8 // words behind a row in local memory: four of them begin in different banks

// Words that a work-item has of A and B, and its results: where the first is in the 16 x 8 results and along the inner dimension, and how
// much further number e is, which the compiler knows.
#define MMA_WORDS_A          4
#define MMA_WORDS_B          2
#define MMA_RESULTS          4
#define MMA_LANE             ((int)get_local_id(0) % MMA_ITEMS)
#define MMA_A_ROW            (MMA_LANE / 4)
#define MMA_A_WORD           (MMA_LANE % 4)
#define MMA_A_ROW_STEP(e)    ((e) % 2 * 8)
#define MMA_A_WORD_STEP(e)   ((e) / 2 * 4)
#define MMA_B_COLUMN         (MMA_LANE / 4)
#define MMA_B_WORD           (MMA_LANE % 4)
#define MMA_B_WORD_STEP(e)   ((e)*4)
#define MMA_C_ROW            (MMA_LANE / 4)
#define MMA_C_COLUMN         (MMA_LANE % 4 * 2)
#define MMA_C_ROW_STEP(e)    ((e) / 2 * 8)
#define MMA_C_COLUMN_STEP(e) ((e) % 2)
#define MMA_C_COLUMNS        2 // of its results: number e is in row e / 2 of its rows

// Words of values that are to be rounded: of two to bf16, or half a word of one, and of one to tf32.
#ifdef MMA_EMULATED
#define MMA_PAIR(x, y) bf16_pair(x, y)
#define MMA_HALF(x)    ((ushort)bf16_bits(x))
#else
#define MMA_PAIR(x, y) mma_bf16_pair(x, y)
#define MMA_HALF(x)    mma_bf16(x)
#endif
#define MMA_WORD(x) mma_tf32(x)

#ifndef MMA_EMULATED

#define MMA_LOCALS(name) __local float *const name = 0

static inline uint mma_tf32(float x)
{
    uint word;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
    return word;
}

static inline uint mma_bf16_pair(float first, float second)
{
    uint word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    return word;
}

static inline ushort mma_bf16(float x)
{
    ushort half_word;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(half_word) : "f"(x));
    return half_word;
}

// d += a b. volatile: else a compiler could move it to where some work-items do not come.
#define MMA_SYNC(instruction)                                                                                \
    asm volatile(instruction " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"              \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                            \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))

static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *unused)
{
#if BF16
    MMA_SYNC("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");
#else
    MMA_SYNC("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");
#endif
}

#else

#define MMA_DEPTH              16                                     // of the larger of the two, of bf16
#define MMA_SCRATCH            (MMA_DEPTH * (MMA_ROWS + MMA_COLUMNS)) // floats of 32 work-items
#define MMA_LOCALS(name)       __local float name[MMA_SCRATCH * MMA_GROUP_ITEMS / MMA_ITEMS]
// The names of the PTX ISA, "Matrix Fragments for mma.m16n8k8" and "... m16n8k16".
#define MMA_GROUP_ID           ((int)get_local_id(0) % MMA_ITEMS >> 2)
#define MMA_THREAD_ID_IN_GROUP ((int)get_local_id(0) % MMA_ITEMS % 4)

// To the nearest, ties away from zero.
static inline uint mma_tf32(float x)
{
    return isnan(x) ? 0x7fffe000u : (as_uint(x) + 0x1000u) & 0xffffe000u;
}

// d += a b of `depth` inner indices, from a matrix of each operand: the work-item's part of C is c0 ... c3.
static inline void mma_multiply_sync(float *d, __local const float *a, __local const float *b, int depth)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 4; i++) {
        const int row = i < 2 ? MMA_GROUP_ID : MMA_GROUP_ID + 8;
        const int col = MMA_THREAD_ID_IN_GROUP * 2 + (i & 1);
        for (int k = 0; k < depth; k++) d[i] = fma(a[row * MMA_DEPTH + k], b[k * MMA_COLUMNS + col], d[i]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *scratch)
{
    scratch += get_local_id(0) / MMA_ITEMS * MMA_SCRATCH;
    __local float *of_a = scratch, *of_b = scratch + MMA_ROWS * MMA_DEPTH;
#if BF16 // elements a0 ... a7 and b0 ... b3, two a word
    for (int i = 0; i < 8; i++) {
        const uint element = a[i / 2] >> i % 2 * 16 & 0xffffu;
        const int row = i < 2 || (i >= 4 && i < 6) ? MMA_GROUP_ID : MMA_GROUP_ID + 8;
        const int col = i < 4 ? MMA_THREAD_ID_IN_GROUP * 2 + (i & 1)
                              : MMA_THREAD_ID_IN_GROUP * 2 + (i & 1) + 8;
        of_a[row * MMA_DEPTH + col] = as_float(element << 16);
    }
    for (int i = 0; i < 4; i++) {
        const uint element = b[i / 2] >> i % 2 * 16 & 0xffffu;
        const int row = i < 2 ? MMA_THREAD_ID_IN_GROUP * 2 + (i & 1)
                              : MMA_THREAD_ID_IN_GROUP * 2 + (i & 1) + 8;
        of_b[row * MMA_COLUMNS + MMA_GROUP_ID] = as_float(element << 16);
    }
    mma_multiply_sync(d, of_a, of_b, 16);
#else    // elements a0 ... a3 and b0, b1; a tensor core does not read the lower 13 bits
    for (int i = 0; i < 4; i++) {
        const int row = i == 0 || i == 2 ? MMA_GROUP_ID : MMA_GROUP_ID + 8;
        const int col = i == 0 || i == 1 ? MMA_THREAD_ID_IN_GROUP : MMA_THREAD_ID_IN_GROUP + 4;
        of_a[row * MMA_DEPTH + col] = as_float(a[i] & 0xffffe000u);
    }
    for (int i = 0; i < 2; i++) {
        const int row = i == 0 ? MMA_THREAD_ID_IN_GROUP : MMA_THREAD_ID_IN_GROUP + 4;
        of_b[row * MMA_COLUMNS + MMA_GROUP_ID] = as_float(b[i] & 0xffffe000u);
    }
    mma_multiply_sync(d, of_a, of_b, 8);
#endif
}

#endif

// The names of mma.cl for AMD's matrix cores (CDNA): 64 neighbouring work-items, a wavefront, multiply 16 x 16 results by MFMA, whose
// operands are fp32, not rounded, or bf16. Under MMA_EMULATED the same, by the tables that AMD's matrix instruction calculator prints
// for CDNA2, through local memory.
#define MMA_ITEMS   64
#define MMA_ROWS    16
#define MMA_COLUMNS 16
#define MMA_PADDING 4 // words behind a row in local memory
#define MMA_RESULTS 4
#if BF16 // v_mfma_f32_16x16x16bf16_1k
#define MMA_WORDS_A 2
#else // v_mfma_f32_16x16x4f32
#define MMA_WORDS_A 1
#endif
#define MMA_WORDS_B          MMA_WORDS_A
#define MMA_WORDS            (4 * MMA_WORDS_A)

#define MMA_LANE             ((int)get_local_id(0) % MMA_ITEMS)
#define MMA_A_ROW            (MMA_LANE % 16)
#define MMA_A_WORD           (MMA_LANE / 16 * MMA_WORDS_A)
#define MMA_A_ROW_STEP(e)    0
#define MMA_A_WORD_STEP(e)   (e)
#define MMA_B_COLUMN         MMA_A_ROW
#define MMA_B_WORD           MMA_A_WORD
#define MMA_B_WORD_STEP(e)   (e)
#define MMA_C_ROW            (MMA_LANE / 16 * 4)
#define MMA_C_COLUMN         (MMA_LANE % 16)
#define MMA_C_ROW_STEP(e)    (e)
#define MMA_C_COLUMN_STEP(e) 0
#define MMA_C_COLUMNS        1

#define MMA_PAIR(x, y)       bf16_pair(x, y)
#define MMA_HALF(x)          ((ushort)bf16_bits(x))
#define MMA_WORD(x)          as_uint(x)

#ifndef MMA_EMULATED

#if !defined(__gfx90a__) && !defined(__gfx940__) && !defined(__gfx941__) && !defined(__gfx942__)
#error "this GPU has no MFMA for fp32 and bf16 in the form of CDNA2"
#endif
#define MMA_LOCALS(name) __local float *const name = 0

// d += a b
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *unused)
{
#if BF16
    const float4 sums = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(
        as_short4((uint2)(a[0], a[1])), as_short4((uint2)(b[0], b[1])), vload4(0, d), 0, 0, 0);
#else
    const float4 sums = __builtin_amdgcn_mfma_f32_16x16x4f32(as_float(a[0]), as_float(b[0]), vload4(0, d), 0,
                                                             0, 0);
#endif
    vstore4(sums, 0, d);
}

#else

#define MMA_SCRATCH      (2 * MMA_ITEMS * MMA_WORDS_A) // registers of a wavefront, of A and of B: [register][lane]
#define MMA_LOCALS(name) __local float name[MMA_SCRATCH * MMA_GROUP_ITEMS / MMA_ITEMS]

// The element that register e of `lane` holds half of, or all.
static inline float mfma_value(__local const float *registers, int e, int lane, int half_of)
{
    const uint word = as_uint(registers[e * MMA_ITEMS + lane]);
    return as_float(BF16 ? word >> half_of * 16 << 16 : word);
}

// "Matrix element to register mapping": A[i][k] and B[k][j] in bf16 are in half k % 2 of GPR floor(k / 2) % 2 of lane 16 floor(k / 4) + i
// (or j), in fp32 in GPR 0 of lane 16 k + i (or j). "Register to matrix element mapping": GPR r of C is i = 4 floor(lane / 16) + r,
// j = lane % 16.
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *scratch)
{
    const int lane = MMA_LANE;
    scratch += get_local_id(0) / MMA_ITEMS * MMA_SCRATCH;
    __local float *of_a = scratch, *of_b = scratch + MMA_SCRATCH / 2;
    for (int e = 0; e < MMA_WORDS_A; e++)
        of_a[e * MMA_ITEMS + lane] = as_float(a[e]), of_b[e * MMA_ITEMS + lane] = as_float(b[e]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < MMA_RESULTS; r++) {
        const int i = 4 * (lane / 16) + r, j = lane % 16;
#if BF16
        for (int k = 0; k < 16; k++)
            d[r] = fma(mfma_value(of_a, k / 2 % 2, 16 * (k / 4) + i, k % 2),
                       mfma_value(of_b, k / 2 % 2, 16 * (k / 4) + j, k % 2), d[r]);
#else
        for (int k = 0; k < 4; k++)
            d[r] = fma(mfma_value(of_a, 0, 16 * k + i, 0), mfma_value(of_b, 0, 16 * k + j, 0), d[r]);
#endif
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

#endif

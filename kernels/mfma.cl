// The names of mma.cl for AMD's matrix cores (CDNA): 64 neighbouring work-items, a wavefront, multiply MFMA_SIDE x MFMA_SIDE results by MFMA,
// whose operands are fp32, not rounded, or bf16. Under MMA_EMULATED the same, by the tables that AMD's matrix instruction calculator
// prints for CDNA2, through local memory.
//   -DMFMA_SIDE=16|32  32: half the operands for as many results, of which a work-item has 16 in one column; 16: four in one column
#ifndef MFMA_SIDE
#define MFMA_SIDE 32
#endif
#if MFMA_SIDE != 16 && MFMA_SIDE != 32
#error "MFMA_SIDE is one of 16, 32"
#endif
#define MMA_ITEMS   64
#define MMA_ROWS    MFMA_SIDE
#define MMA_COLUMNS MFMA_SIDE
#define MMA_PADDING                                                                                          \
    4 // of rows in local memory: what a wavefront reads lies side by side, what it writes 8 rows apart
#define MMA_RESULTS (MFMA_SIDE * MFMA_SIDE / MMA_ITEMS)
#if BF16 // v_mfma_f32_32x32x8bf16_1k, v_mfma_f32_16x16x16bf16_1k
#define MMA_WORDS_A 2
#else // v_mfma_f32_32x32x2f32, v_mfma_f32_16x16x4f32
#define MMA_WORDS_A 1
#endif
#define MMA_WORDS_B          MMA_WORDS_A
#define MMA_WORDS            (MMA_ITEMS / MFMA_SIDE * MMA_WORDS_A)

#define MMA_LANE             ((int)get_local_id(0) % MMA_ITEMS)
#define MMA_A_ROW            (MMA_LANE % MFMA_SIDE)
#define MMA_A_WORD           (MMA_LANE / MFMA_SIDE * MMA_WORDS_A)
#define MMA_A_ROW_STEP(e)    0
#define MMA_A_WORD_STEP(e)   (e)
#define MMA_B_COLUMN         MMA_A_ROW
#define MMA_B_WORD           MMA_A_WORD
#define MMA_B_WORD_STEP(e)   (e)
#define MMA_C_ROW            (MMA_LANE / MFMA_SIDE * 4)
#define MMA_C_COLUMN         (MMA_LANE % MFMA_SIDE)
#define MMA_C_ROW_STEP(e)    ((e) / 4 * 8 + (e) % 4)
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

#if MFMA_SIDE == 32
#define MFMA_F32  __builtin_amdgcn_mfma_f32_32x32x2f32
#define MFMA_BF16 __builtin_amdgcn_mfma_f32_32x32x8bf16_1k
#define MFMA_LOAD vload16
#define MFMA_SAVE vstore16
#else
#define MFMA_F32  __builtin_amdgcn_mfma_f32_16x16x4f32
#define MFMA_BF16 __builtin_amdgcn_mfma_f32_16x16x16bf16_1k
#define MFMA_LOAD vload4
#define MFMA_SAVE vstore4
#endif

// d += a b
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *unused)
{
#if BF16
    const short4 x = as_short4((uint2)(a[0], a[1])), y = as_short4((uint2)(b[0], b[1]));
    MFMA_SAVE(MFMA_BF16(x, y, MFMA_LOAD(0, d), 0, 0, 0), 0, d);
#else
    MFMA_SAVE(MFMA_F32(as_float(a[0]), as_float(b[0]), MFMA_LOAD(0, d), 0, 0, 0), 0, d);
#endif
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

// "Matrix element to register mapping" of a side S: A[i][k] and B[k][j] in bf16 are in half k % 2 of GPR floor(k / 2) % 2 of lane
// S floor(k / 4) + i (or j), in fp32 in GPR 0 of lane S k + i (or j). "Register to matrix element mapping": GPR r of C is, of 32, i =
// (8 floor(r / 4) % 32) + 4 floor(lane / 32) + (r % 4), of 16 4 floor(lane / 16) + r, and j = lane % S.
static inline void mma_sync(float *d, const uint *a, const uint *b, __local float *scratch)
{
    const int lane = MMA_LANE;
    scratch += get_local_id(0) / MMA_ITEMS * MMA_SCRATCH;
    __local float *of_a = scratch, *of_b = scratch + MMA_SCRATCH / 2;
    for (int e = 0; e < MMA_WORDS_A; e++)
        of_a[e * MMA_ITEMS + lane] = as_float(a[e]), of_b[e * MMA_ITEMS + lane] = as_float(b[e]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < MMA_RESULTS; r++) {
        const int j = lane % MFMA_SIDE;
#if MFMA_SIDE == 32
        const int i = 8 * (r / 4) % 32 + 4 * (lane / 32) + r % 4;
#else
        const int i = 4 * (lane / 16) + r;
#endif
#if BF16
        for (int k = 0; k < 4 * MMA_ITEMS / MFMA_SIDE; k++)
            d[r] = fma(mfma_value(of_a, k / 2 % 2, MFMA_SIDE * (k / 4) + i, k % 2),
                       mfma_value(of_b, k / 2 % 2, MFMA_SIDE * (k / 4) + j, k % 2), d[r]);
#else
        for (int k = 0; k < MMA_ITEMS / MFMA_SIDE; k++)
            d[r] = fma(mfma_value(of_a, 0, MFMA_SIDE * k + i, 0), mfma_value(of_b, 0, MFMA_SIDE * k + j, 0),
                       d[r]);
#endif
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

#endif

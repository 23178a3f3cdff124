// Fragments of operands that lie in local memory word by word, [word][row or column] with `stride` words between, and their product in
// the precision that is asked for; for kernels by matrix units (mma.cl, mfma.cl or dpas.cl).
//   -DBF16=0|1 -DSPLIT=0|1  operands in bf16, else tf32 (of AMD fp32); in two parts of tf32 each: what is left of it after rounding is
//                           the second
#if BF16 && SPLIT
#error "parts are of tf32"
#endif

#define MMA_VALUES (1 + BF16) // of a word
#ifndef MMA_SUB_GROUP
#define MMA_SUB_GROUP // the attribute of kernels that they need
#endif
#if BF16
typedef ushort2 mma_word;
#define MMA_AS_WORD(bits) as_ushort2(bits)
#else
typedef uint mma_word;
#define MMA_AS_WORD(bits) (bits)
#endif

#if SPLIT
// A value as the sum of two of tf32: half of an ulp of the second is about 2^-23 of it.
static inline void mma_split(uint *big, uint *small)
{
    const float value = as_float(*big);
    *big = mma_tf32(value) & 0xffffe000u; // whose lower bits a device may leave undefined
    *small = mma_tf32(value - as_float(*big));
}
#endif

#ifdef MMA_A_HALF // of a word in local memory: a fragment of A has then one inner index of two rows in a word
static inline ushort mma_half(mma_word word)
{
    return (ushort)(as_uint(word) >> MMA_A_HALF * 16);
}
#endif

// The work-item's words of a fragment of A whose first row and word these are, and of one of B; `small`: their second parts.
static inline void mma_load_a(uint *words, uint *small, __local const mma_word *tile, int stride, int row,
                              int k)
{
    tile += MMA_A_WORD * stride + row + MMA_A_ROW;
#pragma unroll
    for (int e = 0; e < MMA_WORDS_A; e++) {
#ifdef MMA_A_HALF
        words[e] = as_uint(
            (ushort2)(mma_half(tile[k * stride + 2 * e]), mma_half(tile[k * stride + 2 * e + 1])));
#else
        words[e] = as_uint(tile[(k + MMA_A_WORD_STEP(e)) * stride + MMA_A_ROW_STEP(e)]);
#endif
#if SPLIT
        mma_split(&words[e], &small[e]);
#endif
    }
}

static inline void mma_load_b(uint *words, uint *small, __local const mma_word *tile, int stride, int column,
                              int k)
{
    tile += MMA_B_WORD * stride + column + MMA_B_COLUMN;
#pragma unroll
    for (int e = 0; e < MMA_WORDS_B; e++) {
        words[e] = as_uint(tile[(k + MMA_B_WORD_STEP(e)) * stride]);
#if SPLIT
        mma_split(&words[e], &small[e]);
#endif
    }
}

// d += a b
static inline void mma_product_sync(float *d, const uint *a, const uint *a_small, const uint *b,
                                    const uint *b_small, __local float *scratch)
{
#if SPLIT // the small products first: they are then added to what is smallest
    mma_sync(d, a_small, b, scratch);
    mma_sync(d, a, b_small, scratch);
#endif
    mma_sync(d, a, b, scratch);
}

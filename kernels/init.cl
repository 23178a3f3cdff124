// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011), the
// stream of src/core/random.h: word w of (seed, stream) is element w % 4 of the block with counter {w / 4
// low, w / 4 high, stream low, stream high} and key {seed low, seed high}.
static inline uint4 philox(ulong block, ulong stream, ulong seed)
{
    uint c0 = (uint)block, c1 = (uint)(block >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
    uint key0 = (uint)seed, key1 = (uint)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        ulong a = (ulong)c0 * 0xD2511F53u, b = (ulong)c2 * 0xCD9E8D57u;
        c0 = (uint)(b >> 32) ^ c1 ^ key0;
        c1 = (uint)b;
        c2 = (uint)(a >> 32) ^ c3 ^ key1;
        c3 = (uint)a;
        key0 += 0x9E3779B9u; // the golden ratio and sqrt(3) - 1, as 32-bit fractions
        key1 += 0xBB67AE85u;
    }
    return (uint4)(c0, c1, c2, c3);
}

#if TL_GROUP == 1
// Computes as many blocks at once as a vector has 64-bit lanes. A lane holds one word in its low half, which
// the multiplier reads; its high half is arbitrary.
#if TL_VW == 16
#define PHILOX_LANES 8
#define PHILOX_INDEX (ulong8)(0, 1, 2, 3, 4, 5, 6, 7)
#elif TL_VW == 8
#define PHILOX_LANES 4
#define PHILOX_INDEX (ulong4)(0, 1, 2, 3)
#else
#define PHILOX_LANES 2
#define PHILOX_INDEX (ulong2)(0, 1)
#endif
#define ulongP      TL_CAT(ulong, PHILOX_LANES)
#define as_intV     TL_CAT(as_int, TL_VW)
#define as_uintV    TL_CAT(as_uint, TL_VW)
#define convertV    TL_CAT(convert_float, TL_VW)
#define philox_zipP TL_CAT(philox_zip, PHILOX_LANES)

// a0 b0 a1 b1 ...
static inline ulong4 philox_zip2(ulong2 a, ulong2 b)
{
    return (ulong4)(a.s0, b.s0, a.s1, b.s1);
}
static inline ulong8 philox_zip4(ulong4 a, ulong4 b)
{
    return (ulong8)(philox_zip2(a.lo, b.lo), philox_zip2(a.hi, b.hi));
}
static inline ulong16 philox_zip8(ulong8 a, ulong8 b)
{
    return (ulong16)(philox_zip4(a.lo, b.lo), philox_zip4(a.hi, b.hi));
}

// The blocks from `block` on, as 2 TL_VW numbers between -bound and bound, in order.
static inline void philox_uniforms(ulong block, ulong stream, ulong seed, float bound, __global float *target)
{
    const ulong low = 0xFFFFFFFFu;
    const ulongP counter = block + PHILOX_INDEX;
    ulongP c0 = counter, c1 = counter >> 32, c2 = stream, c3 = stream >> 32;
    uint key0 = (uint)seed, key1 = (uint)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const ulongP a = (c0 & low) * 0xD2511F53u, b = (c2 & low) * 0xCD9E8D57u;
        c0 = (b >> 32) ^ c1 ^ key0;
        c1 = b;
        c2 = (a >> 32) ^ c3 ^ key1;
        c3 = a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const TL_CAT(ulong, TL_VW) words = philox_zipP((c0 & low) | (c1 << 32), (c2 & low) | (c3 << 32));
    const floatV even = convertV(as_intV(as_uintV(words.lo) >> 8) - 8388608);
    const floatV odd = convertV(as_intV(as_uintV(words.hi) >> 8) - 8388608);
    vstoreV(bound * (even * 1.1920928955078125e-7f), 0, target);
    vstoreV(bound * (odd * 1.1920928955078125e-7f), 0, target + TL_VW);
}
#endif

// Writes the words of block b that lie in [first, words_end) to target[word - first].
static inline void uniform_block(__global float *target, ulong first, ulong words_end, ulong b, ulong seed,
                                 ulong stream, float bound)
{
    uint4 words = philox(b, stream, seed);
    float4 v = bound * (convert_float4(as_int4(words >> 8) - 8388608) * 1.1920928955078125e-7f); // 2^-23
    ulong w = b * 4;
    if (w >= first && w + 4 <= words_end) {
        vstore4(v, 0, target + (w - first));
    } else {
        if (w >= first && w < words_end) target[w - first] = v.s0;
        if (w + 1 >= first && w + 1 < words_end) target[w + 1 - first] = v.s1;
        if (w + 2 >= first && w + 2 < words_end) target[w + 2 - first] = v.s2;
        if (w + 3 >= first && w + 3 < words_end) target[w + 3 - first] = v.s3;
    }
}

// target[at + i] = bound * (2 u - 1), u = the top 24 bits of word first + i times 2^-24; overwritten. All but the
// last product are exact, so host and device agree bitwise. A work-group has `block` consecutive Philox
// blocks, counted from the one that holds word `first`.
__kernel void init_uniform(__global float *target, ulong at, ulong first, ulong count, ulong seed,
                           ulong stream, float bound, uint block)
{
    target += at;
    ulong begin = first / 4 + get_group_id(0) * (ulong)block, words_end = first + count;
    ulong end = min(begin + block, (words_end + 3) / 4);
    ulong b = begin + get_local_id(0);
#if TL_GROUP == 1
    for (; b * 4 < first && b < end; b++) uniform_block(target, first, words_end, b, seed, stream, bound);
    for (; b + PHILOX_LANES <= end && (b + PHILOX_LANES) * 4 <= words_end; b += PHILOX_LANES)
        philox_uniforms(b, stream, seed, bound, target + (b * 4 - first));
#endif
    for (; b < end; b += TL_GROUP) uniform_block(target, first, words_end, b, seed, stream, bound);
}

// target[0..count) = value. A work-group has `block` consecutive elements.
__kernel void init_constant(__global float *target, ulong count, float value, uint block)
{
    ulong first = get_group_id(0) * (ulong)block, last = min(first + block, count);
    for (ulong i = first + get_local_id(0); i < last; i += TL_GROUP) target[i] = value;
}

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

// target[i] = bound * (2 u - 1), u = the top 24 bits of word first + i times 2^-24; overwritten. All but the
// last product are exact, so host and device agree bitwise. A work-group has `block` consecutive Philox
// blocks, counted from the one that holds word `first`.
__kernel void uniform_fill(__global float *target, ulong first, ulong count, ulong seed, ulong stream,
                           float bound, uint block)
{
    ulong begin = first / 4 + get_group_id(0) * (ulong)block, words_end = first + count;
    ulong end = min(begin + block, (words_end + 3) / 4);
    for (ulong b = begin + get_local_id(0); b < end; b += TL_GROUP) {
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
}

// target[0..count) = value. A work-group has `block` consecutive elements.
__kernel void constant_fill(__global float *target, ulong count, float value, uint block)
{
    ulong first = get_group_id(0) * (ulong)block, last = min(first + block, count);
    for (ulong i = first + get_local_id(0); i < last; i += TL_GROUP) target[i] = value;
}

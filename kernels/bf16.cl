// The bits of bf16 (8 of exponent, 7 of mantissa) that are nearest to x, ties to even.
static inline uint bf16_bits(float x)
{
    const uint bits = as_uint(x);
    return isnan(x) ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// Of two values, the first in the lower half.
static inline uint bf16_pair(float first, float second)
{
    return bf16_bits(first) | bf16_bits(second) << 16;
}

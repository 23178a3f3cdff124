// Exact GELU, elementwise. A work-group has `block` consecutive elements.

// The normal distribution at x: its cumulative value (within 1.2e-7) and density, which share one
// exponential, for |x| <= 12.5. For z = |x| the tail is exp(-z^2 / 2) t P(1 - t) with t = 1 / (1 + 0.35 z): P is
// a polynomial fitted to exp(z^2 / 2) erfc(z / sqrt 2) / (2 t) on 0 <= z <= 14 with a relative error of 3.6e-8.
static inline floatR normal_cumulative(floatR x, floatR *density)
{
    floatR z = fabs(x);
    floatR t = 1.0f / (0.35f * z + 1.0f);
    floatR s = 0.35f * z * t;
    floatR bell = tl_exp_within(-0.5f * z * z);
    floatR p = -2.890104055e-2f * s + 8.832399547e-2f;
    p = p * s - 6.271845102e-2f;
    p = p * s - 1.712151803e-2f;
    p = p * s - 6.371302158e-2f;
    p = p * s + 1.025244743e-1f;
    p = p * s + 2.610605061e-1f;
    p = p * s - 6.398329139e-1f;
    p = p * s + 0.5f;
    floatR tail = bell * (t * p);
    *density = 0.3989422804f * bell;
    return x < 0.0f ? tail : 1.0f - tail;
}

// Beyond +-12.5 both functions are their limits within 1e-34, infinities included, and no result is denormal.
static inline floatR within_range(floatR x)
{
    x = x < -12.5f ? (floatR)(-12.5f) : x;
    return x > 12.5f ? (floatR)(12.5f) : x;
}

// x Phi(x), and its derivative Phi(x) + x phi(x).
static inline floatR gelu(floatR x, floatR *slope)
{
    floatR density, inside = within_range(x);
    floatR cumulative = normal_cumulative(inside, &density);
    *slope = inside * density + cumulative;
    return x < -12.5f ? (floatR)(0.0f) : x * cumulative;
}

// y = x Phi(x), overwritten; y may be x.
__kernel void gelu_forward(__global const float *x, ulong x_at, __global float *y, ulong y_at, ulong count,
                           uint block)
{
    ulong first = get_group_id(0) * (ulong)block;
    uint n = (uint)min((ulong)block, count - first), full = TL_FULL(n), rest = TL_REST(n);
    floatR unused;
    x += x_at + first;
    y += y_at + first;
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW)
        tl_store(gelu(tl_load(x + i), &unused), y + i);
    if (rest) tl_store_part(gelu(tl_load_part(x + full, rest, 0.0f), &unused), y + full, rest);
}

// y = x Phi(x), overwritten, and x becomes the slope, Phi(x) + x phi(x), by which the gradient of y is to be multiplied.
__kernel void gelu_slope(__global float *x, ulong x_at, __global float *y, ulong y_at, ulong count,
                         uint block)
{
    ulong first = get_group_id(0) * (ulong)block;
    uint n = (uint)min((ulong)block, count - first), full = TL_FULL(n), rest = TL_REST(n);
    floatR slope;
    x += x_at + first;
    y += y_at + first;
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        tl_store(gelu(tl_load(x + i), &slope), y + i);
        tl_store(slope, x + i);
    }
    if (rest) {
        tl_store_part(gelu(tl_load_part(x + full, rest, 0.0f), &slope), y + full, rest);
        tl_store_part(slope, x + full, rest);
    }
}

// Exact GELU, elementwise. A work-group has `block` consecutive elements.

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
        tl_store(tl_gelu(tl_load(x + i), &unused), y + i);
    if (rest) tl_store_part(tl_gelu(tl_load_part(x + full, rest, 0.0f), &unused), y + full, rest);
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
        tl_store(tl_gelu(tl_load(x + i), &slope), y + i);
        tl_store(slope, x + i);
    }
    if (rest) {
        tl_store_part(tl_gelu(tl_load_part(x + full, rest, 0.0f), &slope), y + full, rest);
        tl_store_part(slope, x + full, rest);
    }
}

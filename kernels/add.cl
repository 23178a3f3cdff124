// Elementwise sums. y = a + b (overwritten, may alias), of any work-group size.

__kernel void add(__global const float *a, ulong a_at, __global const float *b, ulong b_at, __global float *y,
                  ulong y_at, ulong count)
{
    ulong i = get_global_id(0);
    if (i < count) y[y_at + i] = a[a_at + i] + b[b_at + i];
}

// c[batch][row][0..n) = (c + bias + residual) * factor, each of which may be NULL; residual and factor lie as c does. Work-group (row, batch).
__kernel void add_extras(__global const float *bias, ulong bias_at, __global const float *residual,
                         ulong residual_at, __global const float *factor, ulong factor_at, __global float *c,
                         ulong c_at, uint n, uint ld, ulong stride)
{
    const ulong at = get_group_id(1) * stride + get_group_id(0) * (ulong)ld;
    for (uint j = get_local_id(0); j < n; j += TL_GROUP) {
        float x = c[c_at + at + j];
        if (bias) x += bias[bias_at + j];
        if (residual) x += residual[residual_at + at + j];
        if (factor) x *= factor[factor_at + at + j];
        c[c_at + at + j] = x;
    }
}

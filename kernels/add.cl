// Elementwise sums. y = a + b (overwritten, may alias); squares: one partial sum of squares a group.
// Local memory: TL_GROUP floats. Any work-group size for add; TL_GROUP work-items for squares.

__kernel void add(__global const float *a, ulong a_at, __global const float *b, ulong b_at, __global float *y,
                  ulong y_at, ulong count)
{
    ulong i = get_global_id(0);
    if (i < count) y[y_at + i] = a[a_at + i] + b[b_at + i];
}

// partial[group] = sum of squares of values[group * piece .. (group + 1) * piece), overwritten.
__kernel void squares(__global const float *values, ulong at, ulong count, ulong piece, __global float *partial,
                      ulong partial_at)
{
    TL_ROW_SCRATCH(scratch);
    ulong group = get_group_id(0), lane = get_local_id(0);
    ulong first = group * piece, last = first + piece < count ? first + piece : count;
    float sum = 0.0f;
    for (ulong i = first + lane; i < last; i += TL_GROUP) {
        float v = values[at + i];
        sum = fma(v, v, sum);
    }
    sum = tl_row_sum(sum, scratch);
    if (lane == 0) partial[partial_at + group] = sum;
}

// c[batch][row][0..n) += bias + residual, either of which may be NULL; residual lies as c does. Work-group (row, batch).
__kernel void add_extras(__global const float *bias, ulong bias_at, __global const float *residual, ulong residual_at,
                         __global float *c, ulong c_at, uint n, uint ld, ulong stride)
{
    const ulong at = get_group_id(1) * stride + get_group_id(0) * (ulong)ld;
    for (uint j = get_local_id(0); j < n; j += TL_GROUP) {
        float x = c[c_at + at + j];
        if (bias) x += bias[bias_at + j];
        if (residual) x += residual[residual_at + at + j];
        c[c_at + at + j] = x;
    }
}

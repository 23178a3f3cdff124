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

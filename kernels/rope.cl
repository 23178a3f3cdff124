// Rotary positions, in place: in each head, channels (c, c + half) are rotated by the token's angle c. Rows
// are [token][batch], `stride` floats apart; angles are [token][head_dim]: half cosines, then half sines.
// `direction` -1: inverse rotation. Work-groups of TL_GROUP items; a group has `rows_per_group` consecutive
// rows, TL_ROWS at a time.
__kernel void rope_rotate(__global const float *angles, ulong angles_at, __global float *x, ulong x_at,
                          ulong rows, uint batch, uint heads, uint head_dim, uint stride, float direction,
                          uint rows_per_group)
{
    const uint half_dim = head_dim / 2;
    const ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        __global const float *cosines = angles + angles_at + row / batch * head_dim,
                             *sines = cosines + half_dim;
        for (uint head = 0; head < heads; head++) {
            __global float *low = x + x_at + row * stride + head * head_dim, *high = low + half_dim;
            for (uint c = TL_LANE; c < half_dim; c += TL_LANES) {
                const float a = low[c], b = high[c], s = direction * sines[c];
                low[c] = a * cosines[c] - b * s;
                high[c] = b * cosines[c] + a * s;
            }
        }
    }
}

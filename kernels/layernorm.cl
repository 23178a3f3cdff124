// LayerNorm over rows of `channels` floats. stats[row] = {mean, 1 / sqrt(variance + 1e-5)}.
// Work-groups of TL_GROUP items; a group has `rows_per_group` consecutive rows, TL_ROWS at a time.

// y overwritten, stats overwritten.
__kernel void layernorm_forward(__global const float *x, __global const float *weight,
                                __global const float *bias, __global float *y, __global float *stats,
                                const layernorm_sizes s)
{
    const ulong rows = s.rows;
    const uint channels = s.channels, rows_per_group = s.rows_per_group;
    TL_ROW_SCRATCH(of_mean);
    TL_ROW_SCRATCH(of_variance);
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    weight += s.weight_at;
    bias += s.bias_at;
    for (ulong base = first; base < last; base += TL_ROWS) {
        ulong row = base + TL_SUBROW;
        uint n = row < last ? channels : 0, full = TL_FULL(n), rest = TL_REST(n);
        __global const float *xr = x + s.x_at + row * channels;
        __global float *yr = y + s.y_at + row * channels;

        // Sums the differences from the row's first value: when the mean is large, sums of the values
        // themselves lose the digits in which a row varies, the more so the longer the row.
        float origin = n ? xr[0] : 0.0f;
        floatR part = (floatR)(0.0f);
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) part += tl_load(xr + c) - origin;
        if (rest) part += tl_load_part(xr + full, rest, origin) - origin;
        float mean = origin + tl_row_sum(tl_sumR(part), of_mean) / channels;

        part = (floatR)(0.0f);
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
            floatR centred = tl_load(xr + c) - mean;
            part = centred * centred + part;
        }
        if (rest) {
            floatR centred = tl_load_part(xr + full, rest, mean) - mean;
            part = centred * centred + part;
        }
        float rstd = 1.0f / sqrt(tl_row_sum(tl_sumR(part), of_variance) / channels + 1e-5f);

        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW)
            tl_store((tl_load(xr + c) - mean) * rstd * tl_load(weight + c) + tl_load(bias + c), yr + c);
        if (rest) {
            floatR normal = (tl_load_part(xr + full, rest, mean) - mean) * rstd;
            floatR w = tl_load_part(weight + full, rest, 0.0f), b = tl_load_part(bias + full, rest, 0.0f);
            tl_store_part(normal * w + b, yr + full, rest);
        }
        if (n && TL_LANE == 0) {
            stats[s.stats_at + 2 * row] = mean;
            stats[s.stats_at + 2 * row + 1] = rstd;
        }
    }
}

// dx = rstd (g - mean(g) - xhat mean(g xhat)) with g = dy * weight; added to when `accumulate`, else
// overwritten; not computed when dx is NULL. dx may be dy.
// On a CPU the same loop also writes the sums over the group's rows, partial[group] = {dweight, dbias},
// overwritten; with several work-items per row layernorm_backward_dw computes them.
__kernel void layernorm_backward_dx(__global const float *dy, __global const float *x,
                                    __global const float *weight, __global const float *stats,
                                    __global float *dx, __global float *partial, const layernorm_sizes s)
{
    const ulong rows = s.rows;
    const uint channels = s.channels, rows_per_group = s.rows_per_group;
    const bool has_dx = dx != 0, accumulate = s.accumulate;
    TL_ROW_SCRATCH(of_g);
    TL_ROW_SCRATCH(of_gx);
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    weight += s.weight_at;
#if TL_GROUP == 1
    __global float *dweight = partial + s.partial_at + get_group_id(0) * 2 * channels,
                   *dbias = dweight + channels;
    for (uint c = 0; c < 2 * channels; c++) dweight[c] = 0.0f;
#endif
    for (ulong base = first; base < last; base += TL_ROWS) {
        ulong row = base + TL_SUBROW;
        uint n = row < last ? channels : 0, full = TL_FULL(n), rest = TL_REST(n);
        float mean = n ? stats[s.stats_at + 2 * row] : 0.0f,
              rstd = n ? stats[s.stats_at + 2 * row + 1] : 0.0f;
        __global const float *xr = x + s.x_at + row * channels, *dyr = dy + s.dy_at + row * channels;
        __global float *dxr = dx + s.dx_at + row * channels;

        float mean_g = 0.0f, mean_gx = 0.0f;
        if (has_dx) { // the same for all work-items, so the barriers are not divergent
            floatR sum_g = (floatR)(0.0f), sum_gx = (floatR)(0.0f);
            for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
                floatR g = tl_load(dyr + c) * tl_load(weight + c);
                sum_g += g;
                sum_gx = g * ((tl_load(xr + c) - mean) * rstd) + sum_gx;
            }
            if (rest) {
                floatR g = tl_load_part(dyr + full, rest, 0.0f) * tl_load_part(weight + full, rest, 0.0f);
                sum_g += g;
                sum_gx = g * ((tl_load_part(xr + full, rest, mean) - mean) * rstd) + sum_gx;
            }
            mean_g = tl_row_sum(tl_sumR(sum_g), of_g) / channels;
            mean_gx = tl_row_sum(tl_sumR(sum_gx), of_gx) / channels;
        }

        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
            floatR dyv = tl_load(dyr + c), normal = (tl_load(xr + c) - mean) * rstd;
            if (has_dx) {
                floatR d = rstd * (dyv * tl_load(weight + c) - mean_g - normal * mean_gx);
                if (accumulate) d += tl_load(dxr + c);
                tl_store(d, dxr + c);
            }
#if TL_GROUP == 1
            tl_store(dyv * normal + tl_load(dweight + c), dweight + c);
            tl_store(dyv + tl_load(dbias + c), dbias + c);
#endif
        }
        if (rest) {
            floatR dyv = tl_load_part(dyr + full, rest, 0.0f);
            floatR normal = (tl_load_part(xr + full, rest, mean) - mean) * rstd;
            if (has_dx) {
                floatR d = rstd * (dyv * tl_load_part(weight + full, rest, 0.0f) - mean_g - normal * mean_gx);
                if (accumulate) d += tl_load_part(dxr + full, rest, 0.0f);
                tl_store_part(d, dxr + full, rest);
            }
#if TL_GROUP == 1
            tl_store_part(dyv * normal + tl_load_part(dweight + full, rest, 0.0f), dweight + full, rest);
            tl_store_part(dyv + tl_load_part(dbias + full, rest, 0.0f), dbias + full, rest);
#endif
        }
    }
}

#if TL_GROUP > 1
// partial[block] = {dweight, dbias} over the block's rows, overwritten: one work-item per channel, group (x,
// y) owns TL_GROUP channels of block y.
__kernel void layernorm_backward_dw(__global const float *dy, __global const float *x,
                                    __global const float *stats, __global float *partial,
                                    const layernorm_sizes s)
{
    const ulong rows = s.rows;
    const uint channels = s.channels, rows_per_block = s.rows_per_group;
    uint c = get_group_id(0) * TL_GROUP + get_local_id(0);
    ulong block = get_group_id(1), first = block * rows_per_block, last = min(first + rows_per_block, rows);
    if (c >= channels) return;
    dy += s.dy_at + c;
    x += s.x_at + c;
    stats += s.stats_at;
    float dweight = 0.0f, dbias = 0.0f;
    for (ulong row = first; row < last; row++) {
        float g = dy[row * channels];
        dweight += g * ((x[row * channels] - stats[2 * row]) * stats[2 * row + 1]);
        dbias += g;
    }
    partial += s.partial_at + block * 2 * channels + c;
    partial[0] = dweight;
    partial[channels] = dbias;
}
#endif

// Column sums over blocks of rows: out[b][c] = scale * sum of x[r * ld + c] over rows r of block b,
// overwritten. Work-group (i, b) has columns [i * chunk, (i + 1) * chunk); chunk is TL_GROUP where a
// work-item has one column.
__kernel void column_sum_blocks(__global const float *x, ulong x_at, ulong ld, __global float *out,
                                ulong out_at, ulong rows, uint rows_per_block, ulong columns, uint chunk,
                                float scale)
{
    ulong column = get_group_id(0) * (ulong)chunk, block = get_group_id(1), row = block * rows_per_block;
    uint count = (uint)min((ulong)rows_per_block, rows - row);
    x += x_at + row * ld + column;
    out += out_at + block * columns + column;
    uint n = (uint)min((ulong)chunk, columns - column);
    uint head = count % 4; // these rows first, then four at a time
#if TL_GROUP == 1
    // Rows are the outer loop, so that memory is read in order; the sums of a chunk stay in the first-level
    // cache.
    uint full = TL_FULL(n), rest = TL_REST(n);
    for (uint c = 0; c < full; c += TL_RW) {
        floatR sum = (floatR)(0.0f);
        for (uint r = 0; r < head; r++) sum += tl_load(x + r * ld + c);
        tl_store(sum, out + c);
    }
    for (uint c = full; c < n; c++) {
        float sum = 0.0f;
        for (uint r = 0; r < head; r++) sum += x[r * ld + c];
        out[c] = sum;
    }
    for (uint r = head; r < count; r += 4) {
        __global const float *x0 = x + r * ld, *x1 = x0 + ld, *x2 = x1 + ld, *x3 = x2 + ld;
        for (uint c = 0; c < full; c += TL_RW) {
            floatR four = (tl_load(x0 + c) + tl_load(x1 + c)) + (tl_load(x2 + c) + tl_load(x3 + c));
            tl_store(tl_load(out + c) + four, out + c);
        }
        for (uint c = full; c < n; c++) out[c] += (x0[c] + x1[c]) + (x2[c] + x3[c]);
    }
    if (scale != 1.0f)
        for (uint c = 0; c < n; c++) out[c] *= scale;
#else
    for (uint c = get_local_id(0); c < n; c += TL_GROUP) {
        float sum = 0.0f;
        for (uint r = 0; r < head; r++) sum += x[r * ld + c];
        for (uint r = head; r < count; r += 4) {
            __global const float *x0 = x + r * ld + c;
            sum += (x0[0] + x0[ld]) + (x0[2 * ld] + x0[3 * ld]);
        }
        out[c] = scale * sum;
    }
#endif
}

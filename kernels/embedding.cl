// Embeddings: class token and learned positions of images, token embedding of text. Rows are
// [token][batch][channel].

// target = source, + added unless it is NULL: a row of `channels`.
static inline void embedded_row(__global const float *source, __global const float *added,
                                __global float *target, uint channels)
{
    uint full = TL_FULL(channels), rest = TL_REST(channels);
    for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
        floatR v = tl_load(source + c);
        if (added) v += tl_load(added + c);
        tl_store(v, target + c);
    }
    if (rest) {
        floatR v = tl_load_part(source + full, rest, 0.0f);
        if (added) v += tl_load_part(added + full, rest, 0.0f);
        tl_store_part(v, target + full, rest);
    }
}

// x[t][b] = (t < cls ? class_token : patches[t - cls][b]) + position[t], overwritten, for rows t * batch + b
// below `rows`; position unless it is NULL. patches may be the rows of x behind the class token. A
// work-group has `rows_per_group` rows, TL_ROWS at a time.
__kernel void tokens_forward(__global const float *patches, __global const float *class_token,
                             __global const float *position, __global float *x, const tokens_sizes s)
{
    const ulong rows = s.rows;
    const uint batch = s.batch, channels = s.channels, cls = s.cls, rows_per_group = s.rows_per_group;
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        ulong token = row / batch;
        __global const float *source = token < cls
                                           ? class_token + s.class_at
                                           : patches + s.patches_at + (row - (ulong)cls * batch) * channels;
        __global const float *added = position ? position + s.position_at + token * channels : position;
        __global float *target = x + s.x_at + row * channels;
        embedded_row(source, added, target, channels);
    }
}

// dx[t][b] = scale * dy[b], overwritten: dx is [token][period], dy [period]. Work-group (i, t) has elements
// [i * block, (i + 1) * block) of token t.
__kernel void mean_tokens_backward(__global const float *dy, ulong dy_at, __global float *dx, ulong dx_at,
                                   ulong period, float scale, uint block)
{
    ulong first = get_group_id(0) * (ulong)block;
    uint n = (uint)min((ulong)block, period - first), full = TL_FULL(n), rest = TL_REST(n);
    dy += dy_at + first;
    dx += dx_at + get_group_id(1) * period + first;
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW)
        tl_store(scale * tl_load(dy + i), dx + i);
    if (rest) tl_store_part(scale * tl_load_part(dy + full, rest, 0.0f), dx + full, rest);
}

// x[t][b] = table[ids[t][b]] + position[t], overwritten, for rows t * batch + b below `rows`; position unless it
// is NULL. A work-group has `rows_per_group` rows, TL_ROWS at a time.
__kernel void embedding_forward(__global const float *table, ulong table_at, __global const int *ids,
                                ulong ids_at, __global const float *position, ulong position_at,
                                __global float *x, ulong x_at, ulong rows, uint batch, uint channels,
                                uint rows_per_group)
{
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong row = first + TL_SUBROW; row < last; row += TL_ROWS) {
        __global const float *source = table + table_at + (ulong)ids[ids_at + row] * channels;
        __global const float *added = position ? position + position_at + (row / batch) * channels : position;
        __global float *target = x + x_at + row * channels;
        embedded_row(source, added, target, channels);
    }
}

// dtable[id] = sum of the rows of dx with that id, in their order, overwritten. Work-group g owns the id of
// span g = {id, begin, end}: its rows are order[begin .. end).
__kernel void embedding_backward(__global const int *spans, ulong spans_at, __global const int *order,
                                 ulong order_at, __global const float *dx, ulong dx_at,
                                 __global float *dtable, ulong dtable_at, uint channels)
{
    __global const int *span = spans + spans_at + 3 * get_group_id(0);
    __global const int *row = order + order_at;
    int begin = span[1], end = span[2];
    uint full = TL_FULL(channels), rest = TL_REST(channels);
    dx += dx_at;
    dtable += dtable_at + (ulong)span[0] * channels;
    for (uint c = get_local_id(0) * TL_RW; c < full; c += TL_GROUP * TL_RW) {
        floatR sum = tl_load(dx + (ulong)row[begin] * channels + c);
        for (int i = begin + 1; i < end; i++) sum += tl_load(dx + (ulong)row[i] * channels + c);
        tl_store(sum, dtable + c);
    }
    if (rest && get_local_id(0) == 0) {
        floatR sum = tl_load_part(dx + (ulong)row[begin] * channels + full, rest, 0.0f);
        for (int i = begin + 1; i < end; i++)
            sum += tl_load_part(dx + (ulong)row[i] * channels + full, rest, 0.0f);
        tl_store_part(sum, dtable + full, rest);
    }
}

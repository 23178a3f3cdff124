// Cross-entropy with integer or soft targets, and sums in a fixed order.

// Block length of a long sum, computed as the sum of its blocks' sums: the rounding error grows with the
// block length plus the number of blocks, not with their product.
#define SUM_BLOCK (64 * TL_LANES * TL_RW)

// Counts the logits v ahead of the target's, `chosen`: larger, or equal with a smaller index. `before`: all
// of v have smaller indices than the target; false: none has. A logit that is not finite makes the count
// infinite.
static inline floatR ahead(floatR v, float chosen, bool before)
{
    intR more = before ? (intR)(v >= chosen) : (intR)(v > chosen);
    floatR count = more ? (floatR)(1.0f) : (floatR)(0.0f);
    return fabs(v) < (floatR)(INFINITY) ? count : (floatR)(INFINITY);
}

// Per row of `classes` logits, all overwritten; dlogits may alias logits, and is skipped when it is
// NULL. NaN logits give a NaN loss. Work-groups of TL_GROUP items; a group has `rows_per_group` consecutive
// rows, TL_ROWS at a time.
// soft NULL: losses[row] = logsumexp - logits[target], ranks[row] = number of logits ahead of the target's, dlogits =
// scale * (softmax - onehot). A logit that is not finite gives the rank INT_MAX, a target outside [0, classes) that and
// a NaN loss.
// Else soft[row][classes], each row summing to 1, replaces `targets`: losses[row] = logsumexp - sum of
// soft * logits, dlogits = scale * (softmax - soft), ranks[row] = INT_MAX.
__kernel void cross_entropy(__global const float *logits, __global const int *targets,
                            __global const float *soft, __global float *losses, __global int *ranks,
                            __global float *dlogits, const cross_entropy_sizes s)
{
    const ulong rows = s.rows;
    const uint classes = s.classes, rows_per_group = s.rows_per_group;
    const float scale = s.scale;
    const bool has_soft = soft != 0, has_dlogits = dlogits != 0;
    TL_ROW_SCRATCH(of_max);
    TL_ROW_SCRATCH(of_rank);
    TL_ROW_SCRATCH(of_total);
    ulong first = get_group_id(0) * (ulong)rows_per_group, last = min(first + rows_per_group, rows);
    for (ulong base = first; base < last; base += TL_ROWS) {
        ulong row = base + TL_SUBROW;
        uint n = row < last ? classes : 0, full = TL_FULL(n), rest = TL_REST(n);
        __global const float *a = logits + s.logits_at + row * classes;
        __global const float *p = soft + s.soft_at + row * classes; // read only if has_soft
        __global float *d = dlogits + s.dlogits_at + row * classes;
        uint target = n && !has_soft ? (uint)targets[s.targets_at + row] : n;
        bool known = target < n;
        float chosen = known ? a[target] : NAN;
        tl_global_barrier(); // all have read the target's logit before dlogits may take its place

        // One reduction for both kinds of targets. Integer: the count of logits ahead. Soft: the mean logit
        // under the target distribution; a NaN shows in `total`.
        floatR top = (floatR)(-INFINITY), gathered = (floatR)(0.0f);
        for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
            floatR v = tl_load(a + c);
            top = v > top ? v : top;
            if (has_soft) {
                floatR q = tl_load(p + c);
                gathered += q > 0.0f ? q * v : (floatR)(0.0f); // 0 times -infinity counts as 0
            } else {
                gathered += ahead(v, chosen, c + TL_RW <= target);
            }
        }
        if (rest) {
            floatR v = tl_load_part(a + full, rest, -INFINITY);
            top = v > top ? v : top;
            if (has_soft) {
                floatR q = tl_load_part(p + full, rest, 0.0f);
                gathered += q > 0.0f ? q * v : (floatR)(0.0f);
            } else {
                gathered += ahead(tl_load_part(a + full, rest, -FLT_MAX), chosen, false);
            }
        }
        // Ties inside the target's own vector.
        float ties = 0.0f;
        if (known && (target / TL_RW) % TL_LANES == TL_LANE)
            for (uint c = target - target % TL_RW; c < target; c++) ties += a[c] == chosen ? 1.0f : 0.0f;
        float highest = tl_row_max(tl_maxR(top), of_max);
        float rank = tl_row_sum(tl_sumR(gathered) + ties, of_rank); // an index's is exact: at most 2^24
        if (has_soft) chosen = rank;

        floatR part = (floatR)(0.0f);
        for (uint start = TL_LANE * TL_RW; start < full; start += SUM_BLOCK) {
            uint stop = full - start > SUM_BLOCK ? start + SUM_BLOCK : full;
            floatR block = (floatR)(0.0f);
            for (uint c = start; c < stop; c += TL_LANES * TL_RW) {
                floatR e = tl_exp(tl_load(a + c) - highest);
                block += e;
                if (has_dlogits) tl_store(e, d + c);
            }
            part += block;
        }
        if (rest) {
            floatR e = tl_exp(tl_load_part(a + full, rest, -INFINITY) - highest);
            part += e;
            if (has_dlogits) tl_store_part(e, d + full, rest);
        }
        float total = tl_row_sum(tl_sumR(part), of_total);

        if (n && TL_LANE == 0) {
            losses[s.losses_at + row] = log(total) + (highest - chosen);
            ranks[s.ranks_at + row] = known && isfinite(rank) ? (int)rank : INT_MAX;
        }
        if (has_dlogits) {
            float share = scale / total;
            // Only the work-item that owns the target's element accesses it in these loops.
            bool mine = known && (target / TL_RW) % TL_LANES == TL_LANE;
            float own = mine ? d[target] : 0.0f;
            for (uint c = TL_LANE * TL_RW; c < full; c += TL_LANES * TL_RW) {
                floatR v = tl_load(d + c) * share;
                if (has_soft) v -= scale * tl_load(p + c);
                tl_store(v, d + c);
            }
            if (rest) {
                floatR v = tl_load_part(d + full, rest, 0.0f) * share;
                if (has_soft) v -= scale * tl_load_part(p + full, rest, 0.0f);
                tl_store_part(v, d + full, rest);
            }
            if (mine) d[target] = scale * (own / total - 1.0f);
        }
    }
}

// total[0] = scale * sum of values[0..count), overwritten, in an order that depends on count only; one
// work-group.
__kernel void sum(__global const float *values, ulong values_at, ulong count, float scale,
                  __global float *total, ulong total_at)
{
    TL_ROW_SCRATCH(scratch);
    values += values_at;
    ulong full = count - count % TL_RW;
    floatR part = (floatR)(0.0f);
    for (ulong start = get_local_id(0) * TL_RW; start < full; start += 64 * TL_GROUP * TL_RW) {
        ulong stop = min(full, start + 64 * TL_GROUP * TL_RW);
        floatR block = (floatR)(0.0f);
        for (ulong i = start; i < stop; i += TL_GROUP * TL_RW) block += tl_load(values + i);
        part += block;
    }
    if (TL_REST(count)) part += tl_load_part(values + full, TL_REST(count), 0.0f);
    float all = tl_row_sum(tl_sumR(part), scratch);
    if (get_local_id(0) == 0) total[total_at] = scale * all;
}

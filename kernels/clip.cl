// Checks of a step's gradients before any weight is updated: their global norm, and whether they are finite.

// partial[group] = sum of squares of values[group * piece .. (group + 1) * piece), overwritten. Work-groups of TL_GROUP
// items; piece is a multiple of the widest vector.
__kernel void squares(__global const float *values, ulong at, ulong count, ulong piece,
                      __global float *partial, ulong partial_at)
{
    TL_ROW_SCRATCH(scratch);
    const ulong first = get_group_id(0) * piece;
    const uint n = (uint)min(piece, count - first), full = TL_FULL(n), rest = TL_REST(n);
    values += at + first;
    floatR sum = (floatR)(0.0f);
    for (uint i = get_local_id(0) * TL_RW; i < full; i += TL_GROUP * TL_RW) {
        const floatR v = tl_load(values + i);
        sum = v * v + sum;
    }
    if (rest && get_local_id(0) == 0) {
        const floatR v = tl_load_part(values + full, rest, 0.0f);
        sum = v * v + sum;
    }
    const float all = tl_row_sum(tl_sumR(sum), scratch);
    if (get_local_id(0) == 0) partial[partial_at + get_group_id(0)] = all;
}

// clip_result[0] = gradient scale that limits the global norm, the root of the sum of partial[0..count), to
// `max_norm` (0: no clipping); -1, skip the step, when a partial sum or *loss is not finite. clip_result[1] = index
// of the first partial sum that is not finite, `count` when all are. One work-group of TL_GROUP items.
__kernel void clip_decide(__global const float *partial, ulong partial_at, uint count,
                          __global const float *loss, ulong loss_at, float max_norm,
                          __global float *clip_result, ulong clip_result_at)
{
    TL_ROW_SCRATCH(of_broken);
    TL_ROW_SCRATCH(of_sum);
    float sum = 0.0f, lost = 0.0f, broken = -(float)count;
    for (uint i = get_local_id(0); i < count; i += TL_GROUP) {
        const float p = partial[partial_at + i];
        if (!isfinite(p)) {
            broken = fmax(broken, -(float)i);
            continue;
        }
        // scaled, as sums of finite squares may still overflow; `lost`: rounding error of the sum (Kahan)
        const float more = p * 0x1p-16f - lost, next = sum + more;
        lost = (next - sum) - more;
        sum = next;
    }
    broken = tl_row_max(broken, of_broken);
    const float norm = sqrt(tl_row_sum(sum, of_sum)) * 0x1p8f;
    if (get_local_id(0) != 0) return;
    float scale = max_norm > 0.0f && norm > max_norm ? max_norm / (norm + 1e-6f) : 1.0f;
    if (broken != -(float)count || !isfinite(loss[loss_at])) scale = -1.0f;
    clip_result[clip_result_at] = scale;
    clip_result[clip_result_at + 1] = -broken;
}

// Stands in front of every kernel file. The host defines
//   TL_CPU    1: one work-item a group, wide vectors, no barriers; 0: work-groups with local memory
//   TL_VW     floats a vector (4, 8 or 16)
//   TL_GROUP  work-items that share one row in row kernels, a power of two; 1 on CPUs
// Layout everywhere: activations are [token][batch][channel]. Views arrive as a pointer and a ulong offset.

#define TL_CAT_(a, b) a##b
#define TL_CAT(a, b) TL_CAT_(a, b)
#define floatV TL_CAT(float, TL_VW)
#define vloadV TL_CAT(vload, TL_VW)
#define vstoreV TL_CAT(vstore, TL_VW)

inline float tl_sum4(float4 v) { return (v.s0 + v.s1) + (v.s2 + v.s3); }
inline float tl_sum8(float8 v) { return tl_sum4(v.lo + v.hi); }
inline float tl_sum16(float16 v) { return tl_sum8(v.lo + v.hi); }
inline float tl_max4(float4 v) { return fmax(fmax(v.s0, v.s1), fmax(v.s2, v.s3)); }
inline float tl_max8(float8 v) { return tl_max4(fmax(v.lo, v.hi)); }
inline float tl_max16(float16 v) { return tl_max8(fmax(v.lo, v.hi)); }
#define tl_sumV TL_CAT(tl_sum, TL_VW)
#define tl_maxV TL_CAT(tl_max, TL_VW)

// Sum or maximum of `x` over the TL_GROUP work-items of a row; every work-item gets it. `scratch` is
// __local float[TL_GROUP]. Must be reached by all work-items of the group.
#if TL_GROUP == 1
#define TL_ROW_SCRATCH(name)
#define tl_row_sum(x, scratch) (x)
#define tl_row_max(x, scratch) (x)
#else
#define TL_ROW_SCRATCH(name) __local float name[TL_GROUP]
inline float tl_row_sum_(float x, __local float *scratch)
{
    uint lane = get_local_id(0);
    scratch[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_size = TL_GROUP / 2; half_size > 0; half_size /= 2) {
        if (lane < half_size) scratch[lane] += scratch[lane + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float total = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return total;
}
inline float tl_row_max_(float x, __local float *scratch)
{
    uint lane = get_local_id(0);
    scratch[lane] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_size = TL_GROUP / 2; half_size > 0; half_size /= 2) {
        if (lane < half_size) scratch[lane] = fmax(scratch[lane], scratch[lane + half_size]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float top = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return top;
}
#define tl_row_sum(x, scratch) tl_row_sum_((x), (scratch))
#define tl_row_max(x, scratch) tl_row_max_((x), (scratch))
#endif

// Included before every kernel file. The host defines
//   TL_CPU    1: one work-item per group, wide vectors, no barriers; 0: work-groups with local memory
//   TL_VW     floats per vector (4, 8 or 16)
//   TL_GROUP  work-items that share one row in row kernels, a power of two; 1 on CPUs
// Layout: activations are [token][batch][channel]. Views are passed as a pointer and a ulong offset in elements. Where
// that makes more than twelve arguments, the offsets and all sizes are in a struct, the last argument, whose
// definition in kernels/NAME_sizes.cl the host includes too.

// Type names for definitions that kernels and host share.
typedef int i32;
typedef uint u32;
typedef ulong u64;
typedef float f32;

#define TL_CAT_(a, b) a##b
#define TL_CAT(a, b)  TL_CAT_(a, b)
#define floatV        TL_CAT(float, TL_VW)
#define vloadV        TL_CAT(vload, TL_VW)
#define vstoreV       TL_CAT(vstore, TL_VW)

static inline float tl_sum4(float4 v)
{
    return (v.s0 + v.s1) + (v.s2 + v.s3);
}
static inline float tl_sum8(float8 v)
{
    return tl_sum4(v.lo + v.hi);
}
static inline float tl_sum16(float16 v)
{
    return tl_sum8(v.lo + v.hi);
}
static inline float tl_max4(float4 v)
{
    return fmax(fmax(v.s0, v.s1), fmax(v.s2, v.s3));
}
static inline float tl_max8(float8 v)
{
    return tl_max4(fmax(v.lo, v.hi));
}
static inline float tl_max16(float16 v)
{
    return tl_max8(fmax(v.lo, v.hi));
}
#define tl_sumV TL_CAT(tl_sum, TL_VW)
#define tl_maxV TL_CAT(tl_max, TL_VW)

// Memory by lines, where the compiler can say so (not through SPIR-V):
//   PREFETCH(p)       asks for the line that p is in: processors do not foresee accesses far apart; PREFETCH_SECOND(p) for the
//                     second-level cache
//   tl_stream(v, p)   *p = v past the caches: a line that is written whole need not be read first. p is on a boundary of the
//                     vector's size. tl_stream_end() behind the last one: others see them when the kernel has ended
#define TL_LINE 16 // floats of a line
#ifdef __has_builtin
#if __has_builtin(__builtin_prefetch) && (defined(__x86_64__) || defined(__aarch64__))
#define PREFETCH(p)        __builtin_prefetch((const void *)(size_t)(p))
#define PREFETCH_SECOND(p) __builtin_prefetch((const void *)(size_t)(p), 0, 2)
#endif
#if __has_builtin(__builtin_nontemporal_store) && __has_builtin(__builtin_ia32_sfence) && defined(__x86_64__)
#define TL_STREAMS 1
#endif
#endif
#ifndef PREFETCH
#define PREFETCH(p)
#define PREFETCH_SECOND(p)
#endif

static inline bool tl_is_line(const __global float *p)
{
    return (size_t)p % (TL_LINE * sizeof(float)) == 0;
}

static inline void tl_stream(floatV v, __global float *p)
{
#ifdef TL_STREAMS
    __builtin_nontemporal_store(v, (__global floatV *)p);
#else
    vstoreV(v, 0, p);
#endif
}

static inline void tl_stream_end(void)
{
#ifdef TL_STREAMS
    __builtin_ia32_sfence();
#endif
}

// Row kernels. TL_LANES work-items (a power of two; TL_GROUP, unless a build option sets fewer) share a row,
// so a work-group processes TL_ROWS rows at a time.
#ifndef TL_LANES
#define TL_LANES TL_GROUP
#endif
#define TL_ROWS   (TL_GROUP / TL_LANES)
#define TL_LANE   ((uint)get_local_id(0) % TL_LANES)
#define TL_SUBROW ((uint)get_local_id(0) / TL_LANES)

// Sum or maximum of `x` over the TL_LANES work-items of a row; all of them get the result. `scratch` is
// __local float[TL_GROUP], a separate array for each reduction in a kernel: PoCL 7.1 miscompiles values that
// live across the barriers of two reductions through one array. Must be reached by all work-items of the
// group.
//
// tl_global_barrier: the group's accesses to global memory before it are done before those behind it; the
// barriers of a reduction order local memory only.
#if TL_GROUP == 1
static inline void tl_global_barrier(void) {}
#define TL_ROW_SCRATCH(name) __local float *const name = 0
static inline float tl_row_sum(float x, __local float *scratch)
{
    return x;
}
static inline float tl_row_max(float x, __local float *scratch)
{
    return x;
}
#else
static inline void tl_global_barrier(void)
{
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
}
#define TL_ROW_SCRATCH(name) __local float name[TL_GROUP]
static inline float tl_row_sum(float x, __local float *scratch)
{
    uint item = get_local_id(0), lane = TL_LANE;
    scratch[item] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_size = TL_LANES / 2; half_size > 0; half_size /= 2) {
        if (lane < half_size) scratch[item] += scratch[item + half_size];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float total = scratch[item - lane];
    barrier(CLK_LOCAL_MEM_FENCE);
    return total;
}
static inline float tl_row_max(float x, __local float *scratch)
{
    uint item = get_local_id(0), lane = TL_LANE;
    scratch[item] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_size = TL_LANES / 2; half_size > 0; half_size /= 2) {
        if (lane < half_size) scratch[item] = fmax(scratch[item], scratch[item + half_size]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    float top = scratch[item - lane];
    barrier(CLK_LOCAL_MEM_FENCE);
    return top;
}
#endif

// floatR is the unit of a work-item in a row kernel: a wide vector if it has the row to itself (CPU), one
// float if TL_GROUP work-items share the row (GPU: coalesced). The usual loop over n floats at p is
//     for (c = TL_LANE * TL_RW; c + TL_RW <= n; c += TL_LANES * TL_RW) ... tl_load(p + c) ...
//     if (TL_REST(n)) ... tl_load_part(p + TL_FULL(n), TL_REST(n), fill) ...
#if TL_GROUP == 1
#define TL_RW     TL_VW
#define floatR    floatV
#define intR      TL_CAT(int, TL_VW)
#define as_intR   TL_CAT(as_int, TL_VW)
#define as_floatR TL_CAT(as_float, TL_VW)
#define tl_sumR   tl_sumV
#define tl_maxR   tl_maxV
static inline floatR tl_load(__global const float *p)
{
    return vloadV(0, p);
}
static inline void tl_store(floatR v, __global float *p)
{
    vstoreV(v, 0, p);
}
static inline floatR tl_load_part(__global const float *p, uint count, float fill)
{
    float part[TL_RW];
    for (uint i = 0; i < TL_RW; i++) part[i] = i < count ? p[i] : fill;
    return vloadV(0, part);
}
static inline void tl_store_part(floatR v, __global float *p, uint count)
{
    float part[TL_RW];
    vstoreV(v, 0, part);
    for (uint i = 0; i < count; i++) p[i] = part[i];
}
#else
#define TL_RW      1
#define floatR     float
#define intR       int
#define as_intR    as_int
#define as_floatR  as_float
#define tl_sumR(v) (v)
#define tl_maxR(v) (v)
static inline float tl_load(__global const float *p)
{
    return p[0];
}
static inline void tl_store(float v, __global float *p)
{
    p[0] = v;
}
static inline float tl_load_part(__global const float *p, uint count, float fill)
{
    return count ? p[0] : fill;
}
static inline void tl_store_part(float v, __global float *p, uint count)
{
    if (count) p[0] = v;
}
#endif

// `v` with zeros but in its last `count` places.
static inline floatR tl_last(floatR v, uint count)
{
#if TL_RW == 16
    const intR place = (intR)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif TL_RW == 8
    const intR place = (intR)(0, 1, 2, 3, 4, 5, 6, 7);
#elif TL_RW == 4
    const intR place = (intR)(0, 1, 2, 3);
#else
    const int place = 0;
#endif
    return place < (intR)(TL_RW - (int)count) ? (floatR)(0.0f) : v;
}
#define TL_REST(n) ((uint)((n) % TL_RW))
#define TL_FULL(n) ((n) - (n) % TL_RW)

// The even and the odd elements of x and then y; by elements as in tile.cl.
#if TL_RW == 16
#define TL_EVEN(x, y)                                                                                        \
    (float16)(x.s0, x.s2, x.s4, x.s6, x.s8, x.sa, x.sc, x.se, y.s0, y.s2, y.s4, y.s6, y.s8, y.sa, y.sc, y.se)
#define TL_ODD(x, y)                                                                                         \
    (float16)(x.s1, x.s3, x.s5, x.s7, x.s9, x.sb, x.sd, x.sf, y.s1, y.s3, y.s5, y.s7, y.s9, y.sb, y.sd, y.sf)
#elif TL_RW == 8
#define TL_EVEN(x, y) (float8)(x.s0, x.s2, x.s4, x.s6, y.s0, y.s2, y.s4, y.s6)
#define TL_ODD(x, y)  (float8)(x.s1, x.s3, x.s5, x.s7, y.s1, y.s3, y.s5, y.s7)
#elif TL_RW == 4
#define TL_EVEN(x, y) (float4)(x.s0, x.s2, y.s0, y.s2)
#define TL_ODD(x, y)  (float4)(x.s1, x.s3, y.s1, y.s3)
#endif

// Element q is the sum of acc[q], which is overwritten: vectors are added in pairs until each sum has one lane.
static inline floatR tl_each_sum(floatR acc[TL_RW])
{
#if TL_GROUP == 1
#pragma unroll
    for (int count = TL_RW / 2; count > 0; count /= 2) {
#pragma unroll
        for (int i = 0; i < count; i++)
            acc[i] = TL_EVEN(acc[2 * i], acc[2 * i + 1]) + TL_ODD(acc[2 * i], acc[2 * i + 1]);
    }
#endif
    return acc[0];
}

// e^x to about one unit in the last place, for -86.9 <= x <= 89 (2e-38 to 4e38) or NaN: 2^k e^r with |r| <= ln 2 / 2.
static inline floatR tl_exp_within(floatR x)
{
    floatR shifted = x * 1.44269504f +
                     12582912.0f; // 1.5 * 2^23: the low bits of the sum are k = round(x log2 e)
    floatR n = shifted - 12582912.0f;
    floatR r = x - n * 0.693359375f; // ln 2 in two parts, the first with few bits
    r = r + n * 2.12194440e-4f;
    floatR p = 2.762893448e-3f * r + 1.673756167e-2f; // 2 e^r ...
    p = p * r + 8.333678544e-2f;
    p = p * r + 3.333303928e-1f;
    p = p * r + 9.999998808e-1f;
    p = p * (r * r) + (2.0f * r + 2.0f);
    return p * as_floatR((as_intR(shifted) + 126) << 23); // ... times 2^(k - 1), as 2^128 is no float
}

// The same for all x. Below -86.9 it is 0: denormals are slow and nothing here needs them. NaN stays NaN.
static inline floatR tl_exp(floatR x)
{
    const floatR low = (floatR)(-86.9f), high = (floatR)(89.0f);
    floatR z = x < low ? low : x;
    z = z > high ? high : z;
    return x < low ? (floatR)(0.0f) : tl_exp_within(z);
}

// The normal distribution at x: its cumulative value (within 1.2e-7) and density, which share one
// exponential, for |x| <= 12.5. For z = |x| the tail is exp(-z^2 / 2) t P(1 - t) with t = 1 / (1 + 0.35 z): P is
// a polynomial fitted to exp(z^2 / 2) erfc(z / sqrt 2) / (2 t) on 0 <= z <= 14 with a relative error of 3.6e-8.
static inline floatR tl_normal_cumulative(floatR x, floatR *density)
{
    floatR z = fabs(x);
    floatR t = 1.0f / (0.35f * z + 1.0f);
    floatR s = 0.35f * z * t;
    floatR bell = tl_exp_within(-0.5f * z * z);
    floatR p = -2.890104055e-2f * s + 8.832399547e-2f;
    p = p * s - 6.271845102e-2f;
    p = p * s - 1.712151803e-2f;
    p = p * s - 6.371302158e-2f;
    p = p * s + 1.025244743e-1f;
    p = p * s + 2.610605061e-1f;
    p = p * s - 6.398329139e-1f;
    p = p * s + 0.5f;
    floatR tail = bell * (t * p);
    *density = 0.3989422804f * bell;
    return x < 0.0f ? tail : 1.0f - tail;
}

// Beyond +-12.5 both functions are their limits within 1e-34, infinities included, and no result is denormal.
static inline floatR tl_gelu_range(floatR x)
{
    x = x < -12.5f ? (floatR)(-12.5f) : x;
    return x > 12.5f ? (floatR)(12.5f) : x;
}

// Exact GELU: x Phi(x), and its derivative Phi(x) + x phi(x).
static inline floatR tl_gelu(floatR x, floatR *slope)
{
    floatR density, inside = tl_gelu_range(x);
    floatR cumulative = tl_normal_cumulative(inside, &density);
    *slope = inside * density + cumulative;
    return x < -12.5f ? (floatR)(0.0f) : x * cumulative;
}

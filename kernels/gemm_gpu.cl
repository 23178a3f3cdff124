// C = (alpha op(A) op(B) + beta C + bias + residual) * factor on GPUs: the same arguments as gemm.cl's kernel. Group (x, y, z)
// owns the TILE x TILE tile (y, x) of batch z.
//   -DTA=0|1 -DTB=0|1   which operands are transposed

// Elements of the slice of `depth` inner indices at k: A's lie along k and B's along columns, unless they are transposed.
#if TA
#define FETCH_A(k, depth) tile_fetch(a + (ulong)(k)*s.lda, s.lda, s.m - i0, depth)
#else
#define FETCH_A(k, depth) tile_fetch_transposed(a + (k), s.lda, tile_rows(s.m - i0), depth)
#endif
#if TB
#define FETCH_B(k, depth) tile_fetch_transposed(b + (k), s.ldb, tile_rows(s.n - j0), depth)
#else
#define FETCH_B(k, depth) tile_fetch(b + (ulong)(k)*s.ldb, s.ldb, s.n - j0, depth)
#endif

__kernel TILE_GROUP void gemm(__global const float *restrict a0, __global const float *restrict b0,
                              __global float *c0, __global const float *bias, __global const float *residual,
                              __global const float *factor, const gemm_sizes s)
{
    TILE_LOCALS;
    const int z = get_group_id(2), z_outer = z / s.inner, z_inner = z % s.inner;
    const ulong c_shift = z_outer * s.c_outer + z_inner * s.c_inner;
    const int i0 = get_group_id(1) * TILE, j0 = get_group_id(0) * TILE;
    __global const float *a = a0 + s.a_at + z_outer * s.a_outer + z_inner * s.a_inner +
                              (TA ? (ulong)i0 : (ulong)i0 * s.lda);
    __global const float *b = b0 + s.b_at + z_outer * s.b_outer + z_inner * s.b_inner +
                              (TB ? (ulong)j0 * s.ldb : (ulong)j0);
    __global float *c = c0 + s.c_at + c_shift;
    float4 acc[TILE_RESULTS];
    tile_clear(acc);
#if TILE_HALVES == 2
    // The first slice is the one that may not be full, so that the loop checks no bounds along k.
    const int head = (s.k - 1) % TILE_K + 1;
    tile_put_as(tile_a, FETCH_A(0, head), !TA);
    tile_put_as(tile_b, FETCH_B(0, head), TB);
    barrier(CLK_LOCAL_MEM_FENCE);
    float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
    for (int k = head;; k += TILE_K) {
        const bool more = k < s.k;
        if (more) {
            next_a = FETCH_A(k, TILE_K);
            next_b = FETCH_B(k, TILE_K);
        }
        tile_multiply_sync(acc, tile_a, tile_b);
        if (!more) break;
        barrier(CLK_LOCAL_MEM_FENCE);
        tile_put_as(tile_a, next_a, !TA);
        tile_put_as(tile_b, next_b, TB);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#else
    for (int k = 0; k < s.k + TILE_K; k += TILE_K) {
        float4 next_a = (float4)(0.0f), next_b = (float4)(0.0f);
        if (k < s.k) {
            next_a = FETCH_A(k, s.k - k);
            next_b = FETCH_B(k, s.k - k);
        }
        tile_turn_sync(acc, k, tile_a, next_a, !TA, tile_b, next_b, TB);
    }
#endif
    tile_sum_parts_sync(acc, tile_a);
#pragma unroll // values are then registers: some compilers would index them in memory
    for (int v = 0; v < TILE_RESULTS; v++) {
        const int g = v % TILE_HALVES, r = v / TILE_HALVES % 4, h = v / TILE_HALVES / 4;
        const int i = i0 + h * (TILE / 2) + 4 * TILE_Y + r;
        float values[4];
        vstore4(s.alpha * acc[v], 0, values);
#pragma unroll
        for (int q = 0; q < 4; q++) {
            const int j = j0 + g * (TILE / 2) + 4 * TILE_X + q;
            if (!TILE_OWNS(r) || i >= s.m || j >= s.n) continue;
            const ulong at = (ulong)i * s.ldc + j;
            GEMM_FINISH(values[q])
        }
    }
}

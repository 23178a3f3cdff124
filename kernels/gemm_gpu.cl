// C = (alpha op(A) op(B) + beta C + bias + residual) * factor on GPUs: the same arguments as gemm.cl's kernel. Group (x, y, z)
// owns the 64 x 64 tile (y, x) of batch z.
//   -DTA=0|1 -DTB=0|1   which operands are transposed

__kernel TILE_GROUP void gemm(__global const float *a0, __global const float *b0, __global float *c0,
                              __global const float *bias, __global const float *residual,
                              __global const float *factor, const gemm_sizes s)
{
    const int m = s.m, n = s.n, k_total = s.k, lda = s.lda, ldb = s.ldb, ldc = s.ldc;
    const float alpha = s.alpha, beta = s.beta;
    TILE_LOCALS;
    const int z = get_group_id(2), z_outer = z / s.inner, z_inner = z % s.inner;
    const ulong c_shift = z_outer * s.c_outer + z_inner * s.c_inner;
    __global const float *a = a0 + s.a_at + z_outer * s.a_outer + z_inner * s.a_inner;
    __global const float *b = b0 + s.b_at + z_outer * s.b_outer + z_inner * s.b_inner;
    __global float *c = c0 + s.c_at + c_shift;
    const int i0 = get_group_id(1) * TILE, j0 = get_group_id(0) * TILE;
    float4 acc[4];
    tile_clear(acc);
    for (int k = 0; k < k_total; k += TILE_K) {
#if TA
        tile_load(tile_a, a + (ulong)k * lda + i0, lda, 0, m - i0, k_total - k);
#else
        tile_load_transposed(tile_a, a + (ulong)i0 * lda + k, lda, 0, m - i0, k_total - k);
#endif
#if TB
        tile_load_transposed(tile_b, b + (ulong)j0 * ldb + k, ldb, 0, n - j0, k_total - k);
#else
        tile_load(tile_b, b + (ulong)k * ldb + j0, ldb, 0, n - j0, k_total - k);
#endif
        tile_multiply_sync(acc, tile_a, tile_b);
    }
#pragma unroll // values are then registers: some compilers would index them in memory
    for (int r = 0; r < 4; r++) {
        const int i = i0 + 4 * TILE_Y + r;
        float values[4];
        vstore4(alpha * acc[r], 0, values);
#pragma unroll
        for (int q = 0; q < 4; q++) {
            const int j = j0 + 4 * TILE_X + q;
            if (i >= m || j >= n) continue;
            const ulong at = (ulong)i * ldc + j;
            float x = values[q];
            if (beta != 0.0f) x += beta * c[at];
            if (bias) x += bias[s.bias_at + j];
            if (residual) x += residual[s.residual_at + c_shift + at];
            if (factor) x *= factor[s.factor_at + c_shift + at];
            c[at] = x;
        }
    }
}

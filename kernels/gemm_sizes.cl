// By-value argument of the kernels in gemm.cl, gemm_gpu.cl and gemm_tensor.cl, shared with the host: C = (alpha op(A) op(B) + beta C +
// bias + residual) * factor, see src/ops/gemm.h. No implicit padding.

#define GEMM_COLUMNS 128 // at most in a work-group's block, CPU form, where no tuned tile says otherwise

typedef struct gemm_sizes {
    u64 a_at, b_at, c_at, bias_at, residual_at, factor_at;    // offsets of the views, in elements
    u64 sums_at;                                              // CPU form
    u64 a_outer, a_inner, b_outer, b_inner, c_outer, c_inner; // floats between matrices of a batch
    i32 m, n, k, lda, ldb, ldc;
    i32 mb, nb; // rows and columns of a work-group's block, CPU form
    i32 inner;  // matrices of the inner batch
    f32 alpha, beta;
    i32 unused;
} gemm_sizes;

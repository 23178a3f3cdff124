// By-value argument of the kernel in gemv.cl, shared with the host. No implicit padding.
typedef struct gemv_sizes {
    u64 x_at, weight_at, norm_weight_at, norm_bias_at, bias_at, residual_at,
        y_at;           // offsets of the views, in elements
    u32 n, k, ld;       // rows and columns of the weights, and floats between rows
    u32 rows_per_group; // rows of the weights that a work-group takes, whole vectors in the form for CPUs
    f32 alpha;
    u32 gelu; // 1: the result goes through GELU before the residual is added
} gemv_sizes;

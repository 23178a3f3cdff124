// By-value argument of the kernels in layernorm.cl, shared with the host. No implicit padding.
typedef struct layernorm_sizes {
    u64 x_at, weight_at, bias_at, y_at, stats_at; // offsets of the views, in elements
    u64 dy_at, dx_at, partial_at;                 // the same, backward
    u64 rows;
    u32 channels;
    u32 rows_per_group; // consecutive rows of a work-group
    u32 accumulate;     // backward: 1 adds to dx
    u32 unused;
} layernorm_sizes;

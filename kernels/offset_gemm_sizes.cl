// By-value argument of the kernels in offset_gemm.cl and offset_gemm_gpu.cl, shared with the host. No implicit padding.
typedef struct offset_gemm_sizes {
    u64 x_at, xq_at, xk_at, y_at, weights_at; // offsets of the views that a kernel has, in elements
    u64 q_at, k_at;                           // of the saved rows q and k
    u64 dx_at, dxq_at, dxk_at, dy_at;         // the same, backward
    u64 gradient_at;                          // offset_gemm_weight_gradient
    u64 partial_at;                           // offset_gemm_values_backward
    i32 group_begin, group_end;   // groups of this launch; kernels with a work-group a group know the end
    i32 pair_begin, pair_end;     // the first pair of the rows in memory; the end of the chunk's pairs
    i32 all_pairs, queries, keys; // of the pair table
    i32 batch;
    i32 batch_block,
        token_block; // batch indices and tokens a work-group, CPU form; tokens also of blocks in that for GPUs
    i32 parts;       // of the offsets of a launch, of which a work-group has one: offset_gemm_block.cl
    i32 by_size; // offset_gemm_weight_gradient, GPU form: the table's groups, which are taken by falling size; 0: as they come
    i32 query_first, key_first; // numbers of the first matrices in the tables' shards
    i32 keep;                   // offset_gemm_logits: 1 keeps q and k of the rows
    i32 side;                   // offset_gemm_weight_gradient, see there
    f32 scale;                  // offset_gemm_logits
    i32 panels; // offset_gemm_weight_gradient, CPU form: column panels of a matrix that a work-group has
} offset_gemm_sizes;

#ifdef __OPENCL_VERSION__
// Build options:
//   -DINNER=C -DHEADS=h -DHEAD_DIM=d
//   -DQ_PER_OFFSET=0|1 -DK_PER_OFFSET=0|1 -DQ_STRIDE=floats -DK_STRIDE=floats
// PER_OFFSET 1: the operand's rows have INNER channels and are multiplied by a matrix per offset; 0: they
// already are the WIDTH channels of q or k. STRIDE: floats between its rows.

#define WIDTH  (HEADS * HEAD_DIM)
#define MATRIX ((ulong)INNER * WIDTH)
#ifndef Q_PER_OFFSET
#define Q_PER_OFFSET 1
#define Q_STRIDE     INNER
#endif
#ifndef K_PER_OFFSET
#define K_PER_OFFSET 1
#define K_STRIDE     INNER
#endif
#endif

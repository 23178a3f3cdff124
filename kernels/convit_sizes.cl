// By-value argument of convit_backward in convit.cl, shared with the host. No implicit padding.
typedef struct convit_backward_sizes {
    u64 prob_at, positions_at, gate_at, dmixed_at, dpositions_at,
        dgate_at; // offsets of the views, in elements
    u64 count;    // elements of a matrix
    u32 batch;
    u32 block; // consecutive elements of a work-group
} convit_backward_sizes;

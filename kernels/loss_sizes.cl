// By-value argument of cross_entropy in loss.cl, shared with the host. No implicit padding.
typedef struct cross_entropy_sizes {
    u64 logits_at, targets_at, soft_at, losses_at, ranks_at, dlogits_at; // offsets of the views, in elements
    u64 rows;
    u32 classes;
    u32 rows_per_group; // consecutive rows of a work-group
    f32 scale;          // of dlogits
    u32 unused;
} cross_entropy_sizes;

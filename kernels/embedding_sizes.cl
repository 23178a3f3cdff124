// By-value argument of tokens_forward in embedding.cl, shared with the host. No implicit padding.
typedef struct tokens_sizes {
    u64 patches_at, class_at, position_at, x_at; // offsets of the views, in elements
    u64 rows;
    u32 batch, channels;
    u32 cls;            // class tokens: 0 or 1
    u32 rows_per_group; // consecutive rows of a work-group
} tokens_sizes;

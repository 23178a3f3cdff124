// By-value argument of patches_forward in image.cl, shared with the host. No implicit padding.
typedef struct patches_sizes {
    u64 images_at, patches_at; // offsets of the views, in elements
    u64 rows;
    u32 batch, channels;
    u32 width, height, depth;                   // of an image
    u32 patch_width, patch_height, patch_depth; // of a patch
    u32 rows_per_group;                         // consecutive rows of a work-group
    u32 unused;
} patches_sizes;

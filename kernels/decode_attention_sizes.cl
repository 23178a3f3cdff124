// By-value argument of the kernel in decode_attention.cl, shared with the host. No implicit padding.
typedef struct decode_attention_sizes {
    u64 qkv_at, weights_at, o_at; // offsets of the views, in elements
    u64 q, k, v; // from there to the first head's channels of the query, and of the first key and value
    u32 keys, batch, heads, head_dim;
    u32 stride;              // floats between rows of qkv
    u32 adds;                // 1: the weights hold logits, to which q . k is added
    f32 scale, output_scale; // of q . k, and of the result
} decode_attention_sizes;

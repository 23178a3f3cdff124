/* Rotary positions (RoFormer; the reference's RoPE and RoPE2D): the channels c and c + head_dim/2 of a head
 * turn as a pair by an angle that grows with the token's position. */
#ifndef OPS_ROPE_H
#define OPS_ROPE_H

#include "ops/attention_terms.h"

/* TL_ERROR_USAGE unless heads of this width can be turned: even in a sequence; divisible by 4 on a plane, whose
 * rows turn one half of the frequencies and whose columns the other; even and 6 at least in a volume, whose axes
 * have a third each, the last one what remains. */
tl_status tli_rope_check(const tli_geometry *geometry, uint32_t head_dim, tl_error *err);

/* Fills a table of tokens * head_dim floats: per token head_dim / 2 cosines, then as many sines, of
 * position * 10000^(-m/n) for the n frequencies m of an axis, axis after axis. The class token does not turn. `name` is
 * for messages. */
tl_status tli_rope_fill(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t head_dim,
                        tl_tensor *table);

typedef struct tli_rope {
    uint32_t tokens, batch, heads, head_dim;
    uint32_t stride; /* floats between rows */
} tli_rope;

/* Turns rows [token][batch] of heads * head_dim channels in place; `back` undoes it (its transpose, for
 * gradients). */
tl_status tli_rope_rotate(tl_context *ctx, const tli_rope *rope, tli_view table, tli_view rows, bool back);

#endif

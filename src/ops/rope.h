/* Rotary position embedding (RoFormer; the reference's RoPE and RoPE2D): channels c and c + head_dim/2 of
 * a head are rotated by an angle proportional to the token's position. */
#ifndef OPS_ROPE_H
#define OPS_ROPE_H

#include "ops/attention_terms.h"

typedef struct tli_rope {
    uint32_t tokens, batch, heads, head_dim;
    uint32_t stride; /* floats between rows */
} tli_rope;

/* Rotates rows [token][batch] of heads * head_dim channels in place by a table of tokens * head_dim floats: per token
 * head_dim / 2 cosines, then as many sines, of position * 10000^(-m/n) for the n frequencies m of an axis, axis
 * after axis. The class token is not rotated. `back` applies the inverse (the transpose, for gradients). */
tl_status tli_rope_rotate(tl_context *ctx, const tli_rope *rope, tli_view table, tli_view rows, bool back);

#endif

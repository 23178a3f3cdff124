/* Rotary position embedding (RoFormer; the reference's RoPE and RoPE2D): channels c and c + head_dim/2 of
 * a head are rotated by an angle proportional to the token's position. */
#ifndef OPS_ROPE_H
#define OPS_ROPE_H

#include "ops/attention_terms.h"

/* TL_ERROR_USAGE unless head_dim can be split: even in a sequence; divisible by 4 in an image, whose rows
 * and columns get half of the frequencies each; even and at least 6 in a volume, whose axes get a third
 * each, the last one the remainder. */
tl_status tli_rope_check(const tli_geometry *geometry, uint32_t head_dim, tl_error *err);

/* Fills a table of tokens * head_dim floats: per token head_dim / 2 cosines, then as many sines, of
 * position * 10000^(-m/n) for the n frequencies m of an axis, axis after axis. The class token is not
 * rotated. `name` is for messages. */
tl_status tli_rope_fill(tl_context *ctx, const char *name, const tli_geometry *geometry, uint32_t head_dim,
                        tl_tensor *table);

typedef struct tli_rope {
    uint32_t tokens, batch, heads, head_dim;
    uint32_t stride; /* floats between rows */
} tli_rope;

/* Rotates rows [token][batch] of heads * head_dim channels in place; `back` applies the inverse (the
 * transpose, for gradients). */
tl_status tli_rope_rotate(tl_context *ctx, const tli_rope *rope, tli_view table, tli_view rows, bool back);

#endif

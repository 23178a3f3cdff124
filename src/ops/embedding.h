/* The class token and learned positions in front of the blocks of a ViT; rows are [token][batch][channel]. */
#ifndef TL_OPS_EMBEDDING_H
#define TL_OPS_EMBEDDING_H

#include "device/device.h"

/* x[t][b] = (t < cls ? class_token : patches[t - cls][b]) + position[t]. cls is 0 or 1; class_token may have
 * mem NULL when cls is 0; position (tokens x channels) may have mem NULL: none. x overwritten; `patches` may
 * be the very rows of x behind the class token. */
tl_status tl_tokens_forward(tl_context *ctx, tl_view patches, tl_view class_token, tl_view position,
                            tl_view x, uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls);
/* dclass_token = sum_b dx[0][b]; dposition[t] = sum_b dx[t][b]; both overwritten, either may have mem NULL.
 */
tl_status tl_tokens_backward(tl_context *ctx, tl_view dx, tl_view dclass_token, tl_view dposition,
                             uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls);

/* Mean over tokens: y[b] = 1/tokens sum_t x[t][b]; and its gradient, dx overwritten. */
tl_status tl_mean_tokens_forward(tl_context *ctx, tl_view x, tl_view y, uint32_t tokens, uint32_t batch,
                                 uint32_t channels);
tl_status tl_mean_tokens_backward(tl_context *ctx, tl_view dy, tl_view dx, uint32_t tokens, uint32_t batch,
                                  uint32_t channels);

#endif

/* Embeddings: class token and learned positions of a ViT, token embedding of a GPT. Rows are
 * [token][batch][channel]. */
#ifndef OPS_EMBEDDING_H
#define OPS_EMBEDDING_H

#include "device/device.h"

/* x[t][b] = (t < cls ? class_token : patches[t - cls][b]) + position[t], overwritten. cls is 0 or 1;
 * class_token may have mem NULL when cls is 0; position (tokens x channels) may have mem NULL: none.
 * `patches` may alias the rows of x after the class token. */
tl_status tli_tokens_forward(tl_context *ctx, tli_view patches, tli_view class_token, tli_view position,
                             tli_view x, uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls);
/* dclass_token = sum_b dx[0][b]; dposition[t] = sum_b dx[t][b]; both overwritten, either may have mem NULL.
 */
tl_status tli_tokens_backward(tl_context *ctx, tli_view dx, tli_view dclass_token, tli_view dposition,
                              uint32_t tokens, uint32_t batch, uint32_t channels, uint32_t cls);

/* Mean pooling over tokens: y[b] = 1/tokens sum_t x[t][b]; and its gradient, dx overwritten. */
tl_status tli_mean_tokens_forward(tl_context *ctx, tli_view x, tli_view y, uint32_t tokens, uint32_t batch,
                                  uint32_t channels);
tl_status tli_mean_tokens_backward(tl_context *ctx, tli_view dy, tli_view dx, uint32_t tokens, uint32_t batch,
                                   uint32_t channels);

/* ---- token embedding: one row per id ---------------------------------------------------------------- */

/* x[t][b] = table[ids[t][b]] + position[t]; ids int32, all below the table's rows; position (tokens x channels)
 * may have mem NULL. x overwritten. */
tl_status tli_embedding_forward(tl_context *ctx, tli_view table, tli_view ids, tli_view position, tli_view x,
                                uint32_t tokens, uint32_t batch, uint32_t channels);

/* Host part of the backward pass: groups rows by id, so that each id's gradient is summed by one
 * work-group in a fixed order. `index` receives tli_embedding_index_count(rows) int32: a span {id, begin,
 * end} for each id that occurs, ascending, and after space for `rows` spans the row numbers sorted by id.
 * Returns the number of spans. `keys`: scratch for `rows` numbers. */
uint32_t tli_embedding_sort(const int32_t *ids, uint32_t rows, uint64_t *keys, int32_t *index);
uint64_t tli_embedding_index_count(uint64_t rows);
/* dtable (`table_rows` x channels) = sums of dx by id, exact zeros for absent ids; overwritten. index: the
 * above copied to the device, with this many spans. */
tl_status tli_embedding_backward(tl_context *ctx, tli_view index, uint32_t spans, tli_view dx,
                                 tli_view dtable, uint64_t rows, uint32_t table_rows, uint32_t channels);

#endif

/* Fused Linear (no bias) and cross-entropy for large vocabularies: logits of a chunk of rows at a time go
 * through GEMM, loss and, in training, backward, so that they are never all in memory. */
#ifndef OPS_LINEAR_LOSS_H
#define OPS_LINEAR_LOSS_H

#include "device/device.h"

/* x [rows][in], weight [classes][in], targets int32 [rows]; losses and ranks as in tli_cross_entropy. dx
 * (may alias x) and dweight receive the gradients of scale times the sum of the losses, overwritten; both
 * with mem NULL: losses only. workspace: tli_linear_loss_workspace floats; sums: tli_linear_loss_sums floats, only for
 * gradients; both of the same chunk_bytes. */
tl_status tli_linear_loss(tl_context *ctx, tli_view x, tli_view weight, tli_view targets, float scale,
                          tli_view losses, tli_view ranks, tli_view dx, tli_view dweight, tli_view workspace,
                          tli_view sums, uint64_t chunk_bytes, uint64_t rows, uint32_t in, uint32_t classes);
/* Backward of one chunk of rows: dweight (with `first` overwritten, else added to) = dlogits^T x, then dx =
 * dlogits weight, which may overwrite x. sums: as of tli_linear_loss. */
tl_status tli_linear_loss_backward(tl_context *ctx, tli_view dlogits, tli_view x, tli_view weight,
                                   tli_view dx, tli_view dweight, tli_view sums, bool first, uint32_t rows,
                                   uint32_t in, uint32_t classes);
/* Floats for one chunk of logits: at most chunk_bytes (0: 64 MiB), or one row. dweight, which is added to in every chunk, is the same to
 * rounding whatever that is. */
uint64_t tli_linear_loss_workspace(uint64_t chunk_bytes, uint64_t rows, uint32_t classes);
/* Floats for partial sums of a chunk's dx. */
uint64_t tli_linear_loss_sums(uint64_t chunk_bytes, uint64_t rows, uint32_t in, uint32_t classes);

#endif

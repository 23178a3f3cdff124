/* Cross-entropy behind a Linear layer without bias, for vocabularies whose logits are too many to be held for all
 * rows at once: a chunk of rows at a time goes through product, loss and, for training, back. */
#ifndef OPS_LINEAR_LOSS_H
#define OPS_LINEAR_LOSS_H

#include "device/device.h"

/* x [rows][in], weight [classes][in], targets int32 [rows]; losses and ranks as tli_cross_entropy writes them. dx (may
 * be x) and dweight receive the gradients of scale times the sum of the losses, overwritten; both with mem NULL: the
 * losses alone. workspace: tli_linear_loss_workspace floats. */
tl_status tli_linear_loss(tl_context *ctx, tli_view x, tli_view weight, tli_view targets, float scale,
                          tli_view losses, tli_view ranks, tli_view dx, tli_view dweight, tli_view workspace,
                          uint64_t rows, uint32_t in, uint32_t classes);
/* The logits of one chunk: at most 64 MiB of them, or one row. */
uint64_t tli_linear_loss_workspace(uint64_t rows, uint32_t classes);

#endif

/* The paper's GPT: token embedding and optional learned positions, causal blocks, two LayerNorms and an
 * untied Linear head without bias. The logits of a whole batch are never in memory at once. Rows are
 * [token][batch]. */
#ifndef MODELS_GPT_H
#define MODELS_GPT_H

#include "models/model.h"

/* Blocking; call after tli_model_forward and, in training, before tli_model_loss: the logits after token
 * `token` of each sample, [batch][vocab_size]. */
tl_status tli_gpt_read_logits(tl_context *ctx, tl_model *model, uint32_t token, float *logits);

#endif

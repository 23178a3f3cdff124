/* The GPT of the paper: the vocabulary's table and optional learned positions in front of the blocks, whose blocks are
 * all causal; two LayerNorms and an untied Linear head without bias behind it. The logits of a batch are never held
 * whole. Rows are [token][batch]. */
#ifndef MODELS_GPT_H
#define MODELS_GPT_H

#include "models/model.h"

/* Blocking, after tli_model_forward and, when training, before tli_model_loss: the logits behind token `token` of every
 * sample, [batch][vocab_size]. */
tl_status tli_gpt_read_logits(tl_context *ctx, tli_model *model, uint32_t token, float *logits);

#endif

/* The GPT of the paper: the vocabulary's table and optional learned positions in front of the trunk, whose blocks are
 * all causal; two LayerNorms and an untied Linear head without bias behind it. The logits of a batch are never held
 * whole. Rows are [token][batch]. */
#ifndef TL_MODELS_GPT_H
#define TL_MODELS_GPT_H

#include "models/model.h"

/* Blocking, after tl_model_forward and, when training, before tl_model_loss: the logits behind token `token` of every
 * sample, [batch][vocab_size]. */
tl_status tl_gpt_read_logits(tl_context *ctx, tl_model *model, uint32_t token, float *logits);

#endif

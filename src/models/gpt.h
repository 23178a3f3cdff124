/* The GPT of the paper: the vocabulary's table and optional learned positions in front of the trunk, whose blocks are
 * all causal; two LayerNorms and an untied Linear head without bias behind it. The logits of a batch are never held
 * whole. gpt.c runs it, gpt_plan.c knows its sizes. Rows are [token][batch]. */
#ifndef TL_MODELS_GPT_H
#define TL_MODELS_GPT_H

#include "models/family.h"

typedef enum tl_gpt_buffer {
    TL_GPT_TOKENS = TL_MODEL_BUFFERS, /* rows, int32 */
    TL_GPT_INDEX,                     /* training: which rows hold which id, see ops/embedding.h */
    TL_GPT_TRUNK_STATS,               /* 2 x rows: of the trunk's LayerNorm */
    TL_GPT_FINAL_STATS,               /* 2 x rows: of the one behind it */
    TL_GPT_NORMED,                    /* rows x dim: what the head reads; after the loss its gradient */
    TL_GPT_LOGITS,                    /* scratch: of a chunk of rows */
    TL_GPT_END
} tl_gpt_buffer;
enum { TL_GPT_BUFFERS = TL_GPT_END - TL_MODEL_BUFFERS };

/* Blocking, after tl_model_forward and, when training, before tl_model_loss: the logits behind token `token` of every
 * sample, [batch][vocab_size]. */
tl_status tl_gpt_read_logits(tl_context *ctx, tl_model *model, uint32_t token, float *logits);

/* What tl_gpt_family consists of, see models/family.h. */
tl_status tl_gpt_check(const tl_model_config *c, tl_error *err);
tl_geometry tl_gpt_geometry(const tl_model_config *c);
bool tl_gpt_class_only(const tl_model_config *c);
tl_status tl_gpt_parameters(const tl_model_config *c, tl_registry *r, tl_error *err);
uint64_t tl_gpt_predictions(const tl_model_config *c, uint32_t batch);
extern const tl_buffer_info tl_gpt_buffer_info[TL_GPT_BUFFERS];
uint64_t tl_gpt_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which);
uint64_t tl_gpt_wide(const tl_model_config *c, uint32_t batch);
uint64_t tl_gpt_workspace(const tl_model_config *c, uint32_t batch, bool training);
void tl_gpt_flops(const tl_model_config *c, uint32_t batch, tl_flops *f);

#endif

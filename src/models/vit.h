/* The Vision Transformer: patches -> LN -> Linear -> LN, class token and positions in front of the trunk; LN
 * and a Linear head on the class token or the mean over tokens behind it. vit.c runs it, vit_plan.c knows its
 * sizes. */
#ifndef TL_MODELS_VIT_H
#define TL_MODELS_VIT_H

#include "models/family.h"
#include "ops/image.h"

typedef enum tl_vit_buffer {
    TL_VIT_IMAGES = TL_MODEL_BUFFERS, /* batch x channels x height x width */
    TL_VIT_PATCHES,                   /* patches x batch x patch values */
    TL_VIT_PATCH_STATS,               /* 2 x patches x batch */
    TL_VIT_EMBEDDED,                  /* patches x batch x dim: before the second LayerNorm */
    TL_VIT_EMBEDDED_STATS,            /* 2 x patches x batch */
    TL_VIT_FINAL_STATS,               /* 2 x last block's rows */
    TL_VIT_POOLED,                    /* batch x dim */
    TL_VIT_LOGITS,                    /* batch x classes */
    TL_VIT_DLOGITS,                   /* training: the same */
    TL_VIT_SOFT_TARGETS,              /* training: the same */
    TL_VIT_END
} tl_vit_buffer;
enum { TL_VIT_BUFFERS = TL_VIT_END - TL_MODEL_BUFFERS };

tl_extent tl_vit_image(const tl_model_config *config);
tl_extent tl_vit_patch(const tl_model_config *config);
uint32_t tl_vit_patch_count(const tl_model_config *config);
uint32_t tl_vit_patch_values(const tl_model_config *config); /* values of one patch */

/* What tl_vit_family consists of, see models/family.h. */
tl_status tl_vit_check(const tl_model_config *c, tl_error *err);
tl_geometry tl_vit_geometry(const tl_model_config *c);
bool tl_vit_class_only(const tl_model_config *c);
tl_status tl_vit_parameters(const tl_model_config *c, tl_registry *r, tl_error *err);
uint64_t tl_vit_predictions(const tl_model_config *c, uint32_t batch);
extern const tl_buffer_info tl_vit_buffer_info[TL_VIT_BUFFERS];
uint64_t tl_vit_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which);
uint64_t tl_vit_wide(const tl_model_config *c, uint32_t batch);
uint64_t tl_vit_workspace(const tl_model_config *c, uint32_t batch, bool training);
void tl_vit_flops(const tl_model_config *c, uint32_t batch, tl_flops *f);

#endif

/* What a Vision Transformer allocates, in one place: vit.c creates these buffers, plan.c sums them. */
#ifndef TL_MODELS_VIT_LAYOUT_H
#define TL_MODELS_VIT_LAYOUT_H

#include "models/block.h"
#include "models/vit.h"

typedef enum tl_vit_buffer {
    TL_VIT_IMAGES,         /* batch x channels x height x width */
    TL_VIT_TARGETS,        /* batch, int32 */
    TL_VIT_PATCHES,        /* patches x batch x patch values */
    TL_VIT_PATCH_STATS,    /* 2 x patches x batch */
    TL_VIT_EMBEDDED,       /* patches x batch x dim: before the second LayerNorm */
    TL_VIT_EMBEDDED_STATS, /* 2 x patches x batch */
    TL_VIT_INPUT,          /* tokens x batch x dim: the first block's input; in inference every block's */
    TL_VIT_FINAL_STATS,    /* 2 x last block's rows */
    TL_VIT_POOLED,         /* batch x dim */
    TL_VIT_LOGITS,         /* batch x classes */
    TL_VIT_DLOGITS,        /* training: the same */
    TL_VIT_ROW_LOSSES,     /* batch */
    TL_VIT_RANKS,          /* batch, int32 */
    TL_VIT_LOSSES,         /* TL_LOSS_SLOTS */
    TL_VIT_ROWS1,          /* scratch, tokens x batch x dim */
    TL_VIT_ROWS2,          /* scratch, training: the same */
    TL_VIT_DX,             /* training: gradient of the trunk's rows, the same */
    TL_VIT_WIDE,           /* scratch: the larger of a block's hidden rows and the patches */
    TL_VIT_WORKSPACE,      /* scratch of the operations */
    TL_VIT_BUFFERS
} tl_vit_buffer;

uint32_t tl_vit_patch_count(const tl_vit_config *config);
uint32_t tl_vit_patch_values(const tl_vit_config *config); /* values of one patch */
uint32_t tl_vit_tokens(const tl_vit_config *config);       /* patches and the class token */
const char *tl_vit_trunk(const tl_vit_config *config);     /* "transformer" or "translution" */
tl_block_shape tl_vit_block_shape(const tl_vit_config *config, uint32_t batch, bool training, uint32_t layer);

/* 4-byte elements; 0: not allocated. */
uint64_t tl_vit_buffer_count(const tl_vit_config *config, uint32_t batch, bool training, tl_vit_buffer which);
const char *tl_vit_buffer_name(tl_vit_buffer which);
tl_memory_kind tl_vit_buffer_kind(tl_vit_buffer which);

/* TL_ERROR_USAGE when rows or buffers of this batch pass what 32-bit row counts can address. */
tl_status tl_vit_batch_check(const tl_vit_config *config, uint32_t batch, tl_error *err);

#endif

/* Interface of a model architecture (ViT, GPT): the embedding before the shared blocks (models/model.h),
 * the head with its loss after them, and their buffers. Used inside src/models only. */
#ifndef MODELS_ARCH_H
#define MODELS_ARCH_H

#include "models/cost.h"
#include "models/model.h"

/* Buffers of every model; `rows` = tokens x batch. They are created in this order, followed by the
 * architecture's own. */
typedef enum tli_model_buffer {
    TLI_MODEL_INPUT,      /* rows x dim: input of the first block; in inference of every block */
    TLI_MODEL_ROWS1,      /* scratch, rows x dim */
    TLI_MODEL_ROWS2,      /* scratch, training: rows x dim */
    TLI_MODEL_DX,         /* training: rows x dim, gradient of the rows */
    TLI_MODEL_WIDE,       /* scratch: max(MLP hidden, arch-specific) floats */
    TLI_MODEL_WORKSPACE,  /* scratch shared by all operations */
    TLI_MODEL_TARGETS,    /* predictions, int32 */
    TLI_MODEL_ROW_LOSSES, /* predictions */
    TLI_MODEL_RANKS,      /* predictions, int32 */
    TLI_MODEL_LOSSES,     /* ring of TLI_LOSS_SLOTS losses */
    TLI_MODEL_BUFFERS,
    TLI_MODEL_MAX_BUFFERS = TLI_MODEL_BUFFERS + 16
} tli_model_buffer;

typedef struct tli_buffer_info {
    const char *name;
    tl_memory_kind kind;
} tli_buffer_info;

/* A parameter and its gradient as views; no gradient in inference. */
typedef struct tli_parameter_views {
    tli_view value, gradient;
} tli_parameter_views;

typedef struct tli_arch {
    /* Without a device; the configuration's common values have been checked. */
    tl_status (*check)(const tl_model_config *c, tl_error *err);
    /* Token layout; sharing and window are added by the caller. */
    tli_geometry (*geometry)(const tl_model_config *c);
    bool (*class_only)(const tl_model_config *c); /* the head reads only the first token */
    tl_status (*parameters)(const tl_model_config *c, tli_registry *r, tl_error *err);
    bool rotary_hybrid; /* attention blocks of hybrid models use rotary positions */
    uint64_t (*predictions)(const tl_model_config *c, uint32_t batch);
    int buffers; /* number of arch-specific buffers, from TLI_MODEL_BUFFERS on */
    const tli_buffer_info *info;
    uint64_t (*buffer_count)(const tl_model_config *c, uint32_t batch, bool training, int which);
    uint64_t (*wide)(const tl_model_config *c, uint32_t batch);                     /* elements, or 0 */
    uint64_t (*workspace)(const tl_model_config *c, uint32_t batch, bool training); /* elements, or 0 */
    void (*flops)(const tl_model_config *c, uint32_t batch, tli_flops *flops); /* adds embedding and head */
    /* With a device. */
    size_t own_bytes; /* of tl_model.own */
    uint32_t (*length)(const tl_model_config *c,
                       const tl_batch *inputs); /* tokens per sample in this batch */
    void (*find_parameters)(tl_model *m);
    /* Copies m->batch samples of `inputs`, from sample `first` on. */
    tl_status (*set_inputs)(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t first);
    tl_status (*embed_forward)(tl_context *ctx, tl_model *m); /* fills TLI_MODEL_INPUT */
    tl_status (*head_forward)(tl_context *ctx, tl_model *m, tli_view last);
    /* Computes row losses, ranks, and what head_backward needs of the gradient of scale x the sum of the
     * losses. */
    tl_status (*loss)(tl_context *ctx, tl_model *m, float scale);
    /* What head_backward needs, from the caller's gradient of the logits, laid out as read_logits does. */
    tl_status (*set_gradient)(tl_context *ctx, tl_model *m, const float *d_logits);
    /* Blocking; [batch][classes] or [batch][token][vocabulary]. After head_forward, also after what follows. */
    tl_status (*read_logits)(tl_context *ctx, tl_model *m, float *logits);
    /* Writes the gradient of the last block's output to TLI_MODEL_DX. */
    tl_status (*head_backward)(tl_context *ctx, tl_model *m, tli_view last, const tli_block_scratch *s);
    tl_status (*embed_backward)(tl_context *ctx, tl_model *m, const tli_block_scratch *s);
    uint32_t (*outputs)(const tl_model_config *c); /* logits of one prediction */
    int logits, d_logits;                          /* buffers of [batch][classes]; -1: logits are not kept */
} tli_arch;

const tli_arch *tli_arch_of(const tl_model_config *config); /* NULL: unknown architecture */
extern const tli_arch tli_vit_arch, tli_gpt_arch;

/* What has been enqueued for the current batch; each needs the one before. */
typedef enum tli_model_stage {
    TLI_STAGE_NONE, /* there is no batch */
    TLI_STAGE_BATCH,
    TLI_STAGE_FORWARD,
    TLI_STAGE_LOSS,
    TLI_STAGE_BACKWARD
} tli_model_stage;

struct tl_model {
    tl_model_config config;
    const tli_arch *arch;
    uint32_t capacity, batch; /* largest and current batch */
    uint32_t whole;           /* samples of the batch of which the current one is a slice, or all */
    uint32_t length;          /* tokens per sample in the current batch */
    uint32_t first;           /* cached tokens before them */
    bool training, cached;
    bool targets, has_loss; /* of the batch: it has targets; slot 0 or another has its loss */
    tli_model_stage stage;
    tli_registry registry;
    tli_block **blocks; /* depth */
    tli_view *inputs;   /* [depth + 1]: input of each block, then the last block's output */
    tl_tensor *buffers[TLI_MODEL_MAX_BUFFERS];
    tli_rank_sum sum; /* of the model's ranks; NULL members: it is a whole model */
    void *own;        /* arch-specific state */
    void *origin;     /* see tli_model_origin */
};

tli_view tli_model_at(const tl_model *m, int which); /* mem NULL when not allocated */
/* The parameter prefix + name; mem NULL when there is none of that name. */
tli_parameter_views tli_model_find(tl_model *m, const char *prefix, const char *name);

/* ---- helpers for plans ----------------------------------------------------------------------------- */

/* Elements of a buffer, its name and memory kind; also for arch-specific buffers. */
uint64_t tli_model_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which);
tli_buffer_info tli_model_buffer_info(const tl_model_config *c, int which);

/* Adds parameters by initialisation: normal; LayerNorm (1 and 0); Linear, uniform within 1 / sqrt(in).
 * bias NULL: none. */
tl_status tli_add_normal(tli_registry *r, tl_error *err, const char *name, uint32_t rank,
                         const uint64_t *shape);
tl_status tli_add_norm(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t dim);
tl_status tli_add_linear(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t in,
                         uint64_t out);
/* Adds the parameters of all blocks. */
tl_status tli_add_blocks(const tl_model_config *c, tli_registry *r, tl_error *err);

#endif

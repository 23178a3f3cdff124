/* What a model architecture adds to the blocks that all share (models/model.h): an embedding in front of the blocks, a
 * head with its loss behind them, and what those allocate. Known to the files of src/models alone. */
#ifndef MODELS_ARCH_H
#define MODELS_ARCH_H

#include "models/cost.h"
#include "models/model.h"

/* What every model allocates; `rows` = tokens x batch. In the shared order of creation an architecture's own buffers
 * follow. */
typedef enum tli_model_buffer {
    TLI_MODEL_INPUT,     /* rows x dim: the first block's input; in inference every block's */
    TLI_MODEL_ROWS1,     /* scratch, rows x dim */
    TLI_MODEL_ROWS2,     /* scratch, training: the same */
    TLI_MODEL_DX,        /* training: gradient of the rows, the same */
    TLI_MODEL_WIDE,      /* scratch: the larger of a block's hidden rows and what the architecture asks for */
    TLI_MODEL_WORKSPACE, /* scratch of the operations */
    TLI_MODEL_TARGETS,   /* predictions, int32 */
    TLI_MODEL_ROW_LOSSES, /* predictions */
    TLI_MODEL_RANKS,      /* predictions, int32 */
    TLI_MODEL_LOSSES,     /* TLI_LOSS_SLOTS */
    TLI_MODEL_BUFFERS,
    TLI_MODEL_MAX_BUFFERS = TLI_MODEL_BUFFERS + 16
} tli_model_buffer;

typedef struct tli_buffer_info {
    const char *name;
    tl_memory_kind kind;
} tli_buffer_info;

/* A parameter and its gradient as views; the gradient is none in inference. */
typedef struct tli_parameter_views {
    tli_view value, gradient;
} tli_parameter_views;

typedef struct tli_arch {
    /* Without a device. Values that all share are already checked. */
    tl_status (*check)(const tl_model_config *c, tl_error *err);
    tli_geometry (*geometry)(
        const tl_model_config *c);                /* how the tokens lie; sharing and windows are added */
    bool (*class_only)(const tl_model_config *c); /* the head reads the first token alone */
    tl_status (*parameters)(const tl_model_config *c, tli_registry *r, tl_error *err);
    bool rotary_hybrid; /* the attention blocks of its hybrids are rotary */
    uint64_t (*predictions)(const tl_model_config *c, uint32_t batch);
    int buffers; /* own ones, numbered from TLI_MODEL_BUFFERS on */
    const tli_buffer_info *info;
    uint64_t (*buffer_count)(const tl_model_config *c, uint32_t batch, bool training, int which);
    uint64_t (*wide)(const tl_model_config *c, uint32_t batch);                     /* elements, or 0 */
    uint64_t (*workspace)(const tl_model_config *c, uint32_t batch, bool training); /* elements, or 0 */
    void (*flops)(const tl_model_config *c, uint32_t batch, tli_flops *flops); /* adds embedding and head */
    /* On a device. */
    size_t own_bytes; /* of tli_model.own */
    uint32_t (*length)(const tl_model_config *c,
                       const tli_inputs *inputs); /* tokens of a sample of this batch */
    void (*find_parameters)(tli_model *m);
    tl_status (*set_inputs)(tl_context *ctx, tli_model *m, const tli_inputs *inputs);
    tl_status (*embed_forward)(tl_context *ctx, tli_model *m); /* fills TLI_MODEL_INPUT */
    tl_status (*head_forward)(tl_context *ctx, tli_model *m, tli_view last);
    /* Row losses, ranks, and what head_backward needs of the gradient of scale x the sum of the losses. */
    tl_status (*loss)(tl_context *ctx, tli_model *m, float scale);
    /* The gradient of the last block's output goes to TLI_MODEL_DX. */
    tl_status (*head_backward)(tl_context *ctx, tli_model *m, tli_view last, const tli_block_scratch *s);
    tl_status (*embed_backward)(tl_context *ctx, tli_model *m, const tli_block_scratch *s);
    int logits; /* own buffer of [batch][classes]; -1: none is kept */
} tli_arch;

const tli_arch *tli_arch_of(const tl_model_config *config); /* NULL: there is no such architecture */
extern const tli_arch tli_vit_arch, tli_gpt_arch;

struct tli_model {
    tl_model_config config;
    const tli_arch *arch;
    uint32_t capacity, batch; /* largest and current batch */
    uint32_t length;          /* tokens of a sample in the current batch */
    uint32_t first;           /* cached tokens before them */
    bool training, cached;
    tli_registry registry;
    tli_block **blocks; /* depth */
    tli_view *inputs;   /* where each block's input lies, and behind the last its output: depth + 1 */
    tl_tensor *buffers[TLI_MODEL_MAX_BUFFERS];
    void *own; /* the architecture's */
};

tli_view tli_model_at(const tli_model *m, int which); /* none when it is not allocated */
/* The parameter prefix + name; none where the model has none of that name. */
tli_parameter_views tli_model_find(tli_model *m, const char *prefix, const char *name);

/* ---- building blocks of plans -------------------------------------------------------------------- */

/* Elements of a buffer, its name and what it is booked as; own buffers of the architecture too. */
uint64_t tli_model_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which);
tli_buffer_info tli_model_buffer_info(const tl_model_config *c, int which);

/* Parameters by their initial values: normal; 1 and 0; uniform within 1 / sqrt(in). bias NULL: none. */
tl_status tli_add_normal(tli_registry *r, tl_error *err, const char *name, uint32_t rank,
                         const uint64_t *shape);
tl_status tli_add_norm(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t dim);
tl_status tli_add_linear(tli_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t in,
                         uint64_t out);
/* The blocks. */
tl_status tli_add_blocks(const tl_model_config *c, tli_registry *r, tl_error *err);

#endif

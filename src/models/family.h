/* What a family of models adds to the trunk that all share (models/model.h): a stem in front of the blocks, a
 * head with its loss behind them, and what those allocate. Known to the files of src/models alone. */
#ifndef TL_MODELS_FAMILY_H
#define TL_MODELS_FAMILY_H

#include "models/cost.h"
#include "models/model.h"

/* What every model allocates; `rows` = tokens x batch. In the shared order of creation a family's own buffers
 * follow. */
typedef enum tl_model_buffer {
    TL_MODEL_INPUT,      /* rows x dim: the first block's input; in inference every block's */
    TL_MODEL_ROWS1,      /* scratch, rows x dim */
    TL_MODEL_ROWS2,      /* scratch, training: the same */
    TL_MODEL_DX,         /* training: gradient of the trunk's rows, the same */
    TL_MODEL_WIDE,       /* scratch: the larger of a block's hidden rows and what the family asks for */
    TL_MODEL_WORKSPACE,  /* scratch of the operations */
    TL_MODEL_TARGETS,    /* predictions, int32 */
    TL_MODEL_ROW_LOSSES, /* predictions */
    TL_MODEL_RANKS,      /* predictions, int32 */
    TL_MODEL_LOSSES,     /* TL_LOSS_SLOTS */
    TL_MODEL_BUFFERS,
    TL_MODEL_MOST_BUFFERS = TL_MODEL_BUFFERS + 16
} tl_model_buffer;

typedef struct tl_buffer_info {
    const char *name;
    tl_memory_kind kind;
} tl_buffer_info;

/* A parameter and its gradient as views; the gradient is none in inference. */
typedef struct tl_parameter_views {
    tl_view value, gradient;
} tl_parameter_views;

typedef struct tl_family {
    /* Without a device. Values that the trunk shares are already checked. */
    tl_status (*check)(const tl_model_config *c, tl_error *err);
    tl_geometry (*geometry)(const tl_model_config *c); /* how the tokens lie; sharing and windows are added */
    bool (*class_only)(const tl_model_config *c);      /* the head reads the first token alone */
    tl_status (*parameters)(const tl_model_config *c, tl_registry *r, tl_error *err);
    bool rotary_hybrid; /* the attention blocks of its hybrids are rotary */
    uint64_t (*predictions)(const tl_model_config *c, uint32_t batch);
    int buffers; /* own ones, numbered from TL_MODEL_BUFFERS on */
    const tl_buffer_info *info;
    uint64_t (*buffer_count)(const tl_model_config *c, uint32_t batch, bool training, int which);
    uint64_t (*wide)(const tl_model_config *c, uint32_t batch);                     /* elements, or 0 */
    uint64_t (*workspace)(const tl_model_config *c, uint32_t batch, bool training); /* elements, or 0 */
    void (*flops)(const tl_model_config *c, uint32_t batch, tl_flops *flops);       /* adds stem and head */
    /* On a device. */
    size_t own_bytes; /* of tl_model.own */
    uint32_t (*length)(const tl_model_config *c,
                       const tl_inputs *inputs); /* tokens of a sample of this batch */
    void (*find_parameters)(tl_model *m);
    tl_status (*set_inputs)(tl_context *ctx, tl_model *m, const tl_inputs *inputs);
    tl_status (*stem_forward)(tl_context *ctx, tl_model *m); /* fills TL_MODEL_INPUT */
    tl_status (*head_forward)(tl_context *ctx, tl_model *m, tl_view last);
    /* Row losses, ranks, and what head_backward needs of the gradient of scale x the sum of the losses. */
    tl_status (*loss)(tl_context *ctx, tl_model *m, float scale);
    /* The gradient of the last block's output goes to TL_MODEL_DX. */
    tl_status (*head_backward)(tl_context *ctx, tl_model *m, tl_view last, const tl_block_scratch *s);
    tl_status (*stem_backward)(tl_context *ctx, tl_model *m, const tl_block_scratch *s);
    int logits; /* own buffer of [batch][classes]; -1: none is kept */
} tl_family;

const tl_family *tl_family_of(const tl_model_config *config); /* NULL: there is no such family */
extern const tl_family tl_vit_family, tl_gpt_family;

struct tl_model {
    tl_model_config config;
    const tl_family *family;
    uint32_t capacity, batch; /* largest and current batch */
    uint32_t length;          /* tokens of a sample in the current batch */
    uint32_t first;           /* cached tokens before them */
    bool training, cached;
    tl_registry registry;
    tl_block **blocks; /* depth */
    tl_view *inputs;   /* where each block's input lies, and behind the last its output: depth + 1 */
    tl_tensor *buffers[TL_MODEL_MOST_BUFFERS];
    void *own; /* the family's */
};

tl_view tl_model_at(const tl_model *m, int which); /* none when it is not allocated */
/* The parameter prefix + name; none where the model has none of that name. */
tl_parameter_views tl_model_find(tl_model *m, const char *prefix, const char *name);

/* ---- building blocks of plans -------------------------------------------------------------------- */

/* Elements of a buffer, its name and what it is booked as; own buffers of the family too. */
uint64_t tl_model_buffer_count(const tl_model_config *c, uint32_t batch, bool training, int which);
tl_buffer_info tl_model_buffer_info(const tl_model_config *c, int which);

/* Parameters by their initial values: normal; 1 and 0; uniform within 1 / sqrt(in). bias NULL: none. */
tl_status tl_add_normal(tl_registry *r, tl_error *err, const char *name, uint32_t rank,
                        const uint64_t *shape);
tl_status tl_add_norm(tl_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t dim);
tl_status tl_add_linear(tl_registry *r, tl_error *err, const char *weight, const char *bias, uint64_t in,
                        uint64_t out);
/* The trunk's blocks. */
tl_status tl_add_blocks(const tl_model_config *c, tl_registry *r, tl_error *err);

#endif

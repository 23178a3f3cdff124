/* The Vision Transformer: patches -> LN -> Linear -> LN, class token and positions, blocks, then LN and a
 * Linear head on the class token or the mean over tokens. */
#include "models/arch.h"
#include "ops/embedding.h"
#include "ops/image.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/loss.h"

typedef enum tli_vit_buffer {
    TLI_VIT_IMAGES = TLI_MODEL_BUFFERS, /* batch x channels x height x width */
    TLI_VIT_PATCHES,                    /* patches x batch x patch values */
    TLI_VIT_PATCH_STATS,                /* 2 x patches x batch */
    TLI_VIT_EMBEDDED,                   /* patches x batch x dim: input of the second LayerNorm */
    TLI_VIT_EMBEDDED_STATS,             /* 2 x patches x batch */
    TLI_VIT_FINAL_STATS,                /* 2 x rows of the last block */
    TLI_VIT_POOLED,                     /* batch x dim */
    TLI_VIT_LOGITS,                     /* batch x classes */
    TLI_VIT_DLOGITS,                    /* training: batch x classes */
    TLI_VIT_SOFT_TARGETS,               /* training: batch x classes */
    TLI_VIT_END
} tli_vit_buffer;
enum { TLI_VIT_BUFFERS = TLI_VIT_END - TLI_MODEL_BUFFERS };

/* ---- without a device ---------------------------------------------------------------------------- */

#include "core/choices.h"

/* Upper limits beyond any sensible model; below them no product of two overflows the 32 bits used. */
enum { MAX_PATCHES = 32767, MAX_PATCH_VALUES = 1 << 24 };

static uint32_t one_at_least(uint32_t n)
{
    return n > 0 ? n : 1;
}

static tli_extent image_of(const tl_model_config *c)
{
    return (tli_extent){one_at_least(c->image_depth), c->image_height, c->image_width};
}

static tli_extent patch_of(const tl_model_config *c)
{
    return (tli_extent){one_at_least(c->patch_depth), c->patch_height, c->patch_width};
}

/* Patches along each axis. */
static tli_extent grid_of(const tl_model_config *c)
{
    const tli_extent i = image_of(c), p = patch_of(c);
    return (tli_extent){i.depth / p.depth, i.height / p.height, i.width / p.width};
}

static uint32_t patches_of(const tl_model_config *c)
{
    const tli_extent grid = grid_of(c);
    return grid.depth * grid.height * grid.width;
}

uint64_t tli_model_image_values(const tl_model_config *c)
{
    const tli_extent i = image_of(c);
    return (uint64_t)c->channels * i.depth * i.height * i.width;
}

static uint32_t patch_values_of(const tl_model_config *c)
{
    const tli_extent p = patch_of(c);
    return p.depth * p.height * p.width * c->channels;
}

static bool reads_class_only(const tl_model_config *c)
{
    return c->pool == TL_POOL_CLS;
}

static tl_status check_config(const tl_model_config *c, tl_error *err)
{
    const tli_extent i = image_of(c), p = patch_of(c);
    const struct {
        const char *name;
        uint32_t value, most;
    } ranges[] = {{"the image depth", i.depth, MODEL_MAX_IMAGE},
                  {"the image height", i.height, MODEL_MAX_IMAGE},
                  {"the image width", i.width, MODEL_MAX_IMAGE},
                  {"the number of image channels", c->channels, 64},
                  {"the patch depth", p.depth, MODEL_MAX_IMAGE},
                  {"the patch height", p.height, MODEL_MAX_IMAGE},
                  {"the patch width", p.width, MODEL_MAX_IMAGE},
                  {"the number of classes", c->classes, MODEL_MAX_CLASSES}};
    TLI_TRY(tli_choice_check(&tli_pool_choices, (int)c->pool, err));
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        TLI_TRY(tli_check_range(err, ranges[r].name, ranges[r].value, ranges[r].most));
    if (i.depth % p.depth != 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "%u slices or frames cannot be cut into patches of %u: choose a multiple of the patch's "
            "depth.",
            i.depth, p.depth);
    if (i.height % p.height != 0 || i.width % p.width != 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "an image of %u x %u cannot be cut into patches of %u x %u: choose an image size that is a "
            "multiple of the patch size.",
            i.height, i.width, p.height, p.width);
    const uint64_t patches = (uint64_t)(i.depth / p.depth) * (i.height / p.height) * (i.width / p.width);
    if (patches > MAX_PATCHES)
        return tli_fail(err, TL_ERROR_USAGE,
                        "%llu patches are too many (at most %d): choose a larger patch size.",
                        (unsigned long long)patches, MAX_PATCHES);
    if ((uint64_t)p.height * p.width * c->channels > MAX_PATCH_VALUES / p.depth)
        return tli_fail(err, TL_ERROR_USAGE,
                        "patches of %u x %u x %u with %u channels are too large: choose smaller ones.",
                        p.depth, p.height, p.width, c->channels);
    return TL_OK;
}

static tli_geometry geometry_of(const tl_model_config *c)
{
    const tli_extent grid = grid_of(c);
    return (tli_geometry){.kind = TLI_GRID,
                          .depth = grid.depth,
                          .height = grid.height,
                          .width = grid.width,
                          .cls = c->pool == TL_POOL_CLS ? 1 : 0};
}

static tl_status list_parameters(const tl_model_config *c, tli_registry *r, tl_error *err)
{
    const uint64_t values = patch_values_of(c), tokens = tli_model_tokens(c), dim = c->dim;
    char weight[64], bias[64];
    if (tli_model_positions(c) == TL_POSITIONS_LEARNED)
        TLI_TRY(tli_add_normal(r, err, "pos_embedding", 3, (const uint64_t[]){1, tokens, dim}));
    if (c->pool == TL_POOL_CLS)
        TLI_TRY(tli_add_normal(r, err, "cls_token", 3, (const uint64_t[]){1, 1, dim}));
    TLI_TRY(tli_add_norm(r, err, "to_patch_embedding.1.weight", "to_patch_embedding.1.bias", values));
    TLI_TRY(tli_add_linear(r, err, "to_patch_embedding.2.weight", "to_patch_embedding.2.bias", values, dim));
    TLI_TRY(tli_add_norm(r, err, "to_patch_embedding.3.weight", "to_patch_embedding.3.bias", dim));
    snprintf(weight, sizeof weight, "%s.norm.weight", tli_model_block_prefix(c));
    snprintf(bias, sizeof bias, "%s.norm.bias", tli_model_block_prefix(c));
    TLI_TRY(tli_add_norm(r, err, weight, bias, dim));
    TLI_TRY(tli_add_blocks(c, r, err));
    return tli_add_linear(r, err, "mlp_head.weight", "mlp_head.bias", dim, c->classes);
}

/* ---- buffers ------------------------------------------------------------------------------------- */

static const tli_buffer_info buffer_info[TLI_VIT_BUFFERS] = {
#define AT(which) [(which)-TLI_MODEL_BUFFERS]
    AT(TLI_VIT_IMAGES) = {"images", TL_MEMORY_DATA},
    AT(TLI_VIT_PATCHES) = {"patches", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_PATCH_STATS) = {"patch statistics", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_EMBEDDED) = {"embedded patches", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_EMBEDDED_STATS) = {"embedding statistics", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_FINAL_STATS) = {"final norm statistics", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_POOLED) = {"pooled rows", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_LOGITS) = {"logits", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_DLOGITS) = {"gradient of logits", TL_MEMORY_ACTIVATION},
    AT(TLI_VIT_SOFT_TARGETS) = {"soft targets", TL_MEMORY_DATA},
#undef AT
};

static uint64_t final_rows(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)(reads_class_only(c) ? 1 : tli_model_tokens(c)) * batch;
}

static uint64_t count_buffer(const tl_model_config *c, uint32_t batch, bool training, int which)
{
    const uint64_t patches = (uint64_t)patches_of(c) * batch;
    switch ((tli_vit_buffer)which) {
    case TLI_VIT_IMAGES: return batch * tli_model_image_values(c);
    case TLI_VIT_PATCHES: return patches * patch_values_of(c);
    case TLI_VIT_PATCH_STATS:
    case TLI_VIT_EMBEDDED_STATS: return 2 * patches;
    case TLI_VIT_EMBEDDED: return patches * c->dim;
    case TLI_VIT_FINAL_STATS: return 2 * final_rows(c, batch);
    case TLI_VIT_POOLED: return (uint64_t)batch * c->dim;
    case TLI_VIT_LOGITS: return (uint64_t)batch * c->classes;
    case TLI_VIT_DLOGITS:
    case TLI_VIT_SOFT_TARGETS: return training ? (uint64_t)batch * c->classes : 0;
    case TLI_VIT_END: break;
    }
    return 0;
}

static uint64_t count_predictions(const tl_model_config *c, uint32_t batch)
{
    return batch;
}

static uint32_t count_classes(const tl_model_config *c)
{
    return c->classes;
}

static uint64_t count_wide(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)patches_of(c) * batch * patch_values_of(c);
}

static uint64_t count_workspace(const tl_model_config *c, uint32_t batch, bool training)
{
    if (!training) return 0;
    const uint64_t patches = (uint64_t)patches_of(c) * batch;
    const uint64_t counts[] = {tli_layernorm_workspace(patches, patch_values_of(c)),
                               tli_layernorm_workspace(patches, c->dim),
                               tli_layernorm_workspace(final_rows(c, batch), c->dim),
                               tli_linear_workspace(patches, patch_values_of(c), c->dim),
                               tli_linear_workspace(batch, c->dim, c->classes)};
    uint64_t most = 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] > most) most = counts[i];
    return most;
}

static void add_flops(const tl_model_config *c, uint32_t batch, tli_flops *f)
{
    tli_linear_flops(f, (double)patches_of(c) * batch, patch_values_of(c), c->dim);
    tli_linear_flops(f, batch, c->dim, c->classes);
}

/* ---- on a device --------------------------------------------------------------------------------- */

static const tli_view none = {0};

typedef struct vit {
    tli_parameter_views position, class_token, norm1_weight, norm1_bias, embed_weight, embed_bias,
        norm2_weight, norm2_bias, final_weight, final_bias, head_weight, head_bias;
    bool soft; /* the batch has soft targets */
} vit;

static void find_parameters(tl_model *m)
{
    vit *v = m->own;
    const char *prefix = tli_model_block_prefix(&m->config);
    v->position = tli_model_find(m, "", "pos_embedding");
    v->class_token = tli_model_find(m, "", "cls_token");
    v->norm1_weight = tli_model_find(m, "to_patch_embedding.", "1.weight");
    v->norm1_bias = tli_model_find(m, "to_patch_embedding.", "1.bias");
    v->embed_weight = tli_model_find(m, "to_patch_embedding.", "2.weight");
    v->embed_bias = tli_model_find(m, "to_patch_embedding.", "2.bias");
    v->norm2_weight = tli_model_find(m, "to_patch_embedding.", "3.weight");
    v->norm2_bias = tli_model_find(m, "to_patch_embedding.", "3.bias");
    v->final_weight = tli_model_find(m, prefix, ".norm.weight");
    v->final_bias = tli_model_find(m, prefix, ".norm.bias");
    v->head_weight = tli_model_find(m, "mlp_head.", "weight");
    v->head_bias = tli_model_find(m, "mlp_head.", "bias");
}

static uint32_t vit_length(const tl_model_config *c, const tl_batch *inputs)
{
    (void)inputs;
    return tli_model_tokens(c);
}

static tli_view vit_buffer_view(const tl_model *m, int which)
{
    return tli_model_at(m, which);
}

/* A larger class would be read from beyond the logits. */
static tl_status check_targets(tl_context *ctx, const tl_model *m, const int32_t *targets, uint32_t first)
{
    for (uint32_t i = first; i < first + m->batch; i++)
        if (targets[i] < 0 || (uint32_t)targets[i] >= m->config.classes)
            return tli_fail(tl_context_error(ctx), TL_ERROR_INPUT,
                            "sample %u has the class %d, which a model of %u classes does not have.", i,
                            targets[i], m->config.classes);
    return TL_OK;
}

/* From the host, or from a tensor of the caller's. */
static tl_status set_images(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t first)
{
    const uint64_t sample = tli_model_image_values(&m->config), at = first * sample,
                   values = m->batch * sample;
    const tl_tensor *t = inputs->image_tensor;
    if ((inputs->images == NULL) == (t == NULL))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "a Vision Transformer takes images or image_tensor, one of the two.");
    if (t == NULL)
        return tli_tensor_write_async(ctx, m->buffers[TLI_VIT_IMAGES], 0, values, inputs->images + at);
    TLI_TRY(tli_tensor_check_room(ctx, "image_tensor", t, at + values));
    return tli_copy(ctx, tli_at(t, at), vit_buffer_view(m, TLI_VIT_IMAGES), values);
}

static tl_status set_inputs(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t first)
{
    const tl_model_config *c = &m->config;
    vit *v = m->own;
    v->soft = inputs->soft_targets != NULL;
    if (v->soft && !m->training)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the model was made for inference: create it for training to use soft targets.");
    if (!v->soft && inputs->targets != NULL) TLI_TRY(check_targets(ctx, m, inputs->targets, first));
    TLI_TRY(set_images(ctx, m, inputs, first));
    if (!m->targets) return TL_OK;
    if (v->soft)
        return tli_tensor_write_async(ctx, m->buffers[TLI_VIT_SOFT_TARGETS], 0,
                                      (uint64_t)m->batch * c->classes,
                                      inputs->soft_targets + (uint64_t)first * c->classes);
    return tli_tensor_write_async(ctx, m->buffers[TLI_MODEL_TARGETS], 0, m->batch, inputs->targets + first);
}

/* Patches -> LN -> Linear -> LN into the rows after the class token's; then adds class token and
 * positions. */
static tl_status embed_forward(tl_context *ctx, tl_model *m)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = patch_values_of(c);
    uint64_t rows = (uint64_t)patches_of(c) * m->batch;
    tli_view patches = vit_buffer_view(m, TLI_VIT_PATCHES), normed = vit_buffer_view(m, TLI_MODEL_WIDE),
             embedded = vit_buffer_view(m, TLI_VIT_EMBEDDED);
    tli_view x = vit_buffer_view(m, TLI_MODEL_INPUT),
             x_patches = tli_view_add(x, (uint64_t)cls * m->batch * c->dim);
    TLI_TRY(tli_patches_forward(ctx, vit_buffer_view(m, TLI_VIT_IMAGES), patches, m->batch, c->channels,
                                image_of(c), patch_of(c)));
    TLI_TRY(tli_layernorm_forward(ctx, patches, v->norm1_weight.value, v->norm1_bias.value, normed,
                                  vit_buffer_view(m, TLI_VIT_PATCH_STATS), rows, values));
    TLI_TRY(tli_linear_forward(ctx, normed, values, v->embed_weight.value, v->embed_bias.value, none,
                               embedded, c->dim, rows, values, c->dim));
    TLI_TRY(tli_layernorm_forward(ctx, embedded, v->norm2_weight.value, v->norm2_bias.value, x_patches,
                                  vit_buffer_view(m, TLI_VIT_EMBEDDED_STATS), rows, c->dim));
    if (cls == 0 && v->position.value.mem == NULL) return TL_OK;
    return tli_tokens_forward(ctx, x_patches, v->class_token.value, v->position.value, x, tli_model_tokens(c),
                              m->batch, c->dim, cls);
}

static tl_status head_forward(tl_context *ctx, tl_model *m, tli_view last)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    tli_view pooled = vit_buffer_view(m, TLI_VIT_POOLED), stats = vit_buffer_view(m, TLI_VIT_FINAL_STATS);
    if (c->pool == TL_POOL_CLS) {
        TLI_TRY(tli_layernorm_forward(ctx, last, v->final_weight.value, v->final_bias.value, pooled, stats,
                                      m->batch, c->dim));
    } else {
        uint32_t tokens = tli_model_tokens(c);
        TLI_TRY(tli_layernorm_forward(ctx, last, v->final_weight.value, v->final_bias.value,
                                      vit_buffer_view(m, TLI_MODEL_ROWS1), stats, (uint64_t)tokens * m->batch,
                                      c->dim));
        TLI_TRY(tli_mean_tokens_forward(ctx, vit_buffer_view(m, TLI_MODEL_ROWS1), pooled, tokens, m->batch,
                                        c->dim));
    }
    return tli_linear_forward(ctx, pooled, c->dim, v->head_weight.value, v->head_bias.value, none,
                              vit_buffer_view(m, TLI_VIT_LOGITS), c->classes, m->batch, c->dim, c->classes);
}

static tl_status vit_loss(tl_context *ctx, tl_model *m, float scale)
{
    const vit *v = m->own;
    if (v->soft)
        return tli_cross_entropy_soft(
            ctx, vit_buffer_view(m, TLI_VIT_LOGITS), vit_buffer_view(m, TLI_VIT_SOFT_TARGETS),
            vit_buffer_view(m, TLI_MODEL_ROW_LOSSES), vit_buffer_view(m, TLI_MODEL_RANKS),
            vit_buffer_view(m, TLI_VIT_DLOGITS), scale, m->batch, m->config.classes);
    return tli_cross_entropy(ctx, vit_buffer_view(m, TLI_VIT_LOGITS), vit_buffer_view(m, TLI_MODEL_TARGETS),
                             vit_buffer_view(m, TLI_MODEL_ROW_LOSSES), vit_buffer_view(m, TLI_MODEL_RANKS),
                             vit_buffer_view(m, TLI_VIT_DLOGITS), scale, m->batch, m->config.classes);
}

static tl_status set_gradient(tl_context *ctx, tl_model *m, const float *d_logits)
{
    return tl_tensor_write(ctx, m->buffers[TLI_VIT_DLOGITS], 0, (uint64_t)m->batch * m->config.classes,
                           d_logits);
}

static tl_status read_logits(tl_context *ctx, tl_model *m, float *logits)
{
    return tl_tensor_read(ctx, m->buffers[TLI_VIT_LOGITS], 0, (uint64_t)m->batch * m->config.classes, logits);
}

/* Head, pooling and final LayerNorm; the gradient of the last block's output goes to dx. */
static tl_status head_backward(tl_context *ctx, tl_model *m, tli_view last, const tli_block_scratch *s)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t tokens = tli_model_tokens(c);
    tli_view dy = s->rows1;
    uint64_t rows = m->batch;
    TLI_TRY(tli_linear_backward(ctx, vit_buffer_view(m, TLI_VIT_DLOGITS), c->classes,
                                vit_buffer_view(m, TLI_VIT_POOLED), c->dim, v->head_weight.value, dy, false,
                                v->head_weight.gradient, v->head_bias.gradient, s->workspace, rows, c->dim,
                                c->classes));
    if (c->pool == TL_POOL_MEAN) {
        TLI_TRY(tli_mean_tokens_backward(ctx, dy, s->rows2, tokens, m->batch, c->dim));
        dy = s->rows2;
        rows *= tokens;
    }
    return tli_layernorm_backward(ctx, dy, last, v->final_weight.value,
                                  vit_buffer_view(m, TLI_VIT_FINAL_STATS), vit_buffer_view(m, TLI_MODEL_DX),
                                  false, v->final_weight.gradient, v->final_bias.gradient, s->workspace, rows,
                                  c->dim);
}

/* Class token, positions and patch embedding; the gradient of the patches is not needed. */
static tl_status embed_backward(tl_context *ctx, tl_model *m, const tli_block_scratch *s)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = patch_values_of(c);
    uint64_t rows = (uint64_t)patches_of(c) * m->batch;
    tli_view dx = vit_buffer_view(m, TLI_MODEL_DX),
             dx_patches = tli_view_add(dx, (uint64_t)cls * m->batch * c->dim);
    tli_view wide = s->hidden, patches = vit_buffer_view(m, TLI_VIT_PATCHES);
    if (cls == 1 || v->position.value.mem != NULL)
        TLI_TRY(tli_tokens_backward(ctx, dx, v->class_token.gradient, v->position.gradient,
                                    tli_model_tokens(c), m->batch, c->dim, cls));
    TLI_TRY(tli_layernorm_backward(ctx, dx_patches, vit_buffer_view(m, TLI_VIT_EMBEDDED),
                                   v->norm2_weight.value, vit_buffer_view(m, TLI_VIT_EMBEDDED_STATS),
                                   s->rows2, false, v->norm2_weight.gradient, v->norm2_bias.gradient,
                                   s->workspace, rows, c->dim));
    TLI_TRY(tli_layernorm_forward(ctx, patches, v->norm1_weight.value, v->norm1_bias.value, wide,
                                  vit_buffer_view(m, TLI_VIT_PATCH_STATS), rows, values));
    TLI_TRY(tli_linear_backward(ctx, s->rows2, c->dim, wide, values, v->embed_weight.value, none, false,
                                v->embed_weight.gradient, v->embed_bias.gradient, s->workspace, rows, values,
                                c->dim));
    TLI_TRY(tli_linear_backward(ctx, s->rows2, c->dim, none, values, v->embed_weight.value, wide, false, none,
                                none, s->workspace, rows, values, c->dim));
    return tli_layernorm_backward(
        ctx, wide, patches, v->norm1_weight.value, vit_buffer_view(m, TLI_VIT_PATCH_STATS), none, false,
        v->norm1_weight.gradient, v->norm1_bias.gradient, s->workspace, rows, values);
}

const tli_arch tli_vit_arch = {
    .check = check_config,
    .geometry = geometry_of,
    .class_only = reads_class_only,
    .parameters = list_parameters,
    .rotary_hybrid = true,
    .predictions = count_predictions,
    .buffers = TLI_VIT_BUFFERS,
    .info = buffer_info,
    .buffer_count = count_buffer,
    .wide = count_wide,
    .workspace = count_workspace,
    .flops = add_flops,
    .own_bytes = sizeof(vit),
    .length = vit_length,
    .find_parameters = find_parameters,
    .set_inputs = set_inputs,
    .embed_forward = embed_forward,
    .head_forward = head_forward,
    .loss = vit_loss,
    .head_backward = head_backward,
    .embed_backward = embed_backward,
    .set_gradient = set_gradient,
    .read_logits = read_logits,
    .outputs = count_classes,
    .logits = TLI_VIT_LOGITS,
    .d_logits = TLI_VIT_DLOGITS,
};

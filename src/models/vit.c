#include "models/vit.h"

#include "ops/embedding.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/loss.h"

static const tl_view none = {0};

typedef struct vit {
    tl_parameter_views position, class_token, norm1_weight, norm1_bias, embed_weight, embed_bias,
        norm2_weight, norm2_bias, final_weight, final_bias, head_weight, head_bias;
    bool soft; /* the batch came with probabilities as targets */
} vit;

static void find_parameters(tl_model *m)
{
    vit *v = m->own;
    const char *trunk = tl_model_trunk(&m->config);
    v->position = tl_model_find(m, "", "pos_embedding");
    v->class_token = tl_model_find(m, "", "cls_token");
    v->norm1_weight = tl_model_find(m, "to_patch_embedding.", "1.weight");
    v->norm1_bias = tl_model_find(m, "to_patch_embedding.", "1.bias");
    v->embed_weight = tl_model_find(m, "to_patch_embedding.", "2.weight");
    v->embed_bias = tl_model_find(m, "to_patch_embedding.", "2.bias");
    v->norm2_weight = tl_model_find(m, "to_patch_embedding.", "3.weight");
    v->norm2_bias = tl_model_find(m, "to_patch_embedding.", "3.bias");
    v->final_weight = tl_model_find(m, trunk, ".norm.weight");
    v->final_bias = tl_model_find(m, trunk, ".norm.bias");
    v->head_weight = tl_model_find(m, "mlp_head.", "weight");
    v->head_bias = tl_model_find(m, "mlp_head.", "bias");
}

static uint32_t length(const tl_model_config *c, const tl_inputs *inputs)
{
    (void)inputs;
    return tl_model_tokens(c);
}

static tl_view at(const tl_model *m, int which)
{
    return tl_model_at(m, which);
}

static tl_status set_inputs(tl_context *ctx, tl_model *m, const tl_inputs *inputs)
{
    const tl_model_config *c = &m->config;
    vit *v = m->own;
    if (inputs->images == NULL || (inputs->targets == NULL && inputs->soft_targets == NULL))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "a Vision Transformer takes images and targets.");
    v->soft = inputs->soft_targets != NULL;
    if (v->soft && !m->training)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "the model was made for inference: create it for training to use soft targets.");
    const uint64_t values = m->batch * tl_model_image_values(c);
    TL_TRY(tl_tensor_send(ctx, m->buffers[TL_VIT_IMAGES], 0, values, inputs->images));
    if (v->soft)
        return tl_tensor_send(ctx, m->buffers[TL_VIT_SOFT_TARGETS], 0, (uint64_t)m->batch * c->classes,
                              inputs->soft_targets);
    return tl_tensor_send(ctx, m->buffers[TL_MODEL_TARGETS], 0, m->batch, inputs->targets);
}

/* Patches -> LN -> Linear -> LN, behind the class token's rows; then class token and positions. */
static tl_status stem_forward(tl_context *ctx, tl_model *m)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = tl_vit_patch_values(c);
    uint64_t rows = (uint64_t)tl_vit_patch_count(c) * m->batch;
    tl_view patches = at(m, TL_VIT_PATCHES), normed = at(m, TL_MODEL_WIDE), embedded = at(m, TL_VIT_EMBEDDED);
    tl_view x = at(m, TL_MODEL_INPUT), x_patches = tl_view_add(x, (uint64_t)cls * m->batch * c->dim);
    TL_TRY(tl_patches_forward(ctx, at(m, TL_VIT_IMAGES), patches, m->batch, c->channels, tl_vit_image(c),
                              tl_vit_patch(c)));
    TL_TRY(tl_layernorm_forward(ctx, patches, v->norm1_weight.value, v->norm1_bias.value, normed,
                                at(m, TL_VIT_PATCH_STATS), rows, values));
    TL_TRY(tl_linear_forward(ctx, normed, values, v->embed_weight.value, v->embed_bias.value, none, embedded,
                             c->dim, rows, values, c->dim));
    TL_TRY(tl_layernorm_forward(ctx, embedded, v->norm2_weight.value, v->norm2_bias.value, x_patches,
                                at(m, TL_VIT_EMBEDDED_STATS), rows, c->dim));
    if (cls == 0 && v->position.value.mem == NULL) return TL_OK;
    return tl_tokens_forward(ctx, x_patches, v->class_token.value, v->position.value, x, tl_model_tokens(c),
                             m->batch, c->dim, cls);
}

static tl_status head_forward(tl_context *ctx, tl_model *m, tl_view last)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    tl_view pooled = at(m, TL_VIT_POOLED), stats = at(m, TL_VIT_FINAL_STATS);
    if (c->pool == TL_POOL_CLS) {
        TL_TRY(tl_layernorm_forward(ctx, last, v->final_weight.value, v->final_bias.value, pooled, stats,
                                    m->batch, c->dim));
    } else {
        uint32_t tokens = tl_model_tokens(c);
        TL_TRY(tl_layernorm_forward(ctx, last, v->final_weight.value, v->final_bias.value,
                                    at(m, TL_MODEL_ROWS1), stats, (uint64_t)tokens * m->batch, c->dim));
        TL_TRY(tl_mean_tokens_forward(ctx, at(m, TL_MODEL_ROWS1), pooled, tokens, m->batch, c->dim));
    }
    return tl_linear_forward(ctx, pooled, c->dim, v->head_weight.value, v->head_bias.value, none,
                             at(m, TL_VIT_LOGITS), c->classes, m->batch, c->dim, c->classes);
}

static tl_status loss(tl_context *ctx, tl_model *m, float scale)
{
    const vit *v = m->own;
    if (v->soft)
        return tl_cross_entropy_soft(ctx, at(m, TL_VIT_LOGITS), at(m, TL_VIT_SOFT_TARGETS),
                                     at(m, TL_MODEL_ROW_LOSSES), at(m, TL_MODEL_RANKS), at(m, TL_VIT_DLOGITS),
                                     scale, m->batch, m->config.classes);
    return tl_cross_entropy(ctx, at(m, TL_VIT_LOGITS), at(m, TL_MODEL_TARGETS), at(m, TL_MODEL_ROW_LOSSES),
                            at(m, TL_MODEL_RANKS), at(m, TL_VIT_DLOGITS), scale, m->batch, m->config.classes);
}

/* Head, pooling and final LayerNorm; the gradient of the last block's output goes to dx. */
static tl_status head_backward(tl_context *ctx, tl_model *m, tl_view last, const tl_block_scratch *s)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t tokens = tl_model_tokens(c);
    tl_view dy = s->rows1;
    uint64_t rows = m->batch;
    TL_TRY(tl_linear_backward(ctx, at(m, TL_VIT_DLOGITS), c->classes, at(m, TL_VIT_POOLED), c->dim,
                              v->head_weight.value, dy, false, v->head_weight.gradient, v->head_bias.gradient,
                              s->workspace, rows, c->dim, c->classes));
    if (c->pool == TL_POOL_MEAN) {
        TL_TRY(tl_mean_tokens_backward(ctx, dy, s->rows2, tokens, m->batch, c->dim));
        dy = s->rows2;
        rows *= tokens;
    }
    return tl_layernorm_backward(ctx, dy, last, v->final_weight.value, at(m, TL_VIT_FINAL_STATS),
                                 at(m, TL_MODEL_DX), false, v->final_weight.gradient, v->final_bias.gradient,
                                 s->workspace, rows, c->dim);
}

/* Class token, positions and the patch embedding; nobody needs the gradient of the patches themselves. */
static tl_status stem_backward(tl_context *ctx, tl_model *m, const tl_block_scratch *s)
{
    const tl_model_config *c = &m->config;
    const vit *v = m->own;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = tl_vit_patch_values(c);
    uint64_t rows = (uint64_t)tl_vit_patch_count(c) * m->batch;
    tl_view dx = at(m, TL_MODEL_DX), dx_patches = tl_view_add(dx, (uint64_t)cls * m->batch * c->dim);
    tl_view wide = s->hidden, patches = at(m, TL_VIT_PATCHES);
    if (cls == 1 || v->position.value.mem != NULL)
        TL_TRY(tl_tokens_backward(ctx, dx, v->class_token.gradient, v->position.gradient, tl_model_tokens(c),
                                  m->batch, c->dim, cls));
    TL_TRY(tl_layernorm_backward(ctx, dx_patches, at(m, TL_VIT_EMBEDDED), v->norm2_weight.value,
                                 at(m, TL_VIT_EMBEDDED_STATS), s->rows2, false, v->norm2_weight.gradient,
                                 v->norm2_bias.gradient, s->workspace, rows, c->dim));
    TL_TRY(tl_layernorm_forward(ctx, patches, v->norm1_weight.value, v->norm1_bias.value, wide,
                                at(m, TL_VIT_PATCH_STATS), rows, values));
    TL_TRY(tl_linear_backward(ctx, s->rows2, c->dim, wide, values, v->embed_weight.value, none, false,
                              v->embed_weight.gradient, v->embed_bias.gradient, s->workspace, rows, values,
                              c->dim));
    TL_TRY(tl_linear_backward(ctx, s->rows2, c->dim, none, values, v->embed_weight.value, wide, false, none,
                              none, s->workspace, rows, values, c->dim));
    return tl_layernorm_backward(ctx, wide, patches, v->norm1_weight.value, at(m, TL_VIT_PATCH_STATS), none,
                                 false, v->norm1_weight.gradient, v->norm1_bias.gradient, s->workspace, rows,
                                 values);
}

const tl_family tl_vit_family = {
    .check = tl_vit_check,
    .geometry = tl_vit_geometry,
    .class_only = tl_vit_class_only,
    .parameters = tl_vit_parameters,
    .rotary_hybrid = true,
    .predictions = tl_vit_predictions,
    .buffers = TL_VIT_BUFFERS,
    .info = tl_vit_buffer_info,
    .buffer_count = tl_vit_buffer_count,
    .wide = tl_vit_wide,
    .workspace = tl_vit_workspace,
    .flops = tl_vit_flops,
    .own_bytes = sizeof(vit),
    .length = length,
    .find_parameters = find_parameters,
    .set_inputs = set_inputs,
    .stem_forward = stem_forward,
    .head_forward = head_forward,
    .loss = loss,
    .head_backward = head_backward,
    .stem_backward = stem_backward,
    .logits = TL_VIT_LOGITS,
};

#include "models/vit.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/vit_layout.h"
#include "ops/embedding.h"
#include "ops/image.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/loss.h"

static const tl_view none = {0};

/* A parameter and its gradient as views; the gradient is none in inference. */
typedef struct pair {
    tl_view value, gradient;
} pair;

struct tl_vit {
    tl_vit_config config;
    uint32_t capacity, batch; /* largest and current batch */
    bool training;
    tl_registry registry;
    tl_block **blocks; /* depth */
    tl_view *inputs;   /* where each block's input lies, and behind the last its output: depth + 1 */
    tl_tensor *buffers[TL_VIT_BUFFERS];
    pair position, class_token, norm1_weight, norm1_bias, embed_weight, embed_bias, norm2_weight, norm2_bias;
    pair final_weight, final_bias, head_weight, head_bias;
};

/* ---- life ---------------------------------------------------------------------------------------- */

static pair find(tl_vit *m, const char *prefix, const char *name)
{
    char full[96];
    pair result = {none, none};
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tl_parameter *p = tl_registry_find(&m->registry, full);
    if (p == NULL) return result; /* positions and class token are optional */
    result.value = tl_at(p->value, 0);
    if (p->gradient != NULL) result.gradient = tl_at(p->gradient, 0);
    return result;
}

static void find_all(tl_vit *m)
{
    const char *trunk = tl_vit_trunk(&m->config);
    m->position = find(m, "", "pos_embedding");
    m->class_token = find(m, "", "cls_token");
    m->norm1_weight = find(m, "to_patch_embedding.", "1.weight");
    m->norm1_bias = find(m, "to_patch_embedding.", "1.bias");
    m->embed_weight = find(m, "to_patch_embedding.", "2.weight");
    m->embed_bias = find(m, "to_patch_embedding.", "2.bias");
    m->norm2_weight = find(m, "to_patch_embedding.", "3.weight");
    m->norm2_bias = find(m, "to_patch_embedding.", "3.bias");
    m->final_weight = find(m, trunk, ".norm.weight");
    m->final_bias = find(m, trunk, ".norm.bias");
    m->head_weight = find(m, "mlp_head.", "weight");
    m->head_bias = find(m, "mlp_head.", "bias");
}

static tl_status create_parts(tl_context *ctx, tl_vit *m)
{
    const tl_vit_config *c = &m->config;
    TL_TRY(tl_vit_parameters(c, &m->registry, tl_context_error(ctx)));
    TL_TRY(tl_vit_batch_check(c, m->capacity, tl_context_error(ctx)));
    TL_TRY(tl_registry_allocate(ctx, &m->registry, m->training));
    find_all(m);
    for (int i = 0; i < TL_VIT_BUFFERS; i++) {
        tl_vit_buffer which = (tl_vit_buffer)i;
        uint64_t count = tl_vit_buffer_count(c, m->capacity, m->training, which);
        if (count == 0) continue;
        TL_TRY(tl_tensor_create(ctx, tl_vit_buffer_name(which), tl_vit_buffer_kind(which), 1, count,
                                &m->buffers[i]));
    }
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        tl_block_shape shape = tl_vit_block_shape(c, m->capacity, m->training, layer);
        tl_block *lender = !m->training && layer > 0 ? m->blocks[0] : NULL;
        TL_TRY(tl_block_create(ctx, &m->registry, tl_vit_trunk(c), layer, &shape, m->training, lender,
                               &m->blocks[layer]));
    }
    return TL_OK;
}

tl_status tl_vit_create(tl_context *ctx, const tl_vit_config *config, uint32_t batch, bool training,
                        tl_vit **out)
{
    TL_TRY(tl_vit_config_check(config, tl_context_error(ctx)));
    tl_vit *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->config = *config;
        m->capacity = m->batch = batch;
        m->training = training;
        m->blocks = calloc(config->depth, sizeof(tl_block *));
        m->inputs = calloc(config->depth + 1, sizeof *m->inputs);
    }
    if (m == NULL || m->blocks == NULL || m->inputs == NULL) {
        tl_vit_destroy(ctx, m);
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "no host memory for the model.");
    }
    tl_status status = create_parts(ctx, m);
    if (status != TL_OK) {
        tl_vit_destroy(ctx, m);
        return status;
    }
    *out = m;
    return TL_OK;
}

void tl_vit_destroy(tl_context *ctx, tl_vit *m)
{
    if (m == NULL) return;
    for (uint32_t layer = 0; m->blocks != NULL && layer < m->config.depth; layer++)
        tl_block_destroy(ctx, m->blocks[layer]);
    for (int i = 0; i < TL_VIT_BUFFERS; i++) tl_tensor_destroy(ctx, m->buffers[i]);
    tl_registry_free(ctx, &m->registry);
    free(m->blocks);
    free(m->inputs);
    free(m);
}

tl_registry *tl_vit_registry(tl_vit *m)
{
    return &m->registry;
}

/* ---- a step -------------------------------------------------------------------------------------- */

static tl_view at(const tl_vit *m, tl_vit_buffer which)
{
    return m->buffers[which] != NULL ? tl_at(m->buffers[which], 0) : none;
}

static tl_block_scratch scratch_of(const tl_vit *m)
{
    return (tl_block_scratch){.rows1 = at(m, TL_VIT_ROWS1),
                              .rows2 = at(m, TL_VIT_ROWS2),
                              .hidden = at(m, TL_VIT_WIDE),
                              .workspace = at(m, TL_VIT_WORKSPACE)};
}

/* A smaller batch may be cut otherwise by an operation, and so need more workspace than the full one. */
static tl_status ensure_workspace(tl_context *ctx, tl_vit *m, uint32_t batch)
{
    uint64_t count = tl_vit_buffer_count(&m->config, batch, m->training, TL_VIT_WORKSPACE);
    if (count <= m->buffers[TL_VIT_WORKSPACE]->row) return TL_OK;
    tl_tensor_destroy(ctx, m->buffers[TL_VIT_WORKSPACE]);
    m->buffers[TL_VIT_WORKSPACE] = NULL;
    return tl_tensor_create(ctx, tl_vit_buffer_name(TL_VIT_WORKSPACE), TL_MEMORY_WORKSPACE, 1, count,
                            &m->buffers[TL_VIT_WORKSPACE]);
}

tl_status tl_vit_set_batch(tl_context *ctx, tl_vit *m, const float *images, const int32_t *targets,
                           uint32_t batch)
{
    const tl_vit_config *c = &m->config;
    if (batch < 1 || batch > m->capacity)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "a batch of %u images does not fit a model made for 1 to %u.", batch, m->capacity);
    TL_TRY(ensure_workspace(ctx, m, batch));
    for (uint32_t layer = 0; layer < c->depth; layer++)
        TL_TRY(tl_block_set_batch(ctx, m->blocks[layer], batch));
    m->batch = batch;
    uint64_t values = (uint64_t)batch * c->channels * c->image_height * c->image_width;
    TL_TRY(tl_tensor_write(ctx, m->buffers[TL_VIT_IMAGES], 0, values, images));
    return tl_tensor_write(ctx, m->buffers[TL_VIT_TARGETS], 0, batch, targets);
}

/* Patches -> LN -> Linear -> LN, behind the class token's rows; then class token and positions. */
static tl_status embed(tl_context *ctx, tl_vit *m)
{
    const tl_vit_config *c = &m->config;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = tl_vit_patch_values(c);
    uint64_t rows = (uint64_t)tl_vit_patch_count(c) * m->batch;
    tl_view patches = at(m, TL_VIT_PATCHES), normed = at(m, TL_VIT_WIDE), embedded = at(m, TL_VIT_EMBEDDED);
    tl_view x = at(m, TL_VIT_INPUT), x_patches = tl_view_add(x, (uint64_t)cls * m->batch * c->dim);
    TL_TRY(tl_patches_forward(ctx, at(m, TL_VIT_IMAGES), patches, m->batch, c->channels, c->image_height,
                              c->image_width, c->patch));
    TL_TRY(tl_layernorm_forward(ctx, patches, m->norm1_weight.value, m->norm1_bias.value, normed,
                                at(m, TL_VIT_PATCH_STATS), rows, values));
    TL_TRY(tl_linear_forward(ctx, normed, values, m->embed_weight.value, m->embed_bias.value, none, embedded,
                             c->dim, rows, values, c->dim));
    TL_TRY(tl_layernorm_forward(ctx, embedded, m->norm2_weight.value, m->norm2_bias.value, x_patches,
                                at(m, TL_VIT_EMBEDDED_STATS), rows, c->dim));
    if (cls == 0 && m->position.value.mem == NULL) return TL_OK;
    return tl_tokens_forward(ctx, x_patches, m->class_token.value, m->position.value, x, tl_vit_tokens(c),
                             m->batch, c->dim, cls);
}

tl_status tl_vit_forward(tl_context *ctx, tl_vit *m)
{
    const tl_vit_config *c = &m->config;
    tl_block_scratch scratch = scratch_of(m);
    TL_TRY(embed(ctx, m));
    m->inputs[0] = at(m, TL_VIT_INPUT);
    for (uint32_t layer = 0; layer < c->depth; layer++)
        TL_TRY(tl_block_forward(ctx, m->blocks[layer], m->inputs[layer], &m->inputs[layer + 1], &scratch));

    tl_view last = m->inputs[c->depth], pooled = at(m, TL_VIT_POOLED), stats = at(m, TL_VIT_FINAL_STATS);
    if (c->pool == TL_POOL_CLS) {
        TL_TRY(tl_layernorm_forward(ctx, last, m->final_weight.value, m->final_bias.value, pooled, stats,
                                    m->batch, c->dim));
    } else {
        uint32_t tokens = tl_vit_tokens(c);
        TL_TRY(tl_layernorm_forward(ctx, last, m->final_weight.value, m->final_bias.value, scratch.rows1,
                                    stats, (uint64_t)tokens * m->batch, c->dim));
        TL_TRY(tl_mean_tokens_forward(ctx, scratch.rows1, pooled, tokens, m->batch, c->dim));
    }
    return tl_linear_forward(ctx, pooled, c->dim, m->head_weight.value, m->head_bias.value, none,
                             at(m, TL_VIT_LOGITS), c->classes, m->batch, c->dim, c->classes);
}

tl_status tl_vit_loss(tl_context *ctx, tl_vit *m, uint32_t slot)
{
    if (slot >= TL_LOSS_SLOTS)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "loss slot %u: there are slots 0 to %d.", slot,
                       TL_LOSS_SLOTS - 1);
    float scale = 1.0f / (float)m->batch;
    tl_view row_losses = at(m, TL_VIT_ROW_LOSSES);
    TL_TRY(tl_cross_entropy(ctx, at(m, TL_VIT_LOGITS), at(m, TL_VIT_TARGETS), row_losses, at(m, TL_VIT_RANKS),
                            at(m, TL_VIT_DLOGITS), scale, m->batch, m->config.classes));
    return tl_sum(ctx, row_losses, m->batch, scale, tl_view_add(at(m, TL_VIT_LOSSES), slot));
}

/* Head, pooling and final LayerNorm; the gradient of the last block's output goes to dx. */
static tl_status backward_head(tl_context *ctx, tl_vit *m, const tl_block_scratch *s)
{
    const tl_vit_config *c = &m->config;
    uint32_t tokens = tl_vit_tokens(c);
    tl_view dy = s->rows1;
    uint64_t rows = m->batch;
    TL_TRY(tl_linear_backward(ctx, at(m, TL_VIT_DLOGITS), c->classes, at(m, TL_VIT_POOLED), c->dim,
                              m->head_weight.value, dy, false, m->head_weight.gradient, m->head_bias.gradient,
                              s->workspace, rows, c->dim, c->classes));
    if (c->pool == TL_POOL_MEAN) {
        TL_TRY(tl_mean_tokens_backward(ctx, dy, s->rows2, tokens, m->batch, c->dim));
        dy = s->rows2;
        rows *= tokens;
    }
    return tl_layernorm_backward(ctx, dy, m->inputs[c->depth], m->final_weight.value,
                                 at(m, TL_VIT_FINAL_STATS), at(m, TL_VIT_DX), false, m->final_weight.gradient,
                                 m->final_bias.gradient, s->workspace, rows, c->dim);
}

/* Class token, positions and the patch embedding; nobody needs the gradient of the patches themselves. */
static tl_status backward_embed(tl_context *ctx, tl_vit *m, const tl_block_scratch *s)
{
    const tl_vit_config *c = &m->config;
    uint32_t cls = c->pool == TL_POOL_CLS ? 1 : 0, values = tl_vit_patch_values(c);
    uint64_t rows = (uint64_t)tl_vit_patch_count(c) * m->batch;
    tl_view dx = at(m, TL_VIT_DX), dx_patches = tl_view_add(dx, (uint64_t)cls * m->batch * c->dim);
    tl_view wide = s->hidden, patches = at(m, TL_VIT_PATCHES);
    if (cls == 1 || m->position.value.mem != NULL)
        TL_TRY(tl_tokens_backward(ctx, dx, m->class_token.gradient, m->position.gradient, tl_vit_tokens(c),
                                  m->batch, c->dim, cls));
    TL_TRY(tl_layernorm_backward(ctx, dx_patches, at(m, TL_VIT_EMBEDDED), m->norm2_weight.value,
                                 at(m, TL_VIT_EMBEDDED_STATS), s->rows2, false, m->norm2_weight.gradient,
                                 m->norm2_bias.gradient, s->workspace, rows, c->dim));
    TL_TRY(tl_layernorm_forward(ctx, patches, m->norm1_weight.value, m->norm1_bias.value, wide,
                                at(m, TL_VIT_PATCH_STATS), rows, values));
    TL_TRY(tl_linear_backward(ctx, s->rows2, c->dim, wide, values, m->embed_weight.value, none, false,
                              m->embed_weight.gradient, m->embed_bias.gradient, s->workspace, rows, values,
                              c->dim));
    TL_TRY(tl_linear_backward(ctx, s->rows2, c->dim, none, values, m->embed_weight.value, wide, false, none,
                              none, s->workspace, rows, values, c->dim));
    return tl_layernorm_backward(ctx, wide, patches, m->norm1_weight.value, at(m, TL_VIT_PATCH_STATS), none,
                                 false, m->norm1_weight.gradient, m->norm1_bias.gradient, s->workspace, rows,
                                 values);
}

tl_status tl_vit_backward(tl_context *ctx, tl_vit *m)
{
    if (!m->training)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "the model was made for inference: create it for training to go backward.");
    tl_block_scratch scratch = scratch_of(m);
    TL_TRY(backward_head(ctx, m, &scratch));
    for (uint32_t layer = m->config.depth; layer-- > 0;)
        TL_TRY(tl_block_backward(ctx, m->blocks[layer], m->inputs[layer], at(m, TL_VIT_DX), &scratch));
    return backward_embed(ctx, m, &scratch);
}

/* ---- reading ------------------------------------------------------------------------------------- */

tl_status tl_vit_read_losses(tl_context *ctx, tl_vit *m, uint32_t first_slot, uint32_t count, float *losses)
{
    if (first_slot >= TL_LOSS_SLOTS || count > TL_LOSS_SLOTS - first_slot)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "loss slots %u to %u: there are slots 0 to %d.",
                       first_slot, first_slot + count, TL_LOSS_SLOTS - 1);
    return tl_tensor_read(ctx, m->buffers[TL_VIT_LOSSES], first_slot, count, losses);
}

tl_status tl_vit_read_ranks(tl_context *ctx, tl_vit *m, int32_t *ranks)
{
    return tl_tensor_read(ctx, m->buffers[TL_VIT_RANKS], 0, m->batch, ranks);
}

tl_status tl_vit_read_row_losses(tl_context *ctx, tl_vit *m, float *losses)
{
    return tl_tensor_read(ctx, m->buffers[TL_VIT_ROW_LOSSES], 0, m->batch, losses);
}

tl_status tl_vit_read_logits(tl_context *ctx, tl_vit *m, float *logits)
{
    return tl_tensor_read(ctx, m->buffers[TL_VIT_LOGITS], 0, (uint64_t)m->batch * m->config.classes, logits);
}

#include "models/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/family.h"
#include "ops/loss.h"

static const tl_view none = {0};

/* ---- life ---------------------------------------------------------------------------------------- */

tl_parameter_views tl_model_find(tl_model *m, const char *prefix, const char *name)
{
    char full[96];
    tl_parameter_views result = {none, none};
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tl_parameter *p = tl_registry_find(&m->registry, full);
    if (p == NULL) return result;
    result.value = tl_at(p->value, 0);
    if (p->gradient != NULL) result.gradient = tl_at(p->gradient, 0);
    return result;
}

static tl_status create_buffer(tl_context *ctx, tl_model *m, uint32_t batch, int which)
{
    const uint64_t count = tl_model_buffer_count(&m->config, batch, m->training, which);
    const tl_buffer_info info = tl_model_buffer_info(&m->config, which);
    if (count == 0) return TL_OK;
    return tl_tensor_create(ctx, info.name, info.kind, 1, count, &m->buffers[which]);
}

static tl_status create_parts(tl_context *ctx, tl_model *m, const optimizer_rule *rule)
{
    const tl_model_config *c = &m->config;
    TL_TRY(tl_model_parameters(c, &m->registry, tl_context_error(ctx)));
    TL_TRY(tl_model_batch_check(c, m->capacity, tl_context_error(ctx)));
    TL_TRY(tl_registry_allocate(ctx, &m->registry, rule));
    m->family->find_parameters(m);
    for (int i = 0; i < TL_MODEL_BUFFERS + m->family->buffers; i++)
        TL_TRY(create_buffer(ctx, m, m->capacity, i));
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        tl_block_shape shape = tl_model_block_shape(c, m->capacity, m->training, layer);
        tl_block *lender = !m->training && !m->cached && layer > 0 ? m->blocks[0] : NULL;
        TL_TRY(tl_block_create(ctx, &m->registry, tl_model_trunk(c), layer, &shape, m->training, m->cached,
                               lender, &m->blocks[layer]));
    }
    return TL_OK;
}

static tl_status create(tl_context *ctx, const tl_model_config *config, uint32_t batch,
                        const optimizer_rule *rule, bool cached, tl_model **out)
{
    TL_TRY(tl_model_check(config, tl_context_error(ctx)));
    tl_model *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->config = *config;
        m->family = tl_family_of(config);
        m->capacity = m->batch = batch;
        m->length = cached ? 0 : tl_model_tokens(config);
        m->training = rule != NULL;
        m->cached = cached;
        m->blocks = calloc(config->depth, sizeof(tl_block *));
        m->inputs = calloc(config->depth + 1, sizeof *m->inputs);
        m->own = calloc(1, m->family->own_bytes);
    }
    if (m == NULL || m->blocks == NULL || m->inputs == NULL || m->own == NULL) {
        tl_model_destroy(ctx, m);
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "no host memory for the model.");
    }
    tl_status status = create_parts(ctx, m, rule);
    if (status != TL_OK) {
        tl_model_destroy(ctx, m);
        return status;
    }
    *out = m;
    return TL_OK;
}

tl_status tl_model_create(tl_context *ctx, const tl_model_config *config, uint32_t batch,
                          const optimizer_rule *rule, tl_model **out)
{
    return create(ctx, config, batch, rule, false, out);
}

tl_status tl_model_create_cached(tl_context *ctx, const tl_model_config *config, uint32_t batch,
                                 tl_model **out)
{
    return create(ctx, config, batch, NULL, true, out);
}

void tl_model_destroy(tl_context *ctx, tl_model *m)
{
    if (m == NULL) return;
    for (uint32_t layer = 0; m->blocks != NULL && layer < m->config.depth; layer++)
        tl_block_destroy(ctx, m->blocks[layer]);
    for (int i = 0; i < TL_MODEL_MOST_BUFFERS; i++) tl_tensor_destroy(ctx, m->buffers[i]);
    tl_registry_free(ctx, &m->registry);
    free(m->blocks);
    free(m->inputs);
    free(m->own);
    free(m);
}

tl_registry *tl_model_registry(tl_model *m)
{
    return &m->registry;
}

/* ---- a step -------------------------------------------------------------------------------------- */

tl_view tl_model_at(const tl_model *m, int which)
{
    return m->buffers[which] != NULL ? tl_at(m->buffers[which], 0) : none;
}

static tl_block_scratch scratch_of(const tl_model *m)
{
    return (tl_block_scratch){.rows1 = tl_model_at(m, TL_MODEL_ROWS1),
                              .rows2 = tl_model_at(m, TL_MODEL_ROWS2),
                              .hidden = tl_model_at(m, TL_MODEL_WIDE),
                              .workspace = tl_model_at(m, TL_MODEL_WORKSPACE)};
}

/* The model as if it were made for sequences of this length; other families ignore it. */
static tl_model_config with_length(const tl_model *m, uint32_t length)
{
    tl_model_config c = m->config;
    c.seq_len = length;
    return c;
}

/* Sizes of a batch: samples, tokens, and the cached ones before them. */
static tl_status check_batch(tl_context *ctx, const tl_model *m, uint32_t batch, uint32_t first,
                             uint32_t length)
{
    tl_error *err = tl_context_error(ctx);
    const uint32_t most = tl_model_tokens(&m->config);
    if (batch < 1 || batch > m->capacity || (m->cached && batch != m->capacity))
        return tl_fail(err, TL_ERROR_USAGE, "a batch of %u samples does not fit a model made for %s%u.",
                       batch, m->cached ? "" : "1 to ", m->capacity);
    if (first > 0 && (!m->cached || first > m->first + m->length))
        return tl_fail(err, TL_ERROR_USAGE,
                       "the model has not kept %u tokens of the sequence: give them again.", first);
    if (length < 1 || length > most || first > most - length)
        return tl_fail(err, TL_ERROR_USAGE, "sequences of %llu tokens do not fit a model made for 1 to %u.",
                       (unsigned long long)first + length, most);
    return TL_OK;
}

tl_status tl_model_set_batch(tl_context *ctx, tl_model *m, const tl_inputs *inputs)
{
    const uint32_t batch = inputs->count, first = m->config.family == TL_FAMILY_GPT ? inputs->first : 0,
                   length = m->family->length(&m->config, inputs);
    TL_TRY(check_batch(ctx, m, batch, first, length));
    for (uint32_t layer = 0; layer < m->config.depth; layer++)
        TL_TRY(tl_block_set_batch(ctx, m->blocks[layer], batch, first, first + length));
    m->batch = batch;
    m->first = first;
    m->length = length;
    return m->family->set_inputs(ctx, m, inputs);
}

/* The stem and the first `blocks` blocks. */
static tl_status forward_to(tl_context *ctx, tl_model *m, uint32_t blocks)
{
    const tl_block_scratch scratch = scratch_of(m);
    TL_TRY(m->family->stem_forward(ctx, m));
    m->inputs[0] = tl_model_at(m, TL_MODEL_INPUT);
    for (uint32_t layer = 0; layer < blocks; layer++)
        TL_TRY(tl_block_forward(ctx, m->blocks[layer], m->inputs[layer], &m->inputs[layer + 1], &scratch));
    return TL_OK;
}

tl_status tl_model_forward(tl_context *ctx, tl_model *m)
{
    TL_TRY(forward_to(ctx, m, m->config.depth));
    return m->family->head_forward(ctx, m, m->inputs[m->config.depth]);
}

tl_status tl_model_loss(tl_context *ctx, tl_model *m, uint32_t slot)
{
    if (slot >= TL_LOSS_SLOTS)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "loss slot %u: there are slots 0 to %d.", slot,
                       TL_LOSS_SLOTS - 1);
    const uint32_t predictions = tl_model_predictions(m);
    const float scale = 1.0f / (float)predictions;
    TL_TRY(m->family->loss(ctx, m, scale));
    return tl_sum(ctx, tl_model_at(m, TL_MODEL_ROW_LOSSES), predictions, scale, tl_model_loss_at(m, slot));
}

tl_view tl_model_loss_at(const tl_model *m, uint32_t slot)
{
    return tl_view_add(tl_model_at(m, TL_MODEL_LOSSES), slot);
}

tl_status tl_model_backward(tl_context *ctx, tl_model *m)
{
    if (!m->training)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "the model was made for inference: create it for training to go backward.");
    const tl_block_scratch scratch = scratch_of(m);
    const tl_view dx = tl_model_at(m, TL_MODEL_DX);
    TL_TRY(m->family->head_backward(ctx, m, m->inputs[m->config.depth], &scratch));
    for (uint32_t layer = m->config.depth; layer-- > 0;)
        TL_TRY(tl_block_backward(ctx, m->blocks[layer], m->inputs[layer], dx, &scratch));
    return m->family->stem_backward(ctx, m, &scratch);
}

/* ---- reading ------------------------------------------------------------------------------------- */

uint32_t tl_model_predictions(const tl_model *m)
{
    const tl_model_config c = with_length(m, m->length);
    return (uint32_t)m->family->predictions(&c, m->batch);
}

tl_status tl_model_read_losses(tl_context *ctx, tl_model *m, uint32_t first_slot, uint32_t count,
                               float *losses)
{
    if (first_slot >= TL_LOSS_SLOTS || count > TL_LOSS_SLOTS - first_slot)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "loss slots %u to %u: there are slots 0 to %d.",
                       first_slot, first_slot + count, TL_LOSS_SLOTS - 1);
    return tl_tensor_read(ctx, m->buffers[TL_MODEL_LOSSES], first_slot, count, losses);
}

tl_status tl_model_read_ranks(tl_context *ctx, tl_model *m, int32_t *ranks)
{
    return tl_tensor_read(ctx, m->buffers[TL_MODEL_RANKS], 0, tl_model_predictions(m), ranks);
}

tl_status tl_model_read_row_losses(tl_context *ctx, tl_model *m, float *losses)
{
    return tl_tensor_read(ctx, m->buffers[TL_MODEL_ROW_LOSSES], 0, tl_model_predictions(m), losses);
}

tl_status tl_model_read_logits(tl_context *ctx, tl_model *m, float *logits)
{
    if (m->family->logits < 0)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "this family of models keeps no logits.");
    return tl_tensor_read(ctx, m->buffers[m->family->logits], 0, (uint64_t)m->batch * m->config.classes,
                          logits);
}

tl_status tl_model_read_attention(tl_context *ctx, tl_model *m, uint32_t layer, uint32_t sample,
                                  float *weights)
{
    if (layer >= m->config.depth || sample >= m->batch)
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "there is no block %u: the model has blocks 0 to %u", layer, m->config.depth - 1);
    /* In inference blocks share what they work in, so that only the last one's is there to be read. */
    TL_TRY(forward_to(ctx, m, layer + 1));
    return tl_block_read_attention(ctx, m->blocks[layer], sample, 0, weights);
}

#include "models/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/arch.h"
#include "ops/loss.h"
#include "ops/self_test.h"

static const tli_view none = {0};

/* ---- create and destroy --------------------------------------------------------------------------- */

tli_parameter_views tli_model_find(tl_model *m, const char *prefix, const char *name)
{
    char full[96];
    tli_parameter_views result = {none, none};
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tli_parameter *p = tli_registry_find(&m->registry, full);
    if (p == NULL) return result;
    result.value = tli_at(p->value, 0);
    if (p->gradient != NULL) result.gradient = tli_at(p->gradient, 0);
    return result;
}

static tl_status create_buffer(tl_context *ctx, tl_model *m, uint32_t batch, int which)
{
    const uint64_t count = tli_model_buffer_count(&m->config, batch, m->training, which);
    const tli_buffer_info info = tli_model_buffer_info(&m->config, which);
    if (count == 0) return TL_OK;
    return tl_tensor_create(ctx, info.name, info.kind, 1, count, &m->buffers[which]);
}

static tl_status create_parts(tl_context *ctx, tl_model *m, const optimizer_rule *rule)
{
    const tl_model_config *c = &m->config;
    TLI_TRY(tli_model_parameters(c, &m->registry, tl_context_error(ctx)));
    TLI_TRY(tli_model_batch_check(c, m->capacity, tl_context_error(ctx)));
    TLI_TRY(tli_registry_allocate(ctx, &m->registry, m->training));
    if (rule != NULL) TLI_TRY(tli_registry_allocate_state(ctx, &m->registry, rule));
    m->arch->find_parameters(m);
    for (int i = 0; i < TLI_MODEL_BUFFERS + m->arch->buffers; i++)
        TLI_TRY(create_buffer(ctx, m, m->capacity, i));
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        tli_block_shape shape = tli_model_block_shape(c, m->capacity, m->training, layer);
        tli_block *buffer_owner = !m->training && !m->cached && layer > 0 ? m->blocks[0] : NULL;
        TLI_TRY(tli_block_create(ctx, &m->registry, tli_model_block_prefix(c), layer, &shape, m->training,
                                 m->cached, buffer_owner, &m->blocks[layer]));
    }
    return TL_OK;
}

static void model_destroy(tl_context *ctx, void *object)
{
    tli_model_destroy(ctx, object);
}

tl_status tli_model_create(tl_context *ctx, const tl_model_config *config, const tl_model_options *options,
                           const optimizer_rule *rule, tl_model **out)
{
    TLI_TRY(tli_model_check(config, tl_context_error(ctx)));
    if (options->kv_cache && config->arch != TL_ARCH_GPT)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "kv_cache is for sequences: a Vision Transformer has none.");
    tl_model *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->config = *config;
        m->config.positions = tli_model_positions(config);
        m->arch = tli_arch_of(config);
        m->capacity = m->batch = options->batch;
        m->length = options->kv_cache ? 0 : tli_model_tokens(config);
        m->training = options->training;
        m->cached = options->kv_cache;
        m->blocks = calloc(config->depth, sizeof(tli_block *));
        m->inputs = calloc(config->depth + 1, sizeof *m->inputs);
        m->own = calloc(1, m->arch->own_bytes);
    }
    if (m == NULL || m->blocks == NULL || m->inputs == NULL || m->own == NULL) {
        tli_model_destroy(ctx, m);
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "no host memory for the model.");
    }
    tl_status status = tli_self_test_switch_on(ctx);
    if (status == TL_OK) status = create_parts(ctx, m, rule);
    if (status == TL_OK) status = tli_context_own(ctx, m, model_destroy);
    if (status != TL_OK) {
        tli_model_destroy(ctx, m);
        return status;
    }
    *out = m;
    return TL_OK;
}

void tli_model_destroy(tl_context *ctx, tl_model *m)
{
    if (m == NULL) return;
    tli_context_disown(ctx, m);
    for (uint32_t layer = 0; m->blocks != NULL && layer < m->config.depth; layer++)
        tli_block_destroy(ctx, m->blocks[layer]);
    for (int i = 0; i < TLI_MODEL_MAX_BUFFERS; i++) tl_tensor_destroy(ctx, m->buffers[i]);
    tli_rank_sum_destroy(ctx, &m->sum);
    tli_registry_free(ctx, &m->registry);
    free(m->blocks);
    free(m->inputs);
    free(m->own);
    free(m->origin);
    free(m);
}

tl_status tli_model_share(tl_context *ctx, tl_model *m, tl_ranks *offset_group)
{
    if (offset_group == NULL) return TL_OK;
    TLI_TRY(tli_rank_sum_create(ctx, offset_group, &m->sum));
    for (uint32_t layer = 0; layer < m->config.depth; layer++) tli_block_share(m->blocks[layer], &m->sum);
    return TL_OK;
}

tl_ranks *tli_model_group(const tl_model *m)
{
    return m->sum.ranks;
}

void **tli_model_origin(tl_model *m)
{
    return &m->origin;
}

uint32_t tli_model_capacity(const tl_model *m)
{
    return m->capacity;
}

tli_registry *tli_model_registry(tl_model *m)
{
    return &m->registry;
}

/* ---- a step -------------------------------------------------------------------------------------- */

tli_view tli_model_at(const tl_model *m, int which)
{
    return m->buffers[which] != NULL ? tli_at(m->buffers[which], 0) : none;
}

static tli_block_scratch scratch_of(const tl_model *m)
{
    return (tli_block_scratch){.rows1 = tli_model_at(m, TLI_MODEL_ROWS1),
                               .rows2 = tli_model_at(m, TLI_MODEL_ROWS2),
                               .hidden = tli_model_at(m, TLI_MODEL_WIDE),
                               .workspace = tli_model_at(m, TLI_MODEL_WORKSPACE)};
}

/* In a batch of sequences of this length; other architectures ignore it. */
static uint32_t predictions_of(const tl_model *m, uint32_t length, uint32_t batch)
{
    tl_model_config c = m->config;
    c.seq_len = length;
    return (uint32_t)m->arch->predictions(&c, batch);
}

/* Size of a batch: samples, tokens, and cached tokens before them. */
static tl_status check_batch(tl_context *ctx, const tl_model *m, uint32_t batch, uint32_t first,
                             uint32_t length)
{
    tl_error *err = tl_context_error(ctx);
    const uint32_t most = tli_model_tokens(&m->config);
    if (batch < 1 || batch > m->capacity || (m->cached && batch != m->capacity))
        return tli_fail(err, TL_ERROR_USAGE, "a batch of %u samples does not fit a model made for %s%u.",
                        batch, m->cached ? "" : "1 to ", m->capacity);
    if (first > 0 && (!m->cached || first > m->first + m->length))
        return tli_fail(err, TL_ERROR_USAGE,
                        "the model has not kept %u tokens of the sequence: give them again.", first);
    if (length < 1 || length > most || first > most - length)
        return tli_fail(err, TL_ERROR_USAGE, "sequences of %llu tokens do not fit a model made for 1 to %u.",
                        (unsigned long long)first + length, most);
    return TL_OK;
}

tl_status tli_model_set_slice(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t sample,
                              uint32_t count)
{
    const uint32_t first = m->config.arch == TL_ARCH_GPT ? inputs->first : 0,
                   length = m->arch->length(&m->config, inputs);
    m->stage = TLI_STAGE_NONE;
    m->has_loss = false;
    TLI_TRY(check_batch(ctx, m, count, first, length));
    for (uint32_t layer = 0; layer < m->config.depth; layer++)
        TLI_TRY(tli_block_set_batch(ctx, m->blocks[layer], count, first, first + length));
    m->batch = count;
    m->whole = inputs->count;
    m->first = first;
    m->length = length;
    m->targets = inputs->targets != NULL || inputs->soft_targets != NULL;
    TLI_TRY(m->arch->set_inputs(ctx, m, inputs, sample));
    m->stage = TLI_STAGE_BATCH;
    return TL_OK;
}

tl_status tli_model_set_batch(tl_context *ctx, tl_model *m, const tl_batch *inputs)
{
    return tli_model_set_slice(ctx, m, inputs, 0, inputs->count);
}

/* Embedding and the first `blocks` blocks. */
static tl_status forward_to(tl_context *ctx, tl_model *m, uint32_t blocks)
{
    const tli_block_scratch scratch = scratch_of(m);
    TLI_TRY(m->arch->embed_forward(ctx, m));
    m->inputs[0] = tli_model_at(m, TLI_MODEL_INPUT);
    for (uint32_t layer = 0; layer < blocks; layer++)
        TLI_TRY(tli_block_forward(ctx, m->blocks[layer], m->inputs[layer], &m->inputs[layer + 1], &scratch));
    return TL_OK;
}

tl_status tli_model_forward(tl_context *ctx, tl_model *m)
{
    TLI_TRY(forward_to(ctx, m, m->config.depth));
    TLI_TRY(m->arch->head_forward(ctx, m, m->inputs[m->config.depth]));
    m->stage = TLI_STAGE_FORWARD;
    return TL_OK;
}

tl_status tli_model_loss(tl_context *ctx, tl_model *m, uint32_t slot)
{
    if (slot >= TLI_LOSS_SLOTS)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "loss slot %u: there are slots 0 to %d.", slot,
                        TLI_LOSS_SLOTS - 1);
    if (!m->targets)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the batch has no targets: a loss needs them in its tl_batch.");
    const float scale = 1.0f / (float)predictions_of(m, m->length, m->whole);
    TLI_TRY(m->arch->loss(ctx, m, scale));
    m->stage = TLI_STAGE_LOSS;
    m->has_loss = true;
    return tli_sum(ctx, tli_model_at(m, TLI_MODEL_ROW_LOSSES), tli_model_predictions(m), scale,
                   tli_model_loss_at(m, slot));
}

tli_view tli_model_loss_at(const tl_model *m, uint32_t slot)
{
    return tli_view_add(tli_model_at(m, TLI_MODEL_LOSSES), slot);
}

int tli_model_first_ready(const tl_model_config *c, const tli_registry *registry, uint32_t blocks)
{
    int first = registry->count;
    char prefix[64];
    const char *layers = tli_model_block_prefix(c);
    const int length = snprintf(prefix, sizeof prefix, "%s.layers.", layers);
    for (int i = registry->count; i-- > 0;) {
        const char *name = registry->items[i].name;
        if (strncmp(name, prefix, (size_t)length) != 0) continue;
        if (strtoul(name + length, NULL, 10) + blocks < c->depth) return i + 1;
        first = i;
    }
    return first;
}

static tl_status tell_ready(const tli_gradient_listener *listener, int first)
{
    return listener != NULL ? listener->ready(listener->user, first) : TL_OK;
}

tl_status tli_model_backward_to(tl_context *ctx, tl_model *m, const tli_gradient_listener *listener)
{
    if (!m->training)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "the model was made for inference: create it for training to go backward.");
    m->stage = TLI_STAGE_BACKWARD;
    const tli_block_scratch scratch = scratch_of(m);
    const tli_view dx = tli_model_at(m, TLI_MODEL_DX);
    TLI_TRY(m->arch->head_backward(ctx, m, m->inputs[m->config.depth], &scratch));
    for (uint32_t blocks = 0; blocks < m->config.depth; blocks++) {
        const uint32_t layer = m->config.depth - 1 - blocks;
        TLI_TRY(tell_ready(listener, tli_model_first_ready(&m->config, &m->registry, blocks)));
        TLI_TRY(tli_block_backward(ctx, m->blocks[layer], m->inputs[layer], dx, &scratch));
    }
    TLI_TRY(tell_ready(listener, tli_model_first_ready(&m->config, &m->registry, m->config.depth)));
    TLI_TRY(m->arch->embed_backward(ctx, m, &scratch));
    return tell_ready(listener, 0);
}

tl_status tli_model_backward(tl_context *ctx, tl_model *m)
{
    return tli_model_backward_to(ctx, m, NULL);
}

/* ---- reading results ------------------------------------------------------------------------------ */

uint32_t tli_model_predictions(const tl_model *m)
{
    return predictions_of(m, m->length, m->batch);
}

uint32_t tli_model_predictions_of(const tl_model *m, const tl_batch *inputs)
{
    return predictions_of(m, m->arch->length(&m->config, inputs), inputs->count);
}

tl_status tli_model_read_losses(tl_context *ctx, tl_model *m, uint32_t first_slot, uint32_t count,
                                float *losses)
{
    if (first_slot >= TLI_LOSS_SLOTS || count > TLI_LOSS_SLOTS - first_slot)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "loss slots %u to %u: there are slots 0 to %d.", first_slot, first_slot + count,
                        TLI_LOSS_SLOTS - 1);
    return tl_tensor_read(ctx, m->buffers[TLI_MODEL_LOSSES], first_slot, count, losses);
}

tl_status tli_model_read_ranks(tl_context *ctx, tl_model *m, int32_t *ranks)
{
    return tl_tensor_read(ctx, m->buffers[TLI_MODEL_RANKS], 0, tli_model_predictions(m), ranks);
}

tl_status tli_model_read_row_losses(tl_context *ctx, tl_model *m, float *losses)
{
    return tl_tensor_read(ctx, m->buffers[TLI_MODEL_ROW_LOSSES], 0, tli_model_predictions(m), losses);
}

tl_status tli_model_read_attention(tl_context *ctx, tl_model *m, uint32_t layer, uint32_t sample,
                                   float *weights)
{
    if (layer >= m->config.depth || sample >= m->batch)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "there is no block %u: the model has blocks 0 to %u", layer, m->config.depth - 1);
    /* in inference blocks share buffers, so only the last block computed can be read */
    TLI_TRY(forward_to(ctx, m, layer + 1));
    return tli_block_read_attention(ctx, m->blocks[layer], sample, 0, weights);
}

tl_status tli_model_read_attention_matrices(tl_context *ctx, tl_model *m, uint32_t layer, float *weights)
{
    TLI_TRY(forward_to(ctx, m, layer + 1));
    return tli_block_read_attention_matrices(ctx, m->blocks[layer], weights);
}

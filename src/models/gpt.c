#include "models/gpt.h"

#include <stdlib.h>
#include <string.h>

#include "core/arithmetic.h"
#include "models/arch.h"
#include "ops/embedding.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/linear_loss.h"

typedef enum tli_gpt_buffer {
    TLI_GPT_TOKENS = TLI_MODEL_BUFFERS, /* rows, int32 */
    TLI_GPT_INDEX,                      /* training: rows grouped by id, see ops/embedding.h */
    TLI_GPT_BLOCKS_STATS,               /* 2 x rows: LayerNorm after the blocks */
    TLI_GPT_FINAL_STATS,                /* 2 x rows: the final LayerNorm */
    TLI_GPT_NORMED,                     /* rows x dim: input of the head; after the loss its gradient */
    TLI_GPT_LOGITS,                     /* scratch: logits of a chunk of rows */
    TLI_GPT_END
} tli_gpt_buffer;
enum { TLI_GPT_BUFFERS = TLI_GPT_END - TLI_MODEL_BUFFERS };

/* ---- without a device ---------------------------------------------------------------------------- */

static uint64_t rows_of(const tl_model_config *c, uint32_t batch)
{
    return (uint64_t)c->seq_len * batch;
}

static tl_status check_config(const tl_model_config *c, tl_error *err)
{
    TLI_TRY(tli_check_range(err, "the sequence length", c->seq_len, OP_MAX_TOKENS));
    return tli_check_range(err, "the vocabulary size", c->vocab_size, MODEL_MAX_VOCABULARY);
}

static tli_geometry geometry_of(const tl_model_config *c)
{
    return (tli_geometry){
        .kind = TLI_CAUSAL, .depth = 1, .height = 1, .width = c->seq_len, .max_length = c->seq_len};
}

static bool reads_class_only(const tl_model_config *c)
{
    (void)c;
    return false;
}

static tl_status list_parameters(const tl_model_config *c, tli_registry *r, tl_error *err)
{
    const uint64_t dim = c->dim;
    char weight[64], bias[64];
    if (tli_model_positions(c) == TL_POSITIONS_LEARNED)
        TLI_TRY(tli_add_normal(r, err, "wpe.weight", 2, (const uint64_t[]){c->seq_len, dim}));
    TLI_TRY(tli_add_normal(r, err, "wte.weight", 2, (const uint64_t[]){c->vocab_size, dim}));
    snprintf(weight, sizeof weight, "%s.norm.weight", tli_model_block_prefix(c));
    snprintf(bias, sizeof bias, "%s.norm.bias", tli_model_block_prefix(c));
    TLI_TRY(tli_add_norm(r, err, weight, bias, dim));
    TLI_TRY(tli_add_blocks(c, r, err));
    TLI_TRY(tli_add_norm(r, err, "norm.weight", "norm.bias", dim));
    return tli_add_linear(r, err, "output_head.weight", NULL, dim, c->vocab_size);
}

/* ---- buffers ------------------------------------------------------------------------------------- */

static const tli_buffer_info buffer_info[TLI_GPT_BUFFERS] = {
#define AT(which) [(which)-TLI_MODEL_BUFFERS]
    AT(TLI_GPT_TOKENS) = {"tokens", TL_MEMORY_DATA},
    AT(TLI_GPT_INDEX) = {"index of the tokens", TL_MEMORY_DATA},
    AT(TLI_GPT_BLOCKS_STATS) = {"blocks norm statistics", TL_MEMORY_ACTIVATION},
    AT(TLI_GPT_FINAL_STATS) = {"final norm statistics", TL_MEMORY_ACTIVATION},
    AT(TLI_GPT_NORMED) = {"normed rows", TL_MEMORY_ACTIVATION},
    AT(TLI_GPT_LOGITS) = {"logits of a chunk", TL_MEMORY_WORKSPACE},
#undef AT
};

/* Of logits, as of tli_linear_loss. */
static uint64_t chunk_bytes_of(const tl_model_config *c, bool training)
{
    return training ? c->chunk_bytes : 0;
}

static uint64_t count_buffer(const tl_model_config *c, uint32_t batch, bool training, int which)
{
    const uint64_t rows = rows_of(c, batch);
    switch ((tli_gpt_buffer)which) {
    case TLI_GPT_TOKENS: return rows;
    case TLI_GPT_INDEX: return training ? tli_embedding_index_count(rows) : 0;
    case TLI_GPT_BLOCKS_STATS:
    case TLI_GPT_FINAL_STATS: return 2 * rows;
    case TLI_GPT_NORMED: return rows * c->dim;
    case TLI_GPT_LOGITS: return tli_linear_loss_workspace(chunk_bytes_of(c, training), rows, c->vocab_size);
    case TLI_GPT_END: break;
    }
    return 0;
}

static uint64_t count_predictions(const tl_model_config *c, uint32_t batch)
{
    return rows_of(c, batch);
}

static uint32_t count_vocabulary(const tl_model_config *c)
{
    return c->vocab_size;
}

static uint64_t count_wide(const tl_model_config *c, uint32_t batch)
{
    (void)c, (void)batch;
    return 0;
}

static uint64_t count_workspace(const tl_model_config *c, uint32_t batch, bool training)
{
    const uint64_t rows = rows_of(c, batch);
    return training
               ? tli_larger(tli_layernorm_workspace(rows, c->dim),
                            tli_linear_loss_sums(chunk_bytes_of(c, training), rows, c->dim, c->vocab_size))
               : 0;
}

static void add_flops(const tl_model_config *c, uint32_t batch, tli_flops *f)
{
    tli_linear_flops(f, (double)rows_of(c, batch), c->dim, c->vocab_size);
}

/* ---- on a device --------------------------------------------------------------------------------- */

static const tli_view none = {0};

typedef struct gpt {
    tli_parameter_views position, table, blocks_norm_weight, blocks_norm_bias, final_weight, final_bias, head;
    uint32_t spans; /* distinct ids in the batch */
} gpt;

static void find_parameters(tl_model *m)
{
    gpt *g = m->own;
    const char *prefix = tli_model_block_prefix(&m->config);
    g->position = tli_model_find(m, "", "wpe.weight");
    g->table = tli_model_find(m, "", "wte.weight");
    g->blocks_norm_weight = tli_model_find(m, prefix, ".norm.weight");
    g->blocks_norm_bias = tli_model_find(m, prefix, ".norm.bias");
    g->final_weight = tli_model_find(m, "norm.", "weight");
    g->final_bias = tli_model_find(m, "norm.", "bias");
    g->head = tli_model_find(m, "output_head.", "weight");
}

static tli_view gpt_buffer_view(const tl_model *m, int which)
{
    return tli_model_at(m, which);
}

static uint32_t batch_rows(const tl_model *m)
{
    return m->batch * m->length;
}

static uint32_t gpt_length(const tl_model_config *c, const tl_batch *inputs)
{
    (void)c;
    return inputs->length;
}

/* ---- inputs -------------------------------------------------------------------------------------- */

/* [batch][token] -> [token][batch], from sample `first` on; ids are checked, as a larger one would be read from
 * beyond the table. */
static tl_status gpt_transpose(tl_context *ctx, const tl_model *m, const int32_t *ids, uint32_t first,
                               int32_t *rows)
{
    for (uint32_t b = 0; b < m->batch; b++) {
        for (uint32_t t = 0; t < m->length; t++) {
            const int32_t id = ids[(size_t)(first + b) * m->length + t];
            if (id < 0 || (uint32_t)id >= m->config.vocab_size)
                return tli_fail(
                    tl_context_error(ctx), TL_ERROR_INPUT,
                    "token %u of sample %u has the id %d, which a vocabulary of %u does not have.", t,
                    first + b, id, m->config.vocab_size);
            rows[(size_t)t * m->batch + b] = id;
        }
    }
    return TL_OK;
}

static tl_status write_inputs(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t first,
                              int32_t *rows, uint64_t *keys, int32_t *index)
{
    gpt *g = m->own;
    const uint32_t count = batch_rows(m);
    TLI_TRY(gpt_transpose(ctx, m, inputs->tokens, first, rows));
    TLI_TRY(tli_tensor_write_async(ctx, m->buffers[TLI_GPT_TOKENS], 0, count, rows));
    if (m->training) {
        g->spans = tli_embedding_sort(rows, count, keys, index);
        TLI_TRY(tli_tensor_write_async(ctx, m->buffers[TLI_GPT_INDEX], 0, tli_embedding_index_count(count),
                                       index));
    }
    if (inputs->targets == NULL) return TL_OK;
    TLI_TRY(gpt_transpose(ctx, m, inputs->targets, first, rows));
    return tli_tensor_write_async(ctx, m->buffers[TLI_MODEL_TARGETS], 0, count, rows);
}

static tl_status set_inputs(tl_context *ctx, tl_model *m, const tl_batch *inputs, uint32_t first)
{
    const uint32_t count = batch_rows(m);
    if (inputs->tokens == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "a GPT takes tokens, and the batch has none.");
    if (inputs->soft_targets != NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "a GPT takes targets, no soft_targets.");
    int32_t *rows = malloc(count * sizeof *rows);
    uint64_t *keys = malloc(count * sizeof *keys);
    int32_t *index = calloc(tli_embedding_index_count(count), sizeof *index);
    tl_status status;
    if (rows != NULL && keys != NULL && index != NULL)
        status = write_inputs(ctx, m, inputs, first, rows, keys, index);
    else
        status = tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                          "out of host memory for a batch of %u tokens.", count);
    free(rows);
    free(keys);
    free(index);
    return status;
}

/* ---- forward ------------------------------------------------------------------------------------- */

static tl_status embed_forward(tl_context *ctx, tl_model *m)
{
    const gpt *g = m->own;
    tli_view position = g->position.value;
    if (position.mem != NULL) position = tli_view_add(position, (uint64_t)m->first * m->config.dim);
    return tli_embedding_forward(ctx, g->table.value, gpt_buffer_view(m, TLI_GPT_TOKENS), position,
                                 gpt_buffer_view(m, TLI_MODEL_INPUT), m->length, m->batch, m->config.dim);
}

static tl_status trunk_norm(tl_context *ctx, tl_model *m, tli_view last)
{
    const gpt *g = m->own;
    return tli_layernorm_forward(ctx, last, g->blocks_norm_weight.value, g->blocks_norm_bias.value,
                                 gpt_buffer_view(m, TLI_MODEL_ROWS1),
                                 gpt_buffer_view(m, TLI_GPT_BLOCKS_STATS), batch_rows(m), m->config.dim);
}

/* The input of the head, to `normed`. */
static tl_status norm_rows(tl_context *ctx, tl_model *m, tli_view last, tli_view normed)
{
    const gpt *g = m->own;
    TLI_TRY(trunk_norm(ctx, m, last));
    return tli_layernorm_forward(ctx, gpt_buffer_view(m, TLI_MODEL_ROWS1), g->final_weight.value,
                                 g->final_bias.value, normed, gpt_buffer_view(m, TLI_GPT_FINAL_STATS),
                                 batch_rows(m), m->config.dim);
}

static tl_status head_forward(tl_context *ctx, tl_model *m, tli_view last)
{
    return norm_rows(ctx, m, last, gpt_buffer_view(m, TLI_GPT_NORMED));
}

/* Runs the head, and its backward too: a chunk's logits are overwritten by the next chunk's. */
static tl_status gpt_loss(tl_context *ctx, tl_model *m, float scale)
{
    const gpt *g = m->own;
    const tli_view normed = gpt_buffer_view(m, TLI_GPT_NORMED);
    return tli_linear_loss(ctx, normed, g->head.value, gpt_buffer_view(m, TLI_MODEL_TARGETS), scale,
                           gpt_buffer_view(m, TLI_MODEL_ROW_LOSSES), gpt_buffer_view(m, TLI_MODEL_RANKS),
                           m->training ? normed : none, g->head.gradient, gpt_buffer_view(m, TLI_GPT_LOGITS),
                           gpt_buffer_view(m, TLI_MODEL_WORKSPACE), chunk_bytes_of(&m->config, m->training),
                           batch_rows(m), m->config.dim, m->config.vocab_size);
}

/* Rows of logits that the chunk's buffer holds. */
static uint32_t chunk_rows(const tl_model *m)
{
    const uint64_t most = m->buffers[TLI_GPT_LOGITS]->row / m->config.vocab_size;
    return (uint32_t)(most < batch_rows(m) ? most : batch_rows(m));
}

/* Logits of `count` rows of `normed` from `first` on, at most a chunk. */
static tl_status read_rows(tl_context *ctx, tl_model *m, tli_view normed, uint32_t first, uint32_t count,
                           float *logits)
{
    const gpt *g = m->own;
    const uint32_t dim = m->config.dim, classes = m->config.vocab_size;
    TLI_TRY(tli_linear_forward(ctx, tli_view_add(normed, (uint64_t)first * dim), dim, g->head.value, none,
                               none, gpt_buffer_view(m, TLI_GPT_LOGITS), classes, count, dim, classes));
    return tl_tensor_read(ctx, m->buffers[TLI_GPT_LOGITS], 0, (uint64_t)count * classes, logits);
}

tl_status tli_gpt_read_logits(tl_context *ctx, tl_model *m, uint32_t token, float *logits)
{
    const uint32_t most = chunk_rows(m);
    if (token >= m->length)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "there is no token %u in sequences of %u.",
                        token, m->length);
    for (uint32_t b = 0; b < m->batch; b += most) {
        const uint32_t n = m->batch - b < most ? m->batch - b : most;
        TLI_TRY(read_rows(ctx, m, gpt_buffer_view(m, TLI_GPT_NORMED), token * m->batch + b, n,
                          logits + (size_t)b * m->config.vocab_size));
    }
    return TL_OK;
}

/* Place of the logits of a row, [token][batch], in an array [batch][token][vocabulary]. */
static size_t host_place(const tl_model *m, uint32_t row)
{
    return ((size_t)(row % m->batch) * m->length + row / m->batch) * m->config.vocab_size;
}

static float *make_chunk(tl_context *ctx, const tl_model *m)
{
    float *chunk = malloc((size_t)chunk_rows(m) * m->config.vocab_size * sizeof *chunk);
    if (chunk == NULL)
        (void)tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for a chunk of logits.");
    return chunk;
}

/* In training the input of the head is computed anew: the loss overwrites it. */
static tl_status read_logits(tl_context *ctx, tl_model *m, float *logits)
{
    const uint32_t rows = batch_rows(m), most = chunk_rows(m), classes = m->config.vocab_size;
    const tli_view normed = gpt_buffer_view(m, m->training ? TLI_MODEL_ROWS2 : TLI_GPT_NORMED);
    if (m->training) TLI_TRY(norm_rows(ctx, m, m->inputs[m->config.depth], normed));
    float *chunk = make_chunk(ctx, m);
    tl_status status = chunk != NULL ? TL_OK : TL_ERROR_MEMORY;
    for (uint32_t at = 0; at < rows && status == TL_OK; at += most) {
        const uint32_t n = rows - at < most ? rows - at : most;
        status = read_rows(ctx, m, normed, at, n, chunk);
        for (uint32_t r = 0; r < n && status == TL_OK; r++)
            memcpy(logits + host_place(m, at + r), chunk + (size_t)r * classes, classes * sizeof *chunk);
    }
    free(chunk);
    return status;
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* Takes the head's backward of one chunk of the caller's gradient after another. */
static tl_status set_gradient(tl_context *ctx, tl_model *m, const float *d_logits)
{
    const gpt *g = m->own;
    const uint32_t rows = batch_rows(m), most = chunk_rows(m), classes = m->config.vocab_size;
    const tli_view normed = gpt_buffer_view(m, TLI_GPT_NORMED), logits = gpt_buffer_view(m, TLI_GPT_LOGITS);
    TLI_TRY(head_forward(ctx, m, m->inputs[m->config.depth])); /* the loss overwrites its rows */
    float *chunk = make_chunk(ctx, m);
    tl_status status = chunk != NULL ? TL_OK : TL_ERROR_MEMORY;
    for (uint32_t at = 0; at < rows && status == TL_OK; at += most) {
        const uint32_t n = rows - at < most ? rows - at : most;
        const tli_view x = tli_view_add(normed, (uint64_t)at * m->config.dim);
        for (uint32_t r = 0; r < n; r++)
            memcpy(chunk + (size_t)r * classes, d_logits + host_place(m, at + r), classes * sizeof *chunk);
        status = tl_tensor_write(ctx, m->buffers[TLI_GPT_LOGITS], 0, (uint64_t)n * classes, chunk);
        if (status == TL_OK)
            status = tli_linear_loss_backward(ctx, logits, x, g->head.value, x, g->head.gradient,
                                              gpt_buffer_view(m, TLI_MODEL_WORKSPACE), at == 0, n,
                                              m->config.dim, classes);
    }
    free(chunk);
    return status;
}

/* The head's backward was done with the loss. */
static tl_status head_backward(tl_context *ctx, tl_model *m, tli_view last, const tli_block_scratch *s)
{
    const gpt *g = m->own;
    TLI_TRY(trunk_norm(ctx, m, last)); /* recomputed into rows1 */
    TLI_TRY(tli_layernorm_backward(ctx, gpt_buffer_view(m, TLI_GPT_NORMED), s->rows1, g->final_weight.value,
                                   gpt_buffer_view(m, TLI_GPT_FINAL_STATS), s->rows2, false,
                                   g->final_weight.gradient, g->final_bias.gradient, s->workspace,
                                   batch_rows(m), m->config.dim));
    return tli_layernorm_backward(ctx, s->rows2, last, g->blocks_norm_weight.value,
                                  gpt_buffer_view(m, TLI_GPT_BLOCKS_STATS), gpt_buffer_view(m, TLI_MODEL_DX),
                                  false, g->blocks_norm_weight.gradient, g->blocks_norm_bias.gradient,
                                  s->workspace, batch_rows(m), m->config.dim);
}

static tl_status embed_backward(tl_context *ctx, tl_model *m, const tli_block_scratch *s)
{
    const tl_model_config *c = &m->config;
    const gpt *g = m->own;
    const tli_view dx = gpt_buffer_view(m, TLI_MODEL_DX);
    (void)s;
    if (g->position.value.mem != NULL) {
        TLI_TRY(tli_tokens_backward(ctx, dx, none, g->position.gradient, m->length, m->batch, c->dim, 0));
        if (m->length < c->seq_len) /* positions that had no token */
            TLI_TRY(tli_zero(ctx, tli_view_add(g->position.gradient, (uint64_t)m->length * c->dim),
                             (uint64_t)(c->seq_len - m->length) * c->dim));
    }
    return tli_embedding_backward(ctx, gpt_buffer_view(m, TLI_GPT_INDEX), g->spans, dx, g->table.gradient,
                                  batch_rows(m), c->vocab_size, c->dim);
}

const tli_arch tli_gpt_arch = {
    .check = check_config,
    .geometry = geometry_of,
    .class_only = reads_class_only,
    .parameters = list_parameters,
    .predictions = count_predictions,
    .buffers = TLI_GPT_BUFFERS,
    .info = buffer_info,
    .buffer_count = count_buffer,
    .wide = count_wide,
    .workspace = count_workspace,
    .flops = add_flops,
    .own_bytes = sizeof(gpt),
    .length = gpt_length,
    .find_parameters = find_parameters,
    .set_inputs = set_inputs,
    .embed_forward = embed_forward,
    .head_forward = head_forward,
    .loss = gpt_loss,
    .head_backward = head_backward,
    .embed_backward = embed_backward,
    .set_gradient = set_gradient,
    .read_logits = read_logits,
    .outputs = count_vocabulary,
    .logits = -1,
    .d_logits = -1,
};

#include "infer/attention_maps.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/files.h"
#include "data/safetensors_write.h"
#include "tasks/score.h"

/* Sums of a block. Where it computes the class token's output alone (the last one) there are none by offset. */
typedef struct block_sums {
    uint32_t queries;
    double *offsets;     /* [heads][offsets]; NULL: none */
    double *class_token; /* [heads][patches]; NULL: none */
} block_sums;

typedef struct attention_maps {
    const tl_model_config *config;
    tli_geometry geometry; /* every offset for itself */
    uint32_t tokens, offsets, patches;
    int32_t *offset_of; /* [query][key] */
    uint64_t *pairs;    /* [offsets]: of a sample */
    block_sums *blocks; /* [depth] */
    float *weights;     /* [batch][heads][queries][keys] of a block */
    uint64_t samples;
} attention_maps;

tl_status tli_attention_maps_check(const tl_settings *s, const tl_ranks *ranks, tl_error *err)
{
    const tli_block_shape shape = tli_model_block_shape(&s->model, 1, false, 0);
    if (s->model.arch != TL_ARCH_VIT)
        return tli_fail(err, TL_ERROR_USAGE, "`run.attention_maps` is about images: leave it out");
    if (!tli_op_has_softmax(&shape.op))
        return tli_fail(err, TL_ERROR_USAGE,
                        "this model has no attention weights: leave out `run.attention_maps`");
    const int code = tl_ranks_rank(ranks) == 0 ? tli_check_writable(s->run.attention_maps) : 0;
    if (code == 0) return TL_OK;
    return tli_fail(err, TL_ERROR_IO, "cannot write the maps of the attention %s: %s", s->run.attention_maps,
                    strerror(code));
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static void maps_free(attention_maps *m)
{
    for (uint32_t b = 0; m->blocks != NULL && b < m->config->depth; b++) {
        free(m->blocks[b].offsets);
        free(m->blocks[b].class_token);
    }
    free(m->blocks);
    free(m->offset_of);
    free(m->pairs);
    free(m->weights);
}

/* False: out of memory. */
static bool allocate_block(attention_maps *m, uint32_t block)
{
    const tl_model_config *c = m->config;
    block_sums *b = &m->blocks[block];
    const bool all = tli_model_block_shape(c, 1, false, block).op.queries == m->tokens;
    b->queries = all ? m->tokens : 1;
    if (all) b->offsets = calloc((size_t)c->heads * m->offsets, sizeof *b->offsets);
    if (m->geometry.cls != 0) b->class_token = calloc((size_t)c->heads * m->patches, sizeof *b->class_token);
    return (b->offsets != NULL || !all) && (b->class_token != NULL || m->geometry.cls == 0);
}

static bool maps_allocate(attention_maps *m, uint32_t batch)
{
    const tl_model_config *c = m->config;
    const size_t square = (size_t)m->tokens * m->tokens;
    m->offset_of = malloc(square * sizeof *m->offset_of);
    m->pairs = calloc(m->offsets, sizeof *m->pairs);
    m->blocks = calloc(c->depth, sizeof *m->blocks);
    m->weights = malloc(batch * c->heads * square * sizeof *m->weights);
    bool good = m->offset_of != NULL && m->pairs != NULL && m->blocks != NULL && m->weights != NULL;
    for (uint32_t b = 0; good && b < c->depth; b++) good = allocate_block(m, b);
    return good;
}

static tl_status maps_create(tl_context *ctx, attention_maps *m, const tl_model_config *config,
                             uint32_t batch)
{
    m->config = config;
    m->geometry = tli_model_block_shape(config, 1, false, 0).op.geometry;
    m->geometry.absolute = false;
    m->geometry.sharing = TL_SHARING_NONE;
    m->geometry.window = 0;
    m->tokens = tli_geometry_tokens(&m->geometry);
    m->offsets = tli_geometry_offsets(&m->geometry);
    m->patches = m->tokens - m->geometry.cls;
    if (!maps_allocate(m, batch))
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for maps of the attention");
    for (uint32_t i = 0; i < m->tokens; i++)
        for (uint32_t j = 0; j < m->tokens; j++) {
            const int32_t offset = tli_geometry_key_offset(&m->geometry, i, j);
            m->offset_of[(size_t)i * m->tokens + j] = offset;
            m->pairs[offset]++;
        }
    return TL_OK;
}

/* ---- sums --------------------------------------------------------------------------------------------- */

/* The weights of a head in a sample: [queries][keys]. */
static void add_head(const attention_maps *m, const block_sums *b, uint32_t head, const float *weights)
{
    double *offsets = b->offsets != NULL ? b->offsets + (size_t)head * m->offsets : NULL;
    double *class_token = b->class_token != NULL ? b->class_token + (size_t)head * m->patches : NULL;
    for (size_t pair = 0; offsets != NULL && pair < (size_t)m->tokens * m->tokens; pair++)
        offsets[m->offset_of[pair]] += (double)weights[pair];
    for (uint32_t patch = 0; class_token != NULL && patch < m->patches; patch++)
        class_token[patch] += (double)weights[1 + patch];
}

/* The batch that the model has. */
static tl_status add_batch(tl_context *ctx, tl_model *model, attention_maps *m, uint32_t samples)
{
    const uint32_t heads = m->config->heads;
    for (uint32_t block = 0; block < m->config->depth; block++) {
        const block_sums *b = &m->blocks[block];
        const size_t matrix = (size_t)b->queries * m->tokens;
        TLI_TRY(tli_model_read_attention_matrices(ctx, model, block, m->weights));
        for (uint32_t i = 0; i < samples * heads; i++) add_head(m, b, i % heads, m->weights + i * matrix);
    }
    m->samples += samples;
    return TL_OK;
}

static tl_status add_test_batch(tl_context *ctx, tl_model *model, attention_maps *m, const tl_batch *inputs)
{
    const uint32_t most = tli_model_capacity(model);
    for (uint32_t at = 0; at < inputs->count; at += most) {
        const uint32_t left = inputs->count - at, samples = left < most ? left : most;
        TLI_TRY(tli_model_set_slice(ctx, model, inputs, at, samples));
        TLI_TRY(add_batch(ctx, model, m, samples));
    }
    return TL_OK;
}

static tl_status add_test_set(tl_context *ctx, const tli_task *task, tl_model *model, tli_task_data *data,
                              int set, const tl_hooks *hooks, attention_maps *m)
{
    tl_error *err = tl_context_error(ctx);
    uint64_t batches = 0;
    TLI_TRY(task->test_begin(data, set, &batches, err));
    for (uint64_t number = 0; number < batches; number++) {
        tli_test_batch b = {0};
        TLI_TRY(tli_score_heed_others(ctx, task, model, set, hooks));
        TLI_TRY(task->test_batch(data, set, number, &b, err));
        TLI_TRY(add_test_batch(ctx, model, m, &b.inputs));
    }
    return TL_OK;
}

/* ---- the file ----------------------------------------------------------------------------------------- */

/* The next entry, of this rank: its first size is the number of heads. */
static void add_entry(tli_st_entry *entries, int *count, uint32_t block, const char *what,
                      const uint64_t *shape, uint32_t rank)
{
    tli_st_entry *e = &entries[(*count)++];
    snprintf(e->name, sizeof e->name, "layers.%" PRIu32 ".%s", block, what);
    e->rank = rank;
    memcpy(e->shape, shape, rank * sizeof *shape);
}

static int list_entries(const attention_maps *m, tli_st_entry *entries)
{
    const tli_geometry *g = &m->geometry;
    const uint64_t heads = m->config->heads, offsets[] = {heads, m->offsets},
                   image[] = {heads, g->height, g->width}, volume[] = {heads, g->depth, g->height, g->width};
    const bool flat = tli_geometry_axes(g) == 2;
    int count = 0;
    for (uint32_t b = 0; b < m->config->depth; b++) {
        if (m->blocks[b].offsets != NULL) add_entry(entries, &count, b, "offsets", offsets, 2);
        if (m->blocks[b].class_token != NULL)
            add_entry(entries, &count, b, "class_token", flat ? image : volume, flat ? 3 : 4);
    }
    return count;
}

/* Sums of all heads, divided by the samples and, with `pairs`, by those that share an offset. */
static tl_status write_means(const attention_maps *m, const double *sums, uint32_t width,
                             const uint64_t *pairs, tli_st_writer *w, tl_error *err)
{
    for (size_t i = 0; sums != NULL && i < (size_t)m->config->heads * width; i++) {
        const double count = (double)m->samples * (pairs != NULL ? (double)pairs[i % width] : 1);
        const float mean = (float)(sums[i] / count);
        TLI_TRY(tli_st_write_data(w, &mean, sizeof mean, err));
    }
    return TL_OK;
}

static tl_status write_blocks(const attention_maps *m, tli_st_writer *w, tl_error *err)
{
    for (uint32_t b = 0; b < m->config->depth; b++) {
        TLI_TRY(write_means(m, m->blocks[b].offsets, m->offsets, m->pairs, w, err));
        TLI_TRY(write_means(m, m->blocks[b].class_token, m->patches, NULL, w, err));
    }
    return tli_st_write_commit(w, err);
}

static tl_status write_file(const attention_maps *m, const char *set, uint64_t step, const char *path,
                            tl_error *err)
{
    char numbers[5][24];
    const uint64_t values[5] = {m->geometry.depth, m->geometry.height, m->geometry.width, m->samples, step};
    for (int i = 0; i < 5; i++) snprintf(numbers[i], sizeof numbers[i], "%" PRIu64, values[i]);
    const tli_st_item metadata[] = {{"depth", numbers[0]}, {"height", numbers[1]},
                                    {"width", numbers[2]}, {"samples", numbers[3]},
                                    {"step", numbers[4]},  {"test", (char *)(uintptr_t)set}};
    tli_st_entry *entries = calloc(2 * (size_t)m->config->depth, sizeof *entries);
    tli_st_writer w = {0};
    if (entries == NULL) return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while writing %s", path);
    tl_status status = tli_st_write_begin(&w, path, entries, list_entries(m, entries), metadata,
                                          sizeof metadata / sizeof *metadata, err);
    free(entries);
    if (status != TL_OK) return status;
    status = write_blocks(m, &w, err);
    if (status != TL_OK) tli_st_write_abort(&w);
    return status;
}

tl_status tli_attention_maps_write(tl_context *ctx, const tli_task *task, tl_model *model,
                                   tli_task_data *data, const tl_settings *s, uint64_t step,
                                   const tl_hooks *hooks)
{
    const int set = task->main_set(s);
    attention_maps m = {0};
    tl_status status = maps_create(ctx, &m, &s->model, tli_model_capacity(model));
    if (status == TL_OK) {
        status = add_test_set(ctx, task, model, data, set, hooks, &m);
        if (task->test_end != NULL) task->test_end(data);
    }
    if (status == TL_OK && tl_ranks_rank(hooks->ranks) == 0)
        status = write_file(&m, tli_task_set_name(task, set), step, s->run.attention_maps,
                            tl_context_error(ctx));
    maps_free(&m);
    return status;
}

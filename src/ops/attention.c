/* The steps that all variants share:
 *
 *   logits  s (q_i . k_j + q_ij . k_ij) + biases, halved if both products are present
 *   o       sum_j p v_j + sum_j p v_ij, halved if both are present
 *
 * Each summand is a term (attention_terms.h); a convolution has p = 1 inside its window. `shape` decides
 * which terms exist. */
#include "ops/attention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/attention_dense.h"
#include "ops/decode_attention.h"
#include "ops/softmax.h"

struct tli_op_state {
    tli_op_shape shape;
    tli_op_sizes sizes;
    const tli_rank_sum *sum; /* NULL: all pairs are here */
    uint64_t capacity;       /* rows that the tensors were made for: sizes.rows or more */
    uint32_t max_batch, max_tokens;
    bool present[TERMS];
    tli_pair_table pairs; /* of terms that use the pair table */
    tl_tensor *qkv;       /* the packed rows: [tokens][batch][nD] */
    tl_tensor *prob;      /* [batch][head][query][key] */
    tl_tensor *mask;      /* of a window: [query][key] */
    tl_tensor *saved[TERMS], *table[TERMS];
    tli_op_parameter parameters[OP_MAX_PARAMETERS];
    int parameter_count;
    tl_tensor *zeroed[OP_MAX_PARAMETERS]; /* gradient tables whose unused matrices are already zero */
};

/* ---- create and destroy --------------------------------------------------------------------------- */

static tl_status create_tensor(tl_context *ctx, const char *name, const char *what, tl_memory_kind kind,
                               bool unset, uint64_t count, tl_tensor **out)
{
    char full[96];
    snprintf(full, sizeof full, "%.60s.%.34s", name, what);
    if (count == 0) return TL_OK;
    return unset ? tli_tensor_create_uninitialized(ctx, full, kind, 1, count, out)
                 : tl_tensor_create(ctx, full, kind, 1, count, out);
}

static tl_status create_term(tl_context *ctx, const char *name, tli_op_state *state, int t)
{
    const attention_term *term = tli_attention_terms[t];
    const term_sizes *z = &state->sizes.term[t];
    TLI_TRY(create_tensor(ctx, name, term->saved_name, TL_MEMORY_ACTIVATION, term->saved_unset, z->saved,
                          &state->saved[t]));
    TLI_TRY(create_tensor(ctx, name, term->table_name, TL_MEMORY_DATA, false, z->table, &state->table[t]));
    return z->table == 0 ? TL_OK : term->fill(ctx, name, &state->shape, &state->sizes, state->table[t]);
}

static tl_status create_parts(tl_context *ctx, const char *name, tli_op_state *state)
{
    const tli_op_shape *s = &state->shape;
    const tli_op_sizes *z = &state->sizes;
    if (tli_op_has_pairs(s))
        TLI_TRY(tli_pair_table_create(ctx, name, &s->geometry, s->queries, &state->pairs));
    if (z->mask > 0) TLI_TRY(tli_mask_create(ctx, name, &s->geometry, s->queries, &state->mask));
    TLI_TRY(create_tensor(ctx, name, "q, k, v rows", TL_MEMORY_ACTIVATION, false, z->rows * z->packed,
                          &state->qkv));
    TLI_TRY(
        create_tensor(ctx, name, "attention weights", TL_MEMORY_ACTIVATION, false, z->weights, &state->prob));
    for (int t = 0; t < TERMS; t++)
        if (state->present[t]) TLI_TRY(create_term(ctx, name, state, t));
    return TL_OK;
}

tl_status tli_op_create(tl_context *ctx, const char *name, const tli_op_shape *shape, tli_op_state **out)
{
    *out = NULL;
    tli_op_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the operation %s",
                        name);
    state->shape = *shape;
    state->sizes = tli_op_measure(shape);
    state->capacity = state->sizes.rows;
    state->max_batch = shape->batch;
    state->max_tokens = tli_geometry_tokens(&shape->geometry);
    state->parameter_count = tli_op_parameters(shape, state->parameters);
    for (int t = 0; t < TERMS; t++) state->present[t] = tli_attention_terms[t]->present(shape);
    const tl_status status = create_parts(ctx, name, state);
    if (status != TL_OK) {
        tli_op_destroy(ctx, state);
        return status;
    }
    *out = state;
    return TL_OK;
}

void tli_op_destroy(tl_context *ctx, tli_op_state *state)
{
    if (state == NULL) return;
    tli_pair_table_destroy(ctx, &state->pairs);
    tl_tensor_destroy(ctx, state->mask);
    tl_tensor_destroy(ctx, state->qkv);
    tl_tensor_destroy(ctx, state->prob);
    for (int t = 0; t < TERMS; t++) {
        tl_tensor_destroy(ctx, state->saved[t]);
        tl_tensor_destroy(ctx, state->table[t]);
    }
    free(state);
}

void tli_op_share(tli_op_state *state, const tli_rank_sum *sum)
{
    state->sum = sum;
}

/* Updates the tables for other queries and keys; other matrices of the gradient tables are then unused. */
static tl_status fit_tables(tl_context *ctx, const char *name, tli_op_state *state)
{
    const tli_op_shape *s = &state->shape;
    memset(state->zeroed, 0, sizeof state->zeroed);
    if (tli_op_has_pairs(s)) TLI_TRY(tli_pair_table_fit(ctx, name, &s->geometry, s->queries, &state->pairs));
    if (state->mask != NULL) TLI_TRY(tli_mask_fit(ctx, name, &s->geometry, s->queries, state->mask));
    state->sizes = tli_op_measure_pairs(s, state->pairs.count, state->pairs.largest);
    for (int t = 0; t < TERMS; t++)
        if (state->table[t] != NULL && tli_attention_terms[t]->table_of_queries)
            TLI_TRY(tli_attention_terms[t]->fill(ctx, name, s, &state->sizes, state->table[t]));
    return TL_OK;
}

tl_status tli_op_fit(tl_context *ctx, const char *name, tli_op_state *state, uint32_t batch, uint32_t first,
                     uint32_t tokens)
{
    tli_op_shape *s = &state->shape;
    const bool same_tokens = first == s->geometry.first && tokens == tli_geometry_tokens(&s->geometry);
    if (batch == s->batch && same_tokens) return TL_OK;
    if (batch < 1 || batch > state->max_batch || first >= tokens || tokens > state->max_tokens ||
        (!same_tokens && s->geometry.kind != TLI_CAUSAL))
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                        "%s is made for %u samples of %u tokens: it cannot compute tokens %u to %u of %u",
                        name, state->max_batch, state->max_tokens, first, tokens, batch);
    s->batch = batch;
    if (!same_tokens) {
        s->geometry.first = first;
        s->geometry.width = tokens;
        s->queries = tokens - first;
        return fit_tables(ctx, name, state);
    }
    state->sizes = tli_op_measure_pairs(s, state->pairs.count, state->pairs.largest);
    return TL_OK;
}

/* ---- one forward or backward pass ----------------------------------------------------------------- */

/* A pass and the memory of its terms. */
typedef struct run {
    attention_pass pass;
    term_memory memory[TERMS];
    const bool *present;
} run;

static tli_view view_of(tl_tensor *tensor)
{
    return tensor != NULL ? tli_at(tensor, 0) : (tli_view){0};
}

/* Lays out the workspace in the order in which tli_op_workspace_count sums it. */
static run start_run(tl_context *ctx, tli_op_state *state, const tli_op_tensors *w, tli_view x,
                     tli_view workspace)
{
    const tli_op_sizes *z = &state->sizes;
    const tli_view prob = view_of(state->prob);
    run r = {
        .present = state->present,
        .pass = {.ctx = ctx,
                 .shape = &state->shape,
                 .sizes = z,
                 .capacity = state->capacity,
                 .pair_table = &state->pairs,
                 .sum = state->sum,
                 .mask = z->mask > 0 ? state->mask : NULL, /* a sequence may be shorter than the window */
                 .w = w,
                 .x = x,
                 .qkv = view_of(state->qkv),
                 .logits = prob,
                 .weights = prob,
                 .dweights = workspace}};
    attention_pass *p = &r.pass;
    p->pairs = tli_view_add(workspace, z->weights);
    p->dpairs = tli_view_add(p->pairs, z->pair_weights);
    p->dqkv = tli_view_add(workspace, z->begin);
    tli_view at = tli_view_add(p->dqkv, z->rows * z->packed);
    for (int t = 0; t < TERMS; at = tli_view_add(at, z->term[t].workspace), t++)
        r.memory[t] = (term_memory){view_of(state->saved[t]), view_of(state->table[t]), at};
    return r;
}

/* Runs one step of every term that has it. */
static tl_status run_terms(run *r, int step)
{
    for (int t = 0; t < TERMS; t++)
        if (r->present[t] && tli_attention_terms[t]->step[step] != NULL)
            TLI_TRY(tli_attention_terms[t]->step[step](&r->pass, &r->memory[t]));
    return TL_OK;
}

/* ---- forward ------------------------------------------------------------------------------------- */

static tl_status project_rows(run *r)
{
    attention_pass *p = &r->pass;
    const tli_op_shape *s = p->shape;
    if (p->sizes->packed > 0) {
        tli_attention a = tli_attention_of(p);
        const uint64_t first = tli_attention_first_row(p); /* rows before it were computed in earlier calls */
        a.keys -= s->geometry.first;
        TLI_TRY(tli_attention_project(p->ctx, &a, tli_view_add(p->x, first * s->dim), tli_at(p->w->qkv, 0),
                                      s->dim, tli_view_add(p->qkv, first * p->sizes->packed)));
    }
    TLI_TRY(run_terms(r, STEP_TURN));
    return run_terms(r, STEP_PROJECT);
}

/* Whether one launch serves a sequence's only query: its packed rows have q, k and v, and other terms add to logits and
 * output only what comes from pairs, in any order. */
static bool decodes(const run *r)
{
    const tli_op_shape *s = r->pass.shape;
    for (int t = 0; t < TERMS; t++)
        if (r->present[t] && t != TERM_dense && t != TERM_rotary && t != TERM_low_rank &&
            t != TERM_per_offset)
            return false;
    return s->geometry.kind == TLI_CAUSAL && s->queries == 1 && r->pass.mask == NULL &&
           tli_op_has_softmax(s) && tli_op_has_shared_logits(s) && tli_op_has_shared_values(s);
}

/* The softmax with the packed rows' part of logits and output; the logits have the other terms'. */
static tl_status run_decode_attention(run *r)
{
    attention_pass *p = &r->pass;
    const tli_op_shape *s = p->shape;
    const tli_attention a = tli_attention_of(p);
    return tli_decode_attention(p->ctx, &a, p->qkv, tli_op_logit_scale(s), p->logits_begun,
                                tli_op_output_scale(s), p->logits, p->o);
}

static tl_status run_softmax(run *r)
{
    attention_pass *p = &r->pass;
    const tli_op_shape *s = p->shape;
    if (!tli_op_has_softmax(s)) return TL_OK;
    TLI_TRY(run_terms(r, STEP_LOGITS));
    if (p->decodes) return run_decode_attention(r);
    const uint64_t matrices = (uint64_t)s->batch * s->heads;
    if (p->mask != NULL)
        TLI_TRY(tli_mask_rows(p->ctx, p->mask, p->sizes->mask, matrices, p->logits, -INFINITY));
    TLI_TRY(tli_softmax_forward(p->ctx, p->logits, matrices * s->queries, s->queries,
                                tli_geometry_tokens(&s->geometry), tli_attention_causal_keys(s)));
    return run_terms(r, STEP_DISTRIBUTION);
}

tl_status tli_op_forward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                         tli_view o, tli_view workspace)
{
    run r = start_run(ctx, state, weights, x, workspace);
    r.pass.o = o;
    r.pass.decodes = decodes(&r);
    TLI_TRY(project_rows(&r));
    TLI_TRY(run_softmax(&r));
    TLI_TRY(run_terms(&r, STEP_MIX));
    return run_terms(&r, STEP_VALUES);
}

static tl_status check_softmax(tl_context *ctx, const tli_op_shape *s)
{
    if (tli_op_has_softmax(s)) return TL_OK;
    return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "this operation has no attention to look at");
}

tl_status tli_op_read_attention(tl_context *ctx, const tli_op_state *state, uint32_t sample, uint32_t query,
                                float *weights)
{
    const tli_op_shape *s = &state->shape;
    const uint64_t keys = tli_geometry_tokens(&s->geometry);
    TLI_TRY(check_softmax(ctx, s));
    for (uint32_t head = 0; head < s->heads; head++) {
        const uint64_t row = ((uint64_t)sample * s->heads + head) * s->queries + query;
        TLI_TRY(tl_tensor_read(ctx, state->prob, row * keys, keys, weights + head * keys));
    }
    return TL_OK;
}

tl_status tli_op_read_attention_matrices(tl_context *ctx, const tli_op_state *state, float *weights)
{
    const tli_op_shape *s = &state->shape;
    TLI_TRY(check_softmax(ctx, s));
    const uint64_t keys = tli_geometry_tokens(&s->geometry);
    return tl_tensor_read(ctx, state->prob, 0, (uint64_t)s->batch * s->heads * s->queries * keys, weights);
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* Zeroes the matrices of a gradient table that no pair uses. */
static tl_status clear_unused_of(tl_context *ctx, const tli_pair_table *pairs, const tl_tensor *table,
                                 bool query)
{
    bool *used = calloc(table->lead, sizeof *used);
    if (used == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the gradient %s",
                        table->name);
    for (uint32_t g = 0; g < pairs->groups; g++)
        used[query ? pairs->group[g].query : pairs->group[g].key] = true;
    tl_status status = TL_OK;
    for (uint64_t lead = 0, end; status == TL_OK && lead < table->lead; lead = end) {
        uint64_t first;
        const tli_view shard = tli_shard(table, lead, &first);
        for (end = lead; end < table->lead && end < first + table->lead_per_shard && !used[end];) end++;
        if (end > lead)
            status = tli_zero(ctx, tli_view_add(shard, (lead - first) * table->row),
                              (end - lead) * table->row);
        else
            end = lead + 1;
    }
    free(used);
    return status;
}

/* Matrices that no pair uses have zero gradients. Nothing writes them later, so each table is cleared
 * once. */
static tl_status clear_unused(tl_context *ctx, tli_op_state *state, const tli_op_tensors *gradients)
{
    tli_op_tensors g = *gradients;
    for (int i = 0; i < state->parameter_count; i++) {
        const tli_op_parameter *p = &state->parameters[i];
        tl_tensor *table = *tli_op_tensor(&g, p);
        if (p->rank != 3 || table == NULL || state->zeroed[i] == table) continue;
        TLI_TRY(clear_unused_of(ctx, &state->pairs, table, p->query));
        state->zeroed[i] = table;
    }
    return TL_OK;
}

static tl_status softmax_backward(run *r)
{
    attention_pass *p = &r->pass;
    const tli_op_shape *s = p->shape;
    if (!tli_op_has_softmax(s)) return TL_OK;
    TLI_TRY(run_terms(r, STEP_MIX_BACKWARD));
    TLI_TRY(tli_softmax_backward(p->ctx, p->logits, p->dweights, (uint64_t)s->batch * s->heads * s->queries,
                                 s->queries, tli_geometry_tokens(&s->geometry), tli_attention_causal_keys(s),
                                 tli_op_logit_scale(s)));
    return run_terms(r, STEP_LOGITS_BACKWARD);
}

static tl_status project_backward(run *r)
{
    attention_pass *p = &r->pass;
    TLI_TRY(run_terms(r, STEP_TURN_BACKWARD));
    if (p->sizes->packed > 0) {
        const tli_attention a = tli_attention_of(p);
        TLI_TRY(tli_attention_project_backward(p->ctx, &a, p->dqkv, p->x, tli_at(p->w->qkv, 0), p->shape->dim,
                                               p->dx, p->dx_begun, tli_at(p->g->qkv, 0), p->dweights));
        p->dx_begun = true;
    }
    return run_terms(r, STEP_PROJECT_BACKWARD);
}

tl_status tli_op_backward(tl_context *ctx, tli_op_state *state, const tli_op_tensors *weights, tli_view x,
                          tli_view d_o, tli_view dx, const tli_op_tensors *gradients, tli_view workspace)
{
    run r = start_run(ctx, state, weights, x, workspace);
    r.pass.d_o = d_o, r.pass.dx = dx, r.pass.g = gradients;
    TLI_TRY(clear_unused(ctx, state, gradients));
    TLI_TRY(run_terms(&r, STEP_CLEAR));
    TLI_TRY(run_terms(&r, STEP_MIX));
    TLI_TRY(run_terms(&r, STEP_VALUES_BACKWARD));
    TLI_TRY(softmax_backward(&r));
    TLI_TRY(run_terms(&r, STEP_SUM_BACKWARD));
    return project_backward(&r);
}

/* One forward and one backward for all of the family: which parts run follows from the shape's roles.
 *
 *   logits  s (q_i . k_j + q_ij . k_ij), halved where both parts are there
 *   o       sum p v_j + (sum p v_ij) [V3], halved where both parts are there
 *
 * with q_ij, k_ij, v_ij from x itself (Translution) or from its narrow projections (alpha). A convolution has
 * p = 1 inside its window. Attention's biases by offset are relative products of rows of ones; ConViT's gate mixes
 * p with a softmax over positions. */
#include "ops/attention_like.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/attention.h"
#include "ops/gated.h"
#include "ops/gemm.h"
#include "ops/linear.h"
#include "ops/pairs.h"
#include "ops/relative.h"
#include "ops/rope.h"
#include "ops/softmax.h"

enum { Q, K, V };
enum { TABLES = 6 }; /* with a leading offset axis */

struct tl_op_state {
    tl_op_shape shape;
    tl_op_sizes sizes;
    uint64_t capacity; /* rows that the tensors were made for: sizes.rows or more */
    uint32_t max_batch, max_tokens;
    tl_pairs pairs;    /* with relative roles */
    tl_tensor *qkv;    /* the plain roles: [tokens][batch][nD] */
    tl_tensor *narrow; /* alpha: x A_q, x A_k, x A_v, each [tokens][batch][R]; then o2 [queries][batch][R] */
    tl_tensor *prob;   /* [batch][head][query][key] */
    tl_tensor *kept;   /* with `keep`: q_ij, then k_ij, each [pair][batch][D] */
    tl_tensor *mask;   /* of a window: [query][key] */
    tl_tensor *features, *positions; /* ConViT: of all pairs; its softmax over them, [head][query][key] */
    tl_tensor *ones; /* biases: a row of h numbers that Swin's bias multiplies, then one 1, for every token */
    tl_tensor *angles;         /* rotary: cosines and sines, [token][head_dim] */
    tl_tensor *zeroed[TABLES]; /* gradient tables whose unused matrices are known to be zero */
};

static const tl_view none = {0};

/* The scale of the logits, as all their parts share it. */
static float logit_scale(const tl_op_shape *s)
{
    const bool both = tl_op_standard_scores(s) && tl_op_relative_scores(s);
    const uint32_t channels = tl_op_standard_scores(s) || !tl_op_is_narrow(s) ? s->head_dim : s->relenc_dim;
    return (both ? 0.5f : 1.0f) / sqrtf((float)channels);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static tl_status create_tensor(tl_context *ctx, const char *name, const char *what, uint64_t count,
                               tl_tensor **out)
{
    char full[96];
    snprintf(full, sizeof full, "%.70s.%s", name, what);
    return count == 0 ? TL_OK : tl_tensor_create(ctx, full, TL_MEMORY_ACTIVATION, 1, count, out);
}

/* What follows from which tokens are queries and keys. */
static tl_status create_tables(tl_context *ctx, const char *name, tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    if (tl_op_has_pairs(s)) TL_TRY(tl_pairs_create(ctx, name, &s->geometry, s->queries, &state->pairs));
    if (state->sizes.mask > 0) TL_TRY(tl_mask_create(ctx, name, &s->geometry, s->queries, &state->mask));
    return s->gated ? tl_gated_create(ctx, name, &s->geometry, s->queries, &state->features) : TL_OK;
}

static tl_status create_parts(tl_context *ctx, const char *name, tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    TL_TRY(create_tables(ctx, name, state));
    TL_TRY(create_tensor(ctx, name, "qkv", z->rows * z->plain, &state->qkv));
    TL_TRY(create_tensor(ctx, name, "narrow", (3 * z->rows + z->query_rows) * z->relative, &state->narrow));
    TL_TRY(create_tensor(ctx, name, "attention", z->weights, &state->prob));
    char full[96];
    snprintf(full, sizeof full, "%.70s.pair rows", name);
    if (z->kept > 0)
        TL_TRY(tl_tensor_create_unset(ctx, full, TL_MEMORY_ACTIVATION, 1, 2 * z->kept, &state->kept));
    if (z->ones > 0) {
        TL_TRY(tl_tensor_create(ctx, "ones", TL_MEMORY_DATA, 1, z->ones, &state->ones));
        const uint64_t heads = z->rows * s->heads; /* Swin's bias is not scaled as the logits are */
        TL_TRY(tl_pairs_fill(ctx, tl_at(state->ones, 0), heads, 1.0f / logit_scale(s)));
        TL_TRY(tl_pairs_fill(ctx, tl_at(state->ones, heads), z->rows, 1.0f));
    }
    TL_TRY(create_tensor(ctx, name, "attention of positions", z->positions, &state->positions));
    if (s->rotary) TL_TRY(tl_rope_create(ctx, name, &s->geometry, s->head_dim, &state->angles));
    return TL_OK;
}

tl_status tl_op_create(tl_context *ctx, const char *name, const tl_op_shape *shape, tl_op_state **out)
{
    *out = NULL;
    tl_op_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the operation %s",
                       name);
    state->shape = *shape;
    state->sizes = tl_op_measure(shape);
    state->capacity = state->sizes.rows;
    state->max_batch = shape->batch;
    state->max_tokens = tl_geometry_tokens(&shape->geometry);
    const tl_status status = create_parts(ctx, name, state);
    if (status != TL_OK) {
        tl_op_destroy(ctx, state);
        return status;
    }
    *out = state;
    return TL_OK;
}

void tl_op_destroy(tl_context *ctx, tl_op_state *state)
{
    if (state == NULL) return;
    tl_pairs_destroy(ctx, &state->pairs);
    tl_tensor_destroy(ctx, state->mask);
    tl_tensor_destroy(ctx, state->features);
    tl_tensor_destroy(ctx, state->qkv);
    tl_tensor_destroy(ctx, state->narrow);
    tl_tensor_destroy(ctx, state->prob);
    tl_tensor_destroy(ctx, state->kept);
    tl_tensor_destroy(ctx, state->ones);
    tl_tensor_destroy(ctx, state->positions);
    tl_tensor_destroy(ctx, state->angles);
    free(state);
}

/* The same tables for other queries and keys; gradient tables then have other unused matrices. */
static tl_status fit_tables(tl_context *ctx, const char *name, tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    memset(state->zeroed, 0, sizeof state->zeroed);
    if (tl_op_has_pairs(s)) TL_TRY(tl_pairs_fit(ctx, name, &s->geometry, s->queries, &state->pairs));
    if (state->mask != NULL) TL_TRY(tl_mask_fit(ctx, name, &s->geometry, s->queries, state->mask));
    return s->gated ? tl_gated_fit(ctx, name, &s->geometry, s->queries, state->features) : TL_OK;
}

tl_status tl_op_fit(tl_context *ctx, const char *name, tl_op_state *state, uint32_t batch, uint32_t first,
                    uint32_t tokens)
{
    tl_op_shape *s = &state->shape;
    const bool same_tokens = first == s->geometry.first && tokens == tl_geometry_tokens(&s->geometry);
    if (batch == s->batch && same_tokens) return TL_OK;
    if (batch < 1 || batch > state->max_batch || first >= tokens || tokens > state->max_tokens ||
        (!same_tokens && s->geometry.kind != TL_CAUSAL))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "%s is made for %u samples of %u tokens: it cannot compute tokens %u to %u of %u",
                       name, state->max_batch, state->max_tokens, first, tokens, batch);
    s->batch = batch;
    if (!same_tokens) {
        s->geometry.first = first;
        s->geometry.width = tokens;
        s->queries = tokens - first;
        TL_TRY(fit_tables(ctx, name, state));
    }
    state->sizes = tl_op_measure_pairs(s, state->pairs.count, state->pairs.largest);
    return TL_OK;
}

/* ---- parts --------------------------------------------------------------------------------------- */

/* The workspace, one region after another, as tl_op_workspace_count adds them up. */
typedef struct regions {
    tl_view dweights;      /* [batch][head][query][key] */
    tl_view pairs, dpairs; /* pair weights */
    tl_view dqkv;
    tl_view dnarrow[3], do2;
    tl_view chunk;
    tl_view dones;             /* gradients of the ones, which nobody reads */
    tl_view mixed, dpositions; /* ConViT: what the values are weighed by; its gradients' workspace */
} regions;

static regions split(const tl_op_sizes *z, tl_view workspace)
{
    regions r;
    r.dweights = workspace;
    r.pairs = tl_view_add(r.dweights, z->weights);
    r.dpairs = tl_view_add(r.pairs, z->pair_weights);
    r.dqkv = tl_view_add(r.dpairs, z->pair_weights);
    tl_view at = tl_view_add(r.dqkv, z->rows * z->plain);
    for (int i = 0; i < 3; i++, at = tl_view_add(at, z->rows * z->relative)) r.dnarrow[i] = at;
    r.do2 = at;
    r.chunk = tl_view_add(at, z->query_rows * z->relative);
    r.dones = tl_view_add(r.chunk, z->chunk);
    r.mixed = tl_view_add(r.dones, z->ones);
    r.dpositions = tl_view_add(r.mixed, z->weights);
    return r;
}

/* Where the role's columns start in the packed plain rows. */
static uint32_t plain_column(const tl_op_state *state, int role)
{
    uint32_t column = 0;
    for (int i = 0; i < role; i++)
        if ((tl_op_plain(&state->shape) & (1u << i)) != 0) column += state->sizes.width;
    return column;
}

static tl_view narrow_view(const tl_op_state *state, int part)
{
    return tl_at(state->narrow, (uint64_t)part * state->capacity * state->sizes.relative);
}

/* Rows before the first query's; only generation has any. */
static uint64_t first_row(const tl_op_state *state)
{
    return (uint64_t)state->shape.geometry.first * state->shape.batch;
}

static tl_relative_rows kept_rows(const tl_op_state *state)
{
    if (state->kept == NULL) return (tl_relative_rows){0};
    return (tl_relative_rows){tl_at(state->kept, 0), tl_at(state->kept, state->sizes.kept)};
}

/* NULL where the softmax sees all pairs, as it may of a sequence shorter than the window. */
static const tl_tensor *mask_of(const tl_op_state *state)
{
    return state->sizes.mask > 0 ? state->mask : NULL;
}

static tl_attention attention_of(const tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    return (tl_attention){.queries = s->queries,
                          .keys = tl_geometry_tokens(&s->geometry),
                          .batch = s->batch,
                          .heads = s->heads,
                          .head_dim = s->head_dim,
                          .stride = state->sizes.plain,
                          .q = first_row(state) * state->sizes.plain + plain_column(state, Q),
                          .k = plain_column(state, K),
                          .v = plain_column(state, V),
                          .has_q = (tl_op_plain(s) & TL_ROLE_Q) != 0};
}

/* A role's rows, their gradient's place and its table, as the relative products take them. */
typedef struct operand {
    tl_view rows, gradient;
    tl_tensor *table, *dtable;
    uint32_t stride;
} operand;

static operand operand_of(const tl_op_state *state, int role, const tl_op_weights *w, const tl_op_weights *g,
                          tl_view x, tl_view dx, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    tl_tensor *const tables[3] = {w->q, w->k, w->v};
    tl_tensor *const gradients[3] = {g != NULL ? g->q : NULL, g != NULL ? g->k : NULL,
                                     g != NULL ? g->v : NULL};
    operand o = {x, dx, NULL, NULL, s->dim};
    if ((tl_op_relative(s) & (1u << role)) != 0) {
        o.table = tables[role];
        o.dtable = gradients[role];
    }
    if (tl_op_is_narrow(s)) {
        o.rows = narrow_view(state, role);
        o.gradient = r->dnarrow[role];
        o.stride = state->sizes.relative;
    } else if (o.table == NULL) {
        o.rows = tl_at(state->qkv, plain_column(state, role));
        o.gradient = tl_view_add(r->dqkv, plain_column(state, role));
        o.stride = state->sizes.plain;
    }
    if (role == Q) o.rows = tl_view_add(o.rows, first_row(state) * o.stride);
    return o;
}

static tl_relative relative_of(const tl_op_state *state, const operand *q, const operand *k)
{
    const tl_op_shape *s = &state->shape;
    const bool alpha = tl_op_is_narrow(s);
    return (tl_relative){.pairs = &state->pairs,
                         .batch = s->batch,
                         .inner = alpha ? state->sizes.relative : s->dim,
                         .heads = s->heads,
                         .head_dim = alpha ? s->relenc_dim : s->head_dim,
                         .q_stride = q->stride,
                         .k_stride = k->stride};
}

/* Keys that the first query sees, as the softmax takes them; 0: every query sees all. */
static uint32_t causal_keys(const tl_op_shape *s)
{
    return s->geometry.kind == TL_CAUSAL ? s->geometry.first + 1 : 0;
}

static tl_gated gated_of(const tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    return (tl_gated){.queries = s->queries,
                      .keys = tl_geometry_tokens(&s->geometry),
                      .batch = s->batch,
                      .heads = s->heads,
                      .features = tl_gated_features(&s->geometry),
                      .causal = causal_keys(s)};
}

/* What the values are weighed by, [batch][head][query][key]; none where all count the same. */
static tl_view value_weights(const tl_op_state *state, const regions *r)
{
    if (!tl_op_has_softmax(&state->shape)) return none;
    return state->shape.gated ? r->mixed : tl_at(state->prob, 0);
}

static float output_scale(const tl_op_shape *s)
{
    return tl_op_standard_values(s) && tl_op_relative_values(s) ? 0.5f : 1.0f;
}

/* Turns the q and k columns of packed plain rows by their tokens' angles, or back. */
static tl_status rotate(tl_context *ctx, const tl_op_state *state, tl_view rows, bool back)
{
    const tl_op_shape *s = &state->shape;
    if (state->angles == NULL) return TL_OK;
    const uint32_t first = s->geometry.first;
    rows = tl_view_add(rows, first_row(state) * state->sizes.plain);
    const tl_rope rope = {.tokens = tl_geometry_tokens(&s->geometry) - first,
                          .batch = s->batch,
                          .heads = s->heads,
                          .head_dim = s->head_dim,
                          .stride = state->sizes.plain};
    tl_rope queries = rope;
    queries.tokens = s->queries;
    const tl_view angles = tl_at(state->angles, (uint64_t)first * s->head_dim);
    TL_TRY(tl_rope_rotate(ctx, &queries, angles, tl_view_add(rows, plain_column(state, Q)), back));
    return tl_rope_rotate(ctx, &rope, angles, tl_view_add(rows, plain_column(state, K)), back);
}

/* ---- forward ------------------------------------------------------------------------------------- */

static tl_status project(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    const tl_tensor *down[3] = {w->a_q, w->a_k, w->a_v};
    const uint64_t first = first_row(state); /* rows before it are there already */
    const tl_view x_new = tl_view_add(x, first * s->dim);
    if (state->qkv != NULL) {
        tl_attention a = attention_of(state);
        a.keys -= s->geometry.first;
        TL_TRY(tl_attention_project(ctx, &a, x_new, tl_at(w->qkv, 0), s->dim,
                                    tl_at(state->qkv, first * z->plain)));
        TL_TRY(rotate(ctx, state, tl_at(state->qkv, 0), false));
    }
    for (int i = 0; i < 3; i++) {
        if ((tl_op_narrow(s) & (1u << i)) == 0) continue;
        TL_TRY(tl_linear_forward(ctx, x_new, s->dim, tl_at(down[i], 0), none, none,
                                 tl_view_add(narrow_view(state, i), first * z->relative), z->relative,
                                 i == Q ? z->query_rows : z->rows - first, s->dim, z->relative));
    }
    return TL_OK;
}

/* Attention's biases as relative operations: Swin's of one channel a head between two rows of ones, Shaw's of
 * q or p with a row of a single 1. */
static tl_relative bias_of(const tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    const bool swin = s->bias == TL_BIAS_SWIN;
    return (tl_relative){.pairs = &state->pairs,
                         .batch = s->batch,
                         .inner = 1,
                         .heads = s->heads,
                         .head_dim = swin ? 1 : s->head_dim,
                         .q_stride = swin ? s->heads : state->sizes.plain};
}

static tl_view single_ones(const tl_op_state *state)
{
    return tl_at(state->ones, state->capacity * state->shape.heads);
}

static tl_status bias_scores(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    if (s->bias == TL_BIAS_NONE) return TL_OK;
    const tl_relative rel = bias_of(state);
    const bool swin = s->bias == TL_BIAS_SWIN;
    TL_TRY(tl_relative_score(
        ctx, &rel,
        swin ? tl_at(state->ones, 0)
             : tl_at(state->qkv, first_row(state) * state->sizes.plain + plain_column(state, Q)),
        NULL, single_ones(state), swin ? w->bias : w->r_k, logit_scale(s), r->pairs, (tl_relative_rows){0}));
    return tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->pairs, tl_at(state->prob, 0), true);
}

static tl_status scores(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                        const regions *r)
{
    const tl_op_shape *s = &state->shape;
    if (!tl_op_has_softmax(s)) return TL_OK;
    const tl_view prob = tl_at(state->prob, 0);
    if (tl_op_standard_scores(s)) {
        const tl_attention a = attention_of(state);
        TL_TRY(tl_attention_logits(ctx, &a, tl_at(state->qkv, 0), logit_scale(s), prob));
    }
    if (tl_op_relative_scores(s)) {
        const operand q = operand_of(state, Q, w, NULL, x, none, r),
                      k = operand_of(state, K, w, NULL, x, none, r);
        const tl_relative rel = relative_of(state, &q, &k);
        TL_TRY(tl_relative_score(ctx, &rel, q.rows, q.table, k.rows, k.table, logit_scale(s), r->pairs,
                                 kept_rows(state)));
        TL_TRY(tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->pairs, prob,
                                tl_op_standard_scores(s)));
    }
    TL_TRY(bias_scores(ctx, state, w, r));
    const tl_tensor *mask = mask_of(state);
    if (mask != NULL)
        TL_TRY(tl_mask_rows(ctx, mask, state->sizes.mask, (uint64_t)s->batch * s->heads, prob, -INFINITY));
    TL_TRY(tl_softmax_forward(ctx, prob, (uint64_t)s->batch * s->heads * s->queries, s->queries,
                              tl_geometry_tokens(&s->geometry), causal_keys(s)));
    if (!s->gated) return TL_OK;
    const tl_gated gated = gated_of(state);
    return tl_gated_positions(ctx, &gated, tl_at(state->features, 0), tl_at(w->w, 0), mask,
                              tl_at(state->positions, 0));
}

/* ConViT's gate: from both softmaxes to the weights of the values. */
static tl_status mix(tl_context *ctx, const tl_op_state *state, const tl_op_weights *w, const regions *r)
{
    if (!state->shape.gated) return TL_OK;
    const tl_gated gated = gated_of(state);
    return tl_gated_mix(ctx, &gated, tl_at(state->prob, 0), tl_at(state->positions, 0), tl_at(w->gate, 0),
                        r->mixed);
}

/* The weights of the sum over v_ij, in the order of the pairs. */
static tl_status pair_weights(tl_context *ctx, tl_op_state *state, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    if (!tl_op_has_softmax(s)) return tl_pairs_fill(ctx, r->pairs, state->sizes.pair_weights, 1.0f);
    return tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, tl_at(state->prob, 0), r->pairs);
}

static tl_status values(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x, tl_view o,
                        const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    const tl_view prob = value_weights(state, r);
    if (tl_op_standard_values(s)) {
        const tl_attention a = attention_of(state);
        TL_TRY(tl_attention_values(ctx, &a, tl_at(state->qkv, 0), prob, output_scale(s), o));
    }
    if (s->bias == TL_BIAS_SHAW) {
        const tl_relative rel = bias_of(state);
        TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, prob, r->pairs));
        return tl_relative_aggregate(ctx, &rel, single_ones(state), w->r_v, r->pairs, o);
    }
    if (!tl_op_relative_values(s)) return TL_OK;
    const bool alpha = tl_op_is_narrow(s);
    const operand v = operand_of(state, V, w, NULL, x, none, r);
    const tl_relative rel = relative_of(state, &v, &v);
    const tl_view sums = alpha ? narrow_view(state, 3) : o;
    TL_TRY(pair_weights(ctx, state, r));
    TL_TRY(tl_zero(ctx, sums, z->query_rows * (alpha ? z->relative : z->width)));
    TL_TRY(tl_relative_aggregate(ctx, &rel, v.rows, v.table, r->pairs, sums));
    if (!alpha) return TL_OK;
    return tl_gemm(ctx, &(tl_gemm_args){.transpose_b = true,
                                        .m = (uint32_t)z->query_rows,
                                        .n = z->width,
                                        .k = z->relative,
                                        .a = sums,
                                        .lda = z->relative,
                                        .b = tl_at(w->v3, 0),
                                        .ldb = z->relative,
                                        .c = o,
                                        .ldc = z->width,
                                        .alpha = output_scale(s),
                                        .beta = tl_op_standard_values(s) ? 1.0f : 0.0f});
}

tl_status tl_op_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                        tl_view o, tl_view workspace)
{
    const regions r = split(&state->sizes, workspace);
    TL_TRY(project(ctx, state, weights, x));
    TL_TRY(scores(ctx, state, weights, x, &r));
    TL_TRY(mix(ctx, state, weights, &r));
    return values(ctx, state, weights, x, o, &r);
}

tl_status tl_op_read_attention(tl_context *ctx, const tl_op_state *state, uint32_t sample, uint32_t query,
                               float *weights)
{
    const tl_op_shape *s = &state->shape;
    const uint64_t keys = tl_geometry_tokens(&s->geometry);
    if (!tl_op_has_softmax(s))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "this operation has no attention to look at");
    for (uint32_t head = 0; head < s->heads; head++) {
        const uint64_t row = ((uint64_t)sample * s->heads + head) * s->queries + query;
        TL_TRY(tl_tensor_read(ctx, state->prob, row * keys, keys, weights + head * keys));
    }
    return TL_OK;
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* Clears the matrices of a gradient table that no pair uses. */
static tl_status clear_unused_of(tl_context *ctx, const tl_pairs *pairs, const tl_tensor *table, bool query)
{
    bool *used = calloc(table->lead, sizeof *used);
    if (used == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the gradient %s",
                       table->name);
    for (uint32_t g = 0; g < pairs->groups; g++)
        used[query ? pairs->group[g].query : pairs->group[g].key] = true;
    tl_status status = TL_OK;
    for (uint64_t lead = 0, end; status == TL_OK && lead < table->lead; lead = end) {
        uint64_t first;
        const tl_view shard = tl_shard(table, lead, &first);
        for (end = lead; end < table->lead && end < first + table->lead_per_shard && !used[end];) end++;
        if (end > lead)
            status = tl_zero(ctx, tl_view_add(shard, (lead - first) * table->row), (end - lead) * table->row);
        else
            end = lead + 1;
    }
    free(used);
    return status;
}

/* Matrices that no pair uses have zero gradients; they are cleared once for each table, since nothing ever
 * writes them afterwards. */
static tl_status clear_unused(tl_context *ctx, tl_op_state *state, const tl_op_weights *g)
{
    tl_tensor *tables[] = {g->q, g->k, g->v, g->bias, g->r_k, g->r_v};
    for (int i = 0; i < TABLES; i++) {
        if (tables[i] == NULL || state->zeroed[i] == tables[i]) continue;
        TL_TRY(clear_unused_of(ctx, &state->pairs, tables[i], i == Q));
        state->zeroed[i] = tables[i];
    }
    return TL_OK;
}

/* Whether relative products of x itself add to dx. */
static bool adds_to_dx(const tl_op_shape *s)
{
    return tl_op_relative(s) != 0 && !tl_op_is_narrow(s);
}

/* Clears what the relative products add to: dx, the narrow rows' gradients, those of plain q or k beside a
 * relative one. */
static tl_status clear_gradients(tl_context *ctx, const tl_op_state *state, tl_view dx, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    for (int i = 0; i < 3; i++)
        if ((tl_op_narrow(s) & (1u << i)) != 0) TL_TRY(tl_zero(ctx, r->dnarrow[i], z->rows * z->relative));
    if (z->ones > 0) TL_TRY(tl_zero(ctx, r->dones, z->ones));
    /* pairs outside a window leave their rows' places alone */
    if (mask_of(state) != NULL && !tl_op_standard_values(s)) TL_TRY(tl_zero(ctx, r->dweights, z->weights));
    if (!adds_to_dx(s)) return TL_OK;
    if (tl_op_relative_scores(s) && z->plain > 0) TL_TRY(tl_zero(ctx, r->dqkv, z->rows * z->plain));
    return tl_zero(ctx, dx, z->rows * s->dim);
}

/* From d_o: the gradients of the attention weights and of all that makes v. */
static tl_status values_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                 tl_view d_o, tl_view dx, const tl_op_weights *g, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    const tl_view prob = value_weights(state, r);
    if (tl_op_standard_values(s)) {
        const tl_attention a = attention_of(state);
        TL_TRY(tl_attention_values_backward(ctx, &a, tl_at(state->qkv, 0), prob, d_o, output_scale(s),
                                            r->dweights, r->dqkv));
    }
    if (s->bias == TL_BIAS_SHAW) {
        const tl_relative rel = bias_of(state);
        TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, prob, r->pairs));
        TL_TRY(tl_relative_aggregate_backward(ctx, &rel, single_ones(state), w->r_v, r->pairs, d_o, r->dpairs,
                                              r->dones, g->r_v, r->chunk));
        return tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->dpairs, r->dweights, true);
    }
    if (!tl_op_relative_values(s)) return TL_OK;
    tl_view dsums = d_o;
    if (tl_op_is_narrow(s)) {
        tl_gemm_args up = {
            .m = (uint32_t)z->query_rows, .n = z->relative, .k = z->width, .alpha = output_scale(s)};
        up.a = d_o, up.lda = z->width, up.b = tl_at(w->v3, 0), up.ldb = z->relative, up.c = r->do2,
        up.ldc = z->relative;
        TL_TRY(tl_gemm(ctx, &up)); /* do2 = d_o V3 / 2 */
        up.transpose_a = true, up.m = z->width, up.k = (uint32_t)z->query_rows, up.b = narrow_view(state, 3),
        up.c = tl_at(g->v3, 0);
        TL_TRY(tl_gemm(ctx, &up)); /* dV3 = d_o^T o2 / 2 */
        dsums = r->do2;
    }
    const operand v = operand_of(state, V, w, g, x, dx, r);
    const tl_relative rel = relative_of(state, &v, &v);
    TL_TRY(pair_weights(ctx, state, r));
    TL_TRY(tl_relative_aggregate_backward(ctx, &rel, v.rows, v.table, r->pairs, dsums, r->dpairs, v.gradient,
                                          v.dtable, r->chunk));
    if (!tl_op_has_softmax(s)) return TL_OK;
    return tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->dpairs, r->dweights,
                            tl_op_standard_values(s));
}

static tl_status bias_scores_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w,
                                      const tl_op_weights *g, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    if (s->bias == TL_BIAS_NONE) return TL_OK;
    const tl_relative rel = bias_of(state);
    const bool swin = s->bias == TL_BIAS_SWIN;
    const uint32_t q = plain_column(state, Q);
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, r->dweights, r->dpairs));
    return tl_relative_score_backward(
        ctx, &rel, swin ? tl_at(state->ones, 0) : tl_at(state->qkv, q), NULL, single_ones(state),
        swin ? w->bias : w->r_k, r->dpairs, (tl_relative_rows){0}, swin ? r->dones : tl_view_add(r->dqkv, q),
        tl_view_add(r->dones, state->sizes.rows * s->heads), NULL, swin ? g->bias : g->r_k, r->chunk);
}

/* From the gradients of the attention weights: those of all that makes q and k. */
static tl_status scores_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                 tl_view dx, const tl_op_weights *g, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    if (!tl_op_has_softmax(s)) return TL_OK;
    if (s->gated) {
        const tl_gated gated = gated_of(state);
        TL_TRY(tl_gated_backward(ctx, &gated, tl_at(state->features, 0), tl_at(state->prob, 0),
                                 tl_at(state->positions, 0), tl_at(w->gate, 0), r->dweights, tl_at(g->w, 0),
                                 tl_at(g->gate, 0), r->dpositions));
    }
    TL_TRY(tl_softmax_backward(ctx, tl_at(state->prob, 0), r->dweights,
                               (uint64_t)s->batch * s->heads * s->queries, s->queries,
                               tl_geometry_tokens(&s->geometry), causal_keys(s), logit_scale(s)));
    if (tl_op_relative_scores(s)) {
        const operand q = operand_of(state, Q, w, g, x, dx, r), k = operand_of(state, K, w, g, x, dx, r);
        const tl_relative rel = relative_of(state, &q, &k);
        TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, r->dweights, r->dpairs));
        TL_TRY(tl_relative_score_backward(ctx, &rel, q.rows, q.table, k.rows, k.table, r->dpairs,
                                          kept_rows(state), q.gradient, k.gradient, q.dtable, k.dtable,
                                          r->chunk));
    }
    if (!tl_op_standard_scores(s)) return TL_OK;
    const tl_attention a = attention_of(state);
    TL_TRY(tl_attention_logits_backward(ctx, &a, tl_at(state->qkv, 0), r->dweights, r->dqkv));
    TL_TRY(bias_scores_backward(ctx, state, w, g, r));
    return rotate(ctx, state, r->dqkv, true);
}

static tl_status project_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                  tl_view dx, const tl_op_weights *g, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_op_sizes *z = &state->sizes;
    bool begun = adds_to_dx(s); /* dx holds something already */
    if (state->qkv != NULL) {
        const tl_attention a = attention_of(state);
        TL_TRY(tl_attention_project_backward(ctx, &a, r->dqkv, x, tl_at(w->qkv, 0), s->dim, dx, begun,
                                             tl_at(g->qkv, 0)));
        begun = true;
    }
    const tl_tensor *down[3] = {w->a_q, w->a_k, w->a_v};
    tl_tensor *ddown[3] = {g->a_q, g->a_k, g->a_v};
    static const int order[3] = {K, V, Q}; /* dx is begun by a role that has all its rows: q may have few */
    for (int n = 0; n < 3; n++) {
        const int i = order[n];
        if ((tl_op_narrow(s) & (1u << i)) == 0) continue;
        TL_TRY(tl_linear_backward(ctx, r->dnarrow[i], z->relative, x, s->dim, tl_at(down[i], 0), dx, begun,
                                  tl_at(ddown[i], 0), none, none, i == Q ? z->query_rows : z->rows, s->dim,
                                  z->relative));
        begun = true;
    }
    return TL_OK;
}

tl_status tl_op_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                         tl_view d_o, tl_view dx, const tl_op_weights *gradients, tl_view workspace)
{
    const regions r = split(&state->sizes, workspace);
    TL_TRY(clear_unused(ctx, state, gradients));
    TL_TRY(clear_gradients(ctx, state, dx, &r));
    TL_TRY(mix(ctx, state, weights, &r));
    TL_TRY(values_backward(ctx, state, weights, x, d_o, dx, gradients, &r));
    TL_TRY(scores_backward(ctx, state, weights, x, dx, gradients, &r));
    return project_backward(ctx, state, weights, x, dx, gradients, &r);
}

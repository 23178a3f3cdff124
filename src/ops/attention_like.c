#include "ops/attention_like.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/attention.h"
#include "ops/gemm.h"
#include "ops/linear.h"
#include "ops/pairs.h"
#include "ops/relative.h"
#include "ops/softmax.h"

struct tl_op_state {
    tl_op_shape shape;
    tl_pairs pairs;    /* translution, alpha */
    tl_tensor *qkv;    /* attention, alpha: [tokens][batch][3D] */
    tl_tensor *narrow; /* alpha: x A_q, x A_k, x A_v, each [tokens][batch][R]; then o2 [queries][batch][R] */
    tl_tensor *prob;   /* [batch][head][query][key] */
    tl_tensor *kept;   /* translution with `keep`: q_ij, then k_ij, each [pair][batch][D] */
    tl_tensor *zeroed[3]; /* gradient tables whose unused matrices are known to be zero */
};

static const tl_view none = {0};

/* Sizes that everything below is made of, in floats unless said otherwise. */
typedef struct sizes {
    uint64_t rows, query_rows; /* tokens * batch, queries * batch */
    uint32_t width, relative;  /* D, R */
    uint64_t weights;          /* batch * heads * queries * keys */
    uint64_t pair_weights;     /* heads * pairs * batch */
    uint64_t kept;             /* q_ij or k_ij of all pairs, where they are kept */
    uint64_t chunk;            /* workspace of the relative products */
} sizes;

static bool is_kept(const tl_op_shape *s)
{
    return s->keep && s->kind == TL_OP_TRANSLUTION;
}

static sizes measure(const tl_op_shape *s)
{
    sizes z = {0};
    const uint32_t tokens = tl_geometry_tokens(&s->geometry);
    z.rows = (uint64_t)tokens * s->batch;
    z.query_rows = (uint64_t)s->queries * s->batch;
    z.width = s->heads * s->head_dim;
    z.relative = s->kind == TL_OP_ALPHA ? s->heads * s->relenc_dim : 0;
    z.weights = z.query_rows * s->heads * tokens;
    if (s->kind != TL_OP_ATTENTION) {
        uint32_t groups, pairs, largest;
        tl_pairs_measure(&s->geometry, s->queries, &groups, &pairs, &largest);
        const bool alpha = s->kind == TL_OP_ALPHA;
        z.pair_weights = (uint64_t)s->heads * pairs * s->batch;
        z.kept = is_kept(s) ? (uint64_t)pairs * s->batch * z.width : 0;
        z.chunk = tl_relative_workspace(pairs, largest, s->batch, alpha ? z.relative : s->dim, s->heads,
                                        alpha ? s->relenc_dim : s->head_dim, is_kept(s));
    }
    return z;
}

static uint64_t qkv_count(const tl_op_shape *s, const sizes *z)
{
    return s->kind == TL_OP_TRANSLUTION ? 0 : z->rows * 3 * z->width;
}

static uint64_t narrow_count(const sizes *z)
{
    return (3 * z->rows + z->query_rows) * z->relative;
}

uint64_t tl_op_activation_count(const tl_op_shape *shape)
{
    const sizes z = measure(shape);
    return qkv_count(shape, &z) + narrow_count(&z) + z.weights + 2 * z.kept;
}

uint64_t tl_op_kept_count(const tl_op_shape *shape)
{
    return 2 * measure(shape).kept;
}

/* Workspace, one region after another; views are taken in this order. */
uint64_t tl_op_workspace_count(const tl_op_shape *shape)
{
    const sizes z = measure(shape);
    return z.weights + 2 * z.pair_weights + qkv_count(shape, &z) + narrow_count(&z) + z.chunk;
}

typedef struct regions {
    tl_view dweights;      /* [batch][head][query][key] */
    tl_view pairs, dpairs; /* pair weights */
    tl_view dqkv;
    tl_view dnarrow[3], do2;
    tl_view chunk;
} regions;

static regions split(const tl_op_shape *s, const sizes *z, tl_view workspace)
{
    regions r;
    r.dweights = workspace;
    r.pairs = tl_view_add(r.dweights, z->weights);
    r.dpairs = tl_view_add(r.pairs, z->pair_weights);
    r.dqkv = tl_view_add(r.dpairs, z->pair_weights);
    tl_view at = tl_view_add(r.dqkv, qkv_count(s, z));
    for (int i = 0; i < 3; i++, at = tl_view_add(at, z->rows * z->relative)) r.dnarrow[i] = at;
    r.do2 = at;
    r.chunk = tl_view_add(at, z->query_rows * z->relative);
    return r;
}

static tl_view narrow_view(const tl_op_state *state, const sizes *z, int part)
{
    return tl_at(state->narrow, part * z->rows * z->relative);
}

static tl_status create_tensor(tl_context *ctx, const char *name, const char *what, uint64_t count,
                               tl_tensor **out)
{
    char full[96];
    snprintf(full, sizeof full, "%.70s.%s", name, what);
    return count == 0 ? TL_OK : tl_tensor_create(ctx, full, TL_MEMORY_ACTIVATION, 1, count, out);
}

tl_status tl_op_create(tl_context *ctx, const char *name, const tl_op_shape *shape, tl_op_state **out)
{
    *out = NULL;
    tl_op_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the operation %s",
                       name);
    state->shape = *shape;
    const sizes z = measure(shape);
    tl_status status = TL_OK;
    if (shape->kind != TL_OP_ATTENTION)
        status = tl_pairs_create(ctx, name, &shape->geometry, shape->queries, &state->pairs);
    if (status == TL_OK) status = create_tensor(ctx, name, "qkv", qkv_count(shape, &z), &state->qkv);
    if (status == TL_OK) status = create_tensor(ctx, name, "narrow", narrow_count(&z), &state->narrow);
    if (status == TL_OK) status = create_tensor(ctx, name, "attention", z.weights, &state->prob);
    if (status == TL_OK) status = create_tensor(ctx, name, "pair rows", 2 * z.kept, &state->kept);
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
    tl_tensor_destroy(ctx, state->qkv);
    tl_tensor_destroy(ctx, state->narrow);
    tl_tensor_destroy(ctx, state->prob);
    tl_tensor_destroy(ctx, state->kept);
    free(state);
}

static tl_relative_rows kept_rows(const tl_op_state *state, const sizes *z)
{
    if (state->kept == NULL) return (tl_relative_rows){0};
    return (tl_relative_rows){tl_at(state->kept, 0), tl_at(state->kept, z->kept)};
}

static tl_attention attention_of(const tl_op_shape *s)
{
    return (tl_attention){.queries = s->queries,
                          .keys = tl_geometry_tokens(&s->geometry),
                          .batch = s->batch,
                          .heads = s->heads,
                          .head_dim = s->head_dim};
}

static tl_relative relative_of(const tl_op_state *state, const sizes *z)
{
    const tl_op_shape *s = &state->shape;
    const bool alpha = s->kind == TL_OP_ALPHA;
    return (tl_relative){.pairs = &state->pairs,
                         .batch = s->batch,
                         .inner = alpha ? z->relative : s->dim,
                         .heads = s->heads,
                         .head_dim = alpha ? s->relenc_dim : s->head_dim};
}

/* Scale of the logits: 1/sqrt(d), halved where a standard and a relative score are averaged. */
static float logit_scale(const tl_op_shape *s)
{
    return (s->kind == TL_OP_ALPHA ? 0.5f : 1.0f) / sqrtf((float)s->head_dim);
}

static bool is_causal(const tl_op_shape *s)
{
    return s->geometry.kind == TL_CAUSAL;
}

static tl_status softmax(tl_context *ctx, const tl_op_state *state)
{
    const tl_op_shape *s = &state->shape;
    return tl_softmax_forward(ctx, tl_at(state->prob, 0), (uint64_t)s->batch * s->heads * s->queries,
                              s->queries, tl_geometry_tokens(&s->geometry), is_causal(s));
}

static tl_status softmax_backward(tl_context *ctx, const tl_op_state *state, tl_view dweights)
{
    const tl_op_shape *s = &state->shape;
    return tl_softmax_backward(ctx, tl_at(state->prob, 0), dweights,
                               (uint64_t)s->batch * s->heads * s->queries, s->queries,
                               tl_geometry_tokens(&s->geometry), is_causal(s), logit_scale(s));
}

/* ---- forward ------------------------------------------------------------------------------------- */

static tl_status attention_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                   tl_view o)
{
    const tl_attention a = attention_of(&state->shape);
    const tl_view qkv = tl_at(state->qkv, 0), prob = tl_at(state->prob, 0);
    TL_TRY(tl_attention_project(ctx, &a, x, tl_at(w->qkv, 0), state->shape.dim, qkv));
    TL_TRY(tl_attention_logits(ctx, &a, qkv, logit_scale(&state->shape), prob));
    TL_TRY(softmax(ctx, state));
    return tl_attention_values(ctx, &a, qkv, prob, 1.0f, o);
}

static tl_status translution_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                     tl_view o, const sizes *z, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_relative rel = relative_of(state, z);
    const tl_view prob = tl_at(state->prob, 0);
    TL_TRY(tl_relative_score(ctx, &rel, x, w->q, x, w->k, logit_scale(s), r->pairs, kept_rows(state, z)));
    TL_TRY(tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->pairs, prob, false));
    TL_TRY(softmax(ctx, state));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, prob, r->pairs));
    TL_TRY(tl_zero(ctx, o, z->query_rows * z->width));
    return tl_relative_aggregate(ctx, &rel, x, w->v, r->pairs, o);
}

static tl_status alpha_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                               tl_view o, const sizes *z, const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_attention a = attention_of(s);
    const tl_relative rel = relative_of(state, z);
    const tl_view qkv = tl_at(state->qkv, 0), prob = tl_at(state->prob, 0);
    const tl_tensor *down[3] = {w->a_q, w->a_k, w->a_v};
    tl_view narrow[3];
    for (int i = 0; i < 3; i++) {
        narrow[i] = narrow_view(state, z, i);
        TL_TRY(tl_linear_forward(ctx, x, s->dim, tl_at(down[i], 0), none, none, narrow[i], z->relative,
                                 i == 0 ? z->query_rows : z->rows, s->dim, z->relative));
    }
    const tl_view o2 = narrow_view(state, z, 3);
    TL_TRY(tl_attention_project(ctx, &a, x, tl_at(w->qkv, 0), s->dim, qkv));
    TL_TRY(tl_attention_logits(ctx, &a, qkv, logit_scale(s), prob));
    TL_TRY(tl_relative_score(ctx, &rel, narrow[0], w->q, narrow[1], w->k, logit_scale(s), r->pairs,
                             kept_rows(state, z)));
    TL_TRY(tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->pairs, prob, true));
    TL_TRY(softmax(ctx, state));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, prob, r->pairs));
    TL_TRY(tl_zero(ctx, o2, z->query_rows * z->relative));
    TL_TRY(tl_relative_aggregate(ctx, &rel, narrow[2], w->v, r->pairs, o2));
    /* o = (sum p v1 + o2 V3^T) / 2 */
    TL_TRY(tl_attention_values(ctx, &a, qkv, prob, 0.5f, o));
    return tl_gemm(ctx, &(tl_gemm_args){.transpose_b = true,
                                        .m = (uint32_t)z->query_rows,
                                        .n = z->width,
                                        .k = z->relative,
                                        .a = o2,
                                        .lda = z->relative,
                                        .b = tl_at(w->v3, 0),
                                        .ldb = z->relative,
                                        .c = o,
                                        .ldc = z->width,
                                        .alpha = 0.5f,
                                        .beta = 1.0f});
}

tl_status tl_op_forward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                        tl_view o, tl_view workspace)
{
    const sizes z = measure(&state->shape);
    const regions r = split(&state->shape, &z, workspace);
    switch (state->shape.kind) {
    case TL_OP_ATTENTION: return attention_forward(ctx, state, weights, x, o);
    case TL_OP_TRANSLUTION: return translution_forward(ctx, state, weights, x, o, &z, &r);
    case TL_OP_ALPHA: return alpha_forward(ctx, state, weights, x, o, &z, &r);
    }
    return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "unknown operation %d", (int)state->shape.kind);
}

/* ---- backward ------------------------------------------------------------------------------------ */

/* Matrices that no pair uses have zero gradients; they are cleared once for each table, since nothing ever
 * writes them afterwards. */
static tl_status clear_unused(tl_context *ctx, tl_op_state *state, const tl_op_weights *g)
{
    tl_tensor *tables[3] = {g->q, g->k, g->v};
    for (int i = 0; i < 3; i++) {
        if (state->zeroed[i] == tables[i]) continue;
        for (uint64_t lead = 0; lead < tables[i]->lead; lead += tables[i]->lead_per_shard) {
            uint64_t first, count = tables[i]->lead - lead;
            if (count > tables[i]->lead_per_shard) count = tables[i]->lead_per_shard;
            TL_TRY(tl_zero(ctx, tl_shard(tables[i], lead, &first), count * tables[i]->row));
        }
        state->zeroed[i] = tables[i];
    }
    return TL_OK;
}

static tl_status attention_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                    tl_view d_o, tl_view dx, const tl_op_weights *g, const regions *r)
{
    const tl_attention a = attention_of(&state->shape);
    const tl_view qkv = tl_at(state->qkv, 0), prob = tl_at(state->prob, 0);
    TL_TRY(tl_attention_values_backward(ctx, &a, qkv, prob, d_o, 1.0f, r->dweights, r->dqkv));
    TL_TRY(softmax_backward(ctx, state, r->dweights));
    TL_TRY(tl_attention_logits_backward(ctx, &a, qkv, r->dweights, r->dqkv));
    return tl_attention_project_backward(ctx, &a, r->dqkv, x, tl_at(w->qkv, 0), state->shape.dim, dx, false,
                                         tl_at(g->qkv, 0));
}

static tl_status translution_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                      tl_view d_o, tl_view dx, const tl_op_weights *g, const sizes *z,
                                      const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_relative rel = relative_of(state, z);
    TL_TRY(clear_unused(ctx, state, g));
    TL_TRY(tl_zero(ctx, dx, z->rows * s->dim));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, tl_at(state->prob, 0), r->pairs));
    TL_TRY(tl_relative_aggregate_backward(ctx, &rel, x, w->v, r->pairs, d_o, r->dpairs, dx, g->v, r->chunk));
    TL_TRY(tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->dpairs, r->dweights, false));
    TL_TRY(softmax_backward(ctx, state, r->dweights));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, r->dweights, r->dpairs));
    return tl_relative_score_backward(ctx, &rel, x, w->q, x, w->k, r->dpairs, kept_rows(state, z), dx, dx,
                                      g->q, g->k, r->chunk);
}

static tl_status alpha_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *w, tl_view x,
                                tl_view d_o, tl_view dx, const tl_op_weights *g, const sizes *z,
                                const regions *r)
{
    const tl_op_shape *s = &state->shape;
    const tl_attention a = attention_of(s);
    const tl_relative rel = relative_of(state, z);
    const tl_view qkv = tl_at(state->qkv, 0), prob = tl_at(state->prob, 0), o2 = narrow_view(state, z, 3);
    TL_TRY(clear_unused(ctx, state, g));
    tl_gemm_args up = {.m = (uint32_t)z->query_rows, .n = z->relative, .k = z->width, .alpha = 0.5f};
    up.a = d_o, up.lda = z->width, up.b = tl_at(w->v3, 0), up.ldb = z->relative, up.c = r->do2,
    up.ldc = z->relative;
    TL_TRY(tl_gemm(ctx, &up)); /* do2 = d_o V3 / 2 */
    up.transpose_a = true, up.m = z->width, up.k = (uint32_t)z->query_rows, up.b = o2, up.c = tl_at(g->v3, 0);
    TL_TRY(tl_gemm(ctx, &up)); /* dV3 = d_o^T o2 / 2 */
    TL_TRY(tl_attention_values_backward(ctx, &a, qkv, prob, d_o, 0.5f, r->dweights, r->dqkv));
    for (int i = 0; i < 3; i++) TL_TRY(tl_zero(ctx, r->dnarrow[i], z->rows * z->relative));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, prob, r->pairs));
    TL_TRY(tl_relative_aggregate_backward(ctx, &rel, narrow_view(state, z, 2), w->v, r->pairs, r->do2,
                                          r->dpairs, r->dnarrow[2], g->v, r->chunk));
    TL_TRY(tl_pairs_to_rows(ctx, &state->pairs, s->batch, s->heads, r->dpairs, r->dweights, true));
    TL_TRY(softmax_backward(ctx, state, r->dweights));
    TL_TRY(tl_rows_to_pairs(ctx, &state->pairs, s->batch, s->heads, r->dweights, r->dpairs));
    TL_TRY(tl_relative_score_backward(ctx, &rel, narrow_view(state, z, 0), w->q, narrow_view(state, z, 1),
                                      w->k, r->dpairs, kept_rows(state, z), r->dnarrow[0], r->dnarrow[1],
                                      g->q, g->k, r->chunk));
    TL_TRY(tl_attention_logits_backward(ctx, &a, qkv, r->dweights, r->dqkv));
    TL_TRY(tl_attention_project_backward(ctx, &a, r->dqkv, x, tl_at(w->qkv, 0), s->dim, dx, false,
                                         tl_at(g->qkv, 0)));
    const tl_tensor *down[3] = {w->a_q, w->a_k, w->a_v};
    tl_tensor *ddown[3] = {g->a_q, g->a_k, g->a_v};
    for (int i = 0; i < 3; i++) {
        TL_TRY(tl_linear_backward(ctx, r->dnarrow[i], z->relative, x, s->dim, tl_at(down[i], 0), dx, true,
                                  tl_at(ddown[i], 0), none, none, i == 0 ? z->query_rows : z->rows, s->dim,
                                  z->relative));
    }
    return TL_OK;
}

tl_status tl_op_backward(tl_context *ctx, tl_op_state *state, const tl_op_weights *weights, tl_view x,
                         tl_view d_o, tl_view dx, const tl_op_weights *gradients, tl_view workspace)
{
    const sizes z = measure(&state->shape);
    const regions r = split(&state->shape, &z, workspace);
    switch (state->shape.kind) {
    case TL_OP_ATTENTION: return attention_backward(ctx, state, weights, x, d_o, dx, gradients, &r);
    case TL_OP_TRANSLUTION: return translution_backward(ctx, state, weights, x, d_o, dx, gradients, &z, &r);
    case TL_OP_ALPHA: return alpha_backward(ctx, state, weights, x, d_o, dx, gradients, &z, &r);
    }
    return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE, "unknown operation %d", (int)state->shape.kind);
}

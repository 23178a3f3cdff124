#include "ops/attention_dense.h"

#include "ops/gemm.h"
#include "ops/linear.h"

static const tli_view none = {0};

/* ---- products ------------------------------------------------------------------------------------ */

/* D */
static uint32_t dense_channels(const tli_attention *a)
{
    return a->heads * a->head_dim;
}

tl_status tli_attention_project(tl_context *ctx, const tli_attention *a, tli_view x, tli_view weight,
                                uint32_t dim, tli_view qkv)
{
    const uint32_t d = dense_channels(a), rest = a->stride - d;
    const uint64_t rows = (uint64_t)a->keys * a->batch, query_rows = (uint64_t)a->queries * a->batch;
    if (a->queries == a->keys || !a->has_q)
        return tli_linear_forward(ctx, x, dim, weight, none, none, qkv, a->stride, rows, dim, a->stride);
    TLI_TRY(tli_linear_forward(ctx, x, dim, weight, none, none, qkv, a->stride, query_rows, dim, d));
    if (rest == 0) return TL_OK;
    return tli_linear_forward(ctx, x, dim, tli_view_add(weight, (uint64_t)d * dim), none, none,
                              tli_view_add(qkv, d), a->stride, rows, dim, rest);
}

tl_status tli_attention_project_backward(tl_context *ctx, const tli_attention *a, tli_view dqkv, tli_view x,
                                         tli_view weight, uint32_t dim, tli_view dx, bool accumulate,
                                         tli_view dweight, tli_view workspace)
{
    const uint32_t d = dense_channels(a), rest = a->stride - d;
    const uint64_t rows = (uint64_t)a->keys * a->batch, query_rows = (uint64_t)a->queries * a->batch;
    if (a->queries == a->keys || !a->has_q || (rest == 0 && !accumulate))
        return tli_linear_backward(ctx, dqkv, a->stride, x, dim, weight, dx, accumulate, dweight, none,
                                   workspace, rows, dim, a->stride);
    const uint64_t keys = (uint64_t)d * dim; /* the rows of W behind the queries' */
    if (rest > 0)
        TLI_TRY(tli_linear_backward(ctx, tli_view_add(dqkv, d), a->stride, x, dim, tli_view_add(weight, keys),
                                    dx, accumulate, tli_view_add(dweight, keys), none, workspace, rows, dim,
                                    rest));
    return tli_linear_backward(ctx, dqkv, a->stride, x, dim, weight, dx, true, dweight, none, workspace,
                               query_rows, dim, d);
}

/* A batched product over (batch, head): strides of qkv-like operands and of weight rows. */
static tli_gemm_args dense_batched(const tli_attention *a)
{
    return (tli_gemm_args){.outer = a->batch, .inner = a->heads, .alpha = 1.0f};
}

static void packed_a(tli_gemm_args *g, const tli_attention *a, tli_view view)
{
    g->a = view, g->lda = a->batch * a->stride, g->a_outer = a->stride, g->a_inner = a->head_dim;
}

static void packed_b(tli_gemm_args *g, const tli_attention *a, tli_view view)
{
    g->b = view, g->ldb = a->batch * a->stride, g->b_outer = a->stride, g->b_inner = a->head_dim;
}

static void packed_c(tli_gemm_args *g, const tli_attention *a, tli_view view)
{
    g->c = view, g->ldc = a->batch * a->stride, g->c_outer = a->stride, g->c_inner = a->head_dim;
}

static void weights_a(tli_gemm_args *g, const tli_attention *a, tli_view view)
{
    g->a = view, g->lda = a->keys, g->a_inner = (uint64_t)a->queries * a->keys,
    g->a_outer = a->heads * g->a_inner;
}

static void weights_c(tli_gemm_args *g, const tli_attention *a, tli_view view)
{
    g->c = view, g->ldc = a->keys, g->c_inner = (uint64_t)a->queries * a->keys,
    g->c_outer = a->heads * g->c_inner;
}

tl_status tli_attention_logits(tl_context *ctx, const tli_attention *a, tli_view qkv, float scale,
                               tli_view logits)
{
    tli_gemm_args g = dense_batched(a);
    g.transpose_b = true, g.m = a->queries, g.n = a->keys, g.k = a->head_dim, g.alpha = scale;
    packed_a(&g, a, tli_view_add(qkv, a->q));
    packed_b(&g, a, tli_view_add(qkv, a->k));
    weights_c(&g, a, logits);
    return tli_gemm(ctx, &g);
}

tl_status tli_attention_logits_backward(tl_context *ctx, const tli_attention *a, tli_view qkv,
                                        tli_view dlogits, tli_view dqkv)
{
    tli_gemm_args g = dense_batched(a); /* dq_i = sum_j da k_j */
    g.m = a->queries, g.n = a->head_dim, g.k = a->keys;
    weights_a(&g, a, dlogits);
    packed_b(&g, a, tli_view_add(qkv, a->k));
    packed_c(&g, a, tli_view_add(dqkv, a->q));
    TLI_TRY(tli_gemm(ctx, &g));
    g.transpose_a = true, g.m = a->keys, g.k = a->queries; /* dk_j = sum_i da q_i */
    packed_b(&g, a, tli_view_add(qkv, a->q));
    packed_c(&g, a, tli_view_add(dqkv, a->k));
    return tli_gemm(ctx, &g);
}

tl_status tli_attention_values(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                               float scale, tli_view o)
{
    tli_gemm_args g = dense_batched(a);
    g.m = a->queries, g.n = a->head_dim, g.k = a->keys, g.alpha = scale;
    weights_a(&g, a, prob);
    packed_b(&g, a, tli_view_add(qkv, a->v));
    g.c = o, g.ldc = a->batch * dense_channels(a), g.c_outer = dense_channels(a), g.c_inner = a->head_dim;
    return tli_gemm(ctx, &g);
}

tl_status tli_attention_values_backward(tl_context *ctx, const tli_attention *a, tli_view qkv, tli_view prob,
                                        tli_view d_o, float scale, tli_view dprob, tli_view dqkv)
{
    tli_gemm_args g = dense_batched(a); /* dprob = d_o_i . v_j */
    g.transpose_b = true, g.m = a->queries, g.n = a->keys, g.k = a->head_dim, g.alpha = scale;
    g.a = d_o, g.lda = a->batch * dense_channels(a), g.a_outer = dense_channels(a), g.a_inner = a->head_dim;
    packed_b(&g, a, tli_view_add(qkv, a->v));
    weights_c(&g, a, dprob);
    TLI_TRY(tli_gemm(ctx, &g));
    g = dense_batched(a); /* dv_j = sum_i prob d_o_i */
    g.transpose_a = true, g.m = a->keys, g.n = a->head_dim, g.k = a->queries, g.alpha = scale;
    weights_a(&g, a, prob);
    g.b = d_o, g.ldb = a->batch * dense_channels(a), g.b_outer = dense_channels(a), g.b_inner = a->head_dim;
    packed_c(&g, a, tli_view_add(dqkv, a->v));
    return tli_gemm(ctx, &g);
}

/* ---- the term ------------------------------------------------------------------------------------ */

tli_attention tli_attention_of(const attention_pass *p)
{
    const tli_op_shape *s = p->shape;
    return (tli_attention){.queries = s->queries,
                           .keys = tli_geometry_tokens(&s->geometry),
                           .batch = s->batch,
                           .heads = s->heads,
                           .head_dim = s->head_dim,
                           .stride = p->sizes->packed,
                           .q = tli_attention_first_row(p) * p->sizes->packed +
                                tli_attention_column(p, ROLE_INDEX_Q),
                           .k = tli_attention_column(p, ROLE_INDEX_K),
                           .v = tli_attention_column(p, ROLE_INDEX_V),
                           .has_q = (tli_op_shared_roles(s) & TL_ROLE_Q) != 0};
}

static bool dense_present(const tli_op_shape *s)
{
    return tli_op_shared_roles(s) != 0;
}

static void dense_parameters(const tli_op_shape *s, op_parameters *list)
{
    static const char *const names[8] = {/* by the set of roles */
                                         NULL,          "to_q.weight",  "to_k.weight",  "to_qk.weight",
                                         "to_v.weight", "to_qv.weight", "to_kv.weight", "to_qkv.weight"};
    const tl_roles roles = tli_op_shared_roles(s);
    tli_op_parameters_add(list, names[roles], OP_FIELD(qkv), 2,
                          (uint64_t)tli_op_role_count(roles) * s->heads * s->head_dim, s->dim, 0);
}

static tl_status dense_logits(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    if (!tli_op_has_shared_logits(p->shape) || p->decodes) return TL_OK;
    const tli_attention a = tli_attention_of(p);
    p->logits_begun = true;
    return tli_attention_logits(p->ctx, &a, p->qkv, tli_op_logit_scale(p->shape), p->logits);
}

static tl_status dense_values(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    if (!tli_op_has_shared_values(p->shape)) return TL_OK;
    p->o_begun = true;
    if (p->decodes) return TL_OK;
    const tli_attention a = tli_attention_of(p);
    return tli_attention_values(p->ctx, &a, p->qkv, p->weights, tli_op_output_scale(p->shape), p->o);
}

static tl_status dense_values_backward(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    if (!tli_op_has_shared_values(p->shape)) return TL_OK;
    const tli_attention a = tli_attention_of(p);
    p->dweights_begun = true;
    return tli_attention_values_backward(p->ctx, &a, p->qkv, p->weights, p->d_o,
                                         tli_op_output_scale(p->shape), p->dweights, p->dqkv);
}

static tl_status dense_logits_backward(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    if (!tli_op_has_shared_logits(p->shape)) return TL_OK;
    const tli_attention a = tli_attention_of(p);
    return tli_attention_logits_backward(p->ctx, &a, p->qkv, p->dweights, p->dqkv);
}

const attention_term tli_dense_term = {.present = dense_present,
                                       .parameters = dense_parameters,
                                       .step = {[STEP_LOGITS] = dense_logits,
                                                [STEP_VALUES] = dense_values,
                                                [STEP_VALUES_BACKWARD] = dense_values_backward,
                                                [STEP_LOGITS_BACKWARD] = dense_logits_backward}};

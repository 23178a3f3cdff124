/* alpha-Translution's term (LoR-Translution in later versions of the paper): x is first projected to R =
 * heads * relenc_dim channels, and the matrices per offset d = j - i are R x R,
 *
 *   q_ij = x_i A_q W_q[-d],  k_ij = x_j A_k W_k[d],  o_i += (sum_j p_ij x_j A_v W_v[d]) V3^T;
 *
 * where only one of q and k is per-offset, the other is its low-rank row x A itself. */
#include "core/arithmetic.h"
#include "ops/gemm_slices.h"
#include "ops/linear.h"
#include "ops/offset_terms.h"

/* R */
static uint32_t low_rank_width(const tli_op_shape *s)
{
    return s->heads * s->relenc_dim;
}

static void low_rank_parameters(const tli_op_shape *s, op_parameters *list)
{
    static const struct {
        tl_roles role;
        const char *down, *table;
        struct {
            const char *name;
            size_t at;
        } down_field, table_field;
    } roles[3] = {
        {TL_ROLE_Q, "to_q1.weight", "to_q2.unique_params", {OP_FIELD(a_q)}, {OP_FIELD(q)}},
        {TL_ROLE_K, "to_k1.weight", "to_k2.unique_params", {OP_FIELD(a_k)}, {OP_FIELD(k)}},
        {TL_ROLE_V, "to_v1.weight", "to_v2.unique_params", {OP_FIELD(a_v)}, {OP_FIELD(v)}},
    };
    const uint64_t narrow = low_rank_width(s), offsets = tli_geometry_offsets(&s->geometry);
    for (int i = 0; i < 3; i++) {
        if ((tli_op_low_rank_roles(s) & roles[i].role) != 0)
            tli_op_parameters_add(list, roles[i].down, roles[i].down_field.name, roles[i].down_field.at, 2,
                                  narrow, s->dim, 0);
        if ((tli_op_per_offset_roles(s) & roles[i].role) != 0)
            tli_op_parameters_add(list, roles[i].table, roles[i].table_field.name, roles[i].table_field.at, 3,
                                  offsets, narrow, narrow);
    }
    if (tli_op_has_offset_values(s))
        tli_op_parameters_add(list, "to_v3.weight", OP_FIELD(v3), 2, (uint64_t)s->heads * s->head_dim, narrow,
                              0);
}

static void low_rank_measure(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    const uint64_t rows = (3 * z->rows + z->query_rows) * low_rank_width(s); /* of q, k, v, then the sums */
    out->saved = rows;
    tli_offset_count_sums(s, z, out);
    if (tli_op_has_offset_values(s)) tli_offset_count_sum(out, z->query_rows * low_rank_width(s)); /* sums */
    for (uint32_t role = tli_op_role_count(tli_op_low_rank_roles(s)); role > 0; role--)
        tli_offset_count_sum(out, z->rows * low_rank_width(s)); /* gradients of the rows */
    const uint64_t by_offset = tli_offset_gemm_workspace(
                       s->chunk_bytes, tli_geometry_tokens(&s->geometry), z->pairs, z->largest, s->batch,
                       low_rank_width(s), s->heads, s->relenc_dim, !tli_op_has_offset_logits(s)),
                   down = tli_linear_workspace(z->rows, s->dim, low_rank_width(s)),
                   up = tli_linear_workspace(z->query_rows, low_rank_width(s), z->width);
    out->workspace = rows + tli_larger(by_offset, tli_larger(down, up));
}

enum { SUMS = 3 }; /* stored after the rows of the roles */

/* x A_q, x A_k, x A_v, each [token][batch][R], then the sums over values [query][batch][R]. */
static tli_view low_rank_rows(const attention_pass *p, const term_memory *m, int part)
{
    return tli_view_add(m->saved, (uint64_t)part * p->capacity * low_rank_width(p->shape));
}

/* Their gradients, in the workspace, followed by the scratch of the GEMMs. */
static tli_view low_rank_gradient(const attention_pass *p, const term_memory *m, int part)
{
    return tli_view_add(m->workspace, (uint64_t)part * p->sizes->rows * low_rank_width(p->shape));
}

static tli_view low_rank_scratch(const attention_pass *p, const term_memory *m)
{
    return tli_view_add(low_rank_gradient(p, m, SUMS), p->sizes->query_rows * low_rank_width(p->shape));
}

static offset_operand low_rank_operand(const attention_pass *p, const term_memory *m, int role)
{
    const uint32_t stride = low_rank_width(p->shape);
    offset_operand o = {low_rank_rows(p, m, role), low_rank_gradient(p, m, role), NULL, NULL, stride};
    tli_offset_tables(p, role, &o);
    if (role == ROLE_INDEX_Q) o.rows = tli_view_add(o.rows, tli_attention_first_row(p) * stride);
    return o;
}

static tli_offset_gemm low_rank_products(const attention_pass *p)
{
    tli_offset_gemm r = tli_offset_products(p);
    r.inner = r.q_stride = r.k_stride = low_rank_width(p->shape);
    r.head_dim = p->shape->relenc_dim;
    return r;
}

static tl_status low_rank_project(attention_pass *p, const term_memory *m)
{
    const tli_op_shape *s = p->shape;
    const tl_tensor *down[3] = {p->w->a_q, p->w->a_k, p->w->a_v};
    const uint64_t first = tli_attention_first_row(p); /* rows before it were computed in earlier calls */
    const uint32_t narrow = low_rank_width(s);
    for (int i = 0; i < 3; i++) {
        if ((tli_op_low_rank_roles(s) & (1u << i)) == 0) continue;
        TLI_TRY(tli_linear_forward(
            p->ctx, tli_view_add(p->x, first * s->dim), s->dim, tli_at(down[i], 0), (tli_view){0},
            (tli_view){0}, tli_view_add(low_rank_rows(p, m, i), first * narrow), narrow,
            i == ROLE_INDEX_Q ? p->sizes->query_rows : p->sizes->rows - first, s->dim, narrow));
    }
    return TL_OK;
}

static tl_status low_rank_logits(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_logits(p->shape)) return TL_OK;
    const offset_operand q = low_rank_operand(p, m, ROLE_INDEX_Q), k = low_rank_operand(p, m, ROLE_INDEX_K);
    const tli_offset_gemm r = low_rank_products(p);
    return tli_offset_logits(p, &r, &q, &k, (tli_offset_rows){0}, low_rank_scratch(p, m));
}

static tl_status low_rank_logits_backward(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_logits(p->shape)) return TL_OK;
    const offset_operand q = low_rank_operand(p, m, ROLE_INDEX_Q), k = low_rank_operand(p, m, ROLE_INDEX_K);
    const tli_offset_gemm r = low_rank_products(p);
    return tli_offset_logits_backward(p, &r, &q, &k, (tli_offset_rows){0}, low_rank_scratch(p, m));
}

/* o (+)= scale * sums V3^T */
static tl_status low_rank_values(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_values(p->shape)) return TL_OK;
    const tli_op_sizes *z = p->sizes;
    const uint32_t narrow = low_rank_width(p->shape);
    const offset_operand v = low_rank_operand(p, m, ROLE_INDEX_V);
    const tli_offset_gemm r = low_rank_products(p);
    const tli_view sums = low_rank_rows(p, m, SUMS);
    TLI_TRY(tli_zero(p->ctx, sums, z->query_rows * narrow));
    TLI_TRY(tli_offset_values(p, &r, &v, sums, low_rank_scratch(p, m)));
    TLI_TRY(tli_rank_sum_rows(p->ctx, p->sum, sums, z->query_rows * narrow));
    const bool begun = p->o_begun;
    p->o_begun = true;
    return tli_gemm(p->ctx, &(tli_gemm_args){.transpose_b = true,
                                             .m = (uint32_t)z->query_rows,
                                             .n = z->width,
                                             .k = narrow,
                                             .a = sums,
                                             .lda = narrow,
                                             .b = tli_at(p->w->v3, 0),
                                             .ldb = narrow,
                                             .c = p->o,
                                             .ldc = z->width,
                                             .alpha = tli_op_output_scale(p->shape),
                                             .beta = begun ? 1.0f : 0.0f});
}

static tl_status low_rank_values_backward(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_values(p->shape)) return TL_OK;
    const tli_op_sizes *z = p->sizes;
    const uint32_t narrow = low_rank_width(p->shape);
    const tli_view dsums = low_rank_gradient(p, m, SUMS);
    tli_gemm_args up = {.m = (uint32_t)z->query_rows, .n = narrow, .k = z->width};
    up.alpha = tli_op_output_scale(p->shape);
    up.a = p->d_o, up.lda = z->width, up.b = tli_at(p->w->v3, 0), up.ldb = narrow, up.c = dsums,
    up.ldc = narrow;
    TLI_TRY(tli_gemm(p->ctx, &up)); /* dsums = scale * d_o V3 */
    up.transpose_a = true, up.m = z->width, up.k = (uint32_t)z->query_rows, up.b = low_rank_rows(p, m, SUMS),
    up.c = tli_at(p->g->v3, 0);
    TLI_TRY(tli_gemm_slices(p->ctx, &up, low_rank_scratch(p, m))); /* dV3 = scale * d_o^T sums */
    const offset_operand v = low_rank_operand(p, m, ROLE_INDEX_V);
    const tli_offset_gemm r = low_rank_products(p);
    return tli_offset_values_backward(p, &r, &v, dsums, low_rank_scratch(p, m));
}

static tl_status low_rank_clear(attention_pass *p, const term_memory *m)
{
    for (int i = 0; i < 3; i++)
        if ((tli_op_low_rank_roles(p->shape) & (1u << i)) != 0)
            TLI_TRY(tli_zero(p->ctx, low_rank_gradient(p, m, i), p->sizes->rows * low_rank_width(p->shape)));
    return TL_OK;
}

static tl_status low_rank_sum_backward(attention_pass *p, const term_memory *m)
{
    for (int i = 0; i < 3; i++)
        if ((tli_op_low_rank_roles(p->shape) & (1u << i)) != 0)
            TLI_TRY(tli_rank_sum_rows(p->ctx, p->sum, low_rank_gradient(p, m, i),
                                      p->sizes->rows * low_rank_width(p->shape)));
    return TL_OK;
}

static tl_status low_rank_project_backward(attention_pass *p, const term_memory *m)
{
    const tli_op_shape *s = p->shape;
    const uint32_t narrow = low_rank_width(s);
    const tl_tensor *down[3] = {p->w->a_q, p->w->a_k, p->w->a_v};
    tl_tensor *ddown[3] = {p->g->a_q, p->g->a_k, p->g->a_v};
    /* the first writer of dx must be a role with all rows: q may have fewer */
    static const int order[3] = {ROLE_INDEX_K, ROLE_INDEX_V, ROLE_INDEX_Q};
    for (int n = 0; n < 3; n++) {
        const int i = order[n];
        if ((tli_op_low_rank_roles(s) & (1u << i)) == 0) continue;
        TLI_TRY(tli_linear_backward(
            p->ctx, low_rank_gradient(p, m, i), narrow, p->x, s->dim, tli_at(down[i], 0), p->dx, p->dx_begun,
            tli_at(ddown[i], 0), (tli_view){0}, low_rank_scratch(p, m),
            i == ROLE_INDEX_Q ? p->sizes->query_rows : p->sizes->rows, s->dim, narrow));
        p->dx_begun = true;
    }
    return TL_OK;
}

const attention_term tli_low_rank_term = {.present = tli_op_is_low_rank,
                                          .by_pairs = true,
                                          .parameters = low_rank_parameters,
                                          .measure = low_rank_measure,
                                          .saved_name = "low-rank rows",
                                          .step = {[STEP_PROJECT] = low_rank_project,
                                                   [STEP_LOGITS] = low_rank_logits,
                                                   [STEP_VALUES] = low_rank_values,
                                                   [STEP_CLEAR] = low_rank_clear,
                                                   [STEP_VALUES_BACKWARD] = low_rank_values_backward,
                                                   [STEP_LOGITS_BACKWARD] = low_rank_logits_backward,
                                                   [STEP_SUM_BACKWARD] = low_rank_sum_backward,
                                                   [STEP_PROJECT_BACKWARD] = low_rank_project_backward}};

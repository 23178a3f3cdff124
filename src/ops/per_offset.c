/* Translution's term: roles with a full matrix for each offset d = j - i between query and key,
 *
 *   q_ij = x_i W_q[-d],  k_ij = x_j W_k[d],  v_ij = x_j W_v[d];
 *
 * a shared role takes its rows from the packed projection. With `save_pairs`, q_ij and k_ij are saved for
 * backward instead of recomputed. */
#include "ops/offset_terms.h"

static bool per_offset_present(const tli_op_shape *s)
{
    return tli_op_per_offset_roles(s) != 0 && !tli_op_is_low_rank(s);
}

static void per_offset_parameters(const tli_op_shape *s, op_parameters *list)
{
    const uint64_t offsets = tli_geometry_offsets(&s->geometry), width = (uint64_t)s->heads * s->head_dim;
    const tl_roles roles = tli_op_per_offset_roles(s);
    if ((roles & TL_ROLE_Q) != 0)
        tli_op_parameters_add(list, "to_q.unique_params", OP_FIELD(q), 3, offsets, s->dim, width);
    if ((roles & TL_ROLE_K) != 0)
        tli_op_parameters_add(list, "to_k.unique_params", OP_FIELD(k), 3, offsets, s->dim, width);
    if ((roles & TL_ROLE_V) != 0)
        tli_op_parameters_add(list, "to_v.unique_params", OP_FIELD(v), 3, offsets, s->dim, width);
}

/* Floats of q_ij (or k_ij) of all pairs. */
static uint64_t pair_rows(const tli_op_shape *s, const tli_op_sizes *z)
{
    return (uint64_t)z->pairs * s->batch * z->width;
}

static void per_offset_measure(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    const bool saves = s->save_pairs && tli_op_saves_pairs(s);
    out->saved = saves ? 2 * pair_rows(s, z) : 0;
    tli_offset_count_sums(s, z, out);
    if (tli_op_has_offset_values(s)) tli_offset_count_sum(out, z->query_rows * z->width); /* o */
    if (tli_op_has_offset_logits(s)) tli_offset_count_sum(out, z->rows * z->packed);      /* dqkv */
    tli_offset_count_sum(out, z->rows * s->dim);                                          /* dx */
    out->workspace = tli_offset_gemm_workspace(s->chunk_bytes, tli_geometry_tokens(&s->geometry), z->pairs,
                                               z->largest, s->batch, s->dim, s->heads, s->head_dim,
                                               saves || !tli_op_has_offset_logits(s));
}

static tli_offset_rows saved_rows(const attention_pass *p, const term_memory *m)
{
    if (m->saved.mem == NULL) return (tli_offset_rows){0};
    return (tli_offset_rows){m->saved, tli_view_add(m->saved, pair_rows(p->shape, p->sizes))};
}

static offset_operand per_offset_operand(const attention_pass *p, int role)
{
    offset_operand o = {p->x, p->dx, NULL, NULL, p->shape->dim};
    tli_offset_tables(p, role, &o);
    if (o.table == NULL) {
        o.rows = tli_view_add(p->qkv, tli_attention_column(p, role));
        o.gradient = tli_view_add(p->dqkv, tli_attention_column(p, role));
        o.stride = p->sizes->packed;
    }
    if (role == ROLE_INDEX_Q) o.rows = tli_view_add(o.rows, tli_attention_first_row(p) * o.stride);
    return o;
}

static tli_offset_gemm per_offset_products(const attention_pass *p, const offset_operand *q,
                                           const offset_operand *k)
{
    tli_offset_gemm r = tli_offset_products(p);
    r.inner = p->shape->dim, r.head_dim = p->shape->head_dim;
    r.q_stride = q->stride, r.k_stride = k->stride;
    return r;
}

static tl_status per_offset_logits(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_logits(p->shape)) return TL_OK;
    const offset_operand q = per_offset_operand(p, ROLE_INDEX_Q), k = per_offset_operand(p, ROLE_INDEX_K);
    const tli_offset_gemm r = per_offset_products(p, &q, &k);
    return tli_offset_logits(p, &r, &q, &k, saved_rows(p, m), m->workspace);
}

static tl_status per_offset_logits_backward(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_logits(p->shape)) return TL_OK;
    const offset_operand q = per_offset_operand(p, ROLE_INDEX_Q), k = per_offset_operand(p, ROLE_INDEX_K);
    const tli_offset_gemm r = per_offset_products(p, &q, &k);
    TLI_TRY(tli_rank_sum_keep_one(p->ctx, p->sum, p->dqkv, p->sizes->rows * p->sizes->packed));
    return tli_offset_logits_backward(p, &r, &q, &k, saved_rows(p, m), m->workspace);
}

static tl_status per_offset_values(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_values(p->shape)) return TL_OK;
    const offset_operand v = per_offset_operand(p, ROLE_INDEX_V);
    const tli_offset_gemm r = per_offset_products(p, &v, &v);
    if (!p->o_begun) TLI_TRY(tli_zero(p->ctx, p->o, p->sizes->query_rows * p->sizes->width));
    p->o_begun = true;
    TLI_TRY(tli_offset_values(p, &r, &v, p->o, m->workspace));
    return tli_rank_sum_rows(p->ctx, p->sum, p->o, p->sizes->query_rows * p->sizes->width);
}

static tl_status per_offset_values_backward(attention_pass *p, const term_memory *m)
{
    if (!tli_op_has_offset_values(p->shape)) return TL_OK;
    const offset_operand v = per_offset_operand(p, ROLE_INDEX_V);
    const tli_offset_gemm r = per_offset_products(p, &v, &v);
    return tli_offset_values_backward(p, &r, &v, p->d_o, m->workspace);
}

/* The GEMMs add to dx and, for a shared q or k next to a per-offset role, to its packed gradient. */
static tl_status per_offset_clear(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    const tli_op_sizes *z = p->sizes;
    if (tli_op_has_offset_logits(p->shape) && z->packed > 0)
        TLI_TRY(tli_zero(p->ctx, p->dqkv, z->rows * z->packed));
    p->dx_begun = true;
    return tli_zero(p->ctx, p->dx, z->rows * p->shape->dim);
}

static tl_status per_offset_sum_backward(attention_pass *p, const term_memory *unused)
{
    (void)unused;
    const uint64_t rows = p->sizes->rows;
    if (tli_op_has_offset_logits(p->shape))
        TLI_TRY(tli_rank_sum_rows(p->ctx, p->sum, p->dqkv, rows * p->sizes->packed));
    return tli_rank_sum_rows(p->ctx, p->sum, p->dx, rows * p->shape->dim);
}

const attention_term tli_per_offset_term = {.present = per_offset_present,
                                            .by_pairs = true,
                                            .parameters = per_offset_parameters,
                                            .measure = per_offset_measure,
                                            .saved_name = "pair rows",
                                            .saved_unset = true,
                                            .step = {[STEP_LOGITS] = per_offset_logits,
                                                     [STEP_VALUES] = per_offset_values,
                                                     [STEP_CLEAR] = per_offset_clear,
                                                     [STEP_VALUES_BACKWARD] = per_offset_values_backward,
                                                     [STEP_LOGITS_BACKWARD] = per_offset_logits_backward,
                                                     [STEP_SUM_BACKWARD] = per_offset_sum_backward}};

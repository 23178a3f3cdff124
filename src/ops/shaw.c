/* Shaw's relative positions: a learned vector per offset is added to k_j, another to v_j. Written as
 * offset GEMMs: q_i . r_k[offset] and sum_j p_ij r_v[offset], where r has one row per offset, times a
 * constant input of 1. */
#include "ops/offset_terms.h"

static bool shaw_present(const tli_op_shape *s)
{
    return s->positions == TL_POSITIONS_SHAW;
}

static void shaw_parameters(const tli_op_shape *s, op_parameters *list)
{
    const uint64_t offsets = tli_geometry_offsets(&s->geometry), width = (uint64_t)s->heads * s->head_dim;
    tli_op_parameters_add(list, "relative_k", OP_FIELD(r_k), 3, offsets, 1, width)->fan_in = s->head_dim;
    tli_op_parameters_add(list, "relative_v", OP_FIELD(r_v), 3, offsets, 1, width)->fan_in = s->head_dim;
}

static void shaw_measure(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    out->table = z->rows;
    out->workspace = z->rows + tli_offset_gemm_workspace(s->chunk_bytes, tli_geometry_tokens(&s->geometry),
                                                         z->pairs, z->largest, s->batch, 1, s->heads,
                                                         s->head_dim, false);
}

static tl_status shaw_fill(tl_context *ctx, const char *unused, const tli_op_shape *unused_shape,
                           const tli_op_sizes *z, tl_tensor *table)
{
    (void)unused, (void)unused_shape;
    return tli_fill(ctx, tli_at(table, 0), z->rows, 1.0f);
}

/* Operand: a constant 1 per row, times `table`; the gradient of the 1 goes to unused workspace. */
static offset_operand shaw_ones(const term_memory *m, tl_tensor *table, tl_tensor *dtable)
{
    return (offset_operand){m->table, m->workspace, table, dtable, 1};
}

static offset_operand shaw_queries(const attention_pass *p)
{
    const uint32_t q = tli_attention_column(p, ROLE_INDEX_Q), stride = p->sizes->packed;
    return (offset_operand){.rows = tli_view_add(p->qkv, tli_attention_first_row(p) * stride + q),
                            .gradient = tli_view_add(p->dqkv, q),
                            .stride = stride};
}

static tli_offset_gemm shaw_products(const attention_pass *p)
{
    tli_offset_gemm r = tli_offset_products(p);
    r.inner = 1, r.head_dim = p->shape->head_dim, r.q_stride = p->sizes->packed;
    return r;
}

/* Behind the gradient of the ones. */
static tli_view shaw_scratch(const attention_pass *p, const term_memory *m)
{
    return tli_view_add(m->workspace, p->sizes->rows);
}

static tl_status shaw_logits(attention_pass *p, const term_memory *m)
{
    const offset_operand q = shaw_queries(p), k = shaw_ones(m, p->w->r_k, NULL);
    const tli_offset_gemm r = shaw_products(p);
    return tli_offset_logits(p, &r, &q, &k, (tli_offset_rows){0}, shaw_scratch(p, m));
}

static tl_status shaw_values(attention_pass *p, const term_memory *m)
{
    const offset_operand v = shaw_ones(m, p->w->r_v, NULL);
    const tli_offset_gemm r = shaw_products(p);
    return tli_offset_values(p, &r, &v, p->o, shaw_scratch(p, m));
}

static tl_status shaw_clear(attention_pass *p, const term_memory *m)
{
    return tli_zero(p->ctx, m->workspace, p->sizes->rows);
}

static tl_status shaw_values_backward(attention_pass *p, const term_memory *m)
{
    const offset_operand v = shaw_ones(m, p->w->r_v, p->g->r_v);
    const tli_offset_gemm r = shaw_products(p);
    return tli_offset_values_backward(p, &r, &v, p->d_o, shaw_scratch(p, m));
}

static tl_status shaw_logits_backward(attention_pass *p, const term_memory *m)
{
    const offset_operand q = shaw_queries(p), k = shaw_ones(m, p->w->r_k, p->g->r_k);
    const tli_offset_gemm r = shaw_products(p);
    return tli_offset_logits_backward(p, &r, &q, &k, (tli_offset_rows){0}, shaw_scratch(p, m));
}

const attention_term tli_shaw_term = {.present = shaw_present,
                                      .by_pairs = true,
                                      .parameters = shaw_parameters,
                                      .measure = shaw_measure,
                                      .table_name = "ones",
                                      .fill = shaw_fill,
                                      .step = {[STEP_LOGITS] = shaw_logits,
                                               [STEP_VALUES] = shaw_values,
                                               [STEP_CLEAR] = shaw_clear,
                                               [STEP_VALUES_BACKWARD] = shaw_values_backward,
                                               [STEP_LOGITS_BACKWARD] = shaw_logits_backward}};

/* Swin's relative-position bias: a learned number per offset and head, added to the logits without their
 * scale. Written as an offset GEMM: 1 * bias[offset] * 1, one channel a head, with constant inputs. */
#include "ops/offset_terms.h"

static bool swin_present(const tli_op_shape *s)
{
    return s->positions == TL_POSITIONS_SWIN;
}

static void swin_parameters(const tli_op_shape *s, op_parameters *list)
{
    tli_op_parameter *bias = tli_op_parameters_add(list, "relative_position_bias_table", OP_FIELD(bias), 3,
                                                   tli_geometry_offsets(&s->geometry), 1, s->heads);
    bias->fan_in = 1024; /* gives a standard deviation of about 0.02 */
}

static void swin_measure(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    out->table = z->rows * (s->heads + 1);
    out->workspace = out->table + tli_offset_gemm_workspace(s->chunk_bytes, tli_geometry_tokens(&s->geometry),
                                                            z->pairs, z->largest, s->batch, 1, s->heads, 1,
                                                            false);
}

/* Rows of `heads` numbers that cancel the scale of the logits, then a 1 per row. */
static tl_status swin_fill(tl_context *ctx, const char *unused, const tli_op_shape *s, const tli_op_sizes *z,
                           tl_tensor *table)
{
    (void)unused;
    const uint64_t heads = z->rows * s->heads;
    TLI_TRY(tli_fill(ctx, tli_at(table, 0), heads, 1.0f / tli_op_logit_scale(s)));
    return tli_fill(ctx, tli_at(table, heads), z->rows, 1.0f);
}

/* Constant rows for both sides; their gradients go to unused workspace. */
static tli_offset_gemm swin_products(const attention_pass *p, const term_memory *m, offset_operand *q,
                                     offset_operand *k)
{
    const uint32_t heads = p->shape->heads;
    *q = (offset_operand){.rows = m->table, .gradient = m->workspace, .stride = heads};
    *k = (offset_operand){.rows = tli_view_add(m->table, p->capacity * heads),
                          .gradient = tli_view_add(m->workspace, p->sizes->rows * heads),
                          .table = p->w->bias,
                          .dtable = p->g != NULL ? p->g->bias : NULL,
                          .stride = 1};
    tli_offset_gemm r = tli_offset_products(p);
    r.inner = 1, r.head_dim = 1, r.q_stride = heads;
    return r;
}

/* Behind the gradients of the constant rows. */
static tli_view swin_scratch(const attention_pass *p, const term_memory *m)
{
    return tli_view_add(m->workspace, p->sizes->rows * (p->shape->heads + 1));
}

static tl_status swin_logits(attention_pass *p, const term_memory *m)
{
    offset_operand q, k;
    const tli_offset_gemm r = swin_products(p, m, &q, &k);
    return tli_offset_logits(p, &r, &q, &k, (tli_offset_rows){0}, swin_scratch(p, m));
}

static tl_status swin_clear(attention_pass *p, const term_memory *m)
{
    return tli_zero(p->ctx, m->workspace, p->sizes->rows * (p->shape->heads + 1));
}

static tl_status swin_logits_backward(attention_pass *p, const term_memory *m)
{
    offset_operand q, k;
    const tli_offset_gemm r = swin_products(p, m, &q, &k);
    return tli_offset_logits_backward(p, &r, &q, &k, (tli_offset_rows){0}, swin_scratch(p, m));
}

const attention_term tli_swin_term = {.present = swin_present,
                                      .by_pairs = true,
                                      .parameters = swin_parameters,
                                      .measure = swin_measure,
                                      .table_name = "ones",
                                      .fill = swin_fill,
                                      .step = {[STEP_LOGITS] = swin_logits,
                                               [STEP_CLEAR] = swin_clear,
                                               [STEP_LOGITS_BACKWARD] = swin_logits_backward}};

#include "ops/offset_terms.h"

void tli_offset_tables(const attention_pass *p, int role, offset_operand *o)
{
    const tli_op_tensors *w = p->w, *g = p->g;
    if ((tli_op_per_offset_roles(p->shape) & (1u << role)) == 0) return;
    o->table = role == ROLE_INDEX_Q ? w->q : role == ROLE_INDEX_K ? w->k : w->v;
    if (g != NULL) o->dtable = role == ROLE_INDEX_Q ? g->q : role == ROLE_INDEX_K ? g->k : g->v;
}

tli_offset_gemm tli_offset_products(const attention_pass *p)
{
    return (tli_offset_gemm){.pairs = p->pair_table, .batch = p->shape->batch, .heads = p->shape->heads};
}

tl_status tli_offset_logits(attention_pass *p, const tli_offset_gemm *r, const offset_operand *q,
                            const offset_operand *k, tli_offset_rows saved, tli_view scratch)
{
    TLI_TRY(tli_offset_gemm_logits(p->ctx, r, q->rows, q->table, k->rows, k->table,
                                   tli_op_logit_scale(p->shape), p->pairs, saved, scratch));
    const bool begun = p->logits_begun;
    p->logits_begun = true;
    return tli_pairs_to_rows(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->pairs, p->logits,
                             begun);
}

tl_status tli_offset_logits_backward(attention_pass *p, const tli_offset_gemm *r, const offset_operand *q,
                                     const offset_operand *k, tli_offset_rows saved, tli_view scratch)
{
    TLI_TRY(
        tli_rows_to_pairs(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->dweights, p->dpairs));
    return tli_offset_gemm_logits_backward(p->ctx, r, q->rows, q->table, k->rows, k->table, p->dpairs, saved,
                                           q->gradient, k->gradient, q->dtable, k->dtable, scratch);
}

/* Weights of the sum over v_ij, in the pair table's order: 1 without a softmax. */
static tl_status gather_weights(attention_pass *p)
{
    if (!tli_op_has_softmax(p->shape)) return tli_fill(p->ctx, p->pairs, p->sizes->pair_weights, 1.0f);
    return tli_rows_to_pairs(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->weights, p->pairs);
}

tl_status tli_offset_values(attention_pass *p, const tli_offset_gemm *r, const offset_operand *v,
                            tli_view sums, tli_view scratch)
{
    TLI_TRY(gather_weights(p));
    return tli_offset_gemm_values(p->ctx, r, v->rows, v->table, p->pairs, sums, scratch);
}

tl_status tli_offset_values_backward(attention_pass *p, const tli_offset_gemm *r, const offset_operand *v,
                                     tli_view dsums, tli_view scratch)
{
    TLI_TRY(gather_weights(p));
    TLI_TRY(tli_offset_gemm_values_backward(p->ctx, r, v->rows, v->table, p->pairs, dsums, p->dpairs,
                                            v->gradient, v->dtable, scratch));
    if (!tli_op_has_softmax(p->shape)) return TL_OK;
    const bool begun = p->dweights_begun;
    p->dweights_begun = true;
    /* pairs outside a window are not written */
    if (!begun && p->mask != NULL) TLI_TRY(tli_zero(p->ctx, p->dweights, p->sizes->weights));
    return tli_pairs_to_rows(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->dpairs, p->dweights,
                             begun);
}

#include "ops/offset_terms.h"

tl_relative offset_products(const attention_pass *p)
{
    return (tl_relative){.pairs = p->pair_table, .batch = p->shape->batch, .heads = p->shape->heads};
}

tl_status offset_logits(attention_pass *p, const tl_relative *r, const offset_operand *q,
                        const offset_operand *k, tl_relative_rows saved)
{
    TL_TRY(tl_relative_score(p->ctx, r, q->rows, q->table, k->rows, k->table, tl_op_logit_scale(p->shape),
                             p->pairs, saved));
    const bool begun = p->logits_begun;
    p->logits_begun = true;
    return tl_pairs_to_rows(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->pairs, p->logits,
                            begun);
}

tl_status offset_logits_backward(attention_pass *p, const tl_relative *r, const offset_operand *q,
                                 const offset_operand *k, tl_relative_rows saved, tl_view chunk)
{
    TL_TRY(tl_rows_to_pairs(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->dweights, p->dpairs));
    return tl_relative_score_backward(p->ctx, r, q->rows, q->table, k->rows, k->table, p->dpairs, saved,
                                      q->gradient, k->gradient, q->dtable, k->dtable, chunk);
}

/* The weights of the sum over v_ij, in the order of the pairs: 1 without a softmax. */
static tl_status gather_weights(attention_pass *p)
{
    if (!tl_op_has_softmax(p->shape)) return tl_pairs_fill(p->ctx, p->pairs, p->sizes->pair_weights, 1.0f);
    return tl_rows_to_pairs(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->weights, p->pairs);
}

tl_status offset_values(attention_pass *p, const tl_relative *r, const offset_operand *v, tl_view sums)
{
    TL_TRY(gather_weights(p));
    return tl_relative_aggregate(p->ctx, r, v->rows, v->table, p->pairs, sums);
}

tl_status offset_values_backward(attention_pass *p, const tl_relative *r, const offset_operand *v,
                                 tl_view dsums, tl_view chunk)
{
    TL_TRY(gather_weights(p));
    TL_TRY(tl_relative_aggregate_backward(p->ctx, r, v->rows, v->table, p->pairs, dsums, p->dpairs,
                                          v->gradient, v->dtable, chunk));
    if (!tl_op_has_softmax(p->shape)) return TL_OK;
    const bool begun = p->dweights_begun;
    p->dweights_begun = true;
    /* pairs outside a window leave their places in the rows alone */
    if (!begun && p->mask != NULL) TL_TRY(tl_zero(p->ctx, p->dweights, p->sizes->weights));
    return tl_pairs_to_rows(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, p->dpairs, p->dweights,
                            begun);
}

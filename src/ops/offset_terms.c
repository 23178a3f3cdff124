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
    const tli_op_shape *s = p->shape;
    return (tli_offset_gemm){.pairs = p->pair_table,
                             .batch = s->batch,
                             .heads = s->heads,
                             .chunk_bytes = s->chunk_bytes,
                             .decodes = s->geometry.kind == TLI_CAUSAL && s->queries == 1 && s->batch == 1 &&
                                        !s->save_pairs};
}

void tli_offset_count_sum(term_sizes *out, uint64_t numbers)
{
    out->summed += numbers;
    out->sums += numbers > 0;
}

void tli_offset_count_sums(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    if (tli_op_has_offset_logits(s)) tli_offset_count_sum(out, z->weights);
    if (tli_op_has_offset_values(s)) tli_offset_count_sum(out, z->weights);
}

/* rows [batch][head][query][key], which may have begun, += the pairs' values, of all ranks. */
static tl_status add_pairs(attention_pass *p, tli_view pairs, tli_view rows, bool *begun)
{
    bool add = *begun;
    *begun = true;
    if (add) TLI_TRY(tli_rank_sum_keep_one(p->ctx, p->sum, rows, p->sizes->weights));
    if (!add && (p->sum != NULL || p->mask != NULL)) { /* not all pairs are written */
        TLI_TRY(tli_zero(p->ctx, rows, p->sizes->weights));
        add = true;
    }
    TLI_TRY(tli_pairs_to_rows(p->ctx, p->pair_table, p->shape->batch, p->shape->heads, pairs, rows, add));
    return tli_rank_sum_rows(p->ctx, p->sum, rows, p->sizes->weights);
}

tl_status tli_offset_logits(attention_pass *p, const tli_offset_gemm *r, const offset_operand *q,
                            const offset_operand *k, tli_offset_rows saved, tli_view scratch)
{
    TLI_TRY(tli_offset_gemm_logits(p->ctx, r, q->rows, q->table, k->rows, k->table,
                                   tli_op_logit_scale(p->shape), p->pairs, saved, scratch));
    return add_pairs(p, p->pairs, p->logits, &p->logits_begun);
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
    return add_pairs(p, p->dpairs, p->dweights, &p->dweights_begun);
}

#include "models/cost.h"

#include "models/arch.h"
#include "ops/pair_table.h"

void tli_linear_flops(tli_flops *f, double rows, double in, double out)
{
    f->forward += 2 * rows * in * out;
    f->backward += 4 * rows * in * out;
}

static void cost_add(tli_flops *f, tli_flops more)
{
    f->forward += more.forward;
    f->backward += more.backward;
}

tli_flops tli_op_flops(const tli_op_shape *s)
{
    tli_flops f = {0, 0};
    uint32_t groups, count, own, largest; /* all pairs, and those whose matrices are here */
    tli_geometry whole = s->geometry;
    whole.shares = 0;
    tli_pair_table_measure(&s->geometry, s->queries, &groups, &own, &largest);
    tli_pair_table_measure(&whole, s->queries, &groups, &count, &largest);
    const double pairs = (double)count * s->batch, own_pairs = (double)own * s->batch,
                 rows = (double)tli_geometry_tokens(&s->geometry) * s->batch,
                 query_rows = (double)s->queries * s->batch;
    const double dim = s->dim, width = (double)s->heads * s->head_dim,
                 narrow = (double)s->heads * s->relenc_dim;
    const bool alpha = tli_op_is_low_rank(s);
    for (int i = 0; i < 3; i++) {
        const tl_roles role = 1u << i;
        const double own_rows = role == TL_ROLE_Q ? query_rows : rows;
        if ((tli_op_shared_roles(s) & role) != 0) tli_linear_flops(&f, own_rows, dim, width);
        if ((tli_op_low_rank_roles(s) & role) != 0) tli_linear_flops(&f, own_rows, dim, narrow);
        if ((tli_op_per_offset_roles(s) & role) != 0)
            tli_linear_flops(&f, own_pairs, alpha ? narrow : dim, alpha ? narrow : width);
    }
    if (tli_op_has_shared_logits(s)) tli_linear_flops(&f, pairs, 1, width); /* q_i . k_j of all heads */
    if (tli_op_has_shared_values(s)) tli_linear_flops(&f, pairs, 1, width); /* the sum over v_j */
    if (alpha && tli_op_has_offset_values(s)) tli_linear_flops(&f, query_rows, narrow, width); /* V3 */
    return f;
}

tli_flops tli_model_flops(const tl_model_config *c, uint32_t batch)
{
    tli_flops f = {0, 0};
    tli_arch_of(c)->flops(c, batch, &f);
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tli_block_shape shape = tli_model_block_shape(c, batch, true, layer);
        const double rows = (double)shape.op.queries * batch;
        cost_add(&f, tli_op_flops(&shape.op));
        if (tli_block_has_to_out(&shape.op))
            tli_linear_flops(&f, rows, (double)c->heads * c->head_dim, c->dim);
        tli_linear_flops(&f, rows, c->dim, c->mlp_dim);
        tli_linear_flops(&f, rows, c->mlp_dim, c->dim);
    }
    return f;
}

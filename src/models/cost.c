#include "models/cost.h"

#include "models/family.h"
#include "ops/pairs.h"

void tl_linear_flops(tl_flops *f, double rows, double in, double out)
{
    f->forward += 2 * rows * in * out;
    f->backward += 4 * rows * in * out;
}

static void add(tl_flops *f, tl_flops more)
{
    f->forward += more.forward;
    f->backward += more.backward;
}

tl_flops tl_op_flops(const tl_op_shape *s)
{
    tl_flops f = {0, 0};
    uint32_t groups, count, largest;
    tl_pairs_measure(&s->geometry, s->queries, &groups, &count, &largest);
    const double pairs = (double)count * s->batch, rows = (double)tl_geometry_tokens(&s->geometry) * s->batch,
                 query_rows = (double)s->queries * s->batch;
    const double dim = s->dim, width = (double)s->heads * s->head_dim,
                 narrow = (double)s->heads * s->relenc_dim;
    const bool alpha = tl_op_is_narrow(s);
    for (int i = 0; i < 3; i++) {
        const tl_roles role = 1u << i;
        const double own_rows = role == TL_ROLE_Q ? query_rows : rows;
        if ((tl_op_plain(s) & role) != 0) tl_linear_flops(&f, own_rows, dim, width);
        if ((tl_op_narrow(s) & role) != 0) tl_linear_flops(&f, own_rows, dim, narrow);
        if ((tl_op_relative(s) & role) != 0)
            tl_linear_flops(&f, pairs, alpha ? narrow : dim, alpha ? narrow : width);
    }
    if (tl_op_standard_scores(s)) tl_linear_flops(&f, pairs, 1, width); /* q_i . k_j of all heads */
    if (tl_op_standard_values(s)) tl_linear_flops(&f, pairs, 1, width); /* the sum over v_j */
    if (alpha && tl_op_relative_values(s)) tl_linear_flops(&f, query_rows, narrow, width); /* V3 */
    return f;
}

tl_flops tl_model_flops(const tl_model_config *c, uint32_t batch)
{
    tl_flops f = {0, 0};
    tl_family_of(c)->flops(c, batch, &f);
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tl_block_shape shape = tl_model_block_shape(c, batch, true, layer);
        const double rows = (double)shape.op.queries * batch;
        add(&f, tl_op_flops(&shape.op));
        if (tl_block_has_to_out(&shape.op)) tl_linear_flops(&f, rows, (double)c->heads * c->head_dim, c->dim);
        tl_linear_flops(&f, rows, c->dim, c->mlp_dim);
        tl_linear_flops(&f, rows, c->mlp_dim, c->dim);
    }
    return f;
}

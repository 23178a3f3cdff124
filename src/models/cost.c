#include "models/cost.h"

#include "models/vit_layout.h"
#include "ops/pairs.h"

/* Adds y[rows][out] = x[rows][in] W: one such product forward, two of its size backward (dx and dW). */
static void linear(tl_flops *f, double rows, double in, double out)
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
        if ((tl_op_plain(s) & role) != 0) linear(&f, own_rows, dim, width);
        if ((tl_op_narrow(s) & role) != 0) linear(&f, own_rows, dim, narrow);
        if ((tl_op_relative(s) & role) != 0) linear(&f, pairs, alpha ? narrow : dim, alpha ? narrow : width);
    }
    if (tl_op_standard_scores(s)) linear(&f, pairs, 1, width);                    /* q_i . k_j of all heads */
    if (tl_op_standard_values(s)) linear(&f, pairs, 1, width);                    /* the sum over v_j */
    if (alpha && tl_op_relative_values(s)) linear(&f, query_rows, narrow, width); /* V3 */
    return f;
}

tl_flops tl_vit_flops(const tl_vit_config *c, uint32_t batch)
{
    tl_flops f = {0, 0};
    linear(&f, (double)tl_vit_patch_count(c) * batch, tl_vit_patch_values(c), c->dim);
    for (uint32_t layer = 0; layer < c->depth; layer++) {
        const tl_block_shape shape = tl_vit_block_shape(c, batch, true, layer);
        const double rows = (double)shape.op.queries * batch;
        add(&f, tl_op_flops(&shape.op));
        if (tl_block_has_to_out(&shape.op)) linear(&f, rows, (double)c->heads * c->head_dim, c->dim);
        linear(&f, rows, c->dim, c->mlp_dim);
        linear(&f, rows, c->mlp_dim, c->dim);
    }
    linear(&f, batch, c->dim, c->classes);
    return f;
}

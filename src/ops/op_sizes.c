#include "ops/op_sizes.h"

#include "core/arithmetic.h"
#include "ops/linear.h"

int tli_op_parameters(const tli_op_shape *s, tli_op_parameter items[OP_MAX_PARAMETERS])
{
    op_parameters list = {items, 0};
    for (int t = 0; t < TERMS; t++)
        if (tli_attention_terms[t]->parameters != NULL && tli_attention_terms[t]->present(s))
            tli_attention_terms[t]->parameters(s, &list);
    for (int i = 0; i < list.count; i++) {
        items[i].geometry = s->geometry;
        items[i].query = items[i].at == offsetof(tli_op_tensors, q);
    }
    return list.count;
}

bool tli_op_has_pairs(const tli_op_shape *s)
{
    for (int t = 0; t < TERMS; t++)
        if (tli_attention_terms[t]->by_pairs && tli_attention_terms[t]->present(s)) return true;
    return false;
}

tli_op_sizes tli_op_measure(const tli_op_shape *s)
{
    uint32_t groups = 0, pairs = 0, largest = 0;
    if (tli_op_has_pairs(s)) tli_pair_table_measure(&s->geometry, s->queries, &groups, &pairs, &largest);
    return tli_op_measure_pairs(s, pairs, largest);
}

/* Floats for the gradients of the shared matrices, which tli_attention_project_backward may take in two parts. */
static uint64_t projection_workspace(const tli_op_shape *s, const tli_op_sizes *z)
{
    if (z->packed == 0) return 0;
    const uint64_t all = tli_linear_workspace(z->rows, s->dim, z->packed),
                   queries = tli_linear_workspace(z->query_rows, s->dim, z->width),
                   rest = tli_linear_workspace(z->rows, s->dim, z->packed - z->width);
    return tli_larger(all, tli_larger(queries, rest));
}

tli_op_sizes tli_op_measure_pairs(const tli_op_shape *s, uint32_t pairs, uint32_t largest)
{
    const uint32_t tokens = tli_geometry_tokens(&s->geometry);
    tli_op_sizes z = {.rows = (uint64_t)tokens * s->batch,
                      .query_rows = (uint64_t)s->queries * s->batch,
                      .width = s->heads * s->head_dim,
                      .pairs = pairs,
                      .largest = largest,
                      .pair_weights = (uint64_t)s->heads * pairs * s->batch};
    z.packed = tli_op_role_count(tli_op_shared_roles(s)) * z.width;
    if (tli_op_has_softmax(s)) {
        z.weights = z.query_rows * s->heads * tokens;
        if (tli_geometry_is_masked(&s->geometry)) z.mask = (uint64_t)s->queries * tokens;
    }
    z.begin = tli_larger(z.weights + 2 * z.pair_weights, projection_workspace(s, &z));
    for (int t = 0; t < TERMS; t++)
        if (tli_attention_terms[t]->measure != NULL && tli_attention_terms[t]->present(s))
            tli_attention_terms[t]->measure(s, &z, &z.term[t]);
    return z;
}

uint64_t tli_op_activation_count(const tli_op_shape *shape)
{
    const tli_op_sizes z = tli_op_measure(shape);
    uint64_t count = z.rows * z.packed + z.weights;
    for (int t = 0; t < TERMS; t++) count += z.term[t].saved;
    return count;
}

uint64_t tli_op_workspace_count(const tli_op_shape *shape)
{
    const tli_op_sizes z = tli_op_measure(shape);
    uint64_t count = z.begin + z.rows * z.packed;
    for (int t = 0; t < TERMS; t++) count += z.term[t].workspace;
    return count;
}

uint64_t tli_op_sent_bytes(const tli_op_shape *shape, int ranks, uint64_t *messages)
{
    const tli_op_sizes z = tli_op_measure(shape);
    uint64_t bytes = 0;
    *messages = 0;
    for (int t = 0; t < TERMS; t++)
        bytes += tli_rank_sum_sent(ranks, z.term[t].summed, z.term[t].sums, messages);
    return bytes;
}

uint64_t tli_op_saved_pairs_count(const tli_op_shape *shape)
{
    return tli_op_measure(shape).term[TERM_per_offset].saved;
}

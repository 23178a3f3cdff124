/* ALiBi (Press et al., "Train Short, Test Long"): each head subtracts a fixed slope times the distance
 * from its logits,
 *
 *   logit_ij -= m_h |i - j|,   m_h = 2^(-8 (h + 1) / heads) when heads is a power of two,
 *
 * without the scale of q . k. For other numbers of heads: the slopes of the next lower power of two, then
 * every other slope of the next higher one. On a grid the distance is the Euclidean distance of the
 * patches; a class token has distance 0 to all tokens. There are no parameters, and backward has nothing
 * to do. */
#include <math.h>
#include <stdlib.h>

#include "ops/attention_terms.h"
#include "ops/gemm.h"

static bool alibi_present(const tli_op_shape *s)
{
    return s->positions == TL_POSITIONS_ALIBI;
}

static float alibi_slope(uint32_t head, uint32_t heads)
{
    uint32_t power = 1; /* the largest power of two <= heads */
    while (2 * power <= heads) power *= 2;
    const double exponent = head < power ? (head + 1.0) / power : (head - power + 0.5) / power;
    return (float)exp2(-8.0 * exponent);
}

static float alibi_distance(const tli_geometry *g, uint32_t i, uint32_t j)
{
    uint32_t from[3], to[3];
    double square = 0.0;
    if (!tli_geometry_place(g, i, from) || !tli_geometry_place(g, j, to)) return 0.0f;
    for (int axis = 0; axis < 3; axis++) {
        const double step = (double)from[axis] - (double)to[axis];
        square += step * step;
    }
    return (float)sqrt(square);
}

static void alibi_measure(const tli_op_shape *s, const tli_op_sizes *unused, term_sizes *out)
{
    (void)unused;
    out->table = s->heads + (uint64_t)s->queries * tli_geometry_tokens(&s->geometry);
}

/* Slopes [head], then distances [query][key]. */
static tl_status alibi_fill(tl_context *ctx, const char *name, const tli_op_shape *s,
                            const tli_op_sizes *unused, tl_tensor *table)
{
    (void)unused;
    const uint32_t keys = tli_geometry_tokens(&s->geometry), first = s->geometry.first;
    const uint64_t count = s->heads + (uint64_t)s->queries * keys;
    float *values = malloc(count * sizeof *values);
    if (values == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the distances of %s",
                        name);
    float *distances = values + s->heads;
    for (uint32_t h = 0; h < s->heads; h++) values[h] = alibi_slope(h, s->heads);
    for (uint32_t i = 0; i < s->queries; i++)
        for (uint32_t j = 0; j < keys; j++)
            distances[(uint64_t)i * keys + j] = alibi_distance(&s->geometry, first + i, j);
    const tl_status status = tl_tensor_write(ctx, table, 0, count, values);
    free(values);
    return status;
}

/* Per sample: logits [head][pair] -= slopes [head][1] distances [1][pair]. */
static tl_status alibi_logits(attention_pass *p, const term_memory *m)
{
    const uint32_t heads = p->shape->heads,
                   pairs = p->shape->queries * tli_geometry_tokens(&p->shape->geometry);
    return tli_gemm(p->ctx, &(tli_gemm_args){.outer = p->shape->batch,
                                             .m = heads,
                                             .n = pairs,
                                             .k = 1,
                                             .a = m->table,
                                             .lda = 1,
                                             .b = tli_view_add(m->table, heads),
                                             .ldb = pairs,
                                             .c = p->logits,
                                             .ldc = pairs,
                                             .c_outer = (uint64_t)heads * pairs,
                                             .alpha = -1.0f,
                                             .beta = 1.0f});
}

const attention_term tli_alibi_term = {.present = alibi_present,
                                       .measure = alibi_measure,
                                       .table_name = "ALiBi distances",
                                       .table_of_queries = true,
                                       .fill = alibi_fill,
                                       .step = {[STEP_LOGITS] = alibi_logits}};

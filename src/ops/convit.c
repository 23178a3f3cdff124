#include "ops/convit.h"

#include <math.h>
#include <stdlib.h>

#include "ops/gemm.h"
#include "ops/pairs.h"
#include "ops/row_kernels.h"
#include "ops/rows.h"
#include "ops/softmax.h"

uint32_t convit_features(const tl_geometry *g)
{
    return 1 + tl_geometry_axes(g) + (g->cls ? 3 : 0);
}

/* f_ij and the 1 behind it, F + 1 zeroed floats. */
static void describe_pair(const tl_geometry *g, uint32_t i, uint32_t j, float *f)
{
    const uint32_t axes = tl_geometry_axes(g), features = convit_features(g);
    f[features] = 1.0f;
    uint32_t from[3], to[3];
    if (!tl_geometry_place(g, i, from) || !tl_geometry_place(g, j, to)) {
        f[1 + axes + (i == j ? 0 : i == 0 ? 1 : 2)] = 1.0f;
        return;
    }
    for (uint32_t axis = 0; axis < axes; axis++) {
        const float d = (float)to[2 - axis] - (float)from[2 - axis]; /* dx, dy, dz */
        f[0] += d * d;
        f[1 + axis] = d;
    }
}

static uint32_t matrix_of(const convit *g)
{
    return g->queries * g->keys;
}

tl_status convit_positions(tl_context *ctx, const convit *g, tl_view table, tl_view w, const tl_tensor *mask,
                           tl_view positions)
{
    TL_TRY(tl_gemm(ctx, &(tl_gemm_args){.transpose_b = true,
                                        .m = g->heads,
                                        .n = matrix_of(g),
                                        .k = g->features,
                                        .a = w,
                                        .lda = g->features,
                                        .b = table,
                                        .ldb = g->features + 1,
                                        .c = positions,
                                        .ldc = matrix_of(g),
                                        .alpha = 1.0f}));
    if (mask != NULL) TL_TRY(tl_mask_rows(ctx, mask, matrix_of(g), g->heads, positions, -INFINITY));
    return tl_softmax_forward(ctx, positions, (uint64_t)g->heads * g->queries, g->queries, g->keys,
                              g->causal);
}

/* Blocks of a matrix, times heads, times `samples`. */
static tl_grid blocks(tl_context *ctx, const convit *g, uint32_t samples, uint32_t *block)
{
    const tl_grid one = tl_elements_cut(ctx, matrix_of(g), block);
    return tl_grid3(tl_ceil_div(matrix_of(g), *block), g->heads, samples, one.items);
}

tl_status convit_mix(tl_context *ctx, const convit *g, tl_view prob, tl_view positions, tl_view gate,
                     tl_view mixed)
{
    uint32_t block;
    tl_grid grid = blocks(ctx, g, g->batch, &block);
    grid.bytes = 8.0 * g->batch * g->heads * matrix_of(g);
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "gated", "gated_mix", "", &kernel));
    return TL_RUN(ctx, kernel, grid, TL_ARG_VIEW(prob), TL_ARG_VIEW(positions), TL_ARG_VIEW(gate),
                  TL_ARG_VIEW(mixed), TL_ARG_U64(matrix_of(g)), TL_ARG_U32(block));
}

tl_status convit_backward(tl_context *ctx, const convit *g, tl_view table, tl_view prob, tl_view positions,
                          tl_view gate, tl_view dmixed, tl_view dw, tl_view dgate, tl_view workspace)
{
    const uint32_t count = matrix_of(g);
    const tl_view dpositions = workspace, terms = tl_view_add(workspace, (uint64_t)g->heads * count);
    uint32_t block;
    tl_grid grid = blocks(ctx, g, 1, &block);
    grid.bytes = 12.0 * g->batch * g->heads * count;
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "gated", "gated_back", "", &kernel));
    TL_TRY(TL_RUN(ctx, kernel, grid, TL_ARG_VIEW(prob), TL_ARG_VIEW(positions), TL_ARG_VIEW(gate),
                  TL_ARG_VIEW(dmixed), TL_ARG_VIEW(dpositions), TL_ARG_VIEW(terms), TL_ARG_U64(count),
                  TL_ARG_U32(g->batch), TL_ARG_U32(block)));
    tl_gemm_args sum = {.m = g->heads, .n = 1, .k = count, .alpha = 1.0f};
    sum.a = terms, sum.lda = count, sum.b = tl_view_add(table, g->features), sum.ldb = g->features + 1;
    sum.c = dgate, sum.ldc = 1;
    TL_TRY(tl_gemm(ctx, &sum)); /* by the table's ones */
    TL_TRY(tl_softmax_backward(ctx, positions, dpositions, (uint64_t)g->heads * g->queries, g->queries,
                               g->keys, g->causal, 1.0f));
    sum.a = dpositions, sum.b = table, sum.n = g->features, sum.c = dw, sum.ldc = g->features;
    return tl_gemm(ctx, &sum);
}

void convit_local(uint32_t heads, uint32_t axes, uint32_t features, float *w)
{
    uint32_t side = 1; /* the smallest grid of as many axes with a place for every head */
    for (uint32_t places = 0; places < heads;) {
        places = 1;
        for (uint32_t axis = 0; axis < axes; axis++) places *= side;
        if (places < heads) side++;
    }
    for (uint32_t h = 0; h < heads; h++, w += features) {
        for (uint32_t f = 0; f < features; f++) w[f] = 0.0f;
        w[0] = -1.0f;
        for (uint32_t axis = 0, place = h; axis < axes; axis++, place /= side)
            w[1 + axis] = 2.0f * (float)(place % side) -
                          (float)(side - 1); /* 2 c, c from the grid's middle */
    }
}

/* ---- the term ------------------------------------------------------------------------------------ */

static bool convit_present(const tl_op_shape *s)
{
    return s->positions == TL_POSITIONS_CONVIT;
}

static void convit_parameters(const tl_op_shape *s, op_parameters *list)
{
    tl_op_parameter *w = op_parameters_add(list, "pos_proj.weight", OP_FIELD(w), 2, s->heads,
                                           convit_features(&s->geometry), 0);
    w->init = TL_INIT_LOCAL;
    w->axes = tl_geometry_axes(&s->geometry);
    op_parameters_add(list, "gating_param", OP_FIELD(gate), 1, s->heads, 1, 0)->init = TL_INIT_ONE;
}

static void convit_measure(const tl_op_shape *s, const tl_op_sizes *z, term_sizes *out)
{
    const uint64_t pairs = (uint64_t)s->queries * tl_geometry_tokens(&s->geometry);
    out->saved = s->heads * pairs; /* the softmax over positions, [head][query][key] */
    out->table = pairs * (convit_features(&s->geometry) + 1);
    out->workspace = z->weights + 2 * out->saved; /* the mixed weights, then convit_backward's */
}

/* f [query][key][F + 1]; the last column is 1 everywhere. */
static tl_status convit_fill(tl_context *ctx, const char *name, const tl_op_shape *s,
                             const tl_op_sizes *unused, tl_tensor *table)
{
    (void)unused;
    const tl_geometry *g = &s->geometry;
    const uint32_t keys = tl_geometry_tokens(g), row = convit_features(g) + 1;
    const uint64_t count = (uint64_t)s->queries * keys * row;
    float *values = calloc(count, sizeof *values);
    if (values == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                       "out of host memory for the table of positions of %s", name);
    for (uint32_t i = 0; i < s->queries; i++)
        for (uint32_t j = 0; j < keys; j++)
            describe_pair(g, g->first + i, j, values + ((uint64_t)i * keys + j) * row);
    const tl_status status = tl_tensor_write(ctx, table, 0, count, values);
    free(values);
    return status;
}

static convit convit_of(const tl_op_shape *s)
{
    return (convit){.queries = s->queries,
                    .keys = tl_geometry_tokens(&s->geometry),
                    .batch = s->batch,
                    .heads = s->heads,
                    .features = convit_features(&s->geometry),
                    .causal = attention_causal_keys(s)};
}

static tl_status convit_distribution(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    return convit_positions(p->ctx, &c, m->table, tl_at(p->w->w, 0), p->mask, m->saved);
}

static tl_status convit_mix_weights(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    p->weights = m->workspace;
    return convit_mix(p->ctx, &c, p->logits, m->saved, tl_at(p->w->gate, 0), p->weights);
}

static tl_status convit_mix_backward(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    return convit_backward(p->ctx, &c, m->table, p->logits, m->saved, tl_at(p->w->gate, 0), p->dweights,
                           tl_at(p->g->w, 0), tl_at(p->g->gate, 0),
                           tl_view_add(m->workspace, p->sizes->weights));
}

const attention_term convit_term = {.present = convit_present,
                                    .parameters = convit_parameters,
                                    .measure = convit_measure,
                                    .saved_name = "attention of positions",
                                    .table_name = "positions",
                                    .table_of_queries = true,
                                    .fill = convit_fill,
                                    .step = {[STEP_DISTRIBUTION] = convit_distribution,
                                             [STEP_MIX] = convit_mix_weights,
                                             [STEP_MIX_BACKWARD] = convit_mix_backward}};

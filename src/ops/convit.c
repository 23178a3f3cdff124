#include "ops/convit.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/convit_sizes.cl"
#include "ops/gemm.h"
#include "ops/kernel_forms.h"
#include "ops/pair_table.h"
#include "ops/rowwise.h"
#include "ops/softmax.h"

_Static_assert(sizeof(convit_backward_sizes) == 64,
               "convit_backward_sizes has the same layout in kernels and here");

uint32_t tli_convit_features(const tli_geometry *g)
{
    return 1 + tli_geometry_axes(g) + (g->cls ? 3 : 0);
}

/* f_ij followed by the constant 1: F + 1 floats, zeroed by the caller. */
static void describe_pair(const tli_geometry *g, uint32_t i, uint32_t j, float *f)
{
    const uint32_t axes = tli_geometry_axes(g), features = tli_convit_features(g);
    f[features] = 1.0f;
    uint32_t from[3], to[3];
    if (!tli_geometry_place(g, i, from) || !tli_geometry_place(g, j, to)) {
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

tl_status tli_convit_positions(tl_context *ctx, const convit *g, tli_view table, tli_view w,
                               const tl_tensor *mask, tli_view positions)
{
    TLI_TRY(tli_gemm(ctx, &(tli_gemm_args){.transpose_b = true,
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
    if (mask != NULL) TLI_TRY(tli_mask_rows(ctx, mask, matrix_of(g), g->heads, positions, -INFINITY));
    return tli_softmax_forward(ctx, positions, (uint64_t)g->heads * g->queries, g->queries, g->keys,
                               g->causal);
}

/* Launch: blocks of a matrix x heads x `samples`. */
static tli_launch convit_blocks(tl_context *ctx, const convit *g, uint32_t samples, uint32_t *block)
{
    const tli_launch one = tli_elements_cut(ctx, "convit", matrix_of(g), block);
    return tli_launch3(tli_ceil_div(matrix_of(g), *block), g->heads, samples, one.items);
}

tl_status tli_convit_mix(tl_context *ctx, const convit *g, tli_view prob, tli_view positions, tli_view gate,
                         tli_view mixed)
{
    uint32_t block;
    tli_launch launch = convit_blocks(ctx, g, g->batch, &block);
    launch.bytes = 8.0 * g->batch * g->heads * matrix_of(g);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "convit", "convit_mix", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(prob), TLI_ARG_VIEW(positions), TLI_ARG_VIEW(gate),
                      TLI_ARG_VIEW(mixed), TLI_ARG_U64(matrix_of(g)), TLI_ARG_U32(block));
}

tl_status tli_convit_backward(tl_context *ctx, const convit *g, tli_view table, tli_view prob,
                              tli_view positions, tli_view gate, tli_view dmixed, tli_view dw, tli_view dgate,
                              tli_view workspace)
{
    const uint32_t count = matrix_of(g);
    const tli_view dpositions = workspace, terms = tli_view_add(workspace, (uint64_t)g->heads * count);
    uint32_t block;
    tli_launch launch = convit_blocks(ctx, g, 1, &block);
    launch.bytes = 12.0 * g->batch * g->heads * count;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "convit", "convit_backward", "", &kernel));
    const convit_backward_sizes sizes = {.prob_at = prob.at,
                                         .positions_at = positions.at,
                                         .gate_at = gate.at,
                                         .dmixed_at = dmixed.at,
                                         .dpositions_at = dpositions.at,
                                         .dgate_at = terms.at,
                                         .count = count,
                                         .batch = g->batch,
                                         .block = block};
    TLI_TRY(TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(prob.mem), TLI_ARG_MEM(positions.mem),
                       TLI_ARG_MEM(gate.mem), TLI_ARG_MEM(dmixed.mem), TLI_ARG_MEM(dpositions.mem),
                       TLI_ARG_MEM(terms.mem), TLI_ARG_STRUCT(sizes)));
    tli_gemm_args sum = {.m = g->heads, .n = 1, .k = count, .alpha = 1.0f};
    sum.a = terms, sum.lda = count, sum.b = tli_view_add(table, g->features), sum.ldb = g->features + 1;
    sum.c = dgate, sum.ldc = 1;
    TLI_TRY(tli_gemm(ctx, &sum)); /* row sums, by the table's column of ones */
    TLI_TRY(tli_softmax_backward(ctx, positions, dpositions, (uint64_t)g->heads * g->queries, g->queries,
                                 g->keys, g->causal, 1.0f));
    sum.a = dpositions, sum.b = table, sum.n = g->features, sum.c = dw, sum.ldc = g->features;
    return tli_gemm(ctx, &sum);
}

void tli_convit_local(uint32_t heads, uint32_t axes, uint32_t features, float *w)
{
    uint32_t side = 1; /* side of the smallest grid with at least `heads` places */
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
                          (float)(side - 1); /* 2 c, relative to the grid's centre */
    }
}

/* ---- the term ------------------------------------------------------------------------------------ */

static bool convit_present(const tli_op_shape *s)
{
    return s->positions == TL_POSITIONS_CONVIT;
}

static void convit_parameters(const tli_op_shape *s, op_parameters *list)
{
    tli_op_parameter *w = tli_op_parameters_add(list, "pos_proj.weight", OP_FIELD(w), 2, s->heads,
                                                tli_convit_features(&s->geometry), 0);
    w->init = TLI_INIT_LOCAL;
    w->axes = tli_geometry_axes(&s->geometry);
    tli_op_parameters_add(list, "gating_param", OP_FIELD(gate), 1, s->heads, 1, 0)->init = TLI_INIT_ONE;
}

static void convit_measure(const tli_op_shape *s, const tli_op_sizes *z, term_sizes *out)
{
    const uint64_t pairs = (uint64_t)s->queries * tli_geometry_tokens(&s->geometry);
    out->saved = s->heads * pairs; /* the softmax over positions, [head][query][key] */
    out->table = pairs * (tli_convit_features(&s->geometry) + 1);
    out->workspace = z->weights + 2 * out->saved; /* the mixed weights, then tli_convit_backward's */
}

/* f [query][key][F + 1]; the last column is 1 everywhere. */
static tl_status convit_fill(tl_context *ctx, const char *name, const tli_op_shape *s,
                             const tli_op_sizes *unused, tl_tensor *table)
{
    (void)unused;
    const tli_geometry *g = &s->geometry;
    const uint32_t keys = tli_geometry_tokens(g), row = tli_convit_features(g) + 1;
    const uint64_t count = (uint64_t)s->queries * keys * row;
    float *values = calloc(count, sizeof *values);
    if (values == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                        "out of host memory for the table of positions of %s", name);
    for (uint32_t i = 0; i < s->queries; i++)
        for (uint32_t j = 0; j < keys; j++)
            describe_pair(g, g->first + i, j, values + ((uint64_t)i * keys + j) * row);
    const tl_status status = tl_tensor_write(ctx, table, 0, count, values);
    free(values);
    return status;
}

static convit convit_of(const tli_op_shape *s)
{
    return (convit){.queries = s->queries,
                    .keys = tli_geometry_tokens(&s->geometry),
                    .batch = s->batch,
                    .heads = s->heads,
                    .features = tli_convit_features(&s->geometry),
                    .causal = tli_attention_causal_keys(s)};
}

static tl_status convit_distribution(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    return tli_convit_positions(p->ctx, &c, m->table, tli_at(p->w->w, 0), p->mask, m->saved);
}

static tl_status convit_mix_weights(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    p->weights = m->workspace;
    return tli_convit_mix(p->ctx, &c, p->logits, m->saved, tli_at(p->w->gate, 0), p->weights);
}

static tl_status convit_mix_backward(attention_pass *p, const term_memory *m)
{
    const convit c = convit_of(p->shape);
    return tli_convit_backward(p->ctx, &c, m->table, p->logits, m->saved, tli_at(p->w->gate, 0), p->dweights,
                               tli_at(p->g->w, 0), tli_at(p->g->gate, 0),
                               tli_view_add(m->workspace, p->sizes->weights));
}

const attention_term tli_convit_term = {.present = convit_present,
                                        .parameters = convit_parameters,
                                        .measure = convit_measure,
                                        .saved_name = "attention of positions",
                                        .table_name = "positions",
                                        .table_of_queries = true,
                                        .fill = convit_fill,
                                        .step = {[STEP_DISTRIBUTION] = convit_distribution,
                                                 [STEP_MIX] = convit_mix_weights,
                                                 [STEP_MIX_BACKWARD] = convit_mix_backward}};

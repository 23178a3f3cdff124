#include "ops/gated.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/gemm.h"
#include "ops/pairs.h"
#include "ops/row_kernels.h"
#include "ops/rows.h"
#include "ops/softmax.h"

uint32_t tl_gated_axes(const tl_geometry *g)
{
    return g->kind == TL_CAUSAL ? 1 : g->depth > 1 ? 3 : 2;
}

uint32_t tl_gated_features(const tl_geometry *g)
{
    return 1 + tl_gated_axes(g) + (g->cls ? 3 : 0);
}

/* f_ij and the 1 behind it, F + 1 zeroed floats. */
static void describe_pair(const tl_geometry *g, uint32_t i, uint32_t j, float *f)
{
    const uint32_t axes = tl_gated_axes(g), features = tl_gated_features(g);
    f[features] = 1.0f;
    if (g->cls && (i == 0 || j == 0)) {
        f[1 + axes + (i == j ? 0 : i == 0 ? 1 : 2)] = 1.0f;
        return;
    }
    const uint32_t a = i - g->cls, b = j - g->cls, plane = g->height * g->width;
    const uint32_t from[3] = {a % g->width, a % plane / g->width, a / plane},
                   to[3] = {b % g->width, b % plane / g->width, b / plane};
    for (uint32_t axis = 0; axis < axes; axis++) {
        const float d = (float)to[axis] - (float)from[axis];
        f[0] += d * d;
        f[1 + axis] = d;
    }
}

static uint64_t table_count(const tl_geometry *g, uint32_t queries)
{
    return (uint64_t)queries * tl_geometry_tokens(g) * (tl_gated_features(g) + 1);
}

tl_status tl_gated_create(tl_context *ctx, const char *name, const tl_geometry *g, uint32_t queries,
                          tl_tensor **table)
{
    char full[96];
    snprintf(full, sizeof full, "%.70s.positions", name);
    TL_TRY(tl_tensor_create(ctx, full, TL_MEMORY_DATA, 1, table_count(g, queries), table));
    return tl_gated_fit(ctx, name, g, queries, *table);
}

tl_status tl_gated_fit(tl_context *ctx, const char *name, const tl_geometry *g, uint32_t queries,
                       tl_tensor *table)
{
    const uint32_t keys = tl_geometry_tokens(g), row = tl_gated_features(g) + 1;
    const uint64_t count = table_count(g, queries);
    float *values = calloc(count, sizeof *values);
    if (values == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY,
                       "out of host memory for the table of positions of %s", name);
    for (uint32_t i = 0; i < queries; i++)
        for (uint32_t j = 0; j < keys; j++)
            describe_pair(g, g->first + i, j, values + ((uint64_t)i * keys + j) * row);
    const tl_status status = tl_tensor_write(ctx, table, 0, count, values);
    free(values);
    return status;
}

static uint32_t matrix_of(const tl_gated *g)
{
    return g->queries * g->keys;
}

tl_status tl_gated_positions(tl_context *ctx, const tl_gated *g, tl_view table, tl_view w,
                             const tl_tensor *mask, tl_view positions)
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
static tl_grid blocks(tl_context *ctx, const tl_gated *g, uint32_t samples, uint32_t *block)
{
    const tl_grid one = tl_elements_cut(ctx, matrix_of(g), block);
    return tl_grid3(tl_ceil_div(matrix_of(g), *block), g->heads, samples, one.items);
}

tl_status tl_gated_mix(tl_context *ctx, const tl_gated *g, tl_view prob, tl_view positions, tl_view gate,
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

tl_status tl_gated_backward(tl_context *ctx, const tl_gated *g, tl_view table, tl_view prob,
                            tl_view positions, tl_view gate, tl_view dmixed, tl_view dw, tl_view dgate,
                            tl_view workspace)
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

void tl_gated_local(uint32_t heads, uint32_t axes, uint32_t features, float *w)
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

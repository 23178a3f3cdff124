#include "ops/rope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/row_kernels.h"
#include "ops/rows.h"

bool tl_rope_fits(const tl_geometry *g, uint32_t head_dim)
{
    return head_dim % (g->kind == TL_CAUSAL ? 2 : 4) == 0;
}

static double angle(const tl_geometry *g, uint32_t token, uint32_t pair, uint32_t head_dim)
{
    if (g->kind == TL_CAUSAL) return token * pow(10000.0, -2.0 * pair / head_dim);
    if (token < g->cls) return 0.0;
    const uint32_t patch = token - g->cls, frequencies = head_dim / 4;
    const uint32_t position = pair < frequencies ? patch / g->width : patch % g->width;
    return position * pow(10000.0, -4.0 * (pair % frequencies) / head_dim);
}

tl_status tl_rope_create(tl_context *ctx, const char *name, const tl_geometry *g, uint32_t head_dim,
                         tl_tensor **table)
{
    if (!tl_rope_fits(g, head_dim))
        return tl_fail(tl_context_error(ctx), TL_ERROR_USAGE,
                       "rotary positions need heads of %s channels, not %u",
                       g->kind == TL_CAUSAL ? "an even number of" : "a multiple of 4", head_dim);
    const uint32_t tokens = tl_geometry_tokens(g), half = head_dim / 2;
    char full[96];
    snprintf(full, sizeof full, "%.70s.angles", name);
    TL_TRY(tl_tensor_create(ctx, full, TL_MEMORY_DATA, 1, (uint64_t)tokens * head_dim, table));
    float *values = malloc((size_t)tokens * head_dim * sizeof *values);
    if (values == NULL)
        return tl_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the angles of %s",
                       name);
    for (uint32_t t = 0; t < tokens; t++) {
        for (uint32_t m = 0; m < half; m++) {
            const double a = angle(g, t, m, head_dim);
            values[(size_t)t * head_dim + m] = (float)cos(a);
            values[(size_t)t * head_dim + half + m] = (float)sin(a);
        }
    }
    const tl_status status = tl_tensor_write(ctx, *table, 0, (uint64_t)tokens * head_dim, values);
    free(values);
    return status;
}

tl_status tl_rope_rotate(tl_context *ctx, const tl_rope *r, tl_view table, tl_view rows, bool back)
{
    const uint64_t count = (uint64_t)r->tokens * r->batch;
    if (count == 0) return TL_OK;
    tl_rows_plan plan = tl_rows_cut(ctx, count, r->heads * r->head_dim);
    plan.grid.bytes = 8.0 * (double)count * r->heads * r->head_dim;
    tl_kernel *kernel;
    TL_TRY(tl_row_kernel(ctx, "rope", "rope_rotate", plan.options, &kernel));
    return TL_RUN(ctx, kernel, plan.grid, TL_VIEW(table), TL_VIEW(rows), TL_U64(count), TL_U32(r->batch),
                  TL_U32(r->heads), TL_U32(r->head_dim), TL_U32(r->stride), TL_F32(back ? -1.0f : 1.0f),
                  TL_U32(plan.rows_per_group));
}

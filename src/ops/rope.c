#include "ops/rope.h"

#include <math.h>
#include <stdlib.h>

#include "ops/row_kernels.h"
#include "ops/rows.h"

tl_status tl_rope_check(const tl_geometry *g, uint32_t head_dim, tl_error *err)
{
    static const char *const widths[] = {"even", "a multiple of 4", "even and at least 6"};
    const uint32_t axes = tl_geometry_axes(g);
    if (head_dim % (axes == 2 ? 4 : 2) == 0 && head_dim >= 2 * axes) return TL_OK;
    return tl_fail(err, TL_ERROR_USAGE, "rotary positions need a head_dim that is %s, not %u.",
                   widths[axes - 1], head_dim);
}

static double angle(const tl_geometry *g, uint32_t token, uint32_t pair, uint32_t head_dim)
{
    const uint32_t axes = tl_geometry_axes(g);
    uint32_t place[3];
    if (!tl_geometry_place(g, token, place)) return 0.0;
    /* Every axis has as many frequencies; the last one takes what remains. */
    const uint32_t share = head_dim / 2 / axes, axis = pair / share < axes ? pair / share : axes - 1;
    const uint32_t frequencies = axis == axes - 1 ? head_dim / 2 - share * axis : share;
    return place[3 - axes + axis] * pow(10000.0, -(double)(pair - share * axis) / frequencies);
}

tl_status tl_rope_fill(tl_context *ctx, const char *name, const tl_geometry *g, uint32_t head_dim,
                       tl_tensor *table)
{
    TL_TRY(tl_rope_check(g, head_dim, tl_context_error(ctx)));
    const uint32_t tokens = tl_geometry_tokens(g), half = head_dim / 2;
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
    const tl_status status = tl_tensor_write(ctx, table, 0, (uint64_t)tokens * head_dim, values);
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
    return TL_RUN(ctx, kernel, plan.grid, TL_ARG_VIEW(table), TL_ARG_VIEW(rows), TL_ARG_U64(count),
                  TL_ARG_U32(r->batch), TL_ARG_U32(r->heads), TL_ARG_U32(r->head_dim), TL_ARG_U32(r->stride),
                  TL_ARG_F32(back ? -1.0f : 1.0f), TL_ARG_U32(plan.rows_per_group));
}

/* ---- the term ------------------------------------------------------------------------------------ */

static bool rotary_present(const tl_op_shape *s)
{
    return s->positions == TL_POSITIONS_ROPE;
}

static tl_status rotary_check(const tl_op_shape *s, tl_error *err)
{
    return tl_rope_check(&s->geometry, s->head_dim, err);
}

static void rotary_measure(const tl_op_shape *s, const tl_op_sizes *unused, term_sizes *out)
{
    (void)unused;
    out->table = (uint64_t)tl_geometry_tokens(&s->geometry) * s->head_dim;
}

static tl_status rotary_fill(tl_context *ctx, const char *name, const tl_op_shape *s,
                             const tl_op_sizes *unused, tl_tensor *table)
{
    (void)unused;
    return tl_rope_fill(ctx, name, &s->geometry, s->head_dim, table);
}

/* Turns the q and k channels of packed rows by their tokens' angles, or back. */
static tl_status turn_rows(attention_pass *p, tl_view table, tl_view rows, bool back)
{
    const tl_op_shape *s = p->shape;
    const uint32_t first = s->geometry.first;
    tl_rope rope = {.tokens = s->queries,
                    .batch = s->batch,
                    .heads = s->heads,
                    .head_dim = s->head_dim,
                    .stride = p->sizes->plain};
    const tl_view angles = tl_view_add(table, (uint64_t)first * s->head_dim);
    rows = tl_view_add(rows, attention_first_row(p) * p->sizes->plain);
    TL_TRY(tl_rope_rotate(p->ctx, &rope, angles, tl_view_add(rows, attention_column(p, ROLE_INDEX_Q)), back));
    rope.tokens = tl_geometry_tokens(&s->geometry) - first;
    return tl_rope_rotate(p->ctx, &rope, angles, tl_view_add(rows, attention_column(p, ROLE_INDEX_K)), back);
}

static tl_status rotary_turn(attention_pass *p, const term_memory *m)
{
    return turn_rows(p, m->table, p->qkv, false);
}

static tl_status rotary_turn_backward(attention_pass *p, const term_memory *m)
{
    return turn_rows(p, m->table, p->dqkv, true);
}

const attention_term rotary_term = {
    .present = rotary_present,
    .check = rotary_check,
    .measure = rotary_measure,
    .table_name = "rotary angles",
    .fill = rotary_fill,
    .step = {[STEP_TURN] = rotary_turn, [STEP_TURN_BACKWARD] = rotary_turn_backward}};

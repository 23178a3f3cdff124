#include "ops/rope.h"

#include <math.h>
#include <stdlib.h>

#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

/* TL_ERROR_USAGE unless head_dim can be split: even in a sequence; divisible by 4 in an image, whose rows
 * and columns get half of the frequencies each; even and at least 6 in a volume, whose axes get a third
 * each, the last one the remainder. */
static tl_status rope_check_width(const tli_geometry *g, uint32_t head_dim, tl_error *err)
{
    static const char *const widths[] = {"even", "a multiple of 4", "even and at least 6"};
    const uint32_t axes = tli_geometry_axes(g);
    if (head_dim % (axes == 2 ? 4 : 2) == 0 && head_dim >= 2 * axes) return TL_OK;
    return tli_fail(err, TL_ERROR_USAGE, "rotary positions need a head_dim that is %s, not %u.",
                    widths[axes - 1], head_dim);
}

static double rope_angle(const tli_geometry *g, uint32_t token, uint32_t pair, uint32_t head_dim)
{
    const uint32_t axes = tli_geometry_axes(g);
    uint32_t place[3];
    if (!tli_geometry_place(g, token, place)) return 0.0;
    /* All axes get the same number of frequencies; the last one gets the remainder. */
    const uint32_t share = head_dim / 2 / axes, axis = pair / share < axes ? pair / share : axes - 1;
    const uint32_t frequencies = axis == axes - 1 ? head_dim / 2 - share * axis : share;
    return place[3 - axes + axis] * pow(10000.0, -(double)(pair - share * axis) / frequencies);
}

static tl_status rope_fill(tl_context *ctx, const char *name, const tli_geometry *g, uint32_t head_dim,
                           tl_tensor *table)
{
    TLI_TRY(rope_check_width(g, head_dim, tl_context_error(ctx)));
    const uint32_t tokens = tli_geometry_tokens(g), half = head_dim / 2;
    float *values = malloc((size_t)tokens * head_dim * sizeof *values);
    if (values == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_MEMORY, "out of host memory for the angles of %s",
                        name);
    for (uint32_t t = 0; t < tokens; t++) {
        for (uint32_t m = 0; m < half; m++) {
            const double a = rope_angle(g, t, m, head_dim);
            values[(size_t)t * head_dim + m] = (float)cos(a);
            values[(size_t)t * head_dim + half + m] = (float)sin(a);
        }
    }
    const tl_status status = tl_tensor_write(ctx, table, 0, (uint64_t)tokens * head_dim, values);
    free(values);
    return status;
}

tl_status tli_rope_rotate(tl_context *ctx, const tli_rope *r, tli_view table, tli_view rows, bool back)
{
    const uint64_t count = (uint64_t)r->tokens * r->batch;
    if (count == 0) return TL_OK;
    tli_rowwise plan = tli_rowwise_cut(ctx, "rope", count, r->heads * r->head_dim);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "rope", "rope_rotate", plan.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_VIEW(table), TLI_ARG_VIEW(rows), TLI_ARG_U64(count),
                      TLI_ARG_U32(r->batch), TLI_ARG_U32(r->heads), TLI_ARG_U32(r->head_dim),
                      TLI_ARG_U32(r->stride), TLI_ARG_F32(back ? -1.0f : 1.0f),
                      TLI_ARG_U32(plan.rows_per_group));
}

/* ---- the term ------------------------------------------------------------------------------------ */

static bool rotary_present(const tli_op_shape *s)
{
    return s->positions == TL_POSITIONS_ROPE;
}

static tl_status rotary_check(const tli_op_shape *s, tl_error *err)
{
    return rope_check_width(&s->geometry, s->head_dim, err);
}

static void rotary_measure(const tli_op_shape *s, const tli_op_sizes *unused, term_sizes *out)
{
    (void)unused;
    out->table = (uint64_t)tli_geometry_tokens(&s->geometry) * s->head_dim;
}

static tl_status rotary_fill(tl_context *ctx, const char *name, const tli_op_shape *s,
                             const tli_op_sizes *unused, tl_tensor *table)
{
    (void)unused;
    return rope_fill(ctx, name, &s->geometry, s->head_dim, table);
}

/* Rotates the q and k channels of packed rows by their tokens' angles, or back. */
static tl_status turn_rows(attention_pass *p, tli_view table, tli_view rows, bool back)
{
    const tli_op_shape *s = p->shape;
    const uint32_t first = s->geometry.first;
    tli_rope rope = {.tokens = s->queries,
                     .batch = s->batch,
                     .heads = s->heads,
                     .head_dim = s->head_dim,
                     .stride = p->sizes->packed};
    const tli_view angles = tli_view_add(table, (uint64_t)first * s->head_dim);
    rows = tli_view_add(rows, tli_attention_first_row(p) * p->sizes->packed);
    TLI_TRY(tli_rope_rotate(p->ctx, &rope, angles, tli_view_add(rows, tli_attention_column(p, ROLE_INDEX_Q)),
                            back));
    rope.tokens = tli_geometry_tokens(&s->geometry) - first;
    return tli_rope_rotate(p->ctx, &rope, angles, tli_view_add(rows, tli_attention_column(p, ROLE_INDEX_K)),
                           back);
}

static tl_status rotary_turn(attention_pass *p, const term_memory *m)
{
    return turn_rows(p, m->table, p->qkv, false);
}

static tl_status rotary_turn_backward(attention_pass *p, const term_memory *m)
{
    return turn_rows(p, m->table, p->dqkv, true);
}

const attention_term tli_rotary_term = {
    .present = rotary_present,
    .check = rotary_check,
    .measure = rotary_measure,
    .table_name = "rotary angles",
    .fill = rotary_fill,
    .step = {[STEP_TURN] = rotary_turn, [STEP_TURN_BACKWARD] = rotary_turn_backward}};

#include "ops/narrow_offset_gemm.h"

#include <stdio.h>

#include "core/arithmetic.h"
#include "kernels/offset_gemm_sizes.cl"
#include "ops/kernel_forms.h"

static const char family[] = "offset_gemm";

/* WIDEST: channels of a row; with more, the form of offset_gemm.cl fills its vectors too. Two vectors of up to 16 lanes make
 * a block. */
enum { WIDEST = 64, FEWEST_LANES = 4, LARGEST_BLOCK = 32 };

/* Register tiles: accumulators are kept in registers, of which instruction sets with vectors of 16 floats have 32, others
 * 16. */
typedef struct narrow_tiling {
    uint32_t lanes, vectors;            /* of a block of the batch */
    uint32_t rows;                      /* channels of a tile */
    uint32_t outer_rows, outer_columns; /* of the weight gradient's tile */
} narrow_tiling;

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

static uint32_t largest_divisor(uint32_t n, uint32_t most)
{
    uint32_t divisor = most < n ? most : n;
    while (n % divisor != 0) divisor--;
    return divisor;
}

static narrow_tiling tiling_of(const tli_offset_gemm *r, uint32_t vector_width)
{
    const bool many = vector_width == 16;
    const uint32_t width = r->heads * r->head_dim;
    narrow_tiling t = {.lanes = vector_width};
    while (t.lanes > FEWEST_LANES && t.lanes / 2 >= r->batch) t.lanes /= 2;
    t.vectors = r->batch > t.lanes ? 2 : 1;
    t.rows = largest_divisor(common_divisor(r->inner, width), (many ? 24 : 12) / t.vectors);
    t.outer_rows = largest_divisor(r->inner, many ? 6 : 4);
    t.outer_columns = largest_divisor(width, many ? 4 : 3);
    return t;
}

static bool is_narrow(uint32_t inner, uint32_t width)
{
    return inner <= WIDEST && width <= WIDEST && common_divisor(inner, width) > 2;
}

static bool is_whole(const tl_tensor *table)
{
    return table == NULL || table->shards == 1;
}

bool tli_narrow_offset_gemm_suits(tl_context *ctx, const tli_offset_gemm *r, const tl_tensor *query,
                                  const tl_tensor *key)
{
    return is_narrow(r->inner, r->heads * r->head_dim) && r->batch >= FEWEST_LANES && is_whole(query) &&
           is_whole(key) && tli_kernel_form_of(ctx, family).cpu;
}

uint64_t tli_narrow_offset_gemm_workspace(uint32_t tokens, uint32_t batch, uint32_t inner, uint32_t heads,
                                          uint32_t head_dim)
{
    const uint32_t width = heads * head_dim, channels = inner > width ? inner : width;
    if (!is_narrow(inner, width) || batch < FEWEST_LANES) return 0;
    uint32_t block = FEWEST_LANES; /* on any device, no block of this batch or a smaller one is larger */
    while (block < batch && block < LARGEST_BLOCK) block *= 2;
    /* at most rows and gradients of two operands */
    return 4ull * tokens * channels * (uint32_t)tli_ceil_div(batch, block) * block;
}

/* ---- one call's tiling, sizes and panels ---------------------------------------------------------- */

typedef struct narrow_call {
    tl_context *ctx;
    const tli_offset_gemm *r;
    uint32_t blocks, width;
    uint64_t block_lanes;
    tli_view rest; /* of the workspace */
    char options[160];
    offset_gemm_sizes sizes;
} narrow_call;

static narrow_call begin_call(tl_context *ctx, const tli_offset_gemm *r, tli_view workspace)
{
    const narrow_tiling t = tiling_of(r, tli_kernel_form_of(ctx, family).vector_width);
    narrow_call n = {.ctx = ctx,
                     .r = r,
                     .blocks = (uint32_t)tli_ceil_div(r->batch, t.lanes * t.vectors),
                     .width = r->heads * r->head_dim,
                     .block_lanes = t.lanes * t.vectors,
                     .rest = workspace,
                     .sizes = {.all_pairs = (i32)r->pairs->count,
                               .queries = (i32)r->pairs->queries,
                               .keys = (i32)r->pairs->keys,
                               .batch = (i32)r->batch}};
    (void)snprintf(n.options, sizeof n.options,
                   "-DINNER=%u -DHEADS=%u -DHEAD_DIM=%u -DLANES=%u -DNV=%u -DMR=%u -DGR=%u -DGC=%u", r->inner,
                   r->heads, r->head_dim, t.lanes, t.vectors, t.rows, t.outer_rows, t.outer_columns);
    return n;
}

static tl_status get_kernel(const narrow_call *n, const char *name, tli_kernel **kernel)
{
    return tli_family_kernel(n->ctx, family, name, n->options, kernel);
}

/* A work-group of one work-item for each of `count` tokens or groups and each block; `units` products over all pairs. */
static tli_launch launch_of(const narrow_call *n, uint32_t count, uint32_t blocks, double units)
{
    tli_launch launch = tli_launch3(count, blocks, 1, 1);
    launch.flops = units * 2.0 * n->r->pairs->count * n->r->batch * n->r->inner * n->width;
    return launch;
}

/* Takes the next panels of the workspace. */
static tli_view take_panels(narrow_call *n, uint32_t tokens, uint32_t channels)
{
    const tli_view taken = n->rest;
    n->rest = tli_view_add(taken, n->block_lanes * n->blocks * tokens * channels);
    return taken;
}

/* Between rows and panels. */
static tli_launch conversion_of(const narrow_call *n, uint32_t tokens, uint32_t channels)
{
    tli_launch launch = launch_of(n, tokens, n->blocks, 0);
    launch.bytes = 8.0 * tokens * n->r->batch * channels;
    return launch;
}

static tl_status to_panels(narrow_call *n, tli_view rows, uint32_t stride, uint32_t tokens, uint32_t channels,
                           tli_view *panels)
{
    tli_kernel *kernel;
    *panels = take_panels(n, tokens, channels);
    TLI_TRY(get_kernel(n, "narrow_offset_gemm_panels", &kernel));
    return TLI_LAUNCH(n->ctx, kernel, conversion_of(n, tokens, channels), TLI_ARG_MEM(rows.mem),
                      TLI_ARG_U64(rows.at), TLI_ARG_I32(stride), TLI_ARG_I32(channels),
                      TLI_ARG_I32(n->r->batch), TLI_ARG_MEM(panels->mem), TLI_ARG_U64(panels->at));
}

static tl_status add_panels(narrow_call *n, tli_view panels, uint32_t tokens, uint32_t channels,
                            tli_view rows, uint32_t stride)
{
    tli_kernel *kernel;
    TLI_TRY(get_kernel(n, "narrow_offset_gemm_add_panels", &kernel));
    return TLI_LAUNCH(n->ctx, kernel, conversion_of(n, tokens, channels), TLI_ARG_MEM(panels.mem),
                      TLI_ARG_U64(panels.at), TLI_ARG_I32(channels), TLI_ARG_I32(n->r->batch),
                      TLI_ARG_MEM(rows.mem), TLI_ARG_U64(rows.at), TLI_ARG_I32(stride));
}

static tli_mem table_mem(const tl_tensor *table)
{
    return table != NULL ? table->mem[0] : NULL;
}

/* One operand of the logits: its rows, and its panels. */
typedef struct narrow_operand {
    tli_view rows, panels;
    const tl_tensor *table; /* NULL: the rows are q or k themselves */
    uint32_t tokens, channels, stride;
} narrow_operand;

static tl_status operand_of(narrow_call *n, tli_view rows, const tl_tensor *table, uint32_t tokens,
                            uint32_t stride, narrow_operand *o)
{
    *o = (narrow_operand){.rows = rows,
                          .table = table,
                          .tokens = tokens,
                          .channels = table != NULL ? n->r->inner : n->width,
                          .stride = stride > 0 ? stride : n->r->inner};
    return to_panels(n, rows, o->stride, tokens, o->channels, &o->panels);
}

/* ---- products --------------------------------------------------------------------------------------- */

tl_status tli_narrow_offset_gemm_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                        const tl_tensor *wq, tli_view xk, const tl_tensor *wk, float scale,
                                        tli_view weights, tli_view workspace)
{
    narrow_call n = begin_call(ctx, r, workspace);
    narrow_operand q, k;
    tli_kernel *kernel;
    TLI_TRY(operand_of(&n, xq, wq, r->pairs->queries, r->q_stride, &q));
    TLI_TRY(operand_of(&n, xk, wk, r->pairs->keys, r->k_stride, &k));
    n.sizes.xq_at = q.panels.at, n.sizes.xk_at = k.panels.at, n.sizes.weights_at = weights.at;
    n.sizes.scale = scale;
    TLI_TRY(get_kernel(&n, "narrow_offset_gemm_logits", &kernel));
    return TLI_LAUNCH(ctx, kernel, launch_of(&n, r->pairs->groups, n.blocks, 2), TLI_ARG_PAIRS(r->pairs),
                      TLI_ARG_MEM(q.panels.mem), TLI_ARG_MEM(table_mem(wq)), TLI_ARG_MEM(k.panels.mem),
                      TLI_ARG_MEM(table_mem(wk)), TLI_ARG_MEM(weights.mem), TLI_ARG_STRUCT(n.sizes));
}

/* Of a table, from the panels of its operand and of the other one (side, as in kernels/narrow_offset_gemm.cl): for a query
 * or key from the other's rows, for a value from dy. */
static tl_status weight_gradient(narrow_call *n, int side, tli_view x, tli_view other,
                                 const tl_tensor *other_table, tli_view weights, tl_tensor *dw)
{
    tli_kernel *kernel;
    n->sizes.side = side;
    n->sizes.x_at = x.at, n->sizes.gradient_at = other.at, n->sizes.weights_at = weights.at;
    TLI_TRY(get_kernel(n, "narrow_offset_gemm_weight_gradient", &kernel));
    return TLI_LAUNCH(n->ctx, kernel, launch_of(n, n->r->pairs->groups, 1, side == 2 ? 1 : 2),
                      TLI_ARG_PAIRS(n->r->pairs), TLI_ARG_MEM(x.mem), TLI_ARG_MEM(other.mem),
                      TLI_ARG_MEM(table_mem(other_table)), TLI_ARG_MEM(weights.mem),
                      TLI_ARG_MEM(table_mem(dw)), TLI_ARG_STRUCT(n->sizes));
}

/* The gradient of `own`, and of its table, from the other operand: side 0: q's from k; side 1: k's from q. */
static tl_status logits_backward_side(narrow_call *n, int side, const narrow_operand *own,
                                      const narrow_operand *other, tli_view dweights, tli_view dx,
                                      tl_tensor *dw)
{
    tli_kernel *kernel;
    const tli_view panels = take_panels(n, own->tokens, own->channels);
    n->sizes.side = side;
    n->sizes.weights_at = dweights.at, n->sizes.x_at = other->panels.at, n->sizes.dx_at = panels.at;
    TLI_TRY(get_kernel(n, "narrow_offset_gemm_logits_backward", &kernel));
    TLI_TRY(TLI_LAUNCH(n->ctx, kernel, launch_of(n, own->tokens, n->blocks, 2), TLI_ARG_PAIRS(n->r->pairs),
                       TLI_ARG_MEM(dweights.mem), TLI_ARG_MEM(other->panels.mem),
                       TLI_ARG_MEM(table_mem(other->table)), TLI_ARG_MEM(table_mem(own->table)),
                       TLI_ARG_MEM(panels.mem), TLI_ARG_STRUCT(n->sizes)));
    TLI_TRY(add_panels(n, panels, own->tokens, own->channels, dx, own->stride));
    if (own->table == NULL) return TL_OK;
    return weight_gradient(n, side, own->panels, other->panels, other->table, dweights, dw);
}

tl_status tli_narrow_offset_gemm_logits_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                                 const tl_tensor *wq, tli_view xk, const tl_tensor *wk,
                                                 tli_view dweights, tli_view dxq, tli_view dxk,
                                                 tl_tensor *dwq, tl_tensor *dwk, tli_view workspace)
{
    narrow_call n = begin_call(ctx, r, workspace);
    narrow_operand q, k;
    TLI_TRY(operand_of(&n, xq, wq, r->pairs->queries, r->q_stride, &q));
    TLI_TRY(operand_of(&n, xk, wk, r->pairs->keys, r->k_stride, &k));
    TLI_TRY(logits_backward_side(&n, 0, &q, &k, dweights, dxq, dwq));
    return logits_backward_side(&n, 1, &k, &q, dweights, dxk, dwk);
}

tl_status tli_narrow_offset_gemm_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                        const tl_tensor *w, tli_view weights, tli_view y, tli_view workspace)
{
    narrow_call n = begin_call(ctx, r, workspace);
    tli_kernel *kernel;
    tli_view x_panels;
    TLI_TRY(to_panels(&n, x, r->inner, r->pairs->keys, r->inner, &x_panels));
    const tli_view y_panels = take_panels(&n, r->pairs->queries, n.width);
    n.sizes.x_at = x_panels.at, n.sizes.weights_at = weights.at, n.sizes.y_at = y_panels.at;
    TLI_TRY(get_kernel(&n, "narrow_offset_gemm_values", &kernel));
    TLI_TRY(TLI_LAUNCH(ctx, kernel, launch_of(&n, r->pairs->queries, n.blocks, 1), TLI_ARG_PAIRS(r->pairs),
                       TLI_ARG_MEM(x_panels.mem), TLI_ARG_MEM(table_mem(w)), TLI_ARG_MEM(weights.mem),
                       TLI_ARG_MEM(y_panels.mem), TLI_ARG_STRUCT(n.sizes)));
    return add_panels(&n, y_panels, r->pairs->queries, n.width, y, n.width);
}

tl_status tli_narrow_offset_gemm_values_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                                 const tl_tensor *w, tli_view weights, tli_view dy,
                                                 tli_view dweights, tli_view dx, tl_tensor *dw,
                                                 tli_view workspace)
{
    narrow_call n = begin_call(ctx, r, workspace);
    tli_kernel *kernel;
    tli_view x_panels, dy_panels;
    TLI_TRY(to_panels(&n, x, r->inner, r->pairs->keys, r->inner, &x_panels));
    TLI_TRY(to_panels(&n, dy, n.width, r->pairs->queries, n.width, &dy_panels));
    const tli_view dx_panels = take_panels(&n, r->pairs->keys, r->inner);
    n.sizes.dy_at = dy_panels.at, n.sizes.x_at = x_panels.at, n.sizes.weights_at = weights.at;
    n.sizes.partial_at = dweights.at, n.sizes.dx_at = dx_panels.at;
    TLI_TRY(get_kernel(&n, "narrow_offset_gemm_values_backward", &kernel));
    TLI_TRY(TLI_LAUNCH(ctx, kernel, launch_of(&n, r->pairs->keys, n.blocks, 2), TLI_ARG_PAIRS(r->pairs),
                       TLI_ARG_MEM(dy_panels.mem), TLI_ARG_MEM(x_panels.mem), TLI_ARG_MEM(table_mem(w)),
                       TLI_ARG_MEM(weights.mem), TLI_ARG_MEM(dweights.mem), TLI_ARG_MEM(dx_panels.mem),
                       TLI_ARG_STRUCT(n.sizes)));
    TLI_TRY(add_panels(&n, dx_panels, r->pairs->keys, r->inner, dx, r->inner));
    return weight_gradient(&n, 2, x_panels, dy_panels, NULL, weights, dw);
}

#include "ops/offset_gemm.h"

#include <stdio.h>
#include <string.h>

#include "core/arithmetic.h"
#include "kernels/offset_gemm_sizes.cl"
#include "kernels/tile_sizes.cl"
#include "ops/add.h"
#include "ops/gpu_tile.h"
#include "ops/kernel_forms.h"
#include "ops/narrow_offset_gemm.h"
#include "ops/offset_gemm_block.h"
#include "ops/offset_gemm_chunk.h"
#include "ops/offset_gemm_tensor.h"
#include "ops/offset_gemv.h"
#include "ops/tuning.h"

_Static_assert(sizeof(offset_gemm_sizes) == 176, "offset_gemm_sizes has the same layout in kernels and here");

/* Columns of the inner dimension per work-group of the backward kernels: wide blocks read each row once,
 * narrow blocks give more work-groups. The kernel packs a block of a matrix in private memory. */
enum { COLUMN_BLOCK = 64, WIDE_BATCH = 32, PACKED_BYTES = 256 << 10 };

/* Macros and launch sizes of the kernels for these widths on this device. */
typedef struct tiling {
    char options[256];
    uint32_t columns; /* of a column panel */
    uint32_t block;   /* columns of INNER of a work-group of the backward kernels */
    tli_tile tile;
    uint32_t units;
    uint32_t tokens;  /* GPU form: of a work-group that owns tokens */
    bool cpu, tensor; /* the form; in that for GPUs, whether matrix units multiply */
} tiling;

/* All columns in one block if the batch has rows enough for several work-groups and the packed matrix is small. Sums over
 * columns follow the blocks, so that compute units do not count. */
static uint32_t column_block(const tli_offset_gemm *r)
{
    const uint64_t packed = 4ull * r->inner * r->heads * r->head_dim;
    const bool wide = r->batch >= WIDE_BATCH && packed <= PACKED_BYTES;
    return wide && r->inner > COLUMN_BLOCK ? r->inner : COLUMN_BLOCK;
}

/* The default tile of the CPU form; parameters that are 0 are the kernels'. */
static tli_tile default_cpu_tile(const tli_offset_gemm *r, uint32_t width)
{
    const uint32_t most = width == 16 ? 4 : 2; /* registers that remain beside six rows */
    uint32_t vectors = most;
    while (vectors > 1 && (vectors / 2) * width >= r->head_dim) vectors /= 2;
    return (tli_tile){.rows = vectors == most ? 6 : 12, .vectors = vectors};
}

static void add_cpu_options(tiling *t, const tli_tile *tile, char *options, size_t room)
{
    int used = snprintf(options, room, " -DCOLUMN_BLOCK=%u -DMR=%u -DNV=%u", t->block, tile->rows,
                        tile->vectors);
    if (tile->depth > 0) used += snprintf(options + used, room - (size_t)used, " -DKC=%u", tile->depth);
    if (tile->tiles > 0)
        (void)snprintf(options + used, room - (size_t)used, " -DBLOCK_TILES=%u", tile->tiles);
}

/* Whether matrix units compute products of this kind: by the rows and columns of what its tiles cover. */
static bool tensor_serves(tl_context *ctx, const tli_offset_gemm *r, tli_kernel_form form,
                          tli_product_kind kind)
{
    const uint64_t rows = kind == TLI_OFFSET_LOGITS            ? (uint64_t)r->pairs->largest * r->batch
                          : kind == TLI_OFFSET_WEIGHT_GRADIENT ? r->inner
                                                               : r->batch;
    const bool of_inner = kind == TLI_OFFSET_LOGITS_BACKWARD || kind == TLI_OFFSET_VALUES_BACKWARD;
    return tli_offset_gemm_tensor_serves(ctx, form, rows, of_inner ? r->inner : r->head_dim);
}

static tiling tiling_of(tl_context *ctx, const tli_offset_gemm *r, tli_product_kind kind)
{
    const tli_kernel_form form = tli_kernel_form_of(ctx, tli_product_family(kind));
    const tli_limits *limits = tli_context_limits(ctx);
    const tli_product_shape shape = {kind, r->batch, r->head_dim, r->inner, r->pairs->keys};
    const bool tensor = tensor_serves(ctx, r, form, kind);
    const tli_tile *tuned = tensor ? NULL : tli_tuning_tile(ctx, form, &shape, r->heads * r->head_dim);
    tiling t = {.tile = tensor          ? tli_offset_gemm_tensor_tile()
                        : tuned != NULL ? *tuned
                        : form.cpu      ? default_cpu_tile(r, form.vector_width)
                                        : tli_offset_gemm_gpu_tile(r, form, kind),
                .units = limits->compute_units,
                .cpu = form.cpu,
                .tensor = tensor};
    t.tokens = form.cpu || tensor ? 1 : tli_offset_gemm_block(t.tile, r->batch, kind);
    t.columns = form.cpu ? t.tile.vectors * form.vector_width : t.tile.side;
    t.block = !form.cpu ? t.tile.side : t.tile.panels > 0 ? t.tile.panels * t.columns : column_block(r);
    const int used = snprintf(t.options, sizeof t.options, "-DINNER=%u -DHEADS=%u -DHEAD_DIM=%u", r->inner,
                              r->heads, r->head_dim);
    char *more = t.options + used;
    const size_t room = sizeof t.options - (size_t)used;
    if (form.cpu)
        add_cpu_options(&t, &t.tile, more, room);
    else if (!tensor)
        tli_gpu_tile_options(t.tile, more, room);
    return t;
}

/* What a work-group of a kernel that owns tokens has: tokens; in the CPU form also batch indices, and the blocks of each. */
typedef struct share {
    uint32_t batch, tokens, batch_blocks, token_blocks;
} share;

/* The time of `panels` work-groups for each block of the batch and of the tokens, in rows a compute unit. Each packs the matrices of its own
 * pairs' offsets, which takes as long as some rows: more blocks share the rows out, but not the packing. */
static double time_of_blocks(const tiling *t, const tli_offset_gemm *r, uint32_t panels, const share *s)
{
    const double pack = 64.0, pairs = (double)r->pairs->count / r->pairs->groups / s->token_blocks;
    return (double)tli_ceil_div((uint64_t)panels * s->batch_blocks * s->token_blocks, t->units) *
           (pack + pairs * s->batch);
}

/* Blocks that take the least time, up to four work-groups a compute unit; of the batch as few as that allows. */
static share choose_share(const tiling *t, const tli_offset_gemm *r, uint32_t panels, uint32_t tokens)
{
    if (!t->cpu) return (share){.tokens = t->tokens};
    const uint32_t enough = (uint32_t)tli_ceil_div(4 * t->units, panels),
                   rows = (uint32_t)tli_ceil_div(r->batch, 8); /* a packed matrix should serve several */
    share best = {.batch = r->batch, .tokens = tokens, .batch_blocks = 1, .token_blocks = 1};
    double least = time_of_blocks(t, r, panels, &best);
    for (uint32_t n = 1; n <= enough && n <= rows; n++) {
        share own = {.batch = (uint32_t)tli_ceil_div(r->batch, n)};
        own.batch_blocks = (uint32_t)tli_ceil_div(r->batch, own.batch);
        for (uint32_t m = 1; n * m <= enough && m <= tokens; m++) {
            own.tokens = (uint32_t)tli_ceil_div(tokens, m);
            own.token_blocks = (uint32_t)tli_ceil_div(tokens, own.tokens);
            const double time = time_of_blocks(t, r, panels, &own);
            if (time < least) least = time, best = own;
        }
    }
    return best;
}

/* Launch sizes. On a GPU the logits' kernels also tile the rows, weight gradients the matrix's rows, and
 * value kernels the batch and the tokens; on a CPU one work-group loops over these. */
static tli_launch by_group(const tiling *t, uint32_t groups, uint32_t columns, uint32_t rows)
{
    return t->cpu ? tli_launch3(groups, columns, 1, 1)
                  : tli_launch3(groups, columns, (uint32_t)tli_ceil_div(rows, t->tile.side),
                                tli_gpu_tile_items(t->tile));
}

static tli_launch by_token(const tiling *t, const tli_offset_gemm *r, uint32_t panels, share own,
                           uint32_t tokens, uint32_t parts)
{
    if (t->cpu) return tli_launch3(panels, own.batch_blocks, own.token_blocks, 1);
    return tli_launch3(panels, t->tokens > 1 ? parts : (uint32_t)tli_ceil_div(r->batch, t->tile.side),
                       (uint32_t)tli_ceil_div(tokens, own.tokens), tli_gpu_tile_items(t->tile));
}

/* Parts of the offsets where work-groups have blocks of tokens, each with so many sums, behind what of the workspace is `used`. */
static uint32_t parts_of(const tiling *t, const tli_offset_gemm *r, uint32_t panels, uint32_t tokens,
                         uint64_t floats, uint64_t used, bool kept)
{
    if (t->cpu || t->tokens <= 1) return 1;
    const tli_pair_table *p = r->pairs;
    const uint64_t all = tli_offset_gemm_workspace(r->chunk_bytes, p->keys, p->count, p->largest, r->batch,
                                                   r->inner, r->heads, r->head_dim, kept);
    return tli_offset_gemm_block_parts(panels * tli_ceil_div(tokens, t->tokens), floats,
                                       all > used ? all - used : 0);
}

/* sums += the parts, one after the other. */
static tl_status add_parts(tl_context *ctx, tli_view sums, tli_view partial, uint32_t parts, uint64_t floats)
{
    for (uint32_t p = 0; p < parts; p++)
        TLI_TRY(tli_add(ctx, sums, tli_view_add(partial, p * floats), sums, floats));
    return TL_OK;
}

static tl_status offset_gemm_get(tl_context *ctx, const tiling *t, const char *name, tli_kernel **kernel)
{
    if (t->tensor)
        return tli_offset_gemm_tensor_kernel(ctx, tli_matrix_unit_of(ctx), tli_matrix_unit_precision(ctx),
                                             name, t->options, kernel);
    if (t->tokens > 1)
        return tli_kernel_get_form(ctx, false, TLI_OFFSET_GEMM_BLOCK_FILES, name, t->options, kernel);
    return tli_family_kernel(ctx, "offset_gemm", name, t->options, kernel);
}

/* The same for kernels that distinguish per-offset operands from projected ones. */
static void add_sides(tiling *t, const tli_offset_gemm *r, const tl_tensor *wq, const tl_tensor *wk)
{
    const uint32_t q = r->q_stride > 0 ? r->q_stride : r->inner, k = r->k_stride > 0 ? r->k_stride : r->inner;
    if (wq != NULL && wk != NULL && q == r->inner && k == r->inner) return; /* the kernels' defaults */
    const size_t used = strlen(t->options);
    snprintf(t->options + used, sizeof t->options - used,
             " -DQ_PER_OFFSET=%d -DK_PER_OFFSET=%d -DQ_STRIDE=%u -DK_STRIDE=%u", wq != NULL, wk != NULL, q,
             k);
}

/* What a kernel reads or writes once, in a chunk. */
typedef struct traffic {
    double products;  /* of all rows by a matrix */
    double inputs;    /* activations [token][batch][inner], in passes over them */
    double outputs;   /* [token][batch][width] */
    double pair_rows; /* [pair][batch][width] */
    double matrices;  /* of the chunk's groups */
    double filled;    /* part of the tiles that has results */
} traffic;

static tli_launch with_work(tli_launch launch, const tli_offset_gemm *r, const tiling *t,
                            const tli_offset_chunk *c, traffic work)
{
    const double width = (double)r->heads * r->head_dim, matrix = r->inner * width,
                 pair_rows = (double)(c->pair_end - c->pair_begin) * r->batch,
                 token_rows = (double)r->pairs->keys * r->batch;
    launch.flops = 2.0 * work.products * pair_rows * matrix;
    launch.bytes = sizeof(float) * (token_rows * (work.inputs * r->inner + work.outputs * width) +
                                    pair_rows * (work.pair_rows * width + r->heads) +
                                    work.matrices * (c->end - c->begin) * matrix);
    if (!t->cpu) tli_gpu_tile_work(t->tile, work.filled, &launch);
    return launch;
}

/* How many of q and k have matrices. */
static int sides_of(const tli_offset_chunk *c)
{
    return (c->query != NULL) + (c->key != NULL);
}

/* Of tiles of a group's rows by a head's channels, of all groups of the chunk. */
static double filled_by_groups(const tli_offset_gemm *r, const tiling *t, const tli_offset_chunk *c)
{
    double tiled = 0;
    if (t->cpu) return 1;
    for (uint32_t g = c->begin; g < c->end; g++) {
        const uint64_t rows = (uint64_t)r->pairs->group[g].count * r->batch;
        tiled += (double)rows / tli_gpu_tile_filled(t->tile, rows);
    }
    return (double)(c->pair_end - c->pair_begin) * r->batch / tiled *
           tli_gpu_tile_filled(t->tile, r->head_dim);
}

/* Of tiles of `rows` x `columns` results. */
static double filled(const tiling *t, uint32_t rows, uint32_t columns)
{
    return t->cpu ? 1 : tli_gpu_tile_filled(t->tile, rows) * tli_gpu_tile_filled(t->tile, columns);
}

/* The same of tiles of tokens' rows. */
static double filled_by_token(const tiling *t, const tli_offset_gemm *r, tli_product_kind kind,
                              uint32_t columns)
{
    return t->cpu ? 1
                  : tli_offset_gemm_block_filled(r, t->tile, t->tokens, kind) *
                        tli_gpu_tile_filled(t->tile, columns);
}

/* By-value argument of all kernels for a chunk; `pair_begin` is the first pair of the rows in memory. */
static offset_gemm_sizes sizes_of_chunk(const tli_offset_gemm *r, const tli_offset_chunk *c,
                                        int32_t pair_begin, share own)
{
    return (offset_gemm_sizes){.group_begin = (i32)c->begin,
                               .group_end = (i32)c->end,
                               .pair_begin = pair_begin,
                               .pair_end = c->pair_end,
                               .all_pairs = (i32)r->pairs->count,
                               .queries = (i32)r->pairs->queries,
                               .keys = (i32)r->pairs->keys,
                               .batch = (i32)r->batch,
                               .batch_block = (i32)own.batch,
                               .token_block = (i32)own.tokens,
                               .parts = 1,
                               .query_first = c->query_first,
                               .key_first = c->key_first};
}

/* Runs the kernel offset_gemm_logits on a chunk: logits into weights, q and k into rows; mem NULL skips either. */
static tl_status chunk_logits(tl_context *ctx, const tli_offset_gemm *r, const tiling *t,
                              const tli_offset_chunk *c, tli_view xq, tli_view xk, float scale,
                              tli_view weights, tli_offset_rows rows, int32_t pair_begin)
{
    tli_kernel *kernel;
    TLI_TRY(offset_gemm_get(ctx, t, "offset_gemm_logits", &kernel));
    const tli_launch launch = by_group(t, c->end - c->begin, r->heads, r->pairs->largest * r->batch);
    offset_gemm_sizes sizes = sizes_of_chunk(r, c, pair_begin, (share){0});
    sizes.scale = scale;
    sizes.keep = rows.q.mem != NULL;
    sizes.xq_at = xq.at, sizes.xk_at = xk.at, sizes.weights_at = weights.at;
    sizes.q_at = rows.q.at, sizes.k_at = rows.k.at;
    const traffic work = {.products = sides_of(c),
                          .matrices = sides_of(c),
                          .inputs = 2,
                          .pair_rows = sizes.keep ? 2 : 0,
                          .filled = filled_by_groups(r, t, c)};
    return TLI_LAUNCH(ctx, kernel, with_work(launch, r, t, c, work), TLI_ARG_PAIRS(r->pairs),
                      TLI_ARG_MEM(xq.mem), TLI_ARG_MEM(c->query), TLI_ARG_MEM(xk.mem), TLI_ARG_MEM(c->key),
                      TLI_ARG_MEM(weights.mem), TLI_ARG_MEM(rows.q.mem), TLI_ARG_MEM(rows.k.mem),
                      TLI_ARG_STRUCT(sizes));
}

tl_status tli_offset_gemm_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq, const tl_tensor *wq,
                                 tli_view xk, const tl_tensor *wk, float scale, tli_view weights,
                                 tli_offset_rows kept, tli_view workspace)
{
    if (tli_offset_gemv_suits(ctx, r, wq, wk))
        return tli_offset_gemv_logits(ctx, r, xq, wq, xk, wk, scale, weights);
    if (tli_narrow_offset_gemm_suits(ctx, r, wq, wk))
        return tli_narrow_offset_gemm_logits(ctx, r, xq, wq, xk, wk, scale, weights, workspace);
    tiling t = tiling_of(ctx, r, TLI_OFFSET_LOGITS);
    add_sides(&t, r, wq, wk);
    for (tli_offset_chunk c = {0}; tli_offset_chunk_next(r->pairs, wq, wk, NULL, NULL, 0, &c);)
        TLI_TRY(chunk_logits(ctx, r, &t, &c, xq, xk, scale, weights, kept, 0));
    return TL_OK;
}

/* CPU form: panels of a matrix that a work-group of the weight gradient has. Together they read x from copies, if they are MANY_PANELS, and groups
 * are as unequal as offsets are: those that leave GROUPS_A_UNIT. The same bits for any number of them. */
static uint32_t gradient_panels(const tiling *t, uint32_t groups, uint32_t all)
{
    enum { GROUPS_A_UNIT = 16 };
    uint32_t panels = tli_smaller(all, MOST_PANELS);
    while (panels >= MANY_PANELS && groups * tli_ceil_div(all, panels) < (uint64_t)GROUPS_A_UNIT * t->units)
        panels--;
    return panels >= MANY_PANELS ? panels : 1;
}

/* dW of the chunk's groups; side and gradient as in kernels/offset_gemm_gradient.cl. */
static tl_status chunk_weight_gradient(tl_context *ctx, const tli_offset_gemm *r, const tiling *t,
                                       const tli_offset_chunk *c, int32_t pair_begin, int side, tli_view x,
                                       tli_view gradient, tli_view weights, tli_mem dw)
{
    tli_kernel *kernel;
    TLI_TRY(offset_gemm_get(ctx, t, "offset_gemm_weight_gradient", &kernel));
    tli_launch launch = by_group(t, c->end - c->begin,
                                 r->heads * (uint32_t)tli_ceil_div(r->head_dim, t->columns), r->inner);
    offset_gemm_sizes sizes = sizes_of_chunk(r, c, pair_begin, (share){0});
    if (t->cpu) {
        sizes.panels = (i32)gradient_panels(t, c->end - c->begin, (uint32_t)launch.groups[1]);
        launch.groups[1] = tli_ceil_div(launch.groups[1], (uint32_t)sizes.panels);
    } else {
        launch = tli_launch1(launch.groups[0] * launch.groups[1] * launch.groups[2], launch.items);
        if (c->end - c->begin == r->pairs->groups) sizes.by_size = (i32)r->pairs->groups;
    }
    sizes.side = side;
    sizes.x_at = x.at, sizes.gradient_at = gradient.at, sizes.weights_at = weights.at;
    const traffic work = {.products = 1,
                          .matrices = 1,
                          .inputs = 1,
                          .outputs = side == 2,
                          .pair_rows = side != 2,
                          .filled = filled(t, r->inner, r->head_dim)};
    return TLI_LAUNCH(ctx, kernel, with_work(launch, r, t, c, work), TLI_ARG_PAIRS(r->pairs),
                      TLI_ARG_MEM(x.mem), TLI_ARG_MEM(gradient.mem), TLI_ARG_MEM(weights.mem),
                      TLI_ARG_MEM(dw), TLI_ARG_STRUCT(sizes));
}

tl_status tli_offset_gemm_logits_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view xq,
                                          const tl_tensor *wq, tli_view xk, const tl_tensor *wk,
                                          tli_view dweights, tli_offset_rows kept, tli_view dxq, tli_view dxk,
                                          tl_tensor *dwq, tl_tensor *dwk, tli_view workspace)
{
    if (tli_narrow_offset_gemm_suits(ctx, r, wq, wk))
        return tli_narrow_offset_gemm_logits_backward(ctx, r, xq, wq, xk, wk, dweights, dxq, dxk, dwq, dwk,
                                                      workspace);
    tiling t = tiling_of(ctx, r, TLI_OFFSET_LOGITS),
           by_tokens = tiling_of(ctx, r, TLI_OFFSET_LOGITS_BACKWARD),
           gradient = tiling_of(ctx, r, TLI_OFFSET_WEIGHT_GRADIENT);
    add_sides(&t, r, wq, wk);
    add_sides(&by_tokens, r, wq, wk);
    add_sides(
        &gradient, r, wq,
        wk); /* which it has not, but then it is of the logits' program where their tiles are the same */
    const bool keep = kept.q.mem != NULL;
    const uint32_t width = r->heads * r->head_dim;
    const uint64_t limit = keep ? 0
                                : tli_offset_chunk_pairs(
                                      r, tli_offset_chunk_row(r->inner, r->heads, r->head_dim, false));
    const uint32_t slices = (uint32_t)tli_ceil_div(r->inner, by_tokens.block);
    const share own = choose_share(&by_tokens, r, slices, r->pairs->keys);
    const uint64_t q_floats = wq != NULL ? (uint64_t)r->pairs->queries * r->batch * r->inner : 0,
                   k_floats = wk != NULL ? (uint64_t)r->pairs->keys * r->batch * r->inner : 0;
    tli_kernel *kernel;
    TLI_TRY(offset_gemm_get(ctx, &by_tokens, "offset_gemm_logits_backward", &kernel));
    for (tli_offset_chunk c = {0}; tli_offset_chunk_next(r->pairs, wq, wk, dwq, dwk, limit, &c);) {
        const int32_t pair_begin = keep ? 0 : c.pair_begin; /* of the rows in memory: all, or the chunk's */
        tli_offset_rows rows = kept;
        const uint64_t held = keep ? 0 : (uint64_t)(c.pair_end - c.pair_begin) * r->batch * width;
        if (!keep) {
            rows = (tli_offset_rows){workspace, tli_view_add(workspace, held)};
            TLI_TRY(chunk_logits(ctx, r, &t, &c, xq, xk, 0.0f, (tli_view){0}, rows, pair_begin));
        }
        if (wq != NULL)
            TLI_TRY(
                chunk_weight_gradient(ctx, r, &gradient, &c, pair_begin, 0, xq, rows.k, dweights, c.dquery));
        if (wk != NULL)
            TLI_TRY(
                chunk_weight_gradient(ctx, r, &gradient, &c, pair_begin, 1, xk, rows.q, dweights, c.dkey));
        const uint32_t parts = parts_of(&by_tokens, r, slices, r->pairs->keys, q_floats + k_floats, 2 * held,
                                        keep);
        const tli_view partial_q = tli_view_add(workspace, 2 * held),
                       partial_k = tli_view_add(partial_q, parts * q_floats),
                       to_q = parts > 1 && wq != NULL ? partial_q : dxq,
                       to_k = parts > 1 && wk != NULL ? partial_k : dxk;
        const tli_launch launch = by_token(&by_tokens, r, slices, own, r->pairs->keys, parts);
        offset_gemm_sizes sizes = sizes_of_chunk(r, &c, pair_begin, own);
        sizes.weights_at = dweights.at, sizes.q_at = rows.q.at, sizes.k_at = rows.k.at;
        sizes.dxq_at = to_q.at, sizes.dxk_at = to_k.at, sizes.parts = (i32)parts;
        const traffic work = {.products = sides_of(&c),
                              .matrices = sides_of(&c),
                              .inputs = 4,
                              .pair_rows = 2,
                              .filled = filled_by_token(&by_tokens, r, TLI_OFFSET_LOGITS_BACKWARD, r->inner)};
        TLI_TRY(TLI_LAUNCH(ctx, kernel, with_work(launch, r, &by_tokens, &c, work), TLI_ARG_PAIRS(r->pairs),
                           TLI_ARG_MEM(dweights.mem), TLI_ARG_MEM(rows.q.mem), TLI_ARG_MEM(rows.k.mem),
                           TLI_ARG_MEM(c.query), TLI_ARG_MEM(c.key), TLI_ARG_MEM(to_q.mem),
                           TLI_ARG_MEM(to_k.mem), TLI_ARG_STRUCT(sizes)));
        if (parts > 1 && wq != NULL) TLI_TRY(add_parts(ctx, dxq, partial_q, parts, q_floats));
        if (parts > 1 && wk != NULL) TLI_TRY(add_parts(ctx, dxk, partial_k, parts, k_floats));
    }
    return TL_OK;
}

tl_status tli_offset_gemm_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x, const tl_tensor *w,
                                 tli_view weights, tli_view y, tli_view workspace)
{
    if (tli_offset_gemv_suits(ctx, r, NULL, w))
        return tli_offset_gemv_values(ctx, r, x, w, weights, y, workspace);
    if (tli_narrow_offset_gemm_suits(ctx, r, NULL, w))
        return tli_narrow_offset_gemm_values(ctx, r, x, w, weights, y, workspace);
    const tiling t = tiling_of(ctx, r, TLI_OFFSET_VALUES);
    tli_kernel *kernel;
    TLI_TRY(offset_gemm_get(ctx, &t, "offset_gemm_values", &kernel));
    const uint32_t panels = r->heads * (uint32_t)tli_ceil_div(r->head_dim, t.columns);
    const share own = choose_share(&t, r, panels, r->pairs->queries);
    const uint64_t floats = (uint64_t)r->pairs->queries * r->batch * r->heads * r->head_dim;
    const uint32_t parts = parts_of(&t, r, panels, r->pairs->queries, floats, 0, true);
    const tli_view to = parts > 1 ? workspace : y;
    for (tli_offset_chunk c = {0}; tli_offset_chunk_next(r->pairs, NULL, w, NULL, NULL, 0, &c);) {
        const tli_launch launch = by_token(&t, r, panels, own, r->pairs->queries, parts);
        offset_gemm_sizes sizes = sizes_of_chunk(r, &c, c.pair_begin, own);
        sizes.x_at = x.at, sizes.weights_at = weights.at, sizes.y_at = to.at, sizes.parts = (i32)parts;
        const traffic work = {.products = 1,
                              .matrices = 1,
                              .inputs = 1,
                              .outputs = 2,
                              .filled = filled_by_token(&t, r, TLI_OFFSET_VALUES, r->head_dim)};
        TLI_TRY(TLI_LAUNCH(ctx, kernel, with_work(launch, r, &t, &c, work), TLI_ARG_PAIRS(r->pairs),
                           TLI_ARG_MEM(x.mem), TLI_ARG_MEM(c.key), TLI_ARG_MEM(weights.mem),
                           TLI_ARG_MEM(to.mem), TLI_ARG_STRUCT(sizes)));
        if (parts > 1) TLI_TRY(add_parts(ctx, y, to, parts, floats));
    }
    return TL_OK;
}

tl_status tli_offset_gemm_values_backward(tl_context *ctx, const tli_offset_gemm *r, tli_view x,
                                          const tl_tensor *w, tli_view weights, tli_view dy,
                                          tli_view dweights, tli_view dx, tl_tensor *dw, tli_view workspace)
{
    if (tli_narrow_offset_gemm_suits(ctx, r, NULL, w))
        return tli_narrow_offset_gemm_values_backward(ctx, r, x, w, weights, dy, dweights, dx, dw, workspace);
    const tiling by_tokens = tiling_of(ctx, r, TLI_OFFSET_VALUES_BACKWARD),
                 gradient = tiling_of(ctx, r, TLI_OFFSET_WEIGHT_GRADIENT);
    tli_kernel *kernel;
    TLI_TRY(offset_gemm_get(ctx, &by_tokens, "offset_gemm_values_backward", &kernel));
    const uint32_t slices = (uint32_t)tli_ceil_div(r->inner, by_tokens.block);
    const share own = choose_share(&by_tokens, r, slices, r->pairs->keys);
    const uint64_t limit = tli_offset_chunk_pairs(r, (uint64_t)slices * r->heads),
                   floats = (uint64_t)r->pairs->keys * r->batch * r->inner;
    for (tli_offset_chunk c = {0}; tli_offset_chunk_next(r->pairs, NULL, w, NULL, dw, limit, &c);) {
        const uint64_t held = (uint64_t)(c.pair_end - c.pair_begin) * r->batch * slices * r->heads;
        const uint32_t parts = parts_of(&by_tokens, r, slices, r->pairs->keys, floats, held, true);
        const tli_view to = parts > 1 ? tli_view_add(workspace, held) : dx;
        const tli_launch launch = by_token(&by_tokens, r, slices, own, r->pairs->keys, parts);
        offset_gemm_sizes sizes = sizes_of_chunk(r, &c, c.pair_begin, own);
        sizes.dy_at = dy.at, sizes.x_at = x.at, sizes.weights_at = weights.at;
        sizes.partial_at = workspace.at, sizes.dx_at = to.at, sizes.parts = (i32)parts;
        const traffic work = {.products = 1,
                              .matrices = 1,
                              .inputs = 3,
                              .outputs = 1,
                              .filled = filled_by_token(&by_tokens, r, TLI_OFFSET_VALUES_BACKWARD, r->inner)};
        TLI_TRY(TLI_LAUNCH(ctx, kernel, with_work(launch, r, &by_tokens, &c, work), TLI_ARG_PAIRS(r->pairs),
                           TLI_ARG_MEM(dy.mem), TLI_ARG_MEM(x.mem), TLI_ARG_MEM(c.key),
                           TLI_ARG_MEM(weights.mem), TLI_ARG_MEM(workspace.mem), TLI_ARG_MEM(to.mem),
                           TLI_ARG_STRUCT(sizes)));
        if (parts > 1) TLI_TRY(add_parts(ctx, dx, to, parts, floats));
        TLI_TRY(tli_pair_table_sum_slices(ctx, r->pairs, slices, r->batch, r->heads, c.pair_begin, c.pair_end,
                                          workspace, dweights));
        TLI_TRY(chunk_weight_gradient(ctx, r, &gradient, &c, 0, 2, x, dy, weights, c.dkey));
    }
    return TL_OK;
}

#include "ops/gemm_slices.h"

#include "core/arithmetic.h"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

/* So many tiles keep a large GPU's compute units busy; a slice is so deep at least. */
enum { SPLIT_TILE = 64, SPLIT_TILES = 528, SPLIT_DEPTH = 64 };
enum {
    CPU_SLICES = 4,
    CPU_SLICE_DEPTH = 768
}; /* in the form for CPUs at most so many, and at least so deep */

/* By the shape alone, so that results do not depend on the device. */
static uint32_t slices_of(uint64_t m, uint64_t n, uint64_t k)
{
    const uint64_t tiles = tli_ceil_div(m, SPLIT_TILE) * tli_ceil_div(n, SPLIT_TILE), most = k / SPLIT_DEPTH,
                   fair = tiles > 0 ? SPLIT_TILES / tiles : 1, slices = fair < most ? fair : most;
    return slices > 1 ? (uint32_t)slices : 1;
}

/* CPUs have fewer compute units, and slices pass through memory once more. */
static uint32_t cpu_slices_of(uint64_t m, uint64_t n, uint64_t k)
{
    const uint64_t most = tli_smaller(slices_of(m, n, k), CPU_SLICES), deep = k / CPU_SLICE_DEPTH;
    return (uint32_t)tli_larger(tli_smaller(most, deep), 1);
}

uint64_t tli_gemm_slices_workspace(uint64_t m, uint64_t n, uint64_t k)
{
    const uint32_t slices = slices_of(m, n, k);
    return slices > 1 ? slices * m * n : 0;
}

uint64_t tli_gemm_slices_workspace_most(uint64_t m, uint64_t n, uint64_t k)
{
    const uint64_t by_depth = k / SPLIT_DEPTH * m * n,
                   by_tiles = (uint64_t)SPLIT_TILES * SPLIT_TILE * SPLIT_TILE;
    return by_depth < by_tiles ? by_depth : by_tiles;
}

tl_status tli_gemm_slices(tl_context *ctx, const tli_gemm_args *g, tli_view workspace)
{
    const bool cpu = tli_kernel_form_of(ctx, "gemm").cpu;
    const uint32_t slices = cpu ? cpu_slices_of(g->m, g->n, g->k) : slices_of(g->m, g->n, g->k);
    if (slices == 1) return tli_gemm(ctx, g);
    const uint32_t depth = (uint32_t)tli_ceil_div(g->k, slices), full = g->k / depth, rest = g->k % depth;
    const uint64_t size = (uint64_t)g->m * g->n;
    tli_gemm_args part = *g;
    part.k = depth, part.c = workspace, part.ldc = g->n, part.outer = full;
    part.a_outer = (uint64_t)depth * (g->transpose_a ? g->lda : 1);
    part.b_outer = (uint64_t)depth * (g->transpose_b ? 1 : g->ldb);
    part.c_outer = size;
    const uint32_t parts = full + (rest > 0);
    const tli_view sums = tli_view_add(workspace, parts * size); /* of each part, behind all parts */
    if (g->sums.mem != NULL) part.sums = sums;
    TLI_TRY(tli_gemm(ctx, &part));
    part.a = tli_view_add(g->a, full * part.a_outer), part.b = tli_view_add(g->b, full * part.b_outer),
    part.c = tli_view_add(workspace, full * size);
    part.k = rest, part.outer = 1;
    if (g->sums.mem != NULL) part.sums = tli_view_add(sums, (uint64_t)full * g->m);
    if (rest > 0) TLI_TRY(tli_gemm(ctx, &part));
    if (g->sums.mem != NULL)
        TLI_TRY(tli_column_sum_blocks(ctx, sums, g->m, g->sums, parts, parts, g->m, 1.0f));
    return tli_column_sum_blocks(ctx, workspace, size, g->c, parts, parts, size, 1.0f);
}

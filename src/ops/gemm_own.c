#include "ops/gemm_own.h"

#include <math.h>
#include <stdio.h>

#include "core/arithmetic.h"
#include "kernels/gemm_sizes.cl"
#include "kernels/tile_sizes.cl"
#include "ops/gpu_tile.h"
#include "ops/kernel_forms.h"
#include "ops/tuning.h"

_Static_assert(sizeof(gemm_sizes) == 152, "gemm_sizes has the same layout in kernels and here");

/* Rows of op(A) times the inner dimension up to which another tile saves less than what launching a kernel costs. */
enum { SMALL = 4096 };

/* Of the largest tile in the GPU form: floats between rows, of which its slices of eight reach 4 GiB (kernels/tile_gpu.cl). */
enum { LARGEST_TILE_ROWS_APART = 1 << 27 };

/* A register tile of kernels/tile.cl. */
typedef struct register_tile {
    uint32_t rows, vectors, columns;
} register_tile;

static uint32_t round_up(uint32_t a, uint32_t unit)
{
    return (uint32_t)tli_ceil_div(a, unit) * unit;
}

/* The tile that kernels/tile.cl has without options. */
static register_tile default_tile(uint32_t vector_width)
{
    const uint32_t vectors = vector_width == 16 ? 4 : 2;
    return (register_tile){6, vectors, vectors * vector_width};
}

/* Few columns: no more vectors a row than these fill, and more rows in the registers that this leaves; but not for small
 * products, as a tile is a program of its own, which costs a start of the compiler. */
static register_tile choose_tile(uint32_t vector_width, const tli_gemm_args *g, uint32_t batches)
{
    enum { MOST_VECTORS = 3 };
    /* Rows for so many vectors, with 16 registers and with 32. Of 4 x 3 accumulators in 16 registers compilers spill some. */
    static const uint32_t rows[2][MOST_VECTORS + 1] = {{0, 12, 6, 3}, {0, 12, 12, 8}};
    const uint32_t columns = round_up(g->n, tli_larger(vector_width, TRANSPOSED_COLUMNS)),
                   vectors = columns / vector_width;
    if ((uint64_t)g->m * g->k * batches <= SMALL || vectors > MOST_VECTORS) return default_tile(vector_width);
    return (register_tile){rows[vector_width == 16][vectors], vectors, columns};
}

static uint32_t at_least_one(uint32_t n)
{
    return n > 0 ? n : 1;
}

/* A work-group's block of C. */
typedef struct block {
    uint32_t rows, columns;
} block;

/* Results, those that pad partial tiles included, of the unit that gets most: drivers hand groups out in their
 * order, first to a unit its share of all of them, and whole blocks come before partial ones. */
static double largest_share(const tli_gemm_args *g, uint32_t units, uint32_t batches, register_tile tile,
                            block b)
{
    const uint32_t row_blocks = (uint32_t)tli_ceil_div(g->m, b.rows),
                   column_blocks = (uint32_t)tli_ceil_div(g->n, b.columns), rows = round_up(g->m, tile.rows),
                   columns = round_up(g->n, tile.columns);
    const uint64_t matrix = (uint64_t)row_blocks * column_blocks,
                   share = tli_ceil_div(matrix * batches, units), matrices = share / matrix,
                   whole_rows = share % matrix / column_blocks * b.rows,
                   beside = share % column_blocks * b.columns * tli_smaller(b.rows, rows - whole_rows);
    return (double)matrices * rows * columns + (double)whole_rows * columns + (double)beside;
}

/* Relative cost of a step of the inner dimension with this block, in results: packing a column of B costs as much as
 * some rows (packing A, where it is transposed, as some columns), and units that differ in speed wait for each
 * other the longer the fewer blocks there are. */
static double block_cost(const tli_gemm_args *g, uint32_t units, uint32_t batches, register_tile tile,
                         block b)
{
    const double pack = 20.0 / b.rows + (g->transpose_a ? 6.0 / b.columns : 0.0);
    const uint64_t blocks = tli_ceil_div(g->m, b.rows) * tli_ceil_div(g->n, b.columns) * batches;
    return largest_share(g, units, batches, tile, b) * (1.0 + pack) *
           (1.0 + 0.1 / (double)tli_ceil_div(blocks, units));
}

/* So many blocks of equal rows, and as many of about equal columns as columns fit into a block. */
static block equal_blocks(const tli_gemm_args *g, register_tile tile, uint32_t row_blocks, uint32_t columns)
{
    return (block){
        round_up((uint32_t)tli_ceil_div(g->m, row_blocks), tile.rows),
        round_up((uint32_t)tli_ceil_div(g->n, (uint32_t)tli_ceil_div(g->n, columns)), tile.columns)};
}

static block choose_block(const tli_gemm_args *g, uint32_t units, uint32_t batches, register_tile tile)
{
    enum { MOST_ROWS = 504, FINE = 8 }; /* counts are tried one by one, then by halves */
    const uint32_t fewest = (uint32_t)tli_ceil_div(g->m, MOST_ROWS),
                   most = (uint32_t)tli_ceil_div(g->m, tile.rows);
    block best = {tile.rows, tile.columns};
    double least = block_cost(g, units, batches, tile, best);
    for (uint32_t count = fewest; count <= most; count += count < fewest + FINE ? 1 : count / 2) {
        for (uint32_t columns = tile.columns; columns <= GEMM_COLUMNS; columns += tile.columns) {
            const block b = equal_blocks(g, tile, count, columns);
            const double cost = block_cost(g, units, batches, tile, b);
            if (cost < least) {
                least = cost;
                best = b;
            }
            if (columns >= g->n) break;
        }
    }
    return best;
}

/* Each operand once. */
static double bytes_of(const tli_gemm_args *g, uint32_t batches)
{
    const double results = (double)g->m * g->n,
                 passes = 1.0 + (g->beta != 0.0f) + (g->residual.mem != NULL) + (g->factor.mem != NULL);
    return sizeof(float) * batches * (((double)g->m + g->n) * g->k + passes * results);
}

/* What a kernel is built with and launched for. */
typedef struct plan {
    block block;
    tli_tile tile; /* in the GPU form */
    char options[160];
} plan;

static void plan_for_cpu(tl_context *ctx, tli_kernel_form form, const tli_gemm_args *g, uint32_t batches,
                         const tli_tile *tuned, plan *p)
{
    const tli_limits *limits = tli_context_limits(ctx);
    const register_tile registers = tuned != NULL ? (register_tile){tuned->rows, tuned->vectors,
                                                                    tuned->vectors * form.vector_width}
                                                  : choose_tile(form.vector_width, g, batches);
    const uint32_t columns = tuned != NULL ? tuned->panels * registers.columns : GEMM_COLUMNS;
    p->block = tuned != NULL ? equal_blocks(g, registers,
                                            (uint32_t)tli_ceil_div(g->m, tuned->tiles * tuned->rows), columns)
                             : choose_block(g, limits->compute_units, batches, registers);
    p->options[0] = '\0'; /* the program of all kernels that need none */
    if (tuned != NULL)
        (void)snprintf(p->options, sizeof p->options, "-DCOLUMN_BLOCK=%u -DMR=%u -DNV=%u -DKC=%u",
                       (unsigned)tli_larger(columns, GEMM_COLUMNS), registers.rows, registers.vectors,
                       tuned->depth);
    else if (registers.columns != default_tile(form.vector_width).columns)
        (void)snprintf(p->options, sizeof p->options, "-DMR=%u -DNV=%u", registers.rows, registers.vectors);
}

static void plan_for_gpu(tli_kernel_form form, const tli_gemm_args *g, uint32_t batches,
                         const tli_tile *tuned, plan *p)
{
    p->tile = tuned != NULL ? *tuned : tli_gpu_tile_choose_gemm(form, g->m, g->n, batches);
    if (p->tile.side > TLI_TILE_LARGEST_BY_OFFSET && tli_larger(g->lda, g->ldb) >= LARGEST_TILE_ROWS_APART)
        p->tile = tli_gpu_tile_choose(form, g->m, g->n, batches);
    p->block = (block){p->tile.side, p->tile.side};
    const int used = snprintf(p->options, sizeof p->options, "-DTA=%d -DTB=%d", g->transpose_a,
                              g->transpose_b);
    tli_gpu_tile_options(p->tile, p->options + used, sizeof p->options - (size_t)used);
}

uint32_t tli_gemm_batches(const tli_gemm_args *g)
{
    return at_least_one(g->outer) * at_least_one(g->inner);
}

tl_status tli_gemm_launch(tl_context *ctx, tli_kernel *kernel, const tli_gemm_args *g, uint32_t rows,
                          uint32_t columns, uint32_t items, const tli_tile *tile)
{
    const uint32_t batches = tli_gemm_batches(g);
    tli_launch launch = tli_launch3((uint32_t)tli_ceil_div(g->n, columns), (uint32_t)tli_ceil_div(g->m, rows),
                                    batches, items);
    launch.flops = 2.0 * g->m * g->n * g->k * batches;
    launch.bytes = bytes_of(g, batches);
    if (tile != NULL)
        tli_gpu_tile_work(*tile, tli_gpu_tile_filled(*tile, g->m) * tli_gpu_tile_filled(*tile, g->n),
                          &launch);
    const gemm_sizes sizes = {.a_at = g->a.at,
                              .b_at = g->b.at,
                              .c_at = g->c.at,
                              .bias_at = g->bias.at,
                              .residual_at = g->residual.at,
                              .factor_at = g->factor.at,
                              .sums_at = g->sums.at,
                              .a_outer = g->a_outer,
                              .a_inner = g->a_inner,
                              .b_outer = g->b_outer,
                              .b_inner = g->b_inner,
                              .c_outer = g->c_outer,
                              .c_inner = g->c_inner,
                              .m = (i32)g->m,
                              .n = (i32)g->n,
                              .k = (i32)g->k,
                              .lda = (i32)g->lda,
                              .ldb = (i32)g->ldb,
                              .ldc = (i32)g->ldc,
                              .mb = (i32)rows,
                              .nb = (i32)columns,
                              .inner = (i32)at_least_one(g->inner),
                              .alpha = g->alpha,
                              .beta = g->beta};
    if (tile == NULL)
        return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(g->a.mem), TLI_ARG_MEM(g->b.mem),
                          TLI_ARG_MEM(g->c.mem), TLI_ARG_MEM(g->bias.mem), TLI_ARG_MEM(g->residual.mem),
                          TLI_ARG_MEM(g->factor.mem), TLI_ARG_MEM(g->sums.mem), TLI_ARG_STRUCT(sizes));
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(g->a.mem), TLI_ARG_MEM(g->b.mem),
                      TLI_ARG_MEM(g->c.mem), TLI_ARG_MEM(g->bias.mem), TLI_ARG_MEM(g->residual.mem),
                      TLI_ARG_MEM(g->factor.mem), TLI_ARG_STRUCT(sizes));
}

tl_status tli_gemm_own(tl_context *ctx, const tli_gemm_args *g)
{
    const tli_kernel_form form = tli_kernel_form_of(ctx, "gemm");
    const uint32_t batches = tli_gemm_batches(g);
    if (g->m == 0 || g->n == 0) return TL_OK;
    const tli_product_shape shape = {tli_gemm_kind(g->transpose_a, g->transpose_b), g->m, g->n, g->k,
                                     batches};
    const tli_tile *tuned = tli_tuning_tile(ctx, form, &shape, g->n);
    plan p;
    if (form.cpu)
        plan_for_cpu(ctx, form, g, batches, tuned, &p);
    else
        plan_for_gpu(form, g, batches, tuned, &p);
    tli_kernel *kernel;
    const char *name = tli_product_kernel(shape.kind, form.cpu);
    TLI_TRY(tli_family_kernel(ctx, "gemm", name, p.options, &kernel));
    return tli_gemm_launch(ctx, kernel, g, p.block.rows, p.block.columns,
                           form.cpu ? 1 : tli_gpu_tile_items(p.tile), form.cpu ? NULL : &p.tile);
}

/* How row and elementwise kernels are divided into work-groups. Inside src/ops only. */
#ifndef OPS_ROWWISE_H
#define OPS_ROWWISE_H

#include <stdio.h>

#include "core/arithmetic.h"
#include "ops/kernel_forms.h"

#define TLI_ROWWISE_MAX_BLOCKS 128 /* limit of row blocks in a two-pass column reduction */

/* Elements that amortise the start of a CPU work-group; elements per GPU work-item. */
enum { TLI_GROUP_ELEMENTS = 16384, TLI_ITEM_ELEMENTS = 4 };

/* Consecutive elements (or rows, of `weight` elements each) per CPU work-group: about TLI_GROUP_ELEMENTS,
 * fewer if some compute units would otherwise be idle. */
static inline uint64_t tli_rowwise_share(const tli_limits *limits, uint64_t rows, uint64_t weight)
{
    uint64_t share = tli_ceil_div(TLI_GROUP_ELEMENTS, weight > 0 ? weight : 1);
    uint64_t fair = tli_ceil_div(rows, 4u * (uint64_t)limits->compute_units);
    if (share > fair) share = fair;
    return share > 0 ? share : 1;
}

typedef struct tli_rowwise {
    uint32_t rows_per_group;
    tli_launch launch;
    char options[32]; /* for tli_kernel_get */
} tli_rowwise;

/* Launch over rows of `length` floats: a row is computed by one work-item (CPU) or by a power of two of
 * lanes (GPU). Memory traffic is that of a kernel which reads and writes each of them once. */
static inline tli_rowwise tli_rowwise_cut(tl_context *ctx, const char *family, uint64_t rows, uint32_t length)
{
    const uint32_t group = tli_kernel_form_of(ctx, family).row_group;
    tli_rowwise plan = {.options = ""};
    if (group == 1) {
        plan.rows_per_group = (uint32_t)tli_rowwise_share(tli_context_limits(ctx), rows, length);
    } else {
        uint32_t lanes = 8;
        while (lanes < group && lanes * TLI_ITEM_ELEMENTS < length) lanes *= 2;
        if (lanes > group) lanes = group;
        if (lanes < group) (void)snprintf(plan.options, sizeof plan.options, "-DTL_LANES=%u", lanes);
        plan.rows_per_group = group / lanes;
    }
    plan.launch = tli_launch1(tli_ceil_div(rows, plan.rows_per_group), group);
    plan.launch.bytes = 8.0 * (double)rows * length;
    return plan;
}

/* Launch over `count` elements in blocks of *block for an elementwise kernel of a family, with the same traffic. */
static inline tli_launch tli_elements_cut(tl_context *ctx, const char *family, uint64_t count,
                                          uint32_t *block)
{
    const uint32_t group = tli_kernel_form_of(ctx, family).row_group;
    if (group == 1) {
        uint64_t share = tli_rowwise_share(tli_context_limits(ctx), count, 1);
        *block = (uint32_t)((share < 1024 ? 1024 : share) + 15) / 16 * 16; /* whole vectors */
    } else {
        *block = group * TLI_ITEM_ELEMENTS;
    }
    tli_launch launch = tli_launch1(tli_ceil_div(count, *block), group);
    launch.bytes = 8.0 * (double)count;
    return launch;
}

/* Rows per block of a column reduction and the number of blocks: a function of the shape only, so results
 * are repeatable. */
static inline uint32_t tli_rows_per_block(uint64_t rows)
{
    uint64_t blocks = tli_ceil_div(rows, 32);
    if (blocks > TLI_ROWWISE_MAX_BLOCKS) blocks = TLI_ROWWISE_MAX_BLOCKS;
    return blocks > 0 ? (uint32_t)tli_ceil_div(rows, blocks) : 1;
}

static inline uint32_t tli_row_blocks(uint64_t rows)
{
    uint64_t blocks = tli_ceil_div(rows, tli_rows_per_block(rows));
    return blocks > 0 ? (uint32_t)blocks : 1;
}

/* Largest number of blocks for any number of rows up to `rows`: fewer rows may make more blocks. For
 * workspaces that also serve smaller batches. */
static inline uint32_t tli_row_blocks_max(uint64_t rows)
{
    const uint64_t blocks = tli_ceil_div(rows, 32);
    if (blocks > TLI_ROWWISE_MAX_BLOCKS) return TLI_ROWWISE_MAX_BLOCKS;
    return blocks > 0 ? (uint32_t)blocks : 1;
}

/* out[b][c] = scale * sum of x[r * ld + c] over the rows r of block b: [b * rows_per_block, ...) below
 * `rows`. One launch, overwritten (column_sum.c). */
tl_status tli_column_sum_blocks(tl_context *ctx, tli_view x, uint64_t ld, tli_view out, uint64_t rows,
                                uint32_t rows_per_block, uint64_t columns, float scale);

#endif

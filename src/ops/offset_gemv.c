#include "ops/offset_gemv.h"

#include <stdio.h>

#include "core/arithmetic.h"
#include "kernels/offset_gemm_sizes.cl"
#include "ops/kernel_forms.h"

static const char family[] = "offset_gemm";

/* Work-groups: at most MOST_GROUPS, with matrices of GROUP_FLOATS together at least. By the shape alone, as the values'
 * sums follow them. */
enum { MOST_GROUPS = 64, GROUP_FLOATS = 8192 };

static bool in_one_buffer(const tl_tensor *table)
{
    return table == NULL || table->shards == 1;
}

bool tli_offset_gemv_suits(tl_context *ctx, const tli_offset_gemm *r, const tl_tensor *query,
                           const tl_tensor *key)
{
    return r->decodes && in_one_buffer(query) && in_one_buffer(key) && tli_kernel_form_of(ctx, family).cpu;
}

uint64_t tli_offset_gemv_workspace(uint32_t keys, uint32_t heads, uint32_t head_dim)
{
    return tli_smaller(keys, MOST_GROUPS) * heads * head_dim;
}

/* One call: its launch over the offsets, with the work of so many products of a row by a matrix an offset. */
typedef struct gemv_call {
    tli_launch launch;
    offset_gemm_sizes sizes;
    char options[192];
} gemv_call;

static gemv_call begin_call(const tli_offset_gemm *r, bool wq, bool wk, int products)
{
    const tli_pair_table *pairs = r->pairs;
    const uint64_t width = (uint64_t)r->heads * r->head_dim, matrix = r->inner * width,
                   share = tli_larger(tli_ceil_div(pairs->groups, MOST_GROUPS),
                                      tli_ceil_div(GROUP_FLOATS, matrix));
    gemv_call c = {.launch = tli_launch1(tli_ceil_div(pairs->groups, share), 1),
                   .sizes = {.group_end = (i32)pairs->groups,
                             .all_pairs = (i32)pairs->count,
                             .token_block = (i32)share}};
    c.launch.flops = 2.0 * products * pairs->count * (double)matrix;
    c.launch.bytes = sizeof(float) *
                     (products * pairs->groups * (double)matrix + pairs->keys * (double)r->inner);
    (void)snprintf(c.options, sizeof c.options,
                   "-DONE_QUERY -DINNER=%u -DHEADS=%u -DHEAD_DIM=%u -DQ_PER_OFFSET=%d -DK_PER_OFFSET=%d "
                   "-DQ_STRIDE=%u -DK_STRIDE=%u",
                   r->inner, r->heads, r->head_dim, wq, wk, r->q_stride > 0 ? r->q_stride : r->inner,
                   r->k_stride > 0 ? r->k_stride : r->inner);
    return c;
}

static tli_mem buffer_of(const tl_tensor *table)
{
    return table != NULL ? table->mem[0] : NULL;
}

tl_status tli_offset_gemv_logits(tl_context *ctx, const tli_offset_gemm *r, tli_view xq, const tl_tensor *wq,
                                 tli_view xk, const tl_tensor *wk, float scale, tli_view weights)
{
    gemv_call c = begin_call(r, wq != NULL, wk != NULL, (wq != NULL) + (wk != NULL));
    c.sizes.xq_at = xq.at, c.sizes.xk_at = xk.at, c.sizes.weights_at = weights.at, c.sizes.scale = scale;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, family, "offset_gemv_logits", c.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, c.launch, TLI_ARG_PAIRS(r->pairs), TLI_ARG_MEM(xq.mem),
                      TLI_ARG_MEM(buffer_of(wq)), TLI_ARG_MEM(xk.mem), TLI_ARG_MEM(buffer_of(wk)),
                      TLI_ARG_MEM(weights.mem), TLI_ARG_STRUCT(c.sizes));
}

tl_status tli_offset_gemv_values(tl_context *ctx, const tli_offset_gemm *r, tli_view x, const tl_tensor *w,
                                 tli_view weights, tli_view y, tli_view workspace)
{
    gemv_call c = begin_call(r, true, true, 1);
    c.sizes.x_at = x.at, c.sizes.weights_at = weights.at, c.sizes.partial_at = workspace.at;
    c.sizes.y_at = y.at;
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, family, "offset_gemv_values", c.options, &kernel));
    TLI_TRY(TLI_LAUNCH(ctx, kernel, c.launch, TLI_ARG_PAIRS(r->pairs), TLI_ARG_MEM(x.mem),
                       TLI_ARG_MEM(buffer_of(w)), TLI_ARG_MEM(weights.mem), TLI_ARG_MEM(workspace.mem),
                       TLI_ARG_STRUCT(c.sizes)));
    c.sizes.token_block = (i32)c.launch.groups[0];
    TLI_TRY(tli_family_kernel(ctx, family, "offset_gemv_sum", c.options, &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1(1, 1), TLI_ARG_MEM(workspace.mem), TLI_ARG_MEM(y.mem),
                      TLI_ARG_STRUCT(c.sizes));
}

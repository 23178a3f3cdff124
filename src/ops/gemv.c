#include "ops/gemv.h"

#include "kernels/gemv_sizes.cl"
#include "ops/kernel_forms.h"
#include "ops/rowwise.h"

_Static_assert(sizeof(gemv_sizes) == 80, "gemv_sizes has the same layout in kernels and here");

bool tli_gemv_serves(const tli_gemm_args *g, tli_gemv_args *args)
{
    if (g->m != 1 || g->transpose_a || !g->transpose_b || g->outer > 1 || g->inner > 1) return false;
    const bool adds = g->beta == 1.0f, adds_residual = g->residual.mem != NULL;
    if (g->factor.mem != NULL || (g->beta != 0.0f && !adds) || (adds && adds_residual)) return false;
    *args = (tli_gemv_args){.n = g->n,
                            .k = g->k,
                            .ld = g->ldb,
                            .x = g->a,
                            .weight = g->b,
                            .y = g->c,
                            .bias = g->bias,
                            .residual = adds ? g->c : g->residual,
                            .alpha = g->alpha};
    return true;
}

tl_status tli_gemv(tl_context *ctx, const tli_gemv_args *g)
{
    if (g->n == 0 || g->k == 0) return tli_zero(ctx, g->y, g->n);
    const tli_kernel_form form = tli_kernel_form_of(ctx, "gemv");
    tli_rowwise plan = tli_rowwise_cut(ctx, "gemv", g->n, g->k);
    if (form.row_group == 1) { /* results are computed a vector at a time */
        plan.rows_per_group = (uint32_t)tli_ceil_div(plan.rows_per_group, form.vector_width) *
                              form.vector_width;
        plan.launch.groups[0] = tli_ceil_div(g->n, plan.rows_per_group);
    }
    plan.launch.flops = 2.0 * g->n * g->k;
    plan.launch.bytes = sizeof(float) * ((double)g->n * g->k + g->k + g->n);
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "gemv", "gemv", plan.options, &kernel));
    const gemv_sizes sizes = {.x_at = g->x.at,
                              .weight_at = g->weight.at,
                              .norm_weight_at = g->norm_weight.at,
                              .norm_bias_at = g->norm_bias.at,
                              .bias_at = g->bias.at,
                              .residual_at = g->residual.at,
                              .y_at = g->y.at,
                              .n = g->n,
                              .k = g->k,
                              .ld = g->ld,
                              .rows_per_group = plan.rows_per_group,
                              .alpha = g->alpha,
                              .gelu = g->gelu};
    return TLI_LAUNCH(ctx, kernel, plan.launch, TLI_ARG_MEM(g->x.mem), TLI_ARG_MEM(g->weight.mem),
                      TLI_ARG_MEM(g->norm_weight.mem), TLI_ARG_MEM(g->norm_bias.mem),
                      TLI_ARG_MEM(g->bias.mem), TLI_ARG_MEM(g->residual.mem), TLI_ARG_MEM(g->y.mem),
                      TLI_ARG_STRUCT(sizes));
}

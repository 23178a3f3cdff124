#include "ops/gemm_clblast.h"

#include <limits.h>

#include <clblast_c.h>

#include "ops/add.h"

static uint32_t at_least_one(uint32_t n)
{
    return n > 0 ? n : 1;
}

/* One past the last element that a batch of matrices reaches. */
static uint64_t clblast_reach(tli_view v, uint32_t rows, uint32_t ld, uint64_t stride, uint32_t batches)
{
    return v.at + (uint64_t)rows * ld + stride * batches;
}

bool tli_gemm_clblast_can(const tli_gemm_args *g)
{
    const uint32_t outer = at_least_one(g->outer), inner = at_least_one(g->inner);
    if (outer > 1 && inner > 1) return false; /* two batch strides */
    if (g->c.mem != NULL && (g->c.mem == g->residual.mem || g->c.mem == g->factor.mem))
        return false; /* they would be overwritten first */
    const uint64_t a = inner > 1 ? g->a_inner : g->a_outer, b = inner > 1 ? g->b_inner : g->b_outer,
                   c = inner > 1 ? g->c_inner : g->c_outer;
    return clblast_reach(g->a, g->transpose_a ? g->k : g->m, g->lda, a, outer * inner) < INT_MAX &&
           clblast_reach(g->b, g->transpose_b ? g->n : g->k, g->ldb, b, outer * inner) < INT_MAX &&
           clblast_reach(g->c, g->m, g->ldc, c, outer * inner) < INT_MAX;
}

tl_status tli_gemm_clblast(tl_context *ctx, const tli_gemm_args *g)
{
    const uint32_t outer = at_least_one(g->outer), inner = at_least_one(g->inner), batches = outer * inner;
    const uint64_t a = inner > 1 ? g->a_inner : g->a_outer, b = inner > 1 ? g->b_inner : g->b_outer,
                   c = inner > 1 ? g->c_inner : g->c_outer;
    if (g->m == 0 || g->n == 0) return TL_OK;
    cl_command_queue *queue = tli_context_queue(ctx);
    cl_event event = NULL, *wanted = tli_profile_is_on(ctx) ? &event : NULL;
    const CLBlastTranspose ta = g->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                           tb = g->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastStatusCode code =
        batches == 1 ? CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, g->m, g->n, g->k, g->alpha, g->a.mem,
                                    (size_t)g->a.at, g->lda, g->b.mem, (size_t)g->b.at, g->ldb, g->beta,
                                    g->c.mem, (size_t)g->c.at, g->ldc, queue, wanted)
                     : CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, ta, tb, g->m, g->n, g->k, g->alpha,
                                                  g->a.mem, (size_t)g->a.at, g->lda, (size_t)a, g->b.mem,
                                                  (size_t)g->b.at, g->ldb, (size_t)b, g->beta, g->c.mem,
                                                  (size_t)g->c.at, g->ldc, (size_t)c, batches, queue, wanted);
    if (code != CLBlastSuccess)
        return tli_fail(tl_context_error(ctx), TL_ERROR_DEVICE,
                        "CLBlast fails with code %d on a product of %u x %u x %u: use `gemm` own", (int)code,
                        g->m, g->n, g->k);
    if (event != NULL)
        TLI_TRY(tli_profile_event(ctx, "gemm (CLBlast)", event, 2.0 * g->m * g->n * g->k * batches, 0));
    if (g->bias.mem == NULL && g->residual.mem == NULL && g->factor.mem == NULL) return TL_OK;
    return tli_add_extras(ctx, g->bias, g->residual, g->factor, g->c, g->m, g->n, g->ldc, batches, c);
}

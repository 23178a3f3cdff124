#include "ops/gemm.h"

#include "ops/gemm_choice.h"
#include "ops/gemm_clblast.h"
#include "ops/gemm_own.h"

tl_status tl_gemm(tl_context *ctx, const tl_gemm_args *args)
{
    return tl_gemm_prefers_clblast(ctx, args) ? tl_gemm_clblast(ctx, args) : tl_gemm_own(ctx, args);
}

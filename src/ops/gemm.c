#include "ops/gemm.h"

#include "ops/gemm_choice.h"
#include "ops/gemm_clblast.h"
#include "ops/gemm_own.h"

tl_status tli_gemm(tl_context *ctx, const tli_gemm_args *args)
{
    return tli_gemm_prefers_clblast(ctx, args) ? tli_gemm_clblast(ctx, args) : tli_gemm_own(ctx, args);
}

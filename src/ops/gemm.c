#include "ops/gemm.h"

#include "ops/gemm_choice.h"
#include "ops/gemm_clblast.h"
#include "ops/gemm_own.h"
#include "ops/gemm_tensor.h"
#include "ops/gemv.h"
#include "ops/kernel_forms.h"

bool tli_gemm_sums_rows(tl_context *ctx, const tli_gemm_args *args)
{
    return args->transpose_a && tli_kernel_form_of(ctx, "gemm").cpu && !tli_gemm_prefers_clblast(ctx, args);
}

tl_status tli_gemm(tl_context *ctx, const tli_gemm_args *args)
{
    tli_gemv_args row;
    if (tli_gemm_tensor_serves(ctx, args)) return tli_gemm_tensor(ctx, args);
    if (tli_gemm_prefers_clblast(ctx, args)) return tli_gemm_clblast(ctx, args);
    return tli_gemv_serves(args, &row) ? tli_gemv(ctx, &row) : tli_gemm_own(ctx, args);
}

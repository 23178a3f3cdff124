#include "ops/clip.h"

#include "core/arithmetic.h"
#include "ops/kernel_forms.h"

uint64_t tli_squares_count(uint64_t count)
{
    return tli_ceil_div(count, TLI_SQUARES_PIECE);
}

tl_status tli_squares(tl_context *ctx, tli_view values, uint64_t count, tli_view partial)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "clip", "squares", "", &kernel));
    tli_launch launch = tli_launch1(tli_squares_count(count), tli_kernel_form_of(ctx, "clip").row_group);
    launch.flops = 2.0 * (double)count;
    launch.bytes = 4.0 * (double)count;
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_VIEW(values), TLI_ARG_U64(count),
                      TLI_ARG_U64(TLI_SQUARES_PIECE), TLI_ARG_VIEW(partial));
}

tl_status tli_clip_decide(tl_context *ctx, tli_view partial, uint32_t count, tli_view loss, float max_norm,
                          tli_view clip_result)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "clip", "clip_decide", "", &kernel));
    return TLI_LAUNCH(ctx, kernel, tli_launch1(1, tli_kernel_form_of(ctx, "clip").row_group),
                      TLI_ARG_VIEW(partial), TLI_ARG_U32(count), TLI_ARG_VIEW(loss), TLI_ARG_F32(max_norm),
                      TLI_ARG_VIEW(clip_result));
}

#include "ops/decode_attention.h"

#include "kernels/decode_attention_sizes.cl"
#include "ops/kernel_forms.h"

_Static_assert(sizeof(decode_attention_sizes) == 80,
               "decode_attention_sizes has the same layout in kernels and here");

tl_status tli_decode_attention(tl_context *ctx, const tli_attention *a, tli_view qkv, float scale, bool adds,
                               float output_scale, tli_view weights, tli_view o)
{
    tli_kernel *kernel;
    TLI_TRY(tli_family_kernel(ctx, "decode_attention", "decode_attention", "", &kernel));
    const uint64_t heads = (uint64_t)a->batch * a->heads;
    tli_launch launch = tli_launch1(heads, tli_kernel_form_of(ctx, "decode_attention").row_group);
    launch.flops = 4.0 * (double)heads * a->keys * a->head_dim;
    launch.bytes = sizeof(float) * (double)heads * a->keys * (2.0 * a->head_dim + 1.0);
    const decode_attention_sizes sizes = {.qkv_at = qkv.at,
                                          .weights_at = weights.at,
                                          .o_at = o.at,
                                          .q = a->q,
                                          .k = a->k,
                                          .v = a->v,
                                          .keys = a->keys,
                                          .batch = a->batch,
                                          .heads = a->heads,
                                          .head_dim = a->head_dim,
                                          .stride = a->stride,
                                          .adds = adds,
                                          .scale = scale,
                                          .output_scale = output_scale};
    return TLI_LAUNCH(ctx, kernel, launch, TLI_ARG_MEM(qkv.mem), TLI_ARG_MEM(weights.mem), TLI_ARG_MEM(o.mem),
                      TLI_ARG_STRUCT(sizes));
}

#include "ops/rowwise_kernels.h"

static const char all_families[] =
    "add+clip+columns+embedding+gated+gelu+image+layernorm+loss+optimizer+pairs+random+rope+softmax";

tl_status tli_rowwise_kernel(tl_context *ctx, const char *family, const char *name, const char *options,
                             tli_kernel **out)
{
    const bool together = tli_context_limits(ctx)->row_group == 1 && options[0] == '\0';
    return tli_kernel_get(ctx, together ? all_families : family, name, options, out);
}

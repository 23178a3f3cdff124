/* Waiting for a context's queue. */
#include "device/internal.h"

tl_status tli_flush(tl_context *ctx)
{
    return tli_cl_check(&ctx->error, clFlush(ctx->queue), "handing work to %s (clFlush)", ctx->device.name);
}

tl_status tl_finish(tl_context *ctx)
{
    if (ctx == NULL) return TL_ERROR_USAGE;
    return tli_cl_check(&ctx->error, clFinish(ctx->queue), "waiting for %s (clFinish)", ctx->device.name);
}

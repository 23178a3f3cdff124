/* Dry contexts: the host's side of the work alone, to learn which programs it takes. */
#include "device/internal.h"

static tl_status drop_program(void *user, const char *family, const char *options, const char *source,
                              uint64_t hash, tl_error *err)
{
    return TL_OK;
}

tl_status tli_context_dry(tl_context *ctx, tli_program_sink sink, void *user)
{
    enum { BYTES = 128 };
    cl_int code = CL_SUCCESS;
    ctx->dry.buffer = clCreateBuffer(ctx->cl, CL_MEM_READ_WRITE, BYTES, NULL, &code);
    TLI_TRY(tli_cl_check(&ctx->error, code, "allocating the buffer of a dry context (clCreateBuffer)"));
    ctx->dry.sink = sink != NULL ? sink : drop_program;
    ctx->dry.user = user;
    ctx->limits.memory_limit = ctx->limits.max_alloc_bytes = UINT64_MAX;
    return TL_OK;
}

void tli_context_dry_launches(tl_context *ctx, uint32_t compute_units, tli_launch_sink sink, void *user)
{
    ctx->limits.compute_units = compute_units;
    ctx->dry.launched = sink;
    ctx->dry.launched_user = user;
}

bool tli_context_is_dry(const tl_context *ctx)
{
    return ctx->dry.sink != NULL;
}

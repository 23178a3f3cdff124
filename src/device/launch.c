#include "core/number.h"
#include "device/internal.h"

#include <stdlib.h>

tli_launch tli_launch1(uint64_t groups, uint32_t items)
{
    return (tli_launch){.groups = {groups, 1, 1}, .items = items};
}

tli_launch tli_launch3(uint64_t x, uint64_t y, uint64_t z, uint32_t items)
{
    return (tli_launch){.groups = {x, y, z}, .items = items};
}

static cl_int set_arg(cl_kernel kernel, cl_uint index, const tli_arg *arg)
{
    switch (arg->type) {
    case TLI_ARG_TYPE_MEM: return clSetKernelArg(kernel, index, sizeof(cl_mem), &arg->value.mem);
    case TLI_ARG_TYPE_I32: return clSetKernelArg(kernel, index, sizeof(cl_int), &arg->value.i32);
    case TLI_ARG_TYPE_U32: return clSetKernelArg(kernel, index, sizeof(cl_uint), &arg->value.u32);
    case TLI_ARG_TYPE_U64: return clSetKernelArg(kernel, index, sizeof(cl_ulong), &arg->value.u64);
    case TLI_ARG_TYPE_F32: return clSetKernelArg(kernel, index, sizeof(cl_float), &arg->value.f32);
    case TLI_ARG_TYPE_STRUCT: return clSetKernelArg(kernel, index, arg->size, arg->value.bytes);
    }
    return CL_INVALID_ARG_VALUE;
}

static bool same_arg(const tli_arg *a, const tli_arg *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case TLI_ARG_TYPE_MEM: return a->value.mem == b->value.mem;
    case TLI_ARG_TYPE_U64: return a->value.u64 == b->value.u64;
    case TLI_ARG_TYPE_I32:
    case TLI_ARG_TYPE_U32:
    case TLI_ARG_TYPE_F32: return a->value.u32 == b->value.u32; /* bits: -0 is not 0 */
    case TLI_ARG_TYPE_STRUCT: return false;                     /* the previous value was not stored */
    }
    return false;
}

/* Sets only the arguments that changed since this kernel's last launch: drivers allocate memory for each
 * call. */
static tl_status set_args(tl_context *ctx, tli_kernel *kernel, const tli_arg *args, int count)
{
    const bool known = kernel->set != NULL && kernel->set_at == ctx->destroyed + 1;
    if (kernel->set == NULL)
        kernel->set = malloc((size_t)count * sizeof *kernel->set); /* on failure sets all each time */
    kernel->set_at = 0;
    for (int i = 0; i < count; i++) {
        if (known && same_arg(&kernel->set[i], &args[i])) continue;
        const cl_int code = set_arg(kernel->cl, (cl_uint)i, &args[i]);
        if (code != CL_SUCCESS)
            return tli_cl_check(&ctx->error, code,
                                "setting argument %d of kernel %s of kernels/%s.cl (clSetKernelArg)", i,
                                kernel->name, kernel->family);
        if (kernel->set != NULL) kernel->set[i] = args[i];
    }
    kernel->set_at = ctx->destroyed + 1;
    return TL_OK;
}

tl_status tli_launch_kernel(tl_context *ctx, tli_kernel *kernel, tli_launch launch, const tli_arg *args,
                            int count)
{
    const bool empty = launch.groups[0] == 0 || launch.groups[1] == 0 || launch.groups[2] == 0;
    if (ctx->dry.launched != NULL && !empty) ctx->dry.launched(ctx->dry.launched_user, kernel->name, &launch);
    if (ctx->dry.sink != NULL) return TL_OK;
    if (count < 0 || (cl_uint)count != kernel->args)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "kernel %s of kernels/%s.cl takes %u arguments, %d were given", kernel->name,
                        kernel->family, (unsigned)kernel->args, count);
    if (empty) return TL_OK;
    if (launch.items == 0 || launch.items > kernel->max_items || launch.items > ctx->device.max_work_group)
        return tli_fail(
            &ctx->error, TL_ERROR_DEVICE,
            "kernel %s of kernels/%s.cl was asked for groups of %u work-items, %s allows 1 to %llu",
            kernel->name, kernel->family, launch.items, ctx->device.name,
            (unsigned long long)kernel->max_items);
    TLI_TRY(set_args(ctx, kernel, args, count));
    const size_t local[3] = {launch.items, 1, 1};
    const size_t global[3] = {(size_t)launch.groups[0] * launch.items, (size_t)launch.groups[1],
                              (size_t)launch.groups[2]};
    cl_uint dimensions = launch.groups[2] > 1 ? 3 : launch.groups[1] > 1 ? 2 : 1;
    cl_event event = NULL;
    cl_int code = tli_fault_launch(&ctx->fault);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(ctx->queue, kernel->cl, dimensions, NULL, global, local, 0, NULL,
                                      ctx->profile.on ? &event : NULL);
    TLI_TRY(tli_cl_check(
        &ctx->error, code,
        "launching kernel %s of kernels/%s.cl with %llu x %llu x %llu groups of %u work-items and "
        "%s of tensors alive (clEnqueueNDRangeKernel)",
        kernel->name, kernel->family, (unsigned long long)launch.groups[0],
        (unsigned long long)launch.groups[1], (unsigned long long)launch.groups[2], launch.items,
        TLI_SIZE(ctx->total)));
    if (event == NULL) return TL_OK;
    if (kernel->profile < 0) kernel->profile = tli_profile_row_of(&ctx->profile, kernel->name);
    return tli_profile_add(ctx, kernel->profile, event, &launch);
}

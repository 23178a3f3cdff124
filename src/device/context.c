#include "device/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/choices.h"
#include "core/config.h"
#include "core/variable.h"
#include "device/pocl.h"

static tli_limits traits_of(const tl_device_info *device, const tl_context_options *options)
{
    tli_limits limits = {.compute_units = device->compute_units,
                         .memory_limit = options->memory_limit,
                         .max_alloc_bytes = device->max_alloc_bytes,
                         .local_bytes = device->local_bytes,
                         .gemm = options->gemm,
                         .dpas_group = tli_device_dpas_group(device),
                         .tile = (uint32_t)tli_variable_value(TLI_VARIABLE_TILE, 0)};
    limits.cpu_path = tli_device_prefers_cpu(device, options->path);
    limits.path_given = options->path != TL_PATH_AUTO;
    if (options->max_alloc_bytes > 0 && options->max_alloc_bytes < limits.max_alloc_bytes)
        limits.max_alloc_bytes = options->max_alloc_bytes;
    if (limits.memory_limit == 0) limits.memory_limit = device->global_bytes;
    limits.chunk_bytes = tl_device_chunk_bytes(device, options->path, limits.memory_limit);
    const tli_kernel_form form = tli_device_form(device, limits.cpu_path);
    limits.vector_width = form.vector_width;
    limits.row_group = form.row_group;
    limits.sub_group = tli_device_sub_group(device);
    return limits;
}

static tl_status open_device(tl_context *ctx, const tl_context_options *options, tl_error *err)
{
    tl_device_info *list = NULL;
    int count = 0, chosen = -1;
    TLI_TRY(tl_device_list(&list, &count, err));
    tl_status status = tl_device_select(list, count, options->device, &chosen, err);
    if (status == TL_OK) ctx->device = list[chosen];
    free(list);
    TLI_TRY(status);

    cl_int code = CL_SUCCESS;
    cl_device_id id = ctx->device.device_id;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)ctx->device.platform_id, 0};
    ctx->cl = clCreateContext(properties, 1, &id, NULL, NULL, &code);
    TLI_TRY(tli_cl_check(err, code, "opening device %d:%d %s (clCreateContext)", ctx->device.platform,
                         ctx->device.device, ctx->device.name));
    ctx->queue = clCreateCommandQueue(ctx->cl, id, options->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    return tli_cl_check(err, code, "making a queue on device %d:%d %s (clCreateCommandQueue)",
                        ctx->device.platform, ctx->device.device, ctx->device.name);
}

/* The listed device with this id. */
static tl_status find_device(tl_context *ctx, cl_device_id id, tl_error *err)
{
    tl_device_info *list = NULL;
    int count = 0, found = -1;
    TLI_TRY(tl_device_list(&list, &count, err));
    for (int i = 0; i < count && found < 0; i++)
        if (list[i].device_id == (void *)id) found = i;
    if (found >= 0) ctx->device = list[found];
    free(list);
    if (found < 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the device of the queue to adopt is not among the platforms' devices (a sub-device?): "
            "use a queue on one of them");
    if (!ctx->device.usable)
        return tli_fail(err, TL_ERROR_USAGE, "device %d:%d %s cannot be used: %s", ctx->device.platform,
                        ctx->device.device, ctx->device.name, ctx->device.reason);
    return TL_OK;
}

static tl_status adopt_device(tl_context *ctx, cl_context cl, cl_command_queue queue,
                              const tl_context_options *options, tl_error *err)
{
    cl_context owner = NULL;
    cl_device_id id = NULL;
    cl_command_queue_properties properties = 0;
    if (cl == NULL || queue == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "to adopt a context give both a cl_context and a cl_command_queue");
    TLI_TRY(tli_cl_check(err, clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof owner, &owner, NULL),
                         "asking the queue for its context (clGetCommandQueueInfo)"));
    TLI_TRY(tli_cl_check(err, clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL),
                         "asking the queue for its device (clGetCommandQueueInfo)"));
    TLI_TRY(tli_cl_check(
        err, clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL),
        "asking the queue for its properties (clGetCommandQueueInfo)"));
    if (owner != cl) return tli_fail(err, TL_ERROR_USAGE, "the queue to adopt belongs to another cl_context");
    if ((properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "the queue to adopt is out of order: make one without CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE");
    if (options->profile && (properties & CL_QUEUE_PROFILING_ENABLE) == 0)
        return tli_fail(err, TL_ERROR_USAGE,
                        "`profile` needs a queue that was made with CL_QUEUE_PROFILING_ENABLE");
    TLI_TRY(find_device(ctx, id, err));
    TLI_TRY(tli_cl_check(err, clRetainContext(cl), "retaining the context (clRetainContext)"));
    ctx->cl = cl;
    TLI_TRY(tli_cl_check(err, clRetainCommandQueue(queue), "retaining the queue (clRetainCommandQueue)"));
    ctx->queue = queue;
    return TL_OK;
}

/* A new context on `queue` of `cl` or, without `adopt`, on the device that the options name. */
static tl_status context_create(const tl_context_options *theirs, bool adopt, cl_context cl,
                                cl_command_queue queue, tl_context **out, tl_error *err)
{
    tl_context_options own = {.size = sizeof own}, *options = &own;
    if (out == NULL)
        return tli_fail(err, TL_ERROR_USAGE, "a context to be made needs a place for its handle");
    *out = NULL;
    if (theirs != NULL) TLI_TRY(TLI_CONFIG_TAKE(options, theirs, tl_context_options, err));
    TLI_TRY(tli_choice_check(&tli_gemm_choices, (int)options->gemm, err));
    TLI_TRY(tli_choice_check(&tli_path_choices, (int)options->path, err));
    TLI_TRY(tli_variables_check(err));
    tl_context *ctx = calloc(1, sizeof *ctx);
    if (ctx == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "the host has no memory left for a device context");
    ctx->log = options->log;
    ctx->profile.on = options->profile;
    tl_status status = tli_fault_open(&ctx->fault, err);
    if (status == TL_OK)
        status = adopt ? adopt_device(ctx, cl, queue, options, err) : open_device(ctx, options, err);
    if (status == TL_OK) tli_pocl_prepare(&ctx->device);
    /* Goes into the kernels' build options, and with them into the key of the cache of programs. */
    ctx->device.native_float_width = (uint32_t)tli_variable_value(TLI_VARIABLE_VECTOR_WIDTH,
                                                                  (int)ctx->device.native_float_width);
    ctx->limits = traits_of(&ctx->device, options);
    if (status == TL_OK) status = tli_programs_open(&ctx->programs, ctx->log, err);
    if (status != TL_OK) {
        tl_context_destroy(ctx);
        return status;
    }
    *out = ctx;
    return TL_OK;
}

tl_status tl_context_create(const tl_context_options *options, tl_context **out, tl_error *err)
{
    return context_create(options, false, NULL, NULL, out, err);
}

tl_status tl_context_adopt(void *cl_context, void *cl_command_queue, const tl_context_options *options,
                           tl_context **out, tl_error *err)
{
    return context_create(options, true, cl_context, cl_command_queue, out, err);
}

tl_status tli_context_own(tl_context *ctx, void *object, void (*destroy)(tl_context *ctx, void *object))
{
    owned_object *owned = malloc(sizeof *owned);
    if (owned == NULL)
        return tli_fail(&ctx->error, TL_ERROR_MEMORY,
                        "the host has no memory left to keep an object of a context");
    *owned = (owned_object){object, destroy, ctx->owned};
    ctx->owned = owned;
    return TL_OK;
}

bool tli_context_owns(const tl_context *ctx, const void *object)
{
    const owned_object *owned = ctx->owned;
    while (owned != NULL && owned->object != object) owned = owned->next;
    return owned != NULL;
}

tl_status tli_context_check(tl_context *ctx, const void *object, const char *kind)
{
    if (ctx == NULL || object == NULL)
        return tli_fail(tl_context_error(ctx), TL_ERROR_USAGE, "the %s or its context is missing", kind);
    if (tli_context_owns(ctx, object)) return TL_OK;
    return tli_fail(&ctx->error, TL_ERROR_USAGE,
                    "the %s is none of this context: it was destroyed, or made in another one", kind);
}

void tli_context_disown(tl_context *ctx, const void *object)
{
    for (owned_object **at = &ctx->owned; *at != NULL; at = &(*at)->next) {
        if ((*at)->object != object) continue;
        owned_object *gone = *at;
        *at = gone->next;
        free(gone);
        return;
    }
}

void tl_context_destroy(tl_context *ctx)
{
    if (ctx == NULL) return;
    if (ctx->queue != NULL) clFinish(ctx->queue);
    while (ctx->owned != NULL) ctx->owned->destroy(ctx, ctx->owned->object);
    while (ctx->tensors != NULL) tl_tensor_destroy(ctx, &ctx->tensors->tensor);
    for (int i = 0; i < TLI_SLOTS; i++)
        if (ctx->slots[i].destroy != NULL) ctx->slots[i].destroy(ctx->slots[i].data);
    tli_profile_close(&ctx->profile);
    tli_programs_close(&ctx->programs);
    if (ctx->dry.buffer != NULL) clReleaseMemObject(ctx->dry.buffer);
    if (ctx->queue != NULL) clReleaseCommandQueue(ctx->queue);
    if (ctx->cl != NULL) clReleaseContext(ctx->cl);
    free(ctx);
}

tl_error *tl_context_error(tl_context *ctx)
{
    return ctx != NULL ? &ctx->error : NULL;
}

const tl_device_info *tl_context_device(const tl_context *ctx)
{
    return ctx != NULL ? &ctx->device : NULL;
}

const tli_limits *tli_context_limits(const tl_context *ctx)
{
    return &ctx->limits;
}

void tli_context_set_tile(tl_context *ctx, uint32_t tile)
{
    ctx->limits.tile = tile;
}

const tl_log *tli_context_log(const tl_context *ctx)
{
    return ctx->log;
}

tli_user_data *tli_context_user_data(tl_context *ctx, tli_user_data_name name)
{
    return &ctx->slots[name];
}

tli_context_aside tli_context_step_aside(tl_context *ctx)
{
    const tli_context_aside aside = {ctx->peak, ctx->limits.memory_limit, ctx->profile.on, ctx->error};
    ctx->limits.memory_limit = UINT64_MAX;
    ctx->profile.on = false;
    return aside;
}

void tli_context_step_back(tl_context *ctx, const tli_context_aside *aside)
{
    ctx->peak = aside->peak;
    ctx->limits.memory_limit = aside->memory_limit;
    ctx->profile.on = aside->profile;
    ctx->error = aside->error;
}

bool tli_cache_get(tl_context *ctx, const char *name, unsigned char **data, size_t *size)
{
    return tli_cache_load(&ctx->programs.cache, name, tli_cache_key_make(&ctx->device, "", name), data, size);
}

void tli_cache_put(tl_context *ctx, const char *name, const void *data, size_t size)
{
    tli_cache_save(&ctx->programs.cache, ctx->log, name, tli_cache_key_make(&ctx->device, "", name), data,
                   size);
}

void *tli_context_queue(tl_context *ctx)
{
    return &ctx->queue;
}

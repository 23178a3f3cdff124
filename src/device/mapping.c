/* Tensors and views in the hands of the host, without copies. */
#include "core/number.h"
#include "device/internal.h"

#include <stdlib.h>

bool tli_context_maps(const tl_context *ctx)
{
    return ctx->device.type == TL_DEVICE_CPU && ctx->device.unified_memory && ctx->limits.cpu_path &&
           ctx->dry.sink == NULL;
}

static tl_status map_shard(tl_context *ctx, tl_tensor *tensor, int shard, cl_event *done)
{
    const size_t bytes = (size_t)(tli_shard_count(tensor, shard) * tli_element_bytes(tensor->dtype));
    cl_int code = tli_fault_call(&ctx->fault);
    if (code == CL_SUCCESS)
        tensor->host[shard] = clEnqueueMapBuffer(ctx->queue, tensor->mem[shard], CL_FALSE,
                                                 CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0, NULL, done, &code);
    return tli_cl_check(&ctx->error, code, "mapping %s of tensor %s (clEnqueueMapBuffer)", TLI_SIZE(bytes),
                        tensor->name);
}

tl_status tli_tensor_map(tl_context *ctx, tl_tensor *tensor)
{
    tli_tensor_node *node = (tli_tensor_node *)tensor;
    if (tensor->host != NULL) return TL_OK;
    tensor->host = calloc((size_t)tensor->shards, sizeof *tensor->host);
    if (tensor->host == NULL)
        return tli_fail(&ctx->error, TL_ERROR_MEMORY, "out of host memory to map tensor %s", tensor->name);
    for (int s = 0; s < tensor->shards; s++)
        TLI_TRY(map_shard(ctx, tensor, s, s + 1 == tensor->shards ? &node->mapped : NULL));
    return TL_OK;
}

tl_status tli_tensor_await_map(tl_context *ctx, tl_tensor *tensor)
{
    tli_tensor_node *node = (tli_tensor_node *)tensor;
    if (node->mapped == NULL) return TL_OK;
    const cl_int code = clWaitForEvents(1, &node->mapped);
    clReleaseEvent(node->mapped);
    node->mapped = NULL;
    return tli_cl_check(&ctx->error, code, "mapping tensor %s (clWaitForEvents)", tensor->name);
}

bool tli_tensor_is_given(const tl_tensor *tensor)
{
    const tli_tensor_node *node = (const tli_tensor_node *)tensor;
    cl_int status = CL_COMPLETE;
    if (tensor->host == NULL || node->mapped == NULL) return tensor->host != NULL;
    return clGetEventInfo(node->mapped, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL) ==
               CL_SUCCESS &&
           status == CL_COMPLETE;
}

tl_status tli_tensor_unmap(tl_context *ctx, tl_tensor *tensor)
{
    tl_status status = tli_tensor_await_map(ctx, tensor);
    for (int s = 0; tensor->host != NULL && s < tensor->shards; s++) {
        if (tensor->host[s] == NULL) continue;
        const cl_int code = clEnqueueUnmapMemObject(ctx->queue, tensor->mem[s], tensor->host[s], 0, NULL,
                                                    NULL);
        if (status == TL_OK)
            status = tli_cl_check(&ctx->error, code, "unmapping tensor %s (clEnqueueUnmapMemObject)",
                                  tensor->name);
    }
    free(tensor->host);
    tensor->host = NULL;
    return status;
}

void *tli_tensor_host(const tl_tensor *tensor, uint64_t at, uint64_t *left)
{
    const uint64_t per_shard = tensor->lead_per_shard * tensor->row;
    const int shard = (int)(at / per_shard);
    *left = tli_shard_count(tensor, shard) - at % per_shard;
    return (char *)tensor->host[shard] + at % per_shard * tli_element_bytes(tensor->dtype);
}

tl_status tli_view_map(tl_context *ctx, tli_view view, uint64_t count, void **host)
{
    const uint64_t width = tli_element_bytes(view.dtype);
    cl_int code = tli_fault_call(&ctx->fault);
    *host = NULL;
    if (code == CL_SUCCESS)
        *host = clEnqueueMapBuffer(ctx->queue, view.mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE,
                                   (size_t)(view.at * width), (size_t)(count * width), 0, NULL, NULL, &code);
    return tli_cl_check(&ctx->error, code, "mapping %s of a buffer (clEnqueueMapBuffer)",
                        TLI_SIZE(count * width));
}

tl_status tli_view_unmap(tl_context *ctx, tli_view view, void *host)
{
    return tli_cl_check(&ctx->error, clEnqueueUnmapMemObject(ctx->queue, view.mem, host, 0, NULL, NULL),
                        "unmapping a buffer (clEnqueueUnmapMemObject)");
}

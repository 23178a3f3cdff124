/* Tensors. Every buffer is allocated here, so that memory limit, largest allocation and peak are enforced
 * for all. Drivers may allocate lazily and never refuse: the library checks by itself. */
#include "core/number.h"
#include "device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARD_BYTES    ((uint64_t)1 << 30) /* preferred size; a single row may be larger */
#define SHARD_ELEMENTS ((uint64_t)1 << 31) /* upper limit, for libraries that index by int */
#define TOUCH_BYTES    ((uint64_t)1 << 26) /* shards from this size on are touched on creation */

uint64_t tli_element_bytes(tli_dtype dtype)
{
    switch (dtype) {
    case TLI_DTYPE_F32: return sizeof(float);
    }
    return 0;
}

/* Of `count` elements; a size_t, as OpenCL takes it. */
static size_t bytes_of(tli_dtype dtype, uint64_t count)
{
    return (size_t)(count * tli_element_bytes(dtype));
}

uint64_t tli_tensor_lead_per_shard(tli_dtype dtype, uint64_t lead, uint64_t row, uint64_t max_alloc_bytes)
{
    if (lead == 0 || row == 0) return 0;
    if (row > max_alloc_bytes / tli_element_bytes(dtype) || row >= SHARD_ELEMENTS) return 0;
    uint64_t bytes = max_alloc_bytes < SHARD_BYTES ? max_alloc_bytes : SHARD_BYTES;
    uint64_t most = bytes / tli_element_bytes(dtype) / row;
    if (most == 0) most = 1;
    if (most >= lead) return lead;
    uint64_t shards = (lead + most - 1) / most;
    return (lead + shards - 1) / shards; /* shards of equal length */
}

/* The error message: what the tensor needs, and which limit it exceeds. */
static tl_status check_size(tl_context *ctx, const char *name, tl_memory_kind kind, tli_dtype dtype,
                            uint64_t lead, uint64_t row, uint64_t *lead_per_shard)
{
    if (lead == 0 || row == 0)
        return tli_fail(&ctx->error, TL_ERROR_USAGE, "tensor %s is empty: %llu x %llu elements", name,
                        (unsigned long long)lead, (unsigned long long)row);
    if ((int)kind < 0 || kind >= TL_MEMORY_KINDS)
        return tli_fail(&ctx->error, TL_ERROR_USAGE, "tensor %s has no valid kind of memory (%d)", name,
                        (int)kind);
    if (lead > UINT64_MAX / 8 / row)
        return tli_fail(&ctx->error, TL_ERROR_MEMORY,
                        "tensor %s of %llu x %llu elements is larger than any memory", name,
                        (unsigned long long)lead, (unsigned long long)row);
    const tli_limits *limits = &ctx->limits;
    uint64_t bytes = lead * row * tli_element_bytes(dtype);
    if (ctx->total > limits->memory_limit || bytes > limits->memory_limit - ctx->total)
        return tli_fail(
            &ctx->error, TL_ERROR_MEMORY,
            "tensor %s (%s) needs %.2f MiB, but %.2f of the %.2f MiB for tensors are taken: use a "
            "smaller batch or model, or raise the memory limit",
            name, tl_memory_kind_name(kind), TLI_MIB(bytes), TLI_MIB(ctx->total),
            TLI_MIB(limits->memory_limit));
    *lead_per_shard = tli_tensor_lead_per_shard(dtype, lead, row, limits->max_alloc_bytes);
    if (*lead_per_shard == 0)
        return tli_fail(
            &ctx->error, TL_ERROR_MEMORY,
            "tensor %s (%s) has rows of %.2f MiB that cannot be split, but one buffer may hold %.2f MiB "
            "on %s: use a smaller batch or model",
            name, tl_memory_kind_name(kind), TLI_MIB(bytes_of(dtype, row)), TLI_MIB(limits->max_alloc_bytes),
            ctx->device.name);
    return TL_OK;
}

uint64_t tli_shard_count(const tl_tensor *tensor, int s)
{
    const uint64_t left = tensor->lead - (uint64_t)s * tensor->lead_per_shard;
    return (left < tensor->lead_per_shard ? left : tensor->lead_per_shard) * tensor->row;
}

tli_view tli_shard_view(const tl_tensor *tensor, int s)
{
    return (tli_view){tensor->mem[s], 0, tensor->dtype};
}

static tl_status make_shard(tl_context *ctx, tl_tensor *tensor, int shard, bool clear)
{
    const uint64_t elements = tli_shard_count(tensor, shard);
    const size_t bytes = bytes_of(tensor->dtype, elements);
    if (ctx->dry.sink != NULL) {
        tensor->mem[shard] = ctx->dry.buffer;
        return tli_cl_check(&ctx->error, clRetainMemObject(ctx->dry.buffer),
                            "retaining the buffer of a dry context (clRetainMemObject)");
    }
    cl_int code = tli_fault_alloc(&ctx->fault);
    if (code == CL_SUCCESS)
        tensor->mem[shard] = clCreateBuffer(ctx->cl, CL_MEM_READ_WRITE, bytes, NULL, &code);
    TLI_TRY(tli_cl_check(&ctx->error, code, "allocating %s for tensor %s, %s (clCreateBuffer)",
                         TLI_SIZE(bytes), tensor->name, tl_memory_kind_name(tensor->kind)));
    /* On other devices also when not asked to clear: drivers allocate on first use. */
    if (!clear && ctx->device.type == TL_DEVICE_CPU) return TL_OK;
    TLI_TRY(tli_zero(ctx, tli_shard_view(tensor, shard), elements));
    if (bytes < TOUCH_BYTES) return TL_OK;
    /* Makes a lazy driver fail now, while the tensor's name is still known, if the memory is not
     * available. */
    return tli_cl_check(&ctx->error, clFinish(ctx->queue), "clearing %s of tensor %s, %s (clFinish)",
                        TLI_SIZE(bytes), tensor->name, tl_memory_kind_name(tensor->kind));
}

static void free_node(tli_tensor_node *node)
{
    for (int i = 0; i < 2; i++) {
        tli_staged *staged = &node->staged[i];
        if (staged->sent != NULL) {
            clWaitForEvents(1, &staged->sent); /* the device may be reading `data` */
            clReleaseEvent(staged->sent);
        }
        free(staged->data);
    }
    if (node->mapped != NULL) clReleaseEvent(node->mapped);
    free(node->tensor.host);
    for (int s = 0; s < node->tensor.shards; s++)
        if (node->tensor.mem[s] != NULL) clReleaseMemObject(node->tensor.mem[s]);
    free(node->tensor.mem);
    free(node);
}

/* A tensor without buffers yet; NULL, with a message, when out of host memory. */
static tli_tensor_node *make_node(tl_context *ctx, const char *name, tl_memory_kind kind, tli_dtype dtype,
                                  uint64_t lead, uint64_t row, uint64_t lead_per_shard)
{
    uint64_t shards = (lead + lead_per_shard - 1) / lead_per_shard;
    tli_tensor_node *node = calloc(1, sizeof *node);
    tli_mem *mem = shards <= INT32_MAX ? calloc((size_t)shards, sizeof *mem) : NULL;
    if (node == NULL || mem == NULL) {
        free(node);
        free(mem);
        (void)tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left to describe tensor %s",
                       name);
        return NULL;
    }
    tl_tensor *tensor = &node->tensor;
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->kind = kind;
    tensor->dtype = dtype;
    tensor->lead = lead;
    tensor->row = row;
    tensor->lead_per_shard = lead_per_shard;
    tensor->shards = (int)shards;
    tensor->mem = mem;
    return node;
}

static void link_node(tl_context *ctx, tli_tensor_node *node, uint64_t bytes)
{
    node->next = ctx->tensors;
    if (node->next != NULL) node->next->previous = node;
    ctx->tensors = node;
    node->booked = bytes;
    ctx->used[node->tensor.kind] += bytes;
    ctx->total += bytes;
    if (ctx->total > ctx->peak) ctx->peak = ctx->total;
}

/* Argument checks common to all functions that create tensors. */
static tl_status check_making(tl_context *ctx, const char *name, tl_tensor **out)
{
    if (ctx == NULL || name == NULL || out == NULL)
        return tli_fail(ctx != NULL ? &ctx->error : NULL, TL_ERROR_USAGE,
                        "a tensor to be made needs a context, a name and a place for its handle");
    *out = NULL;
    return TL_OK;
}

static tl_status memory_create(tl_context *ctx, const char *name, tl_memory_kind kind, uint64_t lead,
                               uint64_t row, bool clear, tl_tensor **out)
{
    const tli_dtype dtype = TLI_DTYPE_F32;
    uint64_t lead_per_shard = 0;
    TLI_TRY(check_making(ctx, name, out));
    TLI_TRY(check_size(ctx, name, kind, dtype, lead, row, &lead_per_shard));
    tli_tensor_node *node = make_node(ctx, name, kind, dtype, lead, row, lead_per_shard);
    if (node == NULL) return TL_ERROR_MEMORY;
    for (int s = 0; s < node->tensor.shards; s++) {
        tl_status status = make_shard(ctx, &node->tensor, s, clear);
        if (status == TL_OK) continue;
        free_node(node);
        return status;
    }
    link_node(ctx, node, bytes_of(dtype, lead * row));
    *out = &node->tensor;
    return TL_OK;
}

tl_status tl_tensor_adopt(tl_context *ctx, const char *name, void *cl_mem_object, uint64_t lead, uint64_t row,
                          tl_tensor **out)
{
    cl_mem mem = cl_mem_object;
    cl_context owner = NULL;
    size_t size = 0;
    TLI_TRY(check_making(ctx, name, out));
    if (mem == NULL || lead == 0 || row == 0 || lead > UINT64_MAX / 8 / row)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "tensor %s cannot be made of a cl_mem for %llu x %llu elements", name,
                        (unsigned long long)lead, (unsigned long long)row);
    TLI_TRY(tli_cl_check(&ctx->error, clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof owner, &owner, NULL),
                         "asking the buffer of tensor %s for its context (clGetMemObjectInfo)", name));
    TLI_TRY(tli_cl_check(&ctx->error, clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL),
                         "asking the buffer of tensor %s for its size (clGetMemObjectInfo)", name));
    if (owner != ctx->cl)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "the buffer of tensor %s belongs to another cl_context than the one that was adopted",
                        name);
    if (size / tli_element_bytes(TLI_DTYPE_F32) / row < lead)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "the buffer of tensor %s has %llu bytes, not %llu x %llu floats", name,
                        (unsigned long long)size, (unsigned long long)lead, (unsigned long long)row);
    tli_tensor_node *node = make_node(ctx, name, TL_MEMORY_DATA, TLI_DTYPE_F32, lead, row, lead);
    if (node == NULL) return TL_ERROR_MEMORY;
    const tl_status status = tli_cl_check(&ctx->error, clRetainMemObject(mem),
                                          "retaining the buffer of tensor %s (clRetainMemObject)", name);
    if (status != TL_OK) {
        free_node(node);
        return status;
    }
    node->tensor.mem[0] = mem;
    link_node(ctx, node, 0);
    *out = &node->tensor;
    return TL_OK;
}

tl_status tl_tensor_create(tl_context *ctx, const char *name, tl_memory_kind kind, uint64_t lead,
                           uint64_t row, tl_tensor **out)
{
    return memory_create(ctx, name, kind, lead, row, true, out);
}

tl_status tli_tensor_create_uninitialized(tl_context *ctx, const char *name, tl_memory_kind kind,
                                          uint64_t lead, uint64_t row, tl_tensor **out)
{
    return memory_create(ctx, name, kind, lead, row, false, out);
}

void tl_tensor_destroy(tl_context *ctx, tl_tensor *tensor)
{
    if (tensor == NULL || tli_tensor_check(ctx, "to be destroyed", tensor) != TL_OK) return;
    tli_tensor_node *node = (tli_tensor_node *)tensor;
    if (node->previous != NULL)
        node->previous->next = node->next;
    else
        ctx->tensors = node->next;
    if (node->next != NULL) node->next->previous = node->previous;
    ctx->used[tensor->kind] -= node->booked;
    ctx->total -= node->booked;
    ctx->destroyed++;
    free_node(node); /* queued work keeps the buffers alive until it has run */
}

uint64_t tli_tensors_destroyed(const tl_context *ctx)
{
    return ctx->destroyed;
}

/* Compares addresses only, so that it may be called with the handle of a destroyed tensor. */
tl_status tli_tensor_check(tl_context *ctx, const char *what, const tl_tensor *tensor)
{
    if (ctx == NULL || tensor == NULL)
        return tli_fail(ctx != NULL ? &ctx->error : NULL, TL_ERROR_USAGE, "the tensor %s is missing", what);
    for (const tli_tensor_node *node = ctx->tensors; node != NULL; node = node->next)
        if (&node->tensor == tensor) return TL_OK;
    return tli_fail(&ctx->error, TL_ERROR_USAGE,
                    "the tensor %s is none of this context: it was destroyed, or made in another one", what);
}

bool tli_tensor_alike(const tl_tensor *a, const tl_tensor *b)
{
    return a->lead == b->lead && a->row == b->row && a->lead_per_shard == b->lead_per_shard &&
           a->shards == b->shards;
}

tl_status tli_tensor_check_room(tl_context *ctx, const char *what, const tl_tensor *t, uint64_t count)
{
    TLI_TRY(tli_tensor_check(ctx, what, t));
    if (t->shards == 1 && t->lead * t->row >= count) return TL_OK;
    return tli_fail(&ctx->error, TL_ERROR_USAGE,
                    "%s, the tensor \"%s\", must hold %llu elements in one piece: it has %llu in %d", what,
                    t->name, (unsigned long long)count, (unsigned long long)(t->lead * t->row), t->shards);
}

tli_view tli_at(const tl_tensor *tensor, uint64_t at)
{
    return (tli_view){tensor->shards == 1 ? tensor->mem[0] : NULL, at, tensor->dtype};
}

tli_view tli_element(const tl_tensor *tensor, uint64_t at, uint64_t *left)
{
    const uint64_t per_shard = tensor->lead_per_shard * tensor->row;
    const int shard = (int)(at / per_shard);
    *left = tli_shard_count(tensor, shard) - at % per_shard;
    return (tli_view){tensor->mem[shard], at % per_shard, tensor->dtype};
}

tli_view tli_view_add(tli_view view, uint64_t more)
{
    return (tli_view){view.mem, view.at + more, view.dtype};
}

tli_view tli_shard(const tl_tensor *tensor, uint64_t lead, uint64_t *first)
{
    uint64_t shard = lead / tensor->lead_per_shard;
    if (first != NULL) *first = shard * tensor->lead_per_shard;
    return (tli_view){shard < (uint64_t)tensor->shards ? tensor->mem[shard] : NULL, 0, tensor->dtype};
}

/* One of `target` and `source` is NULL. `sent` NULL: blocking; else receives the event of the last
 * transfer, which completes after the others. */
static tl_status memory_transfer(tl_context *ctx, const tl_tensor *tensor, uint64_t at, uint64_t count,
                                 unsigned char *target, const unsigned char *source, cl_event *sent)
{
    const cl_bool blocking = sent == NULL ? CL_TRUE : CL_FALSE;
    uint64_t elements = tensor->lead * tensor->row;
    if (at > elements || count > elements - at)
        return tli_fail(&ctx->error, TL_ERROR_USAGE,
                        "elements %llu to %llu are outside tensor %s of %llu elements",
                        (unsigned long long)at, (unsigned long long)at + count, tensor->name,
                        (unsigned long long)elements);
    if (ctx->dry.sink != NULL) {
        if (target != NULL) memset(target, 0, bytes_of(tensor->dtype, count));
        return TL_OK;
    }
    uint64_t per_shard = tensor->lead_per_shard * tensor->row;
    while (count > 0) {
        uint64_t shard = at / per_shard, inside = at % per_shard;
        uint64_t piece = per_shard - inside < count ? per_shard - inside : count;
        const size_t offset = bytes_of(tensor->dtype, inside), size = bytes_of(tensor->dtype, piece);
        cl_int code = tli_fault_call(&ctx->fault);
        if (sent != NULL && *sent != NULL) {
            clReleaseEvent(*sent);
            *sent = NULL;
        }
        if (code == CL_SUCCESS)
            code = target != NULL ? clEnqueueReadBuffer(ctx->queue, tensor->mem[shard], blocking, offset,
                                                        size, target, 0, NULL, sent)
                                  : clEnqueueWriteBuffer(ctx->queue, tensor->mem[shard], blocking, offset,
                                                         size, source, 0, NULL, sent);
        TLI_TRY(tli_cl_check(&ctx->error, code, "%s %s of tensor %s (%s)",
                             target != NULL ? "reading" : "writing", TLI_SIZE(size), tensor->name,
                             target != NULL ? "clEnqueueReadBuffer" : "clEnqueueWriteBuffer"));
        if (target != NULL)
            target += size;
        else
            source += size;
        at += piece;
        count -= piece;
    }
    return TL_OK;
}

tl_status tl_tensor_write(tl_context *ctx, tl_tensor *tensor, uint64_t at, uint64_t count, const void *source)
{
    TLI_TRY(tli_tensor_check(ctx, "to be written", tensor));
    if (source == NULL && count > 0)
        return tli_fail(&ctx->error, TL_ERROR_USAGE, "tensor %s cannot be written from NULL", tensor->name);
    return memory_transfer(ctx, tensor, at, count, NULL, source, NULL);
}

tl_status tl_tensor_read(tl_context *ctx, const tl_tensor *tensor, uint64_t at, uint64_t count, void *target)
{
    TLI_TRY(tli_tensor_check(ctx, "to be read", tensor));
    if (target == NULL && count > 0)
        return tli_fail(&ctx->error, TL_ERROR_USAGE, "tensor %s cannot be read into NULL", tensor->name);
    return memory_transfer(ctx, tensor, at, count, target, NULL, NULL);
}

/* Waits until the device has read the staging copy. */
static tl_status memory_await(tl_context *ctx, const char *name, tli_staged *staged)
{
    if (staged->sent == NULL) return TL_OK;
    const cl_int code = clWaitForEvents(1, &staged->sent);
    clReleaseEvent(staged->sent);
    staged->sent = NULL;
    return tli_cl_check(&ctx->error, code, "writing to tensor %s (clWaitForEvents)", name);
}

tl_status tli_tensor_write_async(tl_context *ctx, tl_tensor *tensor, uint64_t at, uint64_t count,
                                 const void *source)
{
    if (ctx->dry.sink != NULL) return TL_OK;
    tli_tensor_node *node = (tli_tensor_node *)tensor;
    tli_staged *staged = &node->staged[node->turn];
    const size_t bytes = bytes_of(tensor->dtype, count);
    node->turn = 1 - node->turn;
    TLI_TRY(memory_await(ctx, tensor->name, staged));
    if (staged->bytes < bytes) {
        free(staged->data);
        staged->data = malloc(bytes);
        staged->bytes = staged->data != NULL ? bytes : 0;
        if (staged->data == NULL)
            return tli_fail(&ctx->error, TL_ERROR_MEMORY, "the host has no memory left for %s of tensor %s",
                            TLI_SIZE(bytes), tensor->name);
    }
    memcpy(staged->data, source, bytes);
    return memory_transfer(ctx, tensor, at, count, NULL, staged->data, &staged->sent);
}

/* The event that profiles a fill or copy; NULL without a profile. */
static cl_event *memory_timed(const tl_context *ctx, cl_event *event)
{
    return ctx->profile.on ? event : NULL;
}

static tl_status fill_zero(tl_context *ctx, tli_view view, uint64_t count, size_t pattern)
{
    static const cl_uint zeros[32] = {0}; /* 128 bytes, the longest fill pattern in OpenCL */
    const size_t bytes = bytes_of(view.dtype, count);
    cl_event event = NULL;
    if (count == 0 || ctx->dry.sink != NULL) return TL_OK;
    cl_int code = clEnqueueFillBuffer(ctx->queue, view.mem, zeros, pattern, bytes_of(view.dtype, view.at),
                                      bytes, 0, NULL, memory_timed(ctx, &event));
    TLI_TRY(tli_cl_check(&ctx->error, code, "zeroing %llu elements at %llu (clEnqueueFillBuffer)",
                         (unsigned long long)count, (unsigned long long)view.at));
    const tli_launch work = {.bytes = (double)bytes};
    return event == NULL ? TL_OK
                         : tli_profile_add(ctx, tli_profile_row_of(&ctx->profile, "(zero)"), event, &work);
}

tl_status tli_zero(tl_context *ctx, tli_view view, uint64_t count)
{
    enum { LONG = 32 }; /* elements: drivers that fill pattern by pattern are much faster with a long one */
    if (view.at % LONG != 0 || count < LONG) return fill_zero(ctx, view, count, bytes_of(view.dtype, 1));
    const uint64_t whole = count - count % LONG;
    TLI_TRY(fill_zero(ctx, view, whole, bytes_of(view.dtype, LONG)));
    return fill_zero(ctx, tli_view_add(view, whole), count % LONG, bytes_of(view.dtype, 1));
}

tl_status tli_copy(tl_context *ctx, tli_view source, tli_view target, uint64_t count)
{
    const size_t bytes = bytes_of(source.dtype, count);
    cl_event event = NULL;
    if (count == 0 || ctx->dry.sink != NULL) return TL_OK;
    cl_int code = clEnqueueCopyBuffer(ctx->queue, source.mem, target.mem, bytes_of(source.dtype, source.at),
                                      bytes_of(target.dtype, target.at), bytes, 0, NULL,
                                      memory_timed(ctx, &event));
    TLI_TRY(tli_cl_check(&ctx->error, code, "copying %llu elements from %llu to %llu (clEnqueueCopyBuffer)",
                         (unsigned long long)count, (unsigned long long)source.at,
                         (unsigned long long)target.at));
    const tli_launch work = {.bytes = 2.0 * (double)bytes};
    return event == NULL ? TL_OK
                         : tli_profile_add(ctx, tli_profile_row_of(&ctx->profile, "(copy)"), event, &work);
}

uint64_t tl_memory_used(const tl_context *ctx, tl_memory_kind kind)
{
    return ctx != NULL && (int)kind >= 0 && kind < TL_MEMORY_KINDS ? ctx->used[kind] : 0;
}

uint64_t tl_memory_peak(const tl_context *ctx)
{
    return ctx != NULL ? ctx->peak : 0;
}

/* The device room: the only one that calls cl*. A tl_context is one OpenCL device with one in-order queue,
 * its kernels and its memory accounts. Nothing here is global: two contexts live side by side.
 *
 * Every function that takes a tl_context records its message in tl_context_error(ctx). */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/status.h"

/* ---- context: tl_device_*, tl_context_create and their kin are public ------------------------------- */

/* One of the two forms that kernels have, see tl_kernel_path, and what it is built with. */
typedef struct tli_kernel_form {
    bool cpu;
    uint32_t vector_width; /* floats a vector: 4, 8 or 16 */
    uint32_t row_group; /* work-items that share one row in row kernels: 1 in the CPU form, a power of two */
} tli_kernel_form;

typedef struct tli_limits {
    bool cpu_path;         /* the form that the context prefers */
    uint32_t vector_width; /* of that form, as in tli_kernel_form */
    uint32_t row_group;
    bool path_given; /* the caller asked for that form: no other may serve */
    uint32_t compute_units;
    uint64_t memory_limit, max_alloc_bytes, local_bytes;
    tl_gemm_mode gemm;
} tli_limits;

const tli_limits *tli_context_limits(const tl_context *ctx);
const tl_log *tli_context_log(const tl_context *ctx);

/* The form for CPUs or for GPUs on this device, and whether the device can run it: the products' tiles of the form for
 * GPUs take work-groups of 256. */
tli_kernel_form tli_context_form(const tl_context *ctx, bool cpu);
bool tli_context_has_form(const tl_context *ctx, bool cpu);

/* ---- memory -------------------------------------------------------------------------------------- */

typedef struct _cl_mem *tli_mem; /* a cl_mem, without cl.h */

/* The type of a tensor's elements on the device. Ids and tables of int32 are stored in tensors of TLI_DTYPE_F32, whose
 * elements have the same size. */
typedef enum tli_dtype { TLI_DTYPE_F32 } tli_dtype;

/* Bytes of one element. Every size in bytes of a tensor, a view or a plan goes through it. */
uint64_t tli_element_bytes(tli_dtype dtype);

/* A place in a buffer, counted in elements: how activations and single-shard tensors travel. */
typedef struct tli_view {
    tli_mem mem;
    uint64_t at;
    tli_dtype dtype;
} tli_view;

/* A tensor [lead][row], owned by its context. A tensor longer than the device's largest allocation is stored
 * as shards along `lead`; lead == 1 means it cannot be split. */
typedef struct tl_tensor {
    char name[96];
    tl_memory_kind kind;
    tli_dtype dtype;
    uint64_t lead, row;      /* elements: lead * row */
    uint64_t lead_per_shard; /* shard s holds leads [s * lead_per_shard, ...) */
    int shards;
    tli_mem *mem; /* one a shard */
} tl_tensor;

/* tl_tensor_create for a tensor whose elements are all written before they are read: they are undefined, and
 * on a CPU device its memory is not even touched. */
tl_status tli_tensor_create_uninitialized(tl_context *ctx, const char *name, tl_memory_kind kind,
                                          uint64_t lead, uint64_t row, tl_tensor **out);

/* TL_ERROR_USAGE unless `tensor` is alive in this context. For handles that users of the library hand in; `what` goes into
 * the message: "to be read". Takes a step for every tensor of the context. */
tl_status tli_tensor_check(tl_context *ctx, const char *what, const tl_tensor *tensor);

/* How tl_tensor_create would split it: leads a shard, 0 when even one lead is too large. No device needed. */
uint64_t tli_tensor_lead_per_shard(tli_dtype dtype, uint64_t lead, uint64_t row, uint64_t max_alloc_bytes);

/* tl_tensor_write that does not wait for the queue: `source` is copied first. It waits for the write before the last
 * of this tensor, so whoever sends to it once a step is at most two steps ahead of the device. */
tl_status tli_tensor_write_async(tl_context *ctx, tl_tensor *tensor, uint64_t at, uint64_t count,
                                 const void *source);

/* Element `at` of a single-shard tensor. */
tli_view tli_at(const tl_tensor *tensor, uint64_t at);
/* The same place `more` elements further on. */
tli_view tli_view_add(tli_view view, uint64_t more);
/* Shard of leading index `lead`; its first leading index in *first. */
tli_view tli_shard(const tl_tensor *tensor, uint64_t lead, uint64_t *first);

/* Enqueued: sets elements [at, at + count) of a view's buffer to zero. */
tl_status tli_zero(tl_context *ctx, tli_view view, uint64_t count);
/* Enqueued: copies `count` elements between views that do not overlap. */
tl_status tli_copy(tl_context *ctx, tli_view source, tli_view target, uint64_t count);

/* ---- kernels ------------------------------------------------------------------------------------- */

typedef struct tli_kernel tli_kernel; /* owned by the context */

/* Kernel `name` of kernels/<family>.cl (or of several files one behind the other: "tile+gemm"), built behind
 * common.cl with `-cl-std=CL1.2`, the context's standard macros (TL_CPU 0|1, TL_VW vector width, TL_GROUP row
 * group) and `options` ("-DTA=1 -DKC=256"; may be ""). Built once per (family, options), from the cache on
 * disk where it can. Cheap to call before every launch. */
tl_status tli_kernel_get(tl_context *ctx, const char *family, const char *name, const char *options,
                         tli_kernel **out);
/* The same in a form of the caller's choice. */
tl_status tli_kernel_get_form(tl_context *ctx, bool cpu, const char *family, const char *name,
                              const char *options, tli_kernel **out);

/* A hash of all kernel sources, those of TRANSLUTION_KERNEL_DIR where it has them. */
uint64_t tli_kernel_sources_hash(tl_context *ctx);

typedef struct tli_arg {
    enum { TLI_ARG_TYPE_MEM, TLI_ARG_TYPE_I32, TLI_ARG_TYPE_U32, TLI_ARG_TYPE_U64, TLI_ARG_TYPE_F32 } type;
    union {
        tli_mem mem;
        int32_t i32;
        uint32_t u32;
        uint64_t u64;
        float f32;
    } value;
} tli_arg;

#define TLI_ARG_MEM(m) ((tli_arg){.type = TLI_ARG_TYPE_MEM, .value = {.mem = (m)}})
#define TLI_ARG_I32(v) ((tli_arg){.type = TLI_ARG_TYPE_I32, .value = {.i32 = (int32_t)(v)}})
#define TLI_ARG_U32(v) ((tli_arg){.type = TLI_ARG_TYPE_U32, .value = {.u32 = (uint32_t)(v)}})
#define TLI_ARG_U64(v) ((tli_arg){.type = TLI_ARG_TYPE_U64, .value = {.u64 = (uint64_t)(v)}})
#define TLI_ARG_F32(v) ((tli_arg){.type = TLI_ARG_TYPE_F32, .value = {.f32 = (v)}})
/* Two kernel arguments: the buffer and the ulong element offset. A view with mem NULL passes NULL. */
#define TLI_ARG_VIEW(v) TLI_ARG_MEM((v).mem), TLI_ARG_U64((v).at)

/* Work-groups in each dimension and work-items a group (1-D groups). */
typedef struct tli_launch {
    uint64_t groups[3];
    uint32_t items;
    double flops, bytes; /* work of the whole launch, and what it must move, for the profile; 0: unknown */
} tli_launch;

/* `groups` groups of `items` work-items each, with unknown work. */
tli_launch tli_launch1(uint64_t groups, uint32_t items);
tli_launch tli_launch3(uint64_t x, uint64_t y, uint64_t z, uint32_t items);

/* Enqueues one launch; returns before it has run. A grid with no groups is nothing to do. An error names
 * kernel, sizes, code and hint. */
tl_status tli_launch_kernel(tl_context *ctx, tli_kernel *kernel, tli_launch launch, const tli_arg *args,
                            int count);
#define TLI_LAUNCH(ctx, kernel, launch, ...)                                                                 \
    tli_launch_kernel((ctx), (kernel), (launch), (const tli_arg[]){__VA_ARGS__},                             \
                      (int)(sizeof((const tli_arg[]){__VA_ARGS__}) / sizeof(tli_arg)))

tl_status tli_flush(tl_context *ctx); /* hands what is queued to the device */

/* What a floor above keeps with the context, NULL at first; `destroy` is called on it when the context goes. */
typedef struct tli_user_data {
    void *data;
    void (*destroy)(void *data);
} tli_user_data;
typedef enum tli_user_data_name { TLI_SLOT_GEMM, TLI_SLOT_KERNEL_FORMS, TLI_SLOTS } tli_user_data_name;
tli_user_data *tli_context_user_data(tl_context *ctx, tli_user_data_name name);

/* Work between the two calls does not show: it is not profiled, it may exceed the memory limit, and afterwards the peak of
 * memory and the last message are what they were. For self-tests in the middle of a run. May be nested. */
typedef struct tli_context_aside {
    uint64_t peak, memory_limit;
    bool profile;
    tl_error error;
} tli_context_aside;
tli_context_aside tli_context_step_aside(tl_context *ctx);
void tli_context_step_back(tl_context *ctx, const tli_context_aside *aside);

/* Objects of higher layers whose handles users of the library hold. The context knows which are alive, and destroys, before
 * its tensors, those that are left when it goes. Looking one up compares addresses alone. */
tl_status tli_context_own(tl_context *ctx, void *object, void (*destroy)(tl_context *ctx, void *object));
bool tli_context_owns(const tl_context *ctx, const void *object);
void tli_context_disown(tl_context *ctx, const void *object);

/* Bytes that are kept in the cache folder for this device and driver under a name ("gemm"). Recalled data belongs to
 * the caller (free()); a missing or damaged entry is false. Remembering fails silently where there is no cache. */
bool tli_cache_get(tl_context *ctx, const char *name, unsigned char **data, size_t *size);
void tli_cache_put(tl_context *ctx, const char *name, const void *data, size_t size);

/* The raw handles for libraries that enqueue by themselves (CLBlast): cl_command_queue*. */
void *tli_context_queue(tl_context *ctx);

/* ---- profile ------------------------------------------------------------------------------------- */

typedef struct tli_profile_row {
    char kernel[64];
    uint64_t launches, nanoseconds, longest; /* longest: of one launch, in nanoseconds */
    double flops, bytes;                     /* sums over the launches; 0: unknown */
} tli_profile_row;

/* Per-kernel sums since the context was made, longest first; finishes the queue. Free with free(). Empty
 * when the context was made without `profile`. */
tl_status tli_profile_rows(tl_context *ctx, tli_profile_row **rows, int *count);

/* Libraries that enqueue by themselves hand their cl_event (may be NULL) over here; it is released. */
tl_status tli_profile_event(tl_context *ctx, const char *name, void *event);
/* The same with the work that it did, as in tli_launch. */
tl_status tli_profile_event_work(tl_context *ctx, const char *name, void *event, double flops, double bytes);
bool tli_profile_is_on(const tl_context *ctx);

/* From now on every launch is kept for a trace, up to `most` of them (0: a million; later ones only count in
 * the sums, with one notice). Needs a context with `profile`. */
tl_status tli_profile_trace(tl_context *ctx, uint64_t most);
/* Finishes the queue and writes what was kept as a Chrome trace ("X" events, times in microseconds since the
 * first launch), for chrome://tracing or Perfetto. */
tl_status tli_profile_write_trace(tl_context *ctx, const char *path);

#endif

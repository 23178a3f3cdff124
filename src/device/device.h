/* The device layer: the only one that calls OpenCL (cl*). A tl_context is one OpenCL device with one
 * in-order queue, its kernels and its memory accounting. There is no global state: any number of contexts
 * may exist side by side.
 *
 * Every function that takes a tl_context records its error message in tl_context_error(ctx). */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"
#include "core/status.h"

/* ---- context: tl_device_* and tl_context_* are public, in translution.h ---------------------------- */

/* Words of --device and tl_device_select that stand for a type of device, for messages. */
#define TLI_DEVICE_WORDS "auto, gpu, cpu, acc"

/* One of the two forms of a kernel (CPU or GPU, see tl_kernel_path) and its build parameters. */
typedef struct tli_kernel_form {
    bool cpu;
    uint32_t vector_width; /* floats a vector: 4, 8 or 16 */
    uint32_t row_group;    /* work-items per row in row kernels: CPU 1, GPU a power of two */
    uint32_t
        tile; /* rows and columns of the tiles of the GPU form's products, for tests; 0: by each product's shape */
    bool wide_tiles;    /* work-items have registers for the 64 results that the largest tiles give them */
    uint32_t sub_group; /* work-items of one, which the tiles' kernels ask for; 0: the compiler's choice */
} tli_kernel_form;

typedef struct tli_limits {
    bool cpu_path;         /* the form that the context prefers */
    uint32_t vector_width; /* of that form, as in tli_kernel_form */
    uint32_t row_group;
    bool path_given; /* the caller requires that form: no fallback to the other */
    uint32_t compute_units;
    uint32_t tile, sub_group; /* as in tli_kernel_form */
    uint32_t dpas_group;      /* sub_group of a GPU of Intel that multiplies matrices; 0: it does not */
    uint64_t memory_limit, max_alloc_bytes, local_bytes;
    uint64_t chunk_bytes; /* tl_device_chunk_bytes of all this */
    tl_gemm_mode gemm;
} tli_limits;

const tli_limits *tli_context_limits(const tl_context *ctx);
/* For tests of kernels: sets limits.tile. */
void tli_context_set_tile(tl_context *ctx, uint32_t tile);
const tl_log *tli_context_log(const tl_context *ctx);

/* Build parameters of the CPU or GPU form on this device, and whether the device can run it: the GPU
 * form's GEMM tiles need work-groups of 256. */
tli_kernel_form tli_context_form(const tl_context *ctx, bool cpu);
bool tli_context_has_form(const tl_context *ctx, bool cpu);

/* Bytes of a chunk for a choice as of tl_model_config.chunk_bytes: `least` for 0, else the choice, but never so many that 32 bits
 * could not count its floats. */
uint64_t tli_chunk_bytes(uint64_t choice, uint64_t least);

/* ---- memory -------------------------------------------------------------------------------------- */

typedef struct _cl_mem *tli_mem; /* a cl_mem, without cl.h */

/* Element type of a tensor on the device. Ids and int32 tables are stored in tensors of TLI_DTYPE_F32,
 * whose elements have the same size. */
typedef enum tli_dtype { TLI_DTYPE_F32 } tli_dtype;

/* Bytes of one element. Every byte size of a tensor, view or plan is computed with it. */
uint64_t tli_element_bytes(tli_dtype dtype);

/* A position in a buffer, in elements. Activations and single-shard tensors are passed as views. */
typedef struct tli_view {
    tli_mem mem;
    uint64_t at;
    tli_dtype dtype;
} tli_view;

/* A tensor [lead][row], owned by its context. A tensor larger than the device's largest allocation is
 * split into shards along `lead`; one with lead == 1 cannot be split. */
typedef struct tl_tensor {
    char name[96];
    tl_memory_kind kind;
    tli_dtype dtype;
    uint64_t lead, row;      /* elements: lead * row */
    uint64_t lead_per_shard; /* shard s holds leads [s * lead_per_shard, ...) */
    int shards;
    tli_mem *mem; /* one a shard */
    void **host;  /* the same, where the host has them: tli_tensor_map; else NULL */
} tl_tensor;

/* tl_tensor_create without zero-filling, for tensors whose elements are all written before they are read.
 * On a CPU device the memory is not even touched. */
tl_status tli_tensor_create_uninitialized(tl_context *ctx, const char *name, tl_memory_kind kind,
                                          uint64_t lead, uint64_t row, tl_tensor **out);

/* TL_ERROR_USAGE unless `tensor` is alive in this context. For handles that come from the library's user;
 * `what` completes the message: "to be read". Linear in the number of tensors of the context. */
tl_status tli_tensor_check(tl_context *ctx, const char *what, const tl_tensor *tensor);
/* Tensors that the context has destroyed so far: while it stays the same, a tensor that was alive is. */
uint64_t tli_tensors_destroyed(const tl_context *ctx);

/* The same, and unless it holds at least `count` elements in one piece; `what` names the argument. */
tl_status tli_tensor_check_room(tl_context *ctx, const char *what, const tl_tensor *tensor, uint64_t count);

/* Whether two tensors have the same lead, row and shards. */
bool tli_tensor_alike(const tl_tensor *a, const tl_tensor *b);

/* How tl_tensor_create would split it: leads a shard, 0 when even one lead is too large. No device needed. */
uint64_t tli_tensor_lead_per_shard(tli_dtype dtype, uint64_t lead, uint64_t row, uint64_t max_alloc_bytes);

/* tl_tensor_write without waiting for the queue: `source` is copied first. It waits for the write before
 * the previous one to this tensor, so with one write a step the host is at most two steps ahead of the
 * device. */
tl_status tli_tensor_write_async(tl_context *ctx, tl_tensor *tensor, uint64_t at, uint64_t count,
                                 const void *source);

/* Element `at` of a single-shard tensor. */
tli_view tli_at(const tl_tensor *tensor, uint64_t at);
/* Element `at` of any tensor; *left: elements of its shard from there on. */
tli_view tli_element(const tl_tensor *tensor, uint64_t at, uint64_t *left);
/* The same place `more` elements further on. */
tli_view tli_view_add(tli_view view, uint64_t more);
/* Shard of leading index `lead`; its first leading index in *first. */
tli_view tli_shard(const tl_tensor *tensor, uint64_t lead, uint64_t *first);

/* Whether the device computes in the host's memory, a CPU by kernels in the form for CPUs: mapping then copies nothing, and
 * the host's sums of floats are the device's. */
bool tli_context_maps(const tl_context *ctx);
/* Enqueued: gives a tensor to the host, in tensor->host, from when the queue has come so far, as tli_tensor_await_map waits, to
 * tli_tensor_unmap, which is enqueued, too. Meanwhile the device must not use it. */
tl_status tli_tensor_map(tl_context *ctx, tl_tensor *tensor);
tl_status tli_tensor_await_map(tl_context *ctx, tl_tensor *tensor);
tl_status tli_tensor_unmap(tl_context *ctx, tl_tensor *tensor);
bool tli_tensor_is_given(const tl_tensor *tensor); /* whether the queue has come so far; does not wait */
/* Waits for the queue and gives `count` elements of a view to the host until tli_view_unmap, which is enqueued. */
tl_status tli_view_map(tl_context *ctx, tli_view view, uint64_t count, void **host);
tl_status tli_view_unmap(tl_context *ctx, tli_view view, void *host);
/* Element `at` of a tensor that the host has; *left: elements of its shard from there on. */
void *tli_tensor_host(const tl_tensor *tensor, uint64_t at, uint64_t *left);

/* Number of elements in shard s of a tensor, and all of it. */
uint64_t tli_shard_count(const tl_tensor *tensor, int s);
tli_view tli_shard_view(const tl_tensor *tensor, int s);

/* Enqueued: sets elements [at, at + count) of a view's buffer to zero. */
tl_status tli_zero(tl_context *ctx, tli_view view, uint64_t count);
/* Enqueued: copies `count` elements between views that do not overlap. */
tl_status tli_copy(tl_context *ctx, tli_view source, tli_view target, uint64_t count);

/* ---- kernels ------------------------------------------------------------------------------------- */

typedef struct tli_kernel tli_kernel; /* owned by the context */

/* Kernel `name` of kernels/<family>.cl (or of several files concatenated: "tile+gemm"), compiled after
 * common.cl with `-cl-std=CL1.2`, the context's standard macros (TL_CPU 0|1, TL_VW vector width, TL_GROUP
 * row group, and TL_SUB_GROUP where the form has one) and `options` ("-DTA=1 -DKC=256"; may be ""). Built once per (family, options), from the
 * on-disk cache if possible. Cheap to call before every launch. */
tl_status tli_kernel_get(tl_context *ctx, const char *family, const char *name, const char *options,
                         tli_kernel **out);
/* The same in an explicit form (CPU or GPU). */
tl_status tli_kernel_get_form(tl_context *ctx, bool cpu, const char *family, const char *name,
                              const char *options, tli_kernel **out);

/* Takes a program: its files as tli_kernel_get names them, all build options, the complete source, and a hash over
 * options and source. */
typedef tl_status (*tli_program_sink)(void *user, const char *family, const char *options, const char *source,
                                      uint64_t hash, tl_error *err);

/* Makes a new context dry: it builds and launches nothing, its tensors share one small buffer whatever their size,
 * what is written to them is dropped, and reads give zeros. Every program that it would build goes to `sink` (NULL: to none), once. */
tl_status tli_context_dry(tl_context *ctx, tli_program_sink sink, void *user);
bool tli_context_is_dry(const tl_context *ctx);

/* Hash of all kernel source files, including overrides from TRANSLUTION_KERNEL_DIR. */
uint64_t tli_kernel_sources_hash(tl_context *ctx);

/* The names of types in definitions that kernels and host share. */
typedef int32_t i32;
typedef uint32_t u32;
typedef uint64_t u64;
typedef float f32;

typedef struct tli_arg {
    enum {
        TLI_ARG_TYPE_MEM,
        TLI_ARG_TYPE_I32,
        TLI_ARG_TYPE_U32,
        TLI_ARG_TYPE_U64,
        TLI_ARG_TYPE_F32,
        TLI_ARG_TYPE_STRUCT
    } type;
    union {
        tli_mem mem;
        int32_t i32;
        uint32_t u32;
        uint64_t u64;
        float f32;
        const void *bytes; /* of a struct, read by the launch */
    } value;
    size_t size; /* of a struct */
} tli_arg;

#define TLI_ARG_MEM(m) ((tli_arg){.type = TLI_ARG_TYPE_MEM, .value = {.mem = (m)}})
#define TLI_ARG_I32(v) ((tli_arg){.type = TLI_ARG_TYPE_I32, .value = {.i32 = (int32_t)(v)}})
#define TLI_ARG_U32(v) ((tli_arg){.type = TLI_ARG_TYPE_U32, .value = {.u32 = (uint32_t)(v)}})
#define TLI_ARG_U64(v) ((tli_arg){.type = TLI_ARG_TYPE_U64, .value = {.u64 = (uint64_t)(v)}})
#define TLI_ARG_F32(v) ((tli_arg){.type = TLI_ARG_TYPE_F32, .value = {.f32 = (v)}})
/* A struct by value, whose definition kernel and host share: see kernels/gemm_sizes.cl. */
#define TLI_ARG_STRUCT(s)                                                                                    \
    ((tli_arg){.type = TLI_ARG_TYPE_STRUCT, .value = {.bytes = &(s)}, .size = sizeof(s)})
/* Two kernel arguments: the buffer and the ulong element offset. A view with mem NULL passes NULL. */
#define TLI_ARG_VIEW(v) TLI_ARG_MEM((v).mem), TLI_ARG_U64((v).at)

/* Number of work-groups in each dimension and work-items per group (1-D groups). */
typedef struct tli_launch {
    uint64_t groups[3];
    uint32_t items;
    double flops, bytes; /* work and minimum memory traffic, for the profile; 0: unknown */
    uint32_t tile;       /* rows and columns of a product's tiles in the GPU form; 0: no tiles */
    double tile_flops;   /* work of whole tiles, with rows and columns that have no results */
} tli_launch;

/* `groups` work-groups of `items` work-items each; flops and bytes unknown. */
tli_launch tli_launch1(uint64_t groups, uint32_t items);
tli_launch tli_launch3(uint64_t x, uint64_t y, uint64_t z, uint32_t items);

/* Enqueues one launch and returns before it has run. With 0 groups nothing is enqueued. An error message
 * names the kernel, sizes, error code and a hint. */
tl_status tli_launch_kernel(tl_context *ctx, tli_kernel *kernel, tli_launch launch, const tli_arg *args,
                            int count);
#define TLI_LAUNCH(ctx, kernel, launch, ...)                                                                 \
    tli_launch_kernel((ctx), (kernel), (launch), (const tli_arg[]){__VA_ARGS__},                             \
                      (int)(sizeof((const tli_arg[]){__VA_ARGS__}) / sizeof(tli_arg)))

/* Takes a launch that a dry context would make, one with work-groups. */
typedef void (*tli_launch_sink)(void *user, const char *kernel, const tli_launch *launch);
/* Has a dry context divide work as a device of so many compute units would, and give its launches to `sink`. */
void tli_context_dry_launches(tl_context *ctx, uint32_t compute_units, tli_launch_sink sink, void *user);

tl_status tli_flush(tl_context *ctx); /* clFlush: submits queued work to the device */

/* Opaque per-context data of a higher layer (the GEMM table). Initially NULL; freed with `destroy` in
 * tl_context_destroy. */
typedef struct tli_user_data {
    void *data;
    void (*destroy)(void *data);
} tli_user_data;
typedef enum tli_user_data_name {
    TLI_SLOT_GEMM,
    TLI_SLOT_KERNEL_FORMS,
    TLI_SLOT_TUNING,
    TLI_SLOT_PRECISION,
    TLI_SLOTS
} tli_user_data_name;
tli_user_data *tli_context_user_data(tl_context *ctx, tli_user_data_name name);

/* Between the two calls work is hidden from the context's statistics: it is not profiled, may exceed the
 * memory limit, and leaves peak memory and the error message as they were. For self-tests in the middle of
 * a run. May be nested. */
typedef struct tli_context_aside {
    uint64_t peak, memory_limit;
    bool profile;
    tl_error error;
} tli_context_aside;
tli_context_aside tli_context_step_aside(tl_context *ctx);
void tli_context_step_back(tl_context *ctx, const tli_context_aside *aside);

/* Registry of higher-layer objects whose handles the library's user holds. Objects still alive when the
 * context is destroyed are destroyed before its tensors. Lookup compares addresses only. */
tl_status tli_context_own(tl_context *ctx, void *object, void (*destroy)(tl_context *ctx, void *object));
bool tli_context_owns(const tl_context *ctx, const void *object);
/* TL_ERROR_USAGE, naming the object's kind ("layer"), when it or the context is NULL, or the context does not own it:
 * it was destroyed, or belongs to another one. */
tl_status tli_context_check(tl_context *ctx, const void *object, const char *kind);
void tli_context_disown(tl_context *ctx, const void *object);

/* Small blobs in the on-disk cache, by name ("gemm"), per device and driver. get: true and a malloc'ed
 * copy, or false if missing or damaged. put: best effort, fails silently. */
bool tli_cache_get(tl_context *ctx, const char *name, unsigned char **data, size_t *size);
void tli_cache_put(tl_context *ctx, const char *name, const void *data, size_t size);

/* The raw cl_command_queue*, for libraries that enqueue by themselves (CLBlast). */
void *tli_context_queue(tl_context *ctx);

/* ---- profile: read by tl_profile_read of the public header ----------------------------------------- */

/* Adds the cl_event (may be NULL) of a library that enqueues by itself to the profile, and releases it. Flops and
 * bytes of the work are as in tli_launch. */
tl_status tli_profile_event(tl_context *ctx, const char *name, void *event, double flops, double bytes);
bool tli_profile_is_on(const tl_context *ctx);

#endif

/* Shared by the files of src/device only. Nothing outside includes this header. */
#ifndef DEVICE_INTERNAL_H
#define DEVICE_INTERNAL_H

#ifdef __APPLE__
#include <OpenCL/opencl.h>
#else
#include <CL/cl.h>
#endif

#include "device/device.h"

/* ---- opencl.c: OpenCL error codes as text --------------------------------------------------------- */

const char *tli_cl_name(cl_int code); /* "CL_OUT_OF_RESOURCES"; "unknown OpenCL code" */

/* TL_OK when code is CL_SUCCESS, else records "<what, formatted> failed with NAME (code): hint".
 * Out-of-memory codes give TL_ERROR_MEMORY, all others TL_ERROR_DEVICE. */
tl_status tli_cl_check(tl_error *err, cl_int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- list.c, missing.c: devices, platforms, and why no device was found ------------------------------------- */

enum { TLI_PLATFORMS_NAMED = 8 }; /* at most so many in a message */

/* Names of the first platforms, and how many of them there are. */
int tli_platform_names(char names[TLI_PLATFORMS_NAMED][128]);
/* Likely reason why a platform of this name shows no device. */
const char *tli_platform_advice(const char *platform);
/* Work-items of the smallest sub-groups that kernels may ask for on a GPU of Intel's driver; 0 on any other device. */
uint32_t tli_device_sub_group(const tl_device_info *device);
/* The same where these multiply matrices of bf16 by Intel's extensions, else 0. */
uint32_t tli_device_dpas_group(const tl_device_info *device);
/* Records why no device was found, and returns TL_ERROR_NO_DEVICE. */
tl_status tli_device_missing(tl_error *err);

/* ---- cache.c: program binaries on disk -------------------------------------------------------------- */

typedef struct tli_cache {
    char *folder; /* NULL: no cache */
} tli_cache;

typedef struct tli_cache_key {
    uint64_t low, high; /* 128 bits over source, options, platform, device and driver */
} tli_cache_key;

/* Finds or creates the cache folder; on failure logs one notice and continues without a cache. */
void tli_cache_open(tli_cache *cache, const tl_log *log);
void tli_cache_close(tli_cache *cache);
tli_cache_key tli_cache_key_make(const tl_device_info *device, const char *options, const char *source);
/* The binary of `key` in *data, freed by the caller; false when there is no valid entry. */
bool tli_cache_load(const tli_cache *cache, const char *family, tli_cache_key key, unsigned char **data,
                    size_t *size);
/* Best effort and atomic: a reader sees the old entry or the complete new one. */
void tli_cache_save(tli_cache *cache, const tl_log *log, const char *family, tli_cache_key key,
                    const unsigned char *data, size_t size);

/* ---- program.c -------------------------------------------------------------------------------------- */

typedef struct tli_program {
    char *family, *options;
    bool cpu; /* CPU form, else GPU form */
    cl_program cl;
    struct tli_program *next;
} tli_program;

struct tli_kernel {
    char *family, *name, *options;
    bool cpu; /* CPU form, else GPU form */
    cl_kernel cl;
    cl_uint args;     /* how many it takes */
    size_t max_items; /* CL_KERNEL_WORK_GROUP_SIZE: asked after the build */
    int profile;      /* index of its row in the profile; -1 until its first timed launch */
    tli_arg *set;     /* arguments as last set; valid while `set_at` equals the context's `destroyed` + 1 */
    uint64_t set_at;
};

typedef struct tli_programs {
    tli_program *first;
    tli_kernel **table; /* open addressing, `slots` a power of two */
    size_t slots, count;
    char *folder; /* TRANSLUTION_KERNEL_DIR; NULL: embedded sources */
    tli_cache cache;
} tli_programs;

/* TL_ERROR_INPUT if TRANSLUTION_KERNEL_DIR names a folder that cannot be read. */
tl_status tli_programs_open(tli_programs *programs, const tl_log *log, tl_error *err);
void tli_programs_close(tli_programs *programs);

/* ---- forms.c ---------------------------------------------------------------------------------------- */

/* The GPU form needs work-groups of 256; where there are none, the CPU form (groups of one) serves. */
bool tli_device_has_form(const tl_device_info *device, bool cpu);
/* Which form a context with this path in its options prefers. */
bool tli_device_prefers_cpu(const tl_device_info *device, tl_kernel_path path);
tli_kernel_form tli_device_form(const tl_device_info *device, bool cpu);

/* ---- profile.c -------------------------------------------------------------------------------------- */

typedef struct tli_timed_event {
    cl_event event;
    int row;
    tli_launch work; /* without items: no kernel's, or one whose groups are not known */
} tli_timed_event;

/* One launch in the trace; times in nanoseconds of the device's clock. */
typedef struct tli_traced {
    uint64_t start, nanoseconds;
    tli_launch work;
    int row;
} tli_traced;

typedef struct tli_profile {
    bool on;
    tl_profile_row *rows;
    int count, capacity;
    tli_timed_event *pending; /* launched, not yet read: at most TLI_PROFILE_PENDING */
    int waiting;
    tli_traced *trace;                       /* in the queue's order */
    uint64_t traced, trace_room, trace_most; /* trace_most 0: no trace */
    bool trace_full;                         /* and the notice was logged */
} tli_profile;

#define TLI_PROFILE_PENDING 2048
#define TLI_TRACE_MAX       1000000

/* Row of the profile for `name`, made when new; -1 without memory. */
int tli_profile_row_of(tli_profile *profile, const char *name);
/* Takes ownership of the event; reads the older half when too many are pending. */
tl_status tli_profile_add(tl_context *ctx, int row, cl_event event, const tli_launch *work);
/* Waits for the queue and reads all events. */
tl_status tli_profile_settle(tl_context *ctx);
void tli_profile_close(tli_profile *profile);

/* ---- fault.c: fault injection ------------------------------------------------------------------------ */

typedef struct tli_fault {
    uint64_t alloc, launch; /* calls until one fails; 0: none does */
    bool gone;              /* device lost: every call fails */
} tli_fault;

/* TL_ERROR_USAGE where TRANSLUTION_FAULT names no fault. */
tl_status tli_fault_open(tli_fault *fault, tl_error *err);
/* The error code to return instead of making the call; CL_SUCCESS: make the call. */
cl_int tli_fault_alloc(tli_fault *fault);
cl_int tli_fault_launch(tli_fault *fault);
cl_int tli_fault_call(const tli_fault *fault);

/* ---- context.c -------------------------------------------------------------------------------------- */

/* Staging copy of data given to tli_tensor_write_async, kept until the device has read it. */
typedef struct tli_staged {
    void *data;
    uint64_t bytes;
    cl_event sent; /* NULL: no transfer is pending */
} tli_staged;

typedef struct tli_tensor_node { /* first member is the tensor, so that a tl_tensor* can be cast to this */
    tl_tensor tensor;
    uint64_t booked;      /* counted in the memory accounts; 0: the buffer is the caller's */
    tli_staged staged[2]; /* used alternately */
    int turn;
    cl_event mapped; /* of the last shard; NULL: nobody waits for it */
    struct tli_tensor_node *previous, *next;
} tli_tensor_node;

/* An object of a higher layer, see tli_context_own. */
typedef struct owned_object {
    void *object;
    void (*destroy)(tl_context *ctx, void *object);
    struct owned_object *next;
} owned_object;

struct tl_context {
    tl_error error;
    tl_device_info device;
    tli_limits limits;
    tli_user_data slots[TLI_SLOTS];
    const tl_log *log;
    cl_context cl;
    cl_command_queue queue;
    owned_object *owned;      /* list of all alive */
    tli_tensor_node *tensors; /* list of all alive */
    /* tensors destroyed so far: a new buffer may get the handle that a kernel's stored argument holds */
    uint64_t destroyed;
    uint64_t used[TL_MEMORY_KINDS], total, peak;
    tli_programs programs;
    tli_profile profile;
    tli_fault fault;
    struct {
        tli_program_sink sink; /* NULL: not dry */
        void *user;
        cl_mem buffer;            /* of all tensors */
        tli_launch_sink launched; /* NULL: launches are dropped */
        void *launched_user;
    } dry;
};

#endif

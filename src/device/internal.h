/* What the files of the device room share. Nothing outside it includes this header. */
#ifndef TL_DEVICE_INTERNAL_H
#define TL_DEVICE_INTERNAL_H

#ifdef __APPLE__
#include <OpenCL/opencl.h>
#else
#include <CL/cl.h>
#endif

#include "device/device.h"

#define TL_MIB(bytes) ((double)(bytes) / 1048576.0)

/* ---- opencl.c: codes into sentences ---------------------------------------------------------------- */

const char *tl_cl_name(cl_int code); /* "CL_OUT_OF_RESOURCES"; "unknown OpenCL code" */
const char *tl_cl_hint(cl_int code); /* what to do about it, starting with ": "; may be "" */

/* TL_OK when code is CL_SUCCESS, else records "<what, formatted> failed with NAME (code): hint". Shortage of
 * memory is TL_ERROR_MEMORY, all else TL_ERROR_DEVICE. */
tl_status tl_cl_check(tl_error *err, cl_int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- list.c, missing.c: platforms, and why there is no device -------------------------------------- */

enum { TL_PLATFORMS_NAMED = 8 }; /* in a message */

/* Names of the first platforms, and how many those are. */
int tl_platform_names(char names[TL_PLATFORMS_NAMED][128]);
/* What a platform of this name that shows no device commonly wants. */
const char *tl_platform_advice(const char *platform);
/* Records why the machine has no device, and returns TL_ERROR_NO_DEVICE. */
tl_status tl_device_missing(tl_error *err);

/* ---- cache.c: program binaries on disk -------------------------------------------------------------- */

typedef struct tl_cache {
    char *folder; /* NULL: no cache */
    bool asked;   /* by TRANSLUTION_CACHE_DIR */
} tl_cache;

typedef struct tl_cache_key {
    uint64_t low, high; /* 128 bits over source, options, platform, device and driver */
} tl_cache_key;

/* Finds and makes the folder; where it cannot, says so once in the log and goes on without. */
void tl_cache_open(tl_cache *cache, const tl_log *log);
void tl_cache_close(tl_cache *cache);
tl_cache_key tl_cache_key_make(const tl_device_info *device, const char *options, const char *source);
/* The binary of `key` in *data, freed by the caller; false when there is no sound one. */
bool tl_cache_load(const tl_cache *cache, const char *family, tl_cache_key key, unsigned char **data,
                   size_t *size);
/* Best effort and atomic: a reader sees the old entry or the whole new one. */
void tl_cache_save(tl_cache *cache, const tl_log *log, const char *family, tl_cache_key key,
                   const unsigned char *data, size_t size);

/* ---- program.c -------------------------------------------------------------------------------------- */

typedef struct tl_program {
    char *family, *options;
    cl_program cl;
    struct tl_program *next;
} tl_program;

struct tl_kernel {
    char *family, *name, *options;
    cl_kernel cl;
    cl_uint args;     /* how many it takes */
    size_t max_items; /* CL_KERNEL_WORK_GROUP_SIZE: asked after the build */
    int profile;      /* row in the profile; -1 until its first timed launch */
    tl_arg *set; /* the arguments as they were set last, while `set_at` is the context's `destroyed` + 1 */
    uint64_t set_at;
};

typedef struct tl_programs {
    tl_program *first;
    tl_kernel **table; /* open addressing, `slots` a power of two */
    size_t slots, count;
    char *folder; /* TRANSLUTION_KERNEL_DIR; NULL: embedded sources */
    tl_cache cache;
} tl_programs;

void tl_programs_open(tl_programs *programs, const tl_log *log);
void tl_programs_close(tl_programs *programs);

/* ---- profile.c -------------------------------------------------------------------------------------- */

typedef struct tl_timed_event {
    cl_event event;
    int row;
    double flops, bytes;
} tl_timed_event;

/* One launch as the trace keeps it; times in nanoseconds of the device's clock. */
typedef struct tl_traced {
    uint64_t start, nanoseconds;
    double flops, bytes;
    int row;
} tl_traced;

typedef struct tl_profile {
    bool on;
    tl_profile_row *rows;
    int count, capacity;
    tl_timed_event *pending; /* launched, not yet read: at most TL_PROFILE_PENDING */
    int waiting;
    tl_traced *trace;                        /* in the queue's order */
    uint64_t traced, trace_room, trace_most; /* trace_most 0: nothing is kept */
    bool trace_full;                         /* and the log knows */
} tl_profile;

#define TL_PROFILE_PENDING 2048
#define TL_TRACE_MOST      1000000

/* Row of the profile for `name`, made when new; -1 without memory. */
int tl_profile_row_of(tl_profile *profile, const char *name);
/* Takes over the event; drains the older half when too many are waiting. */
tl_status tl_profile_add(tl_context *ctx, int row, cl_event event, double flops, double bytes);
/* Waits for everything and reads all events. */
tl_status tl_profile_settle(tl_context *ctx);
void tl_profile_close(tl_profile *profile);

/* ---- fault.c: faults on demand ----------------------------------------------------------------------- */

typedef struct tl_fault {
    uint64_t alloc, launch; /* calls until one fails; 0: none does */
    bool gone;              /* the device, for good */
} tl_fault;

void tl_fault_open(tl_fault *fault);
/* The code to fail with instead of doing what was asked for; CL_SUCCESS: go on. */
cl_int tl_fault_alloc(tl_fault *fault);
cl_int tl_fault_launch(tl_fault *fault);
cl_int tl_fault_call(const tl_fault *fault);

/* ---- context.c -------------------------------------------------------------------------------------- */

/* A copy of what tl_tensor_send was given, until the device has it. */
typedef struct tl_staged {
    void *data;
    uint64_t bytes;
    cl_event sent; /* NULL: nothing is on the way */
} tl_staged;

typedef struct tl_tensor_node { /* the tensor comes first, so that a tl_tensor* is one of these */
    tl_tensor tensor;
    uint64_t booked;     /* bytes on the accounts; 0: the buffer is the caller's own */
    tl_staged staged[2]; /* taken in turns */
    int turn;
    struct tl_tensor_node *previous, *next;
} tl_tensor_node;

/* An object of a higher layer. */
typedef struct owned_object {
    void *object;
    void (*destroy)(tl_context *ctx, void *object);
    struct owned_object *next;
} owned_object;

struct tl_context {
    tl_error error;
    tl_device_info device;
    tl_traits traits;
    tl_slot slot;
    const tl_log *log;
    cl_context cl;
    cl_command_queue queue;
    owned_object *owned;     /* all that are alive */
    tl_tensor_node *tensors; /* the same */
    uint64_t destroyed; /* tensors so far: whose handle an argument holds may be another buffer's by now */
    uint64_t used[TL_MEMORY_KINDS], total, peak;
    tl_programs programs;
    tl_profile profile;
    tl_fault fault;
};

#endif

/* Enumerates platforms and devices in the loader's order, which is the order of `clinfo -l`. */
#include "device/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Drivers initialise when they are first asked for devices, and some are not thread-safe then (PoCL
 * crashes or shows no device), so the process enumerates under one lock. It is global because what it
 * protects is: the loader and the drivers of the process. */
static pthread_mutex_t enumeration = PTHREAD_MUTEX_INITIALIZER;

/* Device strings have no useful maximum length; longer ones are truncated. Padding spaces are removed. */
static void list_tidy(char *target, size_t capacity, const char *source)
{
    while (*source == ' ') source++;
    size_t length = strlen(source);
    while (length > 0 && source[length - 1] == ' ') length--;
    if (length >= capacity) length = capacity - 1;
    memcpy(target, source, length);
    target[length] = '\0';
}

static void device_text(cl_device_id id, cl_device_info what, char *target, size_t capacity)
{
    size_t size = 0;
    target[0] = '\0';
    if (clGetDeviceInfo(id, what, 0, NULL, &size) != CL_SUCCESS || size == 0) return;
    char *text = calloc(size + 1, 1);
    if (text == NULL) return;
    if (clGetDeviceInfo(id, what, size, text, NULL) == CL_SUCCESS) list_tidy(target, capacity, text);
    free(text);
}

static void platform_text(cl_platform_id id, cl_platform_info what, char *target, size_t capacity)
{
    size_t size = 0;
    target[0] = '\0';
    if (clGetPlatformInfo(id, what, 0, NULL, &size) != CL_SUCCESS || size == 0) return;
    char *text = calloc(size + 1, 1);
    if (text == NULL) return;
    if (clGetPlatformInfo(id, what, size, text, NULL) == CL_SUCCESS) list_tidy(target, capacity, text);
    free(text);
}

static uint64_t device_ulong(cl_device_id id, cl_device_info what)
{
    cl_ulong value = 0;
    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

static uint32_t device_uint(cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;
    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

static bool device_bool(cl_device_id id, cl_device_info what)
{
    cl_bool value = CL_FALSE;
    return clGetDeviceInfo(id, what, sizeof value, &value, NULL) == CL_SUCCESS && value != CL_FALSE;
}

/* Largest work-group in dimension 0: some CPU drivers allow 1024 items in total but fewer in one
 * dimension. */
static uint32_t largest_group(cl_device_id id)
{
    size_t all = 0, sizes[16] = {0};
    cl_uint dimensions = device_uint(id, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS);
    if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof all, &all, NULL) != CL_SUCCESS) all = 1;
    if (dimensions > 0 && dimensions <= 16 &&
        clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, dimensions * sizeof sizes[0], sizes, NULL) ==
            CL_SUCCESS &&
        sizes[0] > 0 && sizes[0] < all)
        all = sizes[0];
    return all > UINT32_MAX ? UINT32_MAX : all == 0 ? 1 : (uint32_t)all;
}

static bool has_extension(cl_device_id id, const char *name)
{
    size_t size = 0, length = strlen(name);
    bool found = false;
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &size) != CL_SUCCESS || size == 0) return false;
    char *text = calloc(size + 1, 1);
    if (text == NULL) return false;
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, size, text, NULL) == CL_SUCCESS)
        for (const char *at = text; !found && (at = strstr(at, name)) != NULL; at += length)
            found = (at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0');
    free(text);
    return found;
}

/* CL_DEVICE_SUB_GROUP_SIZES_INTEL, which older headers do not have */
enum { SUB_GROUP_SIZES_INTEL = 0x4108 };

uint32_t tli_device_sub_group(const tl_device_info *device)
{
    size_t sizes[16], bytes = 0, least = 0;
    if (device->type != TL_DEVICE_GPU || strstr(device->platform_name, "Intel") == NULL ||
        !has_extension(device->device_id, "cl_intel_required_subgroup_size") ||
        clGetDeviceInfo(device->device_id, SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) != CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < bytes / sizeof sizes[0]; i++)
        if (least == 0 || sizes[i] < least) least = sizes[i];
    return (uint32_t)least;
}

uint32_t tli_device_dpas_group(const tl_device_info *device)
{
    const bool multiplies = has_extension(device->device_id,
                                          "cl_intel_subgroup_matrix_multiply_accumulate") &&
                            has_extension(device->device_id, "cl_intel_bfloat16_conversions");
    return multiplies ? tli_device_sub_group(device) : 0;
}

static bool fp64_config(cl_device_id id)
{
    cl_device_fp_config config = 0;
    return clGetDeviceInfo(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof config, &config, NULL) == CL_SUCCESS &&
           config != 0;
}

/* Why the device cannot run our kernels; "" when it can. */
static void list_judge(tl_device_info *info)
{
    int major = 0, minor = 0;
    cl_device_id id = info->device_id;
    const char *reason = "";
    char text[sizeof info->reason];
    if (!device_bool(id, CL_DEVICE_AVAILABLE))
        reason = "the driver says that it is not available";
    else if (!device_bool(id, CL_DEVICE_COMPILER_AVAILABLE))
        reason = "its driver has no OpenCL C compiler";
    else if (sscanf(info->version, "OpenCL %d.%d", &major, &minor) != 2 || major < 1 ||
             (major == 1 && minor < 2)) {
        snprintf(text, sizeof text, "OpenCL 1.2 is needed, it has \"%.40s\"", info->version);
        reason = text;
    } else if (!device_bool(id, CL_DEVICE_ENDIAN_LITTLE))
        reason = "it is big-endian";
    snprintf(info->reason, sizeof info->reason, "%s", reason);
    info->usable = info->reason[0] == '\0';
}

static void list_describe(tl_device_info *info, cl_platform_id platform, cl_device_id id)
{
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    info->type = (type & CL_DEVICE_TYPE_GPU)           ? TL_DEVICE_GPU
                 : (type & CL_DEVICE_TYPE_CPU)         ? TL_DEVICE_CPU
                 : (type & CL_DEVICE_TYPE_ACCELERATOR) ? TL_DEVICE_ACCELERATOR
                                                       : TL_DEVICE_OTHER;
    info->platform_id = platform;
    info->device_id = id;
    platform_text(platform, CL_PLATFORM_NAME, info->platform_name, sizeof info->platform_name);
    platform_text(platform, CL_PLATFORM_VERSION, info->platform_version, sizeof info->platform_version);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    device_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(id, CL_DEVICE_OPENCL_C_VERSION, info->c_version, sizeof info->c_version);
    info->global_bytes = device_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_alloc_bytes = device_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_bytes = device_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->compute_units = device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->max_work_group = largest_group(id);
    info->native_float_width = device_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->align_bytes = device_uint(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* the query answers in bits */
    info->unified_memory = device_bool(id, CL_DEVICE_HOST_UNIFIED_MEMORY);
    info->fp16 = has_extension(id, "cl_khr_fp16");
    info->fp64 = has_extension(id, "cl_khr_fp64") || fp64_config(id);
    list_judge(info);
}

/* Appends the devices of one platform; none if it has no devices or its driver fails. */
static tl_status add_platform(cl_platform_id platform, int number, tl_device_info **list, int *count,
                              tl_error *err)
{
    cl_uint devices = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &devices);
    if (code != CL_SUCCESS || devices == 0) return TL_OK;
    cl_device_id *ids = calloc(devices, sizeof *ids);
    tl_device_info *grown = realloc(*list, ((size_t)*count + devices) * sizeof **list);
    if (grown != NULL) *list = grown;
    if (ids == NULL || grown == NULL) {
        free(ids);
        return tli_fail(err, TL_ERROR_MEMORY, "the host has no memory left for the list of devices");
    }
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, devices, ids, NULL) == CL_SUCCESS)
        for (cl_uint d = 0; d < devices; d++) {
            tl_device_info *info = &grown[(*count)++];
            memset(info, 0, sizeof *info);
            info->platform = number;
            info->device = (int)d;
            list_describe(info, platform, ids[d]);
        }
    free(ids);
    return TL_OK;
}

static tl_status list_devices(tl_device_info **list, int *count, tl_error *err)
{
    cl_uint platforms = 0;
    cl_int code = clGetPlatformIDs(0, NULL, &platforms);
    if (code == -1001 || (code == CL_SUCCESS && platforms == 0))
        return TL_OK; /* -1001: no driver installed */
    TLI_TRY(tli_cl_check(err, code, "listing the OpenCL platforms (clGetPlatformIDs)"));
    cl_platform_id *ids = calloc(platforms, sizeof *ids);
    if (ids == NULL)
        return tli_fail(err, TL_ERROR_MEMORY, "the host has no memory left for the list of platforms");
    tl_status status = tli_cl_check(err, clGetPlatformIDs(platforms, ids, NULL),
                                    "listing the OpenCL platforms (clGetPlatformIDs)");
    for (cl_uint p = 0; p < platforms && status == TL_OK; p++)
        status = add_platform(ids[p], (int)p, list, count, err);
    free(ids);
    if (status != TL_OK) {
        free(*list);
        *list = NULL;
        *count = 0;
    }
    return status;
}

tl_status tl_device_list(tl_device_info **list, int *count, tl_error *err)
{
    if (list == NULL || count == NULL)
        return tli_fail(err, TL_ERROR_USAGE,
                        "a list of devices needs places for the list and for its length");
    *list = NULL;
    *count = 0;
    pthread_mutex_lock(&enumeration);
    const tl_status status = list_devices(list, count, err);
    pthread_mutex_unlock(&enumeration);
    return status;
}

int tli_platform_names(char names[TLI_PLATFORMS_NAMED][128])
{
    cl_platform_id ids[TLI_PLATFORMS_NAMED];
    cl_uint count = 0;
    pthread_mutex_lock(&enumeration);
    if (clGetPlatformIDs(TLI_PLATFORMS_NAMED, ids, &count) != CL_SUCCESS) count = 0;
    if (count > TLI_PLATFORMS_NAMED) count = TLI_PLATFORMS_NAMED;
    for (cl_uint i = 0; i < count; i++) platform_text(ids[i], CL_PLATFORM_NAME, names[i], sizeof names[i]);
    pthread_mutex_unlock(&enumeration);
    return (int)count;
}

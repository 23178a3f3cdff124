/* Error messages for "no device": no driver installed, or drivers that show no device, each with the usual
 * cause. */
#include "device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Advice by a substring of the platform's name; the last entry is the default. */
static const struct {
    const char *platform, *advice;
} advices[] = {
    {"Portable Computing Language",
     "its cache folder must be writable: set POCL_CACHE_DIR or HOME; and POCL_DEVICES, if set, names devices "
     "that it has"},
    {"rusticl", "it shows devices only with RUSTICL_ENABLE set, e.g. to radeonsi, iris or llvmpipe"},
    {"Clover", "it serves few GPUs: try rusticl of the same package, with RUSTICL_ENABLE set"},
    {"NVIDIA", "look at `nvidia-smi` and at the permissions of /dev/nvidia*"},
    {"AMD", "the user must be in the groups render and video, to open /dev/kfd and /dev/dri/render*"},
    {"", "the user must be in the groups render and video, to open /dev/dri/render*"},
};

const char *tli_platform_advice(const char *platform)
{
    int i = 0;
    while (strstr(platform, advices[i].platform) == NULL) i++;
    return advices[i].advice;
}

static tl_status no_driver(tl_error *err)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    char where[300] = "";
    if (vendors != NULL)
        snprintf(where, sizeof where, " (OCL_ICD_VENDORS is set to \"%.200s\": drivers are looked for there)",
                 vendors);
    return tli_fail(err, TL_ERROR_NO_DEVICE,
                    "no OpenCL device found: install a driver, e.g. the package pocl-opencl-icd for CPUs, "
                    "intel-opencl-icd, mesa-opencl-icd or the GPU vendor's own, and check with `clinfo -l`%s",
                    where);
}

tl_status tli_device_missing(tl_error *err)
{
    tl_device_info *list = NULL;
    int count = 0;
    char names[TLI_PLATFORMS_NAMED][128], text[1500] = "";
    TLI_TRY(tl_device_list(&list, &count, err));
    free(list);
    const int platforms = tli_platform_names(names);
    if (count > 0 || platforms == 0) return no_driver(err); /* count > 0: the caller had filtered its list */
    size_t used = 0;
    for (int i = 0; i < platforms && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s (%s)", i > 0 ? "; " : "", names[i],
                                 tli_platform_advice(names[i]));
    return tli_fail(err, TL_ERROR_NO_DEVICE,
                    "no OpenCL device found: %d platform%s installed, but without a device: %s", platforms,
                    platforms == 1 ? " is" : "s are", text);
}

#include "device/pocl.h"

#include <stdlib.h>
#include <string.h>

int tli_pocl_version(const tl_device_info *device)
{
    static const char name[] = "PoCL ";
    const char *at = strstr(device->platform_version, name);
    return at != NULL ? (int)strtol(at + sizeof name - 1, NULL, 10) : 0;
}

/* Both faults are of PoCL 7.1 with LLVM 21 (docs/portability.md):
 * - By default it compiles a kernel anew for each size of work-groups. Then some loops run too long in groups of one work-item: gemv is
 *   wrong, and narrow_offset_gemm_logits reads past its arrays. Steps are nearly as fast without.
 * - Without optimization, vectors of 16 floats are wrong. */
void tli_pocl_prepare(const tl_device_info *device)
{
    static const char flags[] = "POCL_EXTRA_BUILD_FLAGS";
    if (tli_pocl_version(device) < 7) return;
    setenv("POCL_WORK_GROUP_SPECIALIZATION", "0", 0);
    const char *given = getenv(flags);
    if (given != NULL && strcmp(given, "-cl-opt-disable") == 0) unsetenv(flags);
}

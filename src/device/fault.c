/* Fault injection for tests: TRANSLUTION_FAULT=alloc:N makes the N-th allocation of a context fail;
 * launch:N the N-th kernel launch and, like a lost device, every later call. */
#include "device/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reads "alloc:3" for the name "alloc:". */
static bool read_fault(const char *text, const char *name, uint64_t *call)
{
    const size_t length = strlen(name);
    char *end;
    if (strncmp(text, name, length) != 0 || text[length] < '0' || text[length] > '9') return false;
    errno = 0;
    *call = strtoull(text + length, &end, 10);
    return *end == '\0' && errno == 0;
}

tl_status tli_fault_open(tli_fault *fault, tl_error *err)
{
    const char *text = getenv("TRANSLUTION_FAULT");
    *fault = (tli_fault){0};
    if (text == NULL || read_fault(text, "alloc:", &fault->alloc) ||
        read_fault(text, "launch:", &fault->launch))
        return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "TRANSLUTION_FAULT is \"%.40s\": set it to alloc:N or launch:N, or unset it for calls that "
        "do not fail",
        text);
}

cl_int tli_fault_alloc(tli_fault *fault)
{
    return fault->alloc > 0 && --fault->alloc == 0 ? CL_MEM_OBJECT_ALLOCATION_FAILURE : CL_SUCCESS;
}

cl_int tli_fault_launch(tli_fault *fault)
{
    if (fault->launch > 0 && --fault->launch == 0) fault->gone = true;
    return tli_fault_call(fault);
}

cl_int tli_fault_call(const tli_fault *fault)
{
    return fault->gone ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

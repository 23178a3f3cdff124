/* Fault injection for tests: TRANSLUTION_FAULT=alloc:N makes the N-th allocation of a context fail;
 * launch:N the N-th kernel launch and, like a lost device, every later call. */
#include "device/internal.h"

#include <stdlib.h>
#include <string.h>

void tli_fault_open(tli_fault *fault)
{
    const char *text = getenv("TRANSLUTION_FAULT");
    *fault = (tli_fault){0};
    if (text == NULL) return;
    if (strncmp(text, "alloc:", 6) == 0) fault->alloc = strtoull(text + 6, NULL, 10);
    if (strncmp(text, "launch:", 7) == 0) fault->launch = strtoull(text + 7, NULL, 10);
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

/* Where the row and elementwise kernels come from. */
#ifndef OPS_ROWWISE_KERNELS_H
#define OPS_ROWWISE_KERNELS_H

#include "device/device.h"

/* Kernel `name` of kernels/<family>.cl. On CPUs all such families are one program: an OpenCL runtime that compiles
 * kernels at their first launch has a front-end's cost a program, so that one starts sooner than twelve. */
tl_status tli_rowwise_kernel(tl_context *ctx, const char *family, const char *name, const char *options,
                             tli_kernel **out);

#endif

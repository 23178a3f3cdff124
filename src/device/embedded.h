/* The kernel sources, kernels/, that the build embeds. */
#ifndef DEVICE_EMBEDDED_H
#define DEVICE_EMBEDDED_H

#include "core/embedded.h"

extern const tli_embedded_file tli_embedded_kernels[];
extern const int tli_embedded_kernel_count;

#endif

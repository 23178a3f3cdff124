/* The kernel sources that the build embeds: see cmake/EmbedKernels.cmake. */
#ifndef DEVICE_EMBEDDED_H
#define DEVICE_EMBEDDED_H

#include <stddef.h>

typedef struct tli_embedded_kernel {
    const char *family; /* file name without .cl */
    const char *source; /* NUL-terminated */
    size_t length;
} tli_embedded_kernel;

extern const tli_embedded_kernel tli_embedded_kernels[];
extern const int tli_embedded_kernel_count;

#endif

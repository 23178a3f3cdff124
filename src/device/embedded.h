/* The kernel sources that the build embeds: see cmake/EmbedKernels.cmake. */
#ifndef TL_DEVICE_EMBEDDED_H
#define TL_DEVICE_EMBEDDED_H

#include <stddef.h>

typedef struct tl_embedded_kernel {
    const char *family; /* file name without .cl */
    const char *source; /* NUL-terminated */
    size_t length;
} tl_embedded_kernel;

extern const tl_embedded_kernel tl_embedded_kernels[];
extern const int tl_embedded_kernel_count;

#endif

/* A file that the build embeds: see cmake/Embed.cmake. */
#ifndef CORE_EMBEDDED_H
#define CORE_EMBEDDED_H

#include <stddef.h>

typedef struct tli_embedded_file {
    const char *name; /* without folder and ending */
    const char *text; /* NUL-terminated */
    size_t length;
} tli_embedded_file;

#endif

#include "core/config.h"

#include <string.h>

enum { CONFIG_LARGEST = 1 << 16 }; /* bytes; more is a size that was not set */

static bool all_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0) return false;
    return true;
}

tl_status tli_config_take(void *own, size_t own_size, const void *theirs, const char *name, tl_error *err)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size || size > CONFIG_LARGEST)
        return tli_fail(err, TL_ERROR_USAGE, "the size of a %s is %zu: set its member size to sizeof(%s)",
                        name, size, name);
    if (size > own_size && !all_zero((const unsigned char *)theirs + own_size, size - own_size))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "this library is older than the header that the program was compiled with: it does not "
            "have the last members of %s, which are set",
            name);
    const size_t known = size < own_size ? size : own_size;
    memset(own, 0, own_size);
    memcpy(own, theirs, known);
    memcpy(own, &own_size, sizeof own_size);
    return TL_OK;
}

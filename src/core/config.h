/* Configurations of the public header: structs that begin with their size, so that later versions can add
 * members at the end. A member that is added begins where the earlier struct ended (its sizeof) or later, never
 * in the padding there, which callers do not initialise. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stddef.h>

#include "core/status.h"

/* Copies the caller's struct at `theirs`, whose first member is its size as the caller was compiled, to `own` of
 * `own_size` bytes as this library was compiled. Members that the caller does not have become 0: their default.
 * TL_ERROR_USAGE, naming `name` (the type), when the size is 0 or the caller sets members that this library
 * does not have. */
tl_status tli_config_take(void *own, size_t own_size, const void *theirs, const char *name, tl_error *err);

#define TLI_CONFIG_TAKE(own, theirs, type, err) tli_config_take(own, sizeof(type), theirs, #type, err)

#endif

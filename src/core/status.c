#include "core/status.h"

#include <stdarg.h>

#include "core/number.h"

#undef tli_fail
tl_status tli_fail(tl_error *err, tl_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        tli_vformat(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

int tl_exit_code(tl_status status)
{
    switch (status) {
    case TL_OK: return 0;
    case TL_ERROR_USAGE:
    case TL_ERROR_INPUT:
    case TL_ERROR_MEMORY: return 2;
    case TL_INTERRUPTED: return 130;
    case TL_ERROR_NO_DEVICE:
    case TL_ERROR_DEVICE:
    case TL_ERROR_IO: break;
    }
    return 1;
}

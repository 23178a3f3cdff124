/* Status codes and error messages: every function that can fail returns a tl_status and writes one
 * sentence into the tl_error that its caller passed. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include "translution/translution.h"

/* Records a message and returns `status`, so that callers write `return tli_fail(err, ...)`. err may be NULL. */
tl_status tli_fail(tl_error *err, tl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* it sees one file at a time and must be told that the result is not TL_OK */
#define tli_fail(err, status, ...) (tli_fail(err, status, __VA_ARGS__), (status))
#endif

/* Returns from the enclosing function when `call` fails. */
#define TLI_TRY(call)                                                                                        \
    do {                                                                                                     \
        tl_status try_status_ = (call);                                                                      \
        if (try_status_ != TL_OK) return try_status_;                                                        \
    } while (0)

#endif

/* Status codes and error messages: every function that can fail returns a tl_status and explains itself
 * in one sentence, kept in the tl_error that its caller handed down. */
#ifndef TL_CORE_STATUS_H
#define TL_CORE_STATUS_H

typedef enum tl_status {
    TL_OK = 0,
    TL_ERROR_USAGE,     /* a wrong option, shape or value: the caller must change the request   (exit 2) */
    TL_ERROR_INPUT,     /* a file is missing, malformed, truncated or does not fit the request  (exit 2) */
    TL_ERROR_NO_DEVICE, /* no usable OpenCL device at all                                       (exit 1) */
    TL_ERROR_MEMORY,    /* the plan or an allocation does not fit the device or the host        (exit 2) */
    TL_ERROR_DEVICE,    /* an OpenCL call failed while running                                  (exit 1) */
    TL_ERROR_IO,        /* a result could not be written                                        (exit 1) */
    TL_INTERRUPTED      /* stopped on request after saving                                      (exit 130, 143) */
} tl_status;

typedef struct tl_error {
    tl_status status;
    char text[2048]; /* one sentence naming the thing and what to do; empty while status is TL_OK */
} tl_error;

/* Records a message and returns `status`, so that callers write `return tl_fail(err, ...)`. err may be NULL. */
tl_status tl_fail(tl_error *err, tl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The documented exit code of a status; TL_INTERRUPTED gives 130. */
int tl_exit_code(tl_status status);

/* Returns from the enclosing function when `call` fails. */
#define TL_TRY(call)                                                                                         \
    do {                                                                                                     \
        tl_status try_status_ = (call);                                                                      \
        if (try_status_ != TL_OK) return try_status_;                                                        \
    } while (0)

#endif

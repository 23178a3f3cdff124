/* Serves a few texts to browsers, read only. */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <signal.h>

#include "cli/listen.h"

/* Longer than what browsers need, short enough that nobody holds a connection for long, and no more of them than this. */
enum { HTTP_IDLE_SECONDS = 10, HTTP_CONNECTIONS = 32 };

/* What is at a path. */
typedef struct tli_http_text {
    const char *type; /* media type; NULL: there is nothing at this path */
    const char *text; /* valid until the next question */
    size_t bytes;
    const char *tag; /* names this state of the text, without quotes; NULL: nothing does */
    bool failed;     /* the text says why there is none */
} tli_http_text;

/* Asked for every request, one at a time, with the path as it is once decoded. */
typedef tli_http_text tli_http_source(void *user, const char *path);

/* TL_ERROR_USAGE, with what to install, when this program was built without the library that serves. */
tl_status tli_http_check(tl_error *err);

/* Answers GET and HEAD until *stop is not 0, and closes the socket. Where the socket is of the loopback, requests must name this machine as their host,
 * so that a page from elsewhere whose name leads here reads nothing. */
tl_status tli_http_serve(const tli_listener *at, tli_http_source *source, void *user,
                         const volatile sig_atomic_t *stop, tl_error *err);

#endif

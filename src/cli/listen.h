/* A socket that waits for connections at an address that a user has written. */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "core/status.h"

typedef struct tli_listener {
    int socket;
    bool loopback; /* only programs on this machine reach it */
    bool version6; /* an IPv6 address */
    char url[80];  /* "http://127.0.0.1:8642/" */
} tli_listener;

/* `where` is ADDRESS or ADDRESS:PORT: 127.0.0.1:80, ::1, [::1]:80; port 0 takes one that is free; without a port, that of
 * `usual`, which is of the same form.
 * The caller closes the socket. TL_ERROR_USAGE when it is no address or cannot be had. */
tl_status tli_listen(const char *where, const char *usual, tli_listener *out, tl_error *err);

#endif

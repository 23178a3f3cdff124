#include "cli/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 16, MAX_HOST = 64, MAX_PORT = 8 };

/* The port's place in "address:port" or "[address]:port"; the end of the text: it has none. More colons than one, without
 * brackets, are those of an IPv6 address. */
static const char *find_port(const char *where)
{
    const char *bracket = where[0] == '[' ? strchr(where, ']') : NULL;
    const char *colon = strchr(bracket != NULL ? bracket : where, ':');
    const bool alone = colon != NULL && strchr(colon + 1, ':') == NULL;
    return alone ? colon + 1 : where + strlen(where);
}

/* getaddrinfo takes the last 16 bits of any number. */
static bool is_port(const char *text)
{
    const size_t length = strlen(text);
    return length < MAX_PORT && strspn(text, "0123456789") == length && strtoul(text, NULL, 10) <= UINT16_MAX;
}

static tl_status resolve(const char *where, const char *usual, struct addrinfo **found, tl_error *err)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *port = find_port(where);
    const bool brackets = where[0] == '[';
    const int length = (int)(port - where) - (*port != '\0') - 2 * brackets;
    char host[MAX_HOST];
    snprintf(host, sizeof host, "%.*s", length > 0 ? length : 0, where + brackets);
    if (*port == '\0') port = find_port(usual);
    const bool closed = !brackets || (length > 0 && where[1 + length] == ']');
    if (length > 0 && length < MAX_HOST && closed && is_port(port) &&
        getaddrinfo(host, port, &hints, found) == 0)
        return TL_OK;
    return tli_fail(
        err, TL_ERROR_USAGE,
        "--listen %s is no address: write one such as 127.0.0.1:8080 or [::1]:8080, or 0.0.0.0:8080 "
        "to be reached from other machines",
        where);
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
           IN_LOOPBACKNET;
}

/* The address as it has become: port 0 was any. Returns 0 or an errno. */
static int write_url(tli_listener *l)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[MAX_HOST], port[MAX_PORT];
    if (getsockname(l->socket, (struct sockaddr *)&address, &size) != 0) return errno;
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return EINVAL;
    snprintf(l->url, sizeof l->url, l->version6 ? "http://[%s]:%s/" : "http://%s:%s/", host, port);
    return 0;
}

/* Returns 0 or an errno. */
static int open_socket(const struct addrinfo *at, tli_listener *l)
{
    const int yes = 1; /* connections of a program that has ended do not hold the port */
    l->socket = socket(at->ai_family, SOCK_STREAM, 0);
    if (l->socket < 0) return errno;
    l->loopback = is_loopback(at->ai_addr);
    l->version6 = at->ai_family == AF_INET6;
    if (fcntl(l->socket, F_SETFD, FD_CLOEXEC) == 0 && fcntl(l->socket, F_SETFL, O_NONBLOCK) == 0 &&
        setsockopt(l->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(l->socket, at->ai_addr, at->ai_addrlen) == 0 && listen(l->socket, BACKLOG) == 0)
        return write_url(l);
    return errno;
}

tl_status tli_listen(const char *where, const char *usual, tli_listener *out, tl_error *err)
{
    struct addrinfo *at = NULL;
    TLI_TRY(resolve(where, usual, &at, err));
    const int code = open_socket(at, out);
    freeaddrinfo(at);
    if (code == 0) return TL_OK;
    if (out->socket >= 0) close(out->socket);
    if (code == EADDRINUSE)
        return tli_fail(
            err, TL_ERROR_USAGE,
            "another program listens at %s: choose another port by --listen ADDRESS:PORT; port 0 takes "
            "one that is free",
            where);
    return tli_fail(err, TL_ERROR_USAGE, "the page cannot be served at %s: %s", where, strerror(code));
}

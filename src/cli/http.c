#include "cli/http.h"

#ifndef TL_MICROHTTPD

tl_status tli_http_check(tl_error *err)
{
    return tli_fail(
        err, TL_ERROR_USAGE,
        "this translution was built without libmicrohttpd, by which --watch serves the page: install it "
        "(Debian: libmicrohttpd-dev) and build again, or write a file by --out");
}

tl_status tli_http_serve(const tli_listener *at, tli_http_source *source, void *user,
                         const volatile sig_atomic_t *stop, tl_error *err)
{
    return tli_http_check(err);
}

#else

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct http_server {
    const tli_listener *at;
    tli_http_source *source;
    void *user;
} http_server;

tl_status tli_http_check(tl_error *err)
{
    return TL_OK;
}

/* Whether the Host of a request is this machine by number or as localhost: what a name elsewhere cannot be made to mean. */
static bool is_own_host(const char *host)
{
    char name[16]; /* of IPv4 addresses the longest */
    struct in_addr number;
    if (host == NULL || host[0] == '[') return true; /* HTTP/1.0; an IPv6 address */
    const size_t length = strcspn(host, ":");
    if (length >= sizeof name) return false;
    memcpy(name, host, length);
    name[length] = '\0';
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &number) == 1;
}

/* Sends the text, which is copied, with headers that every answer has. */
static enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned code, const tli_http_text *t)
{
    static const char *const headers[][2] = {{MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache"},
                                             {"X-Content-Type-Options", "nosniff"},
                                             {"Cross-Origin-Resource-Policy", "same-origin"},
                                             {"Referrer-Policy", "no-referrer"}};
    struct MHD_Response *response = MHD_create_response_from_buffer(t->bytes, (void *)(uintptr_t)t->text,
                                                                    MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    char tag[80];
    bool good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, t->type) == MHD_YES;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        good = good && MHD_add_response_header(response, headers[i][0], headers[i][1]) == MHD_YES;
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = good && MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES;
    if (t->tag != NULL) {
        snprintf(tag, sizeof tag, "\"%s\"", t->tag);
        good = good && MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag) == MHD_YES;
    }
    const enum MHD_Result result = good ? MHD_queue_response(connection, code, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result http_refuse(struct MHD_Connection *connection, unsigned code, const char *text)
{
    const tli_http_text t = {.type = "text/plain; charset=utf-8", .text = text, .bytes = strlen(text)};
    return http_answer(connection, code, &t);
}

/* Whether the browser says that it has this text. */
static bool is_known(struct MHD_Connection *connection, const tli_http_text *t)
{
    const char *has = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    const char *found = has != NULL && t->tag != NULL ? strstr(has, t->tag) : NULL;
    return found != NULL && found > has && found[-1] == '"' && found[strlen(t->tag)] == '"';
}

static enum MHD_Result http_request(void *user, struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *version, const char *body,
                                    size_t *body_bytes, void **state)
{
    const http_server *s = user;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (s->at->loopback && !is_own_host(host))
        return http_refuse(
            connection, MHD_HTTP_MISDIRECTED_REQUEST,
            "This page is for browsers of this machine: ask for it by its number or as localhost.\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return http_refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "This page can only be read.\n");
    const tli_http_text t = s->source(s->user, path);
    if (t.type == NULL)
        return http_refuse(connection, MHD_HTTP_NOT_FOUND, "There is nothing here: the page is at /.\n");
    if (t.failed) return http_answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, &t);
    if (!is_known(connection, &t)) return http_answer(connection, MHD_HTTP_OK, &t);
    return http_answer(connection, MHD_HTTP_NOT_MODIFIED,
                       &(tli_http_text){.type = t.type, .text = "", .tag = t.tag});
}

tl_status tli_http_serve(const tli_listener *at, tli_http_source *source, void *user,
                         const volatile sig_atomic_t *stop, tl_error *err)
{
    enum { WAIT_MS = 200 }; /* between two looks at *stop */
    http_server s = {.at = at, .source = source, .user = user};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        at->version6 ? MHD_USE_IPv6 : MHD_NO_FLAG, 0, NULL, NULL, http_request, &s, MHD_OPTION_LISTEN_SOCKET,
        at->socket, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_SECONDS, MHD_OPTION_END);
    if (daemon == NULL)
        return tli_fail(err, TL_ERROR_IO, "libmicrohttpd does not start: %s", strerror(errno));
    bool good = true;
    while (good && *stop == 0) good = MHD_run_wait(daemon, WAIT_MS) == MHD_YES;
    MHD_stop_daemon(daemon); /* closes the socket */
    return good ? TL_OK : tli_fail(err, TL_ERROR_IO, "libmicrohttpd fails while it serves the page");
}

#endif

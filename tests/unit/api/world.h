/* The API with a route table of the test's, behind a real listener on loopback; everything but the
 * store's thread on the test's own. */
#pragma once

#include "api/call.h"
#include "base/clock.h"
#include "base/limits.h"

/* Made at the first setup. */
static struct endpoints *api_endpoints;
#define WORLD_ENDPOINTS api_endpoints
#include "unit/gate/world.h"

#include <arpa/inet.h>
#include <sys/socket.h>

extern const struct route things[]; /* the test's */

struct api_world {
    struct world *world;
    uv_loop_t loop;
    struct api_shared shared;
    struct api api;
    struct http_server server;
    int port;
};

static inline int api_setup(void **state)
{
    struct api_world *w = xcalloc(1, sizeof(*w));
    void *world;
    api_endpoints = route_endpoints_new(things);
    assert_int_equal(setup(&world), 0);
    w->world = world;
    w->shared = (struct api_shared){.store = w->world->fixture->store,
                                    .directory = &w->world->hub,
                                    .keyring = &w->world->keyring,
                                    .routes = things,
                                    .endpoints = api_endpoints,
                                    .policy = w->world->policy,
                                    .failures = w->world->failures};
    w->world->policy->compression = true;
    uv_loop_init(&w->loop);
    struct error *error = &w->world->fixture->error;
    assert_int_equal(api_open(&w->api, &w->loop, &w->shared, error), ERR_OK);
    http_server_init(&w->server, &w->loop, &api_hooks, &w->api, NULL);
    assert_int_equal(http_server_listen(&w->server, STR("127.0.0.1:0"), &w->port, error), ERR_OK);
    *state = w;
    return 0;
}

static inline void on_api_drained(void *arg)
{
    api_close(arg);
}

static inline int api_teardown(void **state)
{
    struct api_world *w = *state;
    void *world = w->world;
    http_server_drain(&w->server, on_api_drained);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    api_release(&w->api);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    int status = teardown(&world);
    free(api_endpoints);
    return status;
}

/* --- one request on a connection of its own ----------------------------------------------- */

struct say {
    const char *method; /* NULL: GET */
    const char *path;   /* relative to the base */
    const char *query, *body, *headers, *base;
    const char *client_id, *secret;
    int64_t age_s; /* of the timestamp */
    bool is_unsigned;
};

struct heard {
    int status;
    char bytes[256 * KIB];
    size_t len;
    struct str body;
};

static inline const char *or_else(const char *s, const char *fallback)
{
    return s ? s : fallback;
}

static inline void sign_request(struct api_world *w, const struct say *s, struct buf *out)
{
    char timestamp[24], signature[SIGNATURE_LEN];
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(clock_now_ms() / 1000 - s->age_s));
    const char *method = or_else(s->method, "GET");
    struct signature_parts parts = {str_from(method), str_from(s->path), str_from(s->query),
                                    str_from(timestamp), str_from(s->body)};
    signature_make(&w->world->hmac, str_from(or_else(s->secret, "your-hmac-secret")), &parts,
                   signature);
    buf_printf(out,
               "X-Awal-Signature-256: %.*s\r\nX-Timestamp: %s\r\nX-Domain: acme\r\n"
               "X-Client-ID: %s\r\n",
               SIGNATURE_LEN, signature, timestamp, or_else(s->client_id, "cl_1"));
}

static inline void write_request(struct api_world *w, const struct say *s, struct buf *out)
{
    buf_printf(out, "%s %s%s%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
               or_else(s->method, "GET"), or_else(s->base, "/api/developer"), s->path,
               or_else(s->query, ""));
    if (!s->is_unsigned)
        sign_request(w, s, out);
    if (s->body)
        buf_printf(out, "Content-Length: %zu\r\n", strlen(s->body));
    buf_printf(out, "%s\r\n%s", or_else(s->headers, ""), or_else(s->body, ""));
}

/* Until the server has closed the connection. */
static inline void hear(struct api_world *w, int fd, struct heard *h)
{
    h->len = 0;
    for (ssize_t n = 1; n != 0;) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        n = recv(fd, h->bytes + h->len, sizeof(h->bytes) - 1 - h->len, MSG_DONTWAIT);
        if (n > 0)
            h->len += (size_t)n;
        else if (n < 0)
            usleep(200);
    }
    h->bytes[h->len] = '\0';
}

static inline struct heard *ask(struct api_world *w, struct say say)
{
    static struct heard h;
    _cleanup_(buf_release)
    struct buf request;
    buf_init(&request, MIB);
    write_request(w, &say, &request);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request.ptr, request.len, 0), request.len);
    hear(w, fd, &h);
    close(fd);
    char *end = strstr(h.bytes, "\r\n\r\n");
    assert_non_null(end);
    h.status = (int)strtol(h.bytes + sizeof("HTTP/1.1"), NULL, 10);
    h.body = str_make(end + 4, h.len - (size_t)(end + 4 - h.bytes));
    *end = '\0';
    return &h;
}

/* Its value, or NULL; the next call overwrites it. It must not occur twice. */
static inline const char *header_of(const struct heard *h, const char *name)
{
    static char value[1024];
    char start[64];
    snprintf(start, sizeof(start), "\r\n%s: ", name);
    const char *at = strstr(h->bytes, start);
    if (!at)
        return NULL;
    at += strlen(start);
    assert_null(strstr(at, start));
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

#define expect_header(h, name, value)                                                              \
    do {                                                                                           \
        const char *got_ = header_of(h, name);                                                     \
        assert_non_null(got_);                                                                     \
        assert_string_equal(got_, value);                                                          \
    } while (0)
#define expect_no_header(h, name) assert_null(header_of(h, name))

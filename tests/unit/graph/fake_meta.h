/* A raw TCP server on the test's own loop that plays Meta: each request goes to a handler, which
 * answers with any bytes, or with none. And a graph that talks to it. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "graph/graph.h"

#include "unit/base/test.h"

#include <signal.h>

#define FAKE_REQUESTS_MAX 2048
#define FAKE_PATIENCE_MS  30000 /* a test that hangs ends here */

struct fake_connection;
typedef void fake_handler(struct fake_connection *c, const char *request);

static struct fake {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t patience;
    uint64_t begun;
    int port;
    char url[64];
    fake_handler *handle;
    struct list connections;
    size_t n_connections;
    char *requests[FAKE_REQUESTS_MAX]; /* heads with their bodies, in their order */
    size_t n_requests;
    uint64_t sent; /* bytes that the other side took */

    struct graph *graph;
    struct graph_stats stats;
    struct secret token;
    struct arena arena;
} fake;

struct fake_connection {
    struct list node;
    uv_tcp_t tcp;
    char in[32 * KIB];
    size_t len;
    uint64_t flood; /* bytes still to be sent */
};

struct fake_write {
    uv_write_t request;
    struct fake_connection *connection;
    size_t len;
    char bytes[];
};

static inline void fake_free(uv_handle_t *handle)
{
    free(handle->data);
}

static inline void fake_close(struct fake_connection *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    list_remove(&c->node);
    uv_close((uv_handle_t *)&c->tcp, fake_free);
}

static inline void fake_send(struct fake_connection *c, struct str bytes);

static inline void fake_flood_on(struct fake_connection *c)
{
    static char chunk[64 * KIB];
    memset(chunk, 'x', sizeof(chunk));
    size_t n = (size_t)MIN(c->flood, (uint64_t)sizeof(chunk));
    c->flood -= n;
    fake_send(c, str_make(chunk, n));
}

static inline void fake_sent(uv_write_t *request, int status)
{
    struct fake_write *w = request->data;
    struct fake_connection *c = w->connection;
    if (status == 0) {
        fake.sent += w->len;
        if (c->flood && !uv_is_closing((uv_handle_t *)&c->tcp))
            fake_flood_on(c);
    }
    free(w);
}

static inline void fake_send(struct fake_connection *c, struct str bytes)
{
    struct fake_write *w = xmalloc(sizeof(*w) + bytes.len);
    w->request.data = w;
    w->connection = c;
    w->len = bytes.len;
    memcpy(w->bytes, bytes.ptr, bytes.len);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)bytes.len);
    if (uv_write(&w->request, (uv_stream_t *)&c->tcp, &buf, 1, fake_sent) != 0)
        free(w);
}

/* A whole answer; `headers` are lines with their CRLF, or "". */
static inline void fake_answer(struct fake_connection *c, int status, const char *headers,
                               struct str body)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 64 * MIB);
    buf_printf(&out,
               "HTTP/1.1 %d Any\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
               status, headers, body.len);
    buf_add(&out, body);
    fake_send(c, buf_str(&out));
}

/* Of the first request of a connection; 0: it is not all there yet. */
static inline size_t fake_length(const struct fake_connection *c)
{
    static const char name[] = "Content-Length: ";
    const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - c->in) + 4;
    const char *length = memmem(c->in, head, name, sizeof(name) - 1);
    size_t body = length ? strtoul(length + sizeof(name) - 1, NULL, 10) : 0;
    return c->len >= head + body ? head + body : 0;
}

static inline void fake_take(struct fake_connection *c)
{
    size_t len;
    while (!uv_is_closing((uv_handle_t *)&c->tcp) && (len = fake_length(c))) {
        assert_true(fake.n_requests < FAKE_REQUESTS_MAX);
        char *text = strndup(c->in, len);
        fake.requests[fake.n_requests++] = text;
        c->len -= len;
        memmove(c->in, c->in + len, c->len);
        fake.handle(c, text);
    }
}

static inline void fake_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct fake_connection *c = handle->data;
    *buf = uv_buf_init(c->in + c->len, (unsigned)(sizeof(c->in) - c->len));
}

static inline void fake_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_connection *c = stream->data;
    if (n < 0) {
        fake_close(c);
    } else {
        c->len += (size_t)n;
        fake_take(c);
    }
}

static inline void fake_accept(uv_stream_t *listener, int status)
{
    struct fake_connection *c = xcalloc(1, sizeof(*c));
    assert_int_equal(status, 0);
    assert_int_equal(uv_tcp_init(&fake.loop, &c->tcp), 0);
    c->tcp.data = c;
    list_add(&fake.connections, &c->node);
    fake.n_connections++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, fake_alloc, fake_read), 0);
}

/* Every few milliseconds, so that UV_RUN_ONCE returns after a turn in which only timers ran. */
static inline void fake_impatient(uv_timer_t *timer)
{
    if (uv_hrtime() - fake.begun > FAKE_PATIENCE_MS * UINT64_C(1000000))
        fail_msg("the test hangs");
}

/* --- a graph that talks to it ------------------------------------------------------------- */

static inline void fake_open_graph(int timeout_ms, const struct secret *app_secret)
{
    struct error error;
    error_init(&error, &fake.arena);
    struct graph_options options = {
        .url = fake.url,
        .version = "v25.0",
        .app_secret = app_secret,
        .timeout_ms = timeout_ms,
        .stats = &fake.stats,
    };
    if (graph_open(&fake.loop, &options, &fake.graph, &error) != ERR_OK)
        fail_msg("%.*s", STR_FMT(error.message));
}

static inline int fake_setup(void **state)
{
    memset(&fake, 0, sizeof(fake));
    signal(SIGPIPE, SIG_IGN); /* a flood outlives its reader */
    list_init(&fake.connections);
    arena_init(&fake.arena, 256 * MIB);
    secret_set(&fake.token, STR("EAAtoken"));
    assert_int_equal(uv_loop_init(&fake.loop), 0);
    assert_int_equal(uv_tcp_init(&fake.loop, &fake.listener), 0);
    struct sockaddr_in address;
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&fake.listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&fake.listener, 512, fake_accept), 0);
    assert_int_equal(uv_tcp_getsockname(&fake.listener, (struct sockaddr *)&bound, &len), 0);
    fake.port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    snprintf(fake.url, sizeof(fake.url), "http://127.0.0.1:%d", fake.port);
    uv_timer_init(&fake.loop, &fake.patience);
    fake.begun = uv_hrtime();
    uv_timer_start(&fake.patience, fake_impatient, 5, 5);
    return 0;
}

/* Everything must close, or the loop does not. */
static inline int fake_teardown(void **state)
{
    graph_close(fake.graph);
    list_for_each_safe (node, &fake.connections)
        fake_close(CONTAINER_OF(node, struct fake_connection, node));
    if (!uv_is_closing((uv_handle_t *)&fake.listener))
        uv_close((uv_handle_t *)&fake.listener, NULL);
    uv_close((uv_handle_t *)&fake.patience, NULL);
    uv_run(&fake.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fake.loop), 0);
    for (size_t i = 0; i < fake.n_requests; i++)
        free(fake.requests[i]);
    secret_release(&fake.token);
    arena_release(&fake.arena);
    return 0;
}

/* Turns the loop until `n` is at least `want`. */
static inline void fake_run(const size_t *n, size_t want)
{
    while (*n < want)
        assert_true(uv_run(&fake.loop, UV_RUN_ONCE));
}

static inline void assert_request(size_t i, const char *part)
{
    assert_true(i < fake.n_requests);
    if (!strstr(fake.requests[i], part))
        fail_msg("request %zu has no \"%s\":\n%s", i, part, fake.requests[i]);
}

static inline void assert_part(struct str text, const char *part)
{
    if (!memmem(text.ptr, text.len, part, strlen(part)))
        fail_msg("no \"%s\" in \"%.*s\"", part, STR_FMT(text));
}

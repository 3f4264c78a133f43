#include "http/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define CHUNK_HEAD_MAX   20        /* 16 hexadecimal digits and two line ends */
#define STREAM_KEEP_SIZE (4 * KIB) /* some events of ordinary size */

/* --- its end ------------------------------------------------------------------------------ */

/* The connection goes on without it, to its end. Whoever has to be told is in what it returns. */
static struct http_stream take(struct http_connection *c)
{
    struct http_stream *s = c->ongoing, copy = *s;
    list_remove(&s->node);
    c->ongoing = NULL;
    free(s);
    return copy;
}

static struct http_stream close_behind(struct http_connection *c)
{
    struct http_stream s = take(c);
    if (s.chunked)
        buf_add(&c->x->out, STR("0\r\n\r\n"));
    c->state = CONNECTION_CLOSING;
    return s;
}

void http_stream_finish(struct http_connection *c, enum http_stream_end why)
{
    struct http_stream s = close_behind(c);
    s.hooks.gone(s.arg, why);
}

void http_stream_lose(struct http_connection *c, enum http_stream_end why)
{
    if (!c->ongoing)
        return;
    struct http_stream s = take(c);
    s.hooks.gone(s.arg, why);
}

void http_streams_drain(struct http_server *server)
{
    while (!list_empty(&server->streams)) {
        struct http_stream *s = CONTAINER_OF(server->streams.next, struct http_stream, node);
        struct http_connection *c = s->connection;
        http_stream_finish(c, HTTP_STREAM_DRAINED);
        http_connection_run(c);
    }
}

void http_stream_end(struct http_stream *s)
{
    struct http_connection *c = s->connection;
    close_behind(c);
    http_connection_run(c);
}

/* --- its beginning ------------------------------------------------------------------------ */

/* A peer that vanished answers nothing: what it does not acknowledge is waited for as long as for
 * one that does not read, and not the quarter of an hour that the kernel would (RFC 5482). */
static void bound_silence(struct http_connection *c)
{
    uv_os_fd_t fd;
    unsigned ms = (unsigned)c->server->after_ms[HTTP_DEADLINE_WRITE];
    if (!c->is_unix && uv_fileno(&c->handle, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static struct http_stream *stream_new(struct http_connection *c, bool chunked,
                                      const struct http_stream_hooks *hooks, void *arg)
{
    struct http_stream *s = xcalloc(1, sizeof(*s));
    s->connection = c;
    s->hooks = *hooks;
    s->arg = arg;
    s->chunked = chunked;
    list_add(&c->server->streams, &s->node);
    c->ongoing = s;
    return s;
}

struct http_stream *http_stream_begin(struct http_request *r, const struct http_response *response,
                                      const struct http_stream_hooks *hooks, void *arg)
{
    struct http_connection *c = http_connection_of(r);
    if (!http_connection_take_back(c))
        return NULL;
    bool chunked = !c->x->parser.http10, wanted = !c->ended && !c->server->draining;
    const struct http_response_frame frame = {.close = true,
                                              .body = chunked ? BODY_CHUNKED : BODY_ENDLESS};
    http_connection_answer(c, response, frame, CONNECTION_STREAMING);
    if (c->state == CONNECTION_CLOSED)
        return NULL;
    http_parser_trim(&c->x->parser);
    c->streamed = true;
    bound_silence(c);
    struct http_stream *s = stream_new(c, chunked, hooks, arg);
    if (wanted)
        return s;
    http_stream_end(s);
    return NULL;
}

/* --- writing ------------------------------------------------------------------------------ */

bool http_stream_is_ready(struct http_stream *s)
{
    const struct http_connection *c = s->connection;
    s->awaited = c->writing || c->x->out.len > 0 || c->x->sending.len > 0;
    return !s->awaited;
}

bool http_stream_write(struct http_stream *s, struct str bytes)
{
    struct http_exchange *x = s->connection->x;
    struct buf *out = &x->out;
    size_t size = bytes.len + CHUNK_HEAD_MAX, before = out->len;
    if (bytes.len == 0)
        return true; /* an empty chunk would be the last one */
    if (size + out->len + x->sending.len > HTTP_STREAM_MAX || !buf_reserve(out, size))
        return false;
    if (s->chunked)
        buf_printf(out, "%zx\r\n", bytes.len);
    buf_add(out, bytes);
    if (s->chunked)
        buf_add(out, STR("\r\n"));
    if (!buf_ok(out))
        out->len = before;
    return buf_ok(out);
}

void http_stream_flush(struct http_stream *s)
{
    http_connection_run(s->connection);
}

/* What a large page needed: a stream may be silent for days. */
static void give_back(struct http_connection *c)
{
    struct http_exchange *x = c->x;
    if (x->out.capacity > STREAM_KEEP_SIZE)
        buf_release(&x->out);
    if (x->sending.capacity > STREAM_KEEP_SIZE)
        buf_release(&x->sending);
    http_exchange_count(c->server, x, false);
}

void http_stream_written(struct http_connection *c)
{
    struct http_stream *s = c->ongoing;
    give_back(c);
    if (!s->awaited)
        return;
    s->awaited = false;
    s->hooks.writable(s->arg);
}

/* --- what arrives ------------------------------------------------------------------------- */

void http_stream_receive(struct http_connection *c, struct str bytes)
{
    if (c->tls) /* an end may be in it, or something that has to be answered */
        http_tls_receive(c->tls, bytes, &c->x->sending);
    http_connection_throw_away(c, bytes.len);
    if (c->state == CONNECTION_STREAMING)
        http_connection_run(c);
}

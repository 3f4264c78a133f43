#include "http/connection.h"
#include "base/log.h"
#include "http/stream.h"

#include <assert.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The client has sent what we have not read yet. */
static bool bytes_wait(const struct http_connection *c)
{
    uv_os_fd_t fd;
    int waiting;
    return uv_fileno(&c->handle, &fd) == 0 && ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* --- the end ------------------------------------------------------------------------------ */

static void free_if_unused(struct http_connection *c)
{
    if (!c->handle_gone || c->handling)
        return;
    struct http_server *s = c->server;
    if (c->x)
        http_exchange_give_back(s, c->x);
    http_tls_free(c->tls);
    free(c);
    s->n_connections--;
    http_server_check_drained(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *c = handle->data;
    c->handle_gone = true;
    free_if_unused(c);
}

void http_connection_close(struct http_connection *c)
{
    if (c->state == CONNECTION_CLOSED)
        return;
    c->state = CONNECTION_CLOSED;
    if (c->handling)
        c->x->request.gone = true;
    else if (c->x)
        http_exchange_uncount(c->server, c->x); /* it goes within this turn of the loop */
    c->server->held -= c->tls_counted;
    c->tls_counted = 0;
    list_remove(&c->node);
    if (c->counted)
        http_ledger_give_back(c->server->ledger, &c->address);
    c->counted = false;
    uv_close(&c->handle, on_closed);
    http_stream_lose(c, HTTP_STREAM_LEFT);
}

/* Something has arrived that was not parsed yet. */
static bool has_more(const struct http_connection *c)
{
    return (c->x && http_parser_has_more(&c->x->parser)) || (c->tls && http_tls_has_more(c->tls));
}

/* All was answered and written. Closing while the client still sends would make the kernel reset
 * the connection, and the client might never see the answer: so only our side is ended, and what
 * comes is read and dropped for a while (RFC 9112 §9.6). */
static void finish(struct http_connection *c)
{
    uv_os_fd_t fd;
    bool quiet = !c->linger && !has_more(c);
    if (quiet || c->ended || uv_fileno(&c->handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        http_connection_close(c);
        return;
    }
    if (c->x)
        http_exchange_give_back(c->server, c->x);
    c->x = NULL;
    c->state = CONNECTION_LINGERING;
}

/* --- writing ------------------------------------------------------------------------------ */

static void connection_send(struct http_connection *c);

/* The connection has failed. A peer that takes nothing is given up by us or by the kernel
 * (stream.c), whichever is first, and it means the same. */
static void give_up(struct http_connection *c, int error)
{
    http_stream_lose(c, error == UV_ETIMEDOUT ? HTTP_STREAM_STUCK : HTTP_STREAM_LEFT);
    http_connection_close(c);
}

static void on_written(uv_write_t *write, int status)
{
    struct http_connection *c = write->data;
    c->writing = false;
    if (c->state == CONNECTION_CLOSED)
        return;
    buf_clear(&c->x->sending);
    if (status < 0) {
        give_up(c, status);
        return;
    }
    connection_send(c); /* all that is there, before anything new is begun */
    http_connection_run(c);
}

/* What the client has not taken: libuv's part and the kernel's, which may be megabytes. */
static size_t unsent_bytes(const struct http_connection *c)
{
    uv_os_fd_t fd;
    int in_kernel = 0;
    if (uv_fileno(&c->handle, &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0)
        in_kernel = 0;
    return uv_stream_get_write_queue_size(&c->stream) + (size_t)in_kernel;
}

/* Seals a slice of the answers: a client that does not read costs no second copy of all. */
static bool seal(struct http_connection *c)
{
    struct http_exchange *x = c->x;
    size_t size = MIN(x->out.len - x->sealed, (size_t)HTTP_SEAL_SIZE);
    if (size > 0 && !http_tls_write(c->tls, str_make(x->out.ptr + x->sealed, size), &x->sending))
        return false;
    x->sealed += size;
    if (x->sealed < x->out.len)
        return true;
    buf_clear(&x->out);
    x->sealed = 0;
    if (c->state == CONNECTION_CLOSING)
        http_tls_end(c->tls, &x->sending);
    return buf_ok(&x->sending);
}

/* libuv writes what the socket did not take of `b`, which stays in place as `sending`. */
static void send_later(struct http_connection *c, struct buf *b, size_t taken)
{
    struct http_exchange *x = c->x;
    if (b == &x->out) {
        struct buf out = x->out;
        x->out = x->sending;
        x->sending = out;
    }
    uv_buf_t rest = uv_buf_init(x->sending.ptr + taken, (unsigned)(x->sending.len - taken));
    x->write.data = c;
    if (uv_write(&x->write, &c->stream, &rest, 1, on_written) != 0) {
        http_connection_close(c);
        return;
    }
    c->writing = c->renewed = true;
    c->unsent = unsent_bytes(c);
}

/* False: there is no more, or the client has to read first. */
static bool send_some(struct http_connection *c)
{
    if (c->state == CONNECTION_CLOSED || c->writing || !c->x)
        return false;
    if (c->tls && !seal(c)) {
        http_connection_close(c);
        return false;
    }
    struct buf *b = c->tls ? &c->x->sending : &c->x->out;
    if (b->len == 0)
        return false;
    uv_buf_t all = uv_buf_init(b->ptr, (unsigned)b->len);
    int n = uv_try_write(&c->stream, &all, 1);
    if (n == (int)b->len)
        buf_clear(b);
    else if (n >= 0 || n == UV_EAGAIN)
        send_later(c, b, (size_t)MAX(n, 0));
    else
        give_up(c, n);
    return true;
}

/* The one place where bytes leave. Most answers leave in one write; what the socket does not take,
 * libuv writes later. */
static void connection_send(struct http_connection *c)
{
    while (send_some(c))
        ;
}

/* --- deadlines ---------------------------------------------------------------------------- */

/* Nothing of a request is here that could be answered. */
static bool is_idle(const struct http_connection *c)
{
    return !c->x || http_parser_is_idle(&c->x->parser);
}

/* A handshake, or a part of a record: the header is awaited. */
static bool is_sealed(const struct http_connection *c)
{
    return c->tls && (http_tls_state(c->tls) == HTTP_TLS_HANDSHAKE || http_tls_has_more(c->tls));
}

/* False: no deadline, the handler takes its time, or the stream has nothing to say. */
static bool deadline_of(const struct http_connection *c, enum http_deadline *ret)
{
    if (c->writing && c->streamed && c->server->draining)
        *ret = HTTP_DEADLINE_LINGER; /* nobody waits for the end of what never ends */
    else if (c->writing)
        *ret = HTTP_DEADLINE_WRITE;
    else if (c->state == CONNECTION_LINGERING)
        *ret = HTTP_DEADLINE_LINGER;
    else if (c->state == CONNECTION_HANDLING || c->state == CONNECTION_STREAMING)
        return false;
    else if (is_idle(c) && !is_sealed(c))
        *ret = c->server->draining ? HTTP_DEADLINE_DRAIN : HTTP_DEADLINE_IDLE;
    else
        *ret = c->x && c->x->parser.stage == STAGE_BODY ? HTTP_DEADLINE_BODY : HTTP_DEADLINE_HEADER;
    return true;
}

/* Puts the connection into the list it belongs to. All of one list have the same time, so that the
 * list is in the order of expiry. */
static void set_deadline(struct http_connection *c)
{
    struct http_server *s = c->server;
    enum http_deadline kind = c->deadline;
    bool timed = deadline_of(c, &kind);
    if (timed == c->timed && kind == c->deadline && !c->renewed)
        return;
    list_remove(&c->node);
    list_add(timed ? &s->connections[kind] : &s->waiting, &c->node);
    c->timed = timed;
    c->deadline = kind;
    c->renewed = false;
    if (timed)
        c->expires_ms = uv_now(s->loop) + (uint64_t)s->after_ms[kind];
}

void http_connection_drain(struct http_connection *c)
{
    set_deadline(c);
}

/* --- requests ----------------------------------------------------------------------------- */

/* RFC 9110 §6.6.1. It is written anew once a second, not once an answer. */
static const char *date_now(struct http_server *s)
{
    int64_t now = clock_now_ms();
    if (now / 1000 != s->date_s) {
        s->date_s = now / 1000;
        clock_format_http(now, s->date);
    }
    return s->date;
}

void http_connection_answer(struct http_connection *c, const struct http_response *response,
                            struct http_response_frame frame, enum http_connection_state then)
{
    struct http_server *s = c->server;
    frame.id = c->x->request.id;
    frame.date = date_now(s);
    frame.head_only = c->x->request.method == HTTP_HEAD;
    if (!http_response_write(&c->x->out, response, &frame)) {
        http_connection_close(c);
        return;
    }
    s->n_requests++;
    arena_clear(&c->x->request.arena);
    http_parser_finish(&c->x->parser);
    c->renewed = true;
    c->state = then;
}

static void answer(struct http_connection *c, const struct http_response *response, bool keep)
{
    const struct http_response_frame frame = {.close = !keep, .keep_alive = c->x->parser.http10};
    http_connection_answer(c, response, frame, keep ? CONNECTION_READING : CONNECTION_CLOSING);
}

/* Nothing comes after this answer: the handler wants it so, or the server ends. Who has sent on
 * while it drains, before it was told not to, is answered to the last. */
static bool is_last(const struct http_connection *c, const struct http_response *response)
{
    return response->close || (c->server->draining && !has_more(c));
}

/* The connection can go on only when it is known where the next request begins. */
static void refuse(struct http_connection *c, enum err e, const char *why, bool keep)
{
    struct http_server *s = c->server;
    struct http_response response = {.status = err_status(e)};
    if (s->hooks.refuse)
        s->hooks.refuse(s->arg, &c->x->request, e, why, &response);
    response.status = err_status(e);
    keep = keep && !is_last(c, &response);
    c->linger = !keep;
    answer(c, &response, keep);
}

/* Within what the server's connections may hold together. Its body, too: nobody shall send what has
 * to be thrown away. */
static bool request_fits(const struct http_server *s, const struct http_parser *p)
{
    return s->held <= s->memory_max && p->llhttp.content_length <= s->memory_max - s->held;
}

static void take_head(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_parser *p = &c->x->parser;
    size_t body_max = HTTP_BODY_MAX;
    const char *why = "The request was refused before its body";
    enum err e =
        s->hooks.accept ? s->hooks.accept(s->arg, &c->x->request, &body_max, &why) : ERR_OK;
    if (e) {
        refuse(c, e, why, p->keep_alive && !p->has_body);
        return;
    }
    http_parser_accept(p, body_max);
    if (p->stage == STAGE_BODY && !request_fits(s, p)) {
        refuse(c, ERR_UNAVAILABLE, "the server has too much to do at once; try again soon",
               p->keep_alive && !p->has_body);
        return;
    }
    if (p->expects_continue && p->stage == STAGE_BODY && !has_more(c))
        buf_add(&c->x->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void take_event(struct http_connection *c, enum http_parser_event event)
{
    struct http_server *s = c->server;
    switch (event) {
    case PARSER_MORE: break;
    case PARSER_HEAD: take_head(c); break;
    case PARSER_COMPLETE:
        c->state = CONNECTION_HANDLING;
        http_exchange_count(c->server, c->x, false); /* its arena is the handler's from here on */
        c->handling = true;
        c->x->request.gone = c->ended;
        s->hooks.handle(s->arg, &c->x->request);
        break;
    case PARSER_REFUSED: refuse(c, c->x->parser.err, c->x->parser.why, false); break;
    }
}

/* False once nothing can be done with what has arrived. */
static bool step(struct http_connection *c)
{
    if (c->state != CONNECTION_READING || c->writing || !c->x)
        return false;
    enum http_parser_event event = http_parser_next(&c->x->parser);
    take_event(c, event);
    if (c->x->out.len >= HTTP_GATHER_SIZE)
        connection_send(c);
    return event != PARSER_MORE;
}

static void begin_exchange(struct http_connection *c)
{
    c->x = http_exchange_take(c->server, c);
    struct http_request *r = &c->x->request;
    r->from_unix = c->is_unix;
    r->peer = (struct sockaddr_storage){0};
    memcpy(&r->peer, &c->peer, sizeof(c->peer));
}

/* Opens what has arrived sealed, as far as there is room for it. False once nothing came of it. */
static bool unseal(struct http_connection *c)
{
    if (!c->tls || c->writing || c->state > CONNECTION_STREAMING || !http_tls_has_more(c->tls))
        return false;
    if (!c->x)
        begin_exchange(c);
    char *plain = c->server->received; /* what was there, the session has */
    bool forgets = c->state == CONNECTION_STREAMING;
    size_t room = forgets ? SIZE_MAX : http_parser_room(&c->x->parser);
    size_t n = http_tls_read(c->tls, plain, MIN((size_t)HTTP_READ_SIZE, room), &c->x->sending);
    if (n > 0 && !forgets)
        http_parser_feed(&c->x->parser, str_make(plain, n));
    return n > 0;
}

static void set_ended(struct http_connection *c)
{
    c->ended = true;
    if (c->handling)
        c->x->request.gone = true;
}

/* What has become of the TLS session. A client that ended its side is answered all the same. */
static void heed_session(struct http_connection *c)
{
    enum http_tls_state state = http_tls_state(c->tls);
    if (state == HTTP_TLS_ENDED && !c->ended)
        set_ended(c);
    if (state != HTTP_TLS_FAILED || c->state > CONNECTION_STREAMING)
        return;
    if (c->handling || c->state == CONNECTION_STREAMING) {
        connection_send(c); /* an alert; there is no way to answer any more */
        http_connection_close(c);
    } else {
        c->linger = c->x && c->x->sending.len > 0;
        c->state = CONNECTION_CLOSING;
    }
}

/* Nothing of a request is here any more, nor of an answer. */
static void rest(struct http_connection *c)
{
    struct http_exchange *x = c->x;
    if (c->state != CONNECTION_READING || c->writing || !x || x->out.len ||
        !http_parser_is_empty(&x->parser))
        return;
    http_exchange_give_back(c->server, x);
    c->x = NULL;
}

static void set_reading(struct http_connection *c);

/* Says to the server how much it holds now. */
static void count(struct http_connection *c)
{
    if (c->state == CONNECTION_CLOSED)
        return;
    if (c->x)
        http_exchange_count(c->server, c->x, c->handling);
    size_t size = c->tls ? http_tls_size(c->tls) : 0;
    c->server->held += size - c->tls_counted;
    c->tls_counted = size;
}

/* Takes as many requests as have arrived, until one waits for its answer or the client is to read;
 * then writes all answers at once. */
void http_connection_run(struct http_connection *c)
{
    if (c->running)
        return;
    c->running = true;
    while (step(c) || unseal(c))
        ;
    c->running = false;
    if (c->tls)
        heed_session(c);
    if (c->state == CONNECTION_READING && !c->writing && c->ended)
        c->state = CONNECTION_CLOSING; /* the rest of a request will never come */
    if (c->state == CONNECTION_STREAMING && c->ended)
        http_stream_finish(c, HTTP_STREAM_LEFT);
    connection_send(c);
    rest(c);
    if (c->state == CONNECTION_CLOSING && !c->writing)
        finish(c);
    if (c->state == CONNECTION_CLOSED)
        return;
    set_deadline(c);
    set_reading(c);
    count(c);
    http_server_check_memory(c->server); /* may close this one too */
    if (c->state == CONNECTION_STREAMING && !c->writing)
        http_stream_written(c);
}

struct http_connection *http_connection_of(struct http_request *r)
{
    return CONTAINER_OF(r, struct http_exchange, request)->connection;
}

bool http_connection_take_back(struct http_connection *c)
{
    assert(c->handling);
    c->handling = false;
    if (c->state == CONNECTION_HANDLING)
        return true;
    free_if_unused(c);
    return false;
}

void http_respond(struct http_request *r, const struct http_response *response)
{
    struct http_connection *c = http_connection_of(r);
    if (!http_connection_take_back(c))
        return;
    c->linger = is_last(c, response);
    if (response->body.len > HTTP_OUT_MAX) {
        log_event(LOG_ERROR, "answer_too_large", LOG_STR("path", r->path));
        refuse(c, ERR_INTERNAL, "the answer is too large", false);
    } else {
        answer(c, response, c->x->parser.keep_alive && !c->linger);
    }
    http_connection_run(c);
}

void http_cut(struct http_request *r, struct str partial)
{
    struct http_connection *c = http_connection_of(r);
    if (!http_connection_take_back(c))
        return;
    buf_add(&c->x->out, partial);
    arena_clear(&c->x->request.arena);
    http_parser_finish(&c->x->parser);
    c->state = CONNECTION_CLOSING;
    http_connection_run(c);
}

/* --- reading ------------------------------------------------------------------------------ */

/* How many bytes it can do with for now. Those of TLS are opened as far as there is room for what
 * is in them, and may have to be answered by the session. */
static size_t room(const struct http_connection *c)
{
    if (!c->x || (c->state == CONNECTION_STREAMING && !(c->tls && c->writing)))
        return HTTP_READ_SIZE;
    if (c->writing && (c->tls || http_parser_has_more(&c->x->parser)))
        return 0; /* who does not read is not read either */
    size_t room = MIN((size_t)HTTP_READ_SIZE, http_parser_room(&c->x->parser));
    return c->tls && room > 0 ? HTTP_READ_SIZE : room;
}

/* All connections of a loop read into one place: what is of a request is copied from there. */
static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct http_connection *c = handle->data;
    *ret = uv_buf_init(c->server->received, (unsigned)room(c));
}

void http_connection_throw_away(struct http_connection *c, size_t size)
{
    c->lingered += size;
    if (c->lingered > HTTP_LINGER_MAX)
        http_connection_close(c);
}

/* The one place where bytes arrive. */
static void connection_receive(struct http_connection *c, struct str bytes)
{
    if (c->state == CONNECTION_LINGERING) {
        http_connection_throw_away(c, bytes.len);
        return;
    }
    if (c->state == CONNECTION_STREAMING) {
        http_stream_receive(c, bytes);
        return;
    }
    if (!c->x)
        begin_exchange(c);
    if (c->tls)
        http_tls_receive(c->tls, bytes, &c->x->sending);
    else
        http_parser_feed(&c->x->parser, bytes);
    http_connection_run(c);
}

static void on_end(struct http_connection *c)
{
    set_ended(c);
    c->reading = false;
    if (c->state == CONNECTION_LINGERING)
        http_connection_close(c);
    else
        http_connection_run(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *into)
{
    struct http_connection *c = stream->data;
    if (n == 0)
        return; /* EAGAIN */
    if (n == UV_EOF)
        on_end(c);
    else if (n < 0)
        give_up(c, (int)n);
    else
        connection_receive(c, str_make(into->base, (size_t)n));
}

/* Reads as long as there is room, even while a request is handled: to notice that the client left.
 */
static void set_reading(struct http_connection *c)
{
    bool reading = room(c) > 0 && !c->ended;
    if (reading == c->reading)
        return;
    c->reading = reading;
    if (reading && uv_read_start(&c->stream, on_space, on_read) != 0)
        http_connection_close(c);
    if (!reading)
        uv_read_stop(&c->stream);
}

/* --- its beginning ------------------------------------------------------------------------ */

static struct http_connection *connection_new(struct http_server *s)
{
    struct http_connection *c = xcalloc(1, sizeof(*c));
    c->server = s;
    list_init(&c->node);
    c->renewed = true;
    s->n_connections++;
    return c;
}

/* The socket becomes libuv's, or is closed. */
static bool connection_attach(struct http_connection *c, int fd, bool is_unix)
{
    int status;
    if (is_unix) {
        uv_pipe_init(c->server->loop, &c->pipe, 0);
        status = uv_pipe_open(&c->pipe, fd);
    } else {
        uv_tcp_init(c->server->loop, &c->tcp);
        status = uv_tcp_open(&c->tcp, fd);
        uv_tcp_nodelay(&c->tcp, 1);
    }
    c->handle.data = c;
    if (status != 0)
        close(fd);
    return status == 0;
}

/* The first of the idle ones that may go for another; NULL when none may. Who has just sent
 * something is idle no more, though we have not read it. */
static struct http_connection *longest_idle(const struct http_server *s, bool counted)
{
    int tries = HTTP_EVICT_TRIES;
    list_for_each (node, &s->connections[HTTP_DEADLINE_IDLE]) {
        struct http_connection *c = CONTAINER_OF(node, struct http_connection, node);
        if (tries-- == 0)
            return NULL;
        if (c->counted >= counted && !bytes_wait(c))
            return c;
    }
    return NULL;
}

bool http_connection_evict(struct http_server *s)
{
    struct http_connection *c = longest_idle(s, false);
    if (c)
        http_connection_close(c);
    return c != NULL;
}

/* May one more connection come from there? An idle one may have to go for it. */
static bool count_in(struct http_server *s, const struct http_address *a)
{
    struct http_connection *idle = longest_idle(s, true);
    switch (http_ledger_take(s->ledger, a, idle ? &idle->address : NULL)) {
    case HTTP_LEDGER_TAKEN: return true;
    case HTTP_LEDGER_REPLACED:
        assert(idle); /* only what was offered is taken */
        idle->counted = false;
        http_connection_close(idle);
        return true;
    default: return false;
    }
}

void http_connection_open(struct http_server *s, int fd, const struct sockaddr_storage *peer)
{
    struct http_address address = {0};
    bool counted = peer && s->ledger;
    if (peer)
        address = http_address_of(peer);
    if (counted && !count_in(s, &address)) {
        close(fd);
        return;
    }
    struct http_connection *c = connection_new(s);
    c->counted = counted;
    c->address = address;
    c->is_unix = !peer;
    if (peer)
        memcpy(&c->peer, peer, sizeof(c->peer));
    if (peer && s->tls)
        c->tls = http_tls_new(s->tls);
    if (!connection_attach(c, fd, !peer)) {
        http_connection_close(c);
        return;
    }
    set_deadline(c);
    set_reading(c);
}

/* --- its time-outs ------------------------------------------------------------------------ */

/* A slow reader gets on as long as it reads at all. */
static void expire_write(struct http_connection *c)
{
    size_t unsent = unsent_bytes(c);
    if (unsent >= c->unsent) {
        give_up(c, UV_ETIMEDOUT);
        return;
    }
    c->unsent = unsent;
    c->renewed = true;
    set_deadline(c);
}

/* Who has just sent something is idle no more: it is read in this turn of the loop. Over TLS the
 * end is said (RFC 8446 §6.1). */
static void expire_idle(struct http_connection *c)
{
    if (!bytes_wait(c)) {
        if (c->tls && !c->x)
            begin_exchange(c);
        c->state = CONNECTION_CLOSING;
        http_connection_run(c);
        return;
    }
    c->renewed = true;
    set_deadline(c);
}

void http_connection_expire(struct http_connection *c)
{
    switch (c->deadline) {
    case HTTP_DEADLINE_IDLE:
    case HTTP_DEADLINE_DRAIN: expire_idle(c); break;
    case HTTP_DEADLINE_WRITE: expire_write(c); break;
    case HTTP_DEADLINE_HEADER:
        if (is_idle(c)) {
            http_connection_close(c); /* nothing was asked, or nothing that could be opened */
            break;
        }
        refuse(c, ERR_REQUEST_TIMEOUT, "the header did not arrive in time", false);
        http_connection_run(c);
        break;
    case HTTP_DEADLINE_BODY:
        refuse(c, ERR_REQUEST_TIMEOUT, "the body did not arrive in time", false);
        http_connection_run(c);
        break;
    default: http_connection_close(c); break;
    }
}

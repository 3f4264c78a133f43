/* A real server on loopback, in a thread of its own, and raw sockets as its clients. Most tests run
 * twice, plain and over TLS: see run_plain_and_tls. */
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "http/ledger.h"
#include "http/tls.h"
#include "unit/http/certificates.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- the server --------------------------------------------------------------------------- */

#define BIG_SIZE     (6 * MIB)
#define REQUESTS_MAX 64 /* that wait for an answer at once */

/* Of the tests that run now; NULL: plain. */
static struct http_tls_context *server_tls;
static SSL_CTX *client_tls;

/* How the handler answers depends on the path: see handle(). */
struct fixture {
    uv_loop_t loop;
    struct http_server server;
    uv_async_t stop, kill_all, release;
    uv_timer_t later;
    struct http_request *waiting[REQUESTS_MAX]; /* answered by the timer, in their order */
    size_t n_waiting;
    struct http_request *held[REQUESTS_MAX]; /* answered by /release or the drain of the test */
    size_t n_held;
    char *big;
    pthread_t thread;
    int port;
    char path[64]; /* of the unix socket */
    bool drained;
    bool saw_gone;
    _Atomic size_t n_cut; /* requests that were cut off without a byte */
    struct http_ledger *ledger;
    size_t n_begun; /* when all was killed */
};

static inline void respond_text(struct http_request *r, struct str body)
{
    struct http_response response = {
        .status = 200, .content_type = STR("text/plain"), .body = body};
    http_respond(r, &response);
}

/* "METHOD target length-of-body". */
static inline void respond_echo(struct http_request *r)
{
    char text[9000];
    int n = snprintf(text, sizeof(text), "%s %.*s %zu", http_method_name(r->method),
                     STR_FMT(r->target), r->body.len);
    respond_text(r, str_make(text, (size_t)n));
}

/* What the server holds for all its connections, this one among them. */
static inline void respond_memory(struct fixture *f, struct http_request *r)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%zu", f->server.held);
    respond_text(r, str_make(text, (size_t)n));
}

static inline void release_held(struct fixture *f)
{
    for (size_t i = 0; i < f->n_held; i++) {
        f->saw_gone = f->saw_gone || f->held[i]->gone;
        respond_echo(f->held[i]);
    }
    f->n_held = 0;
}

static inline void on_later(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    size_t n = f->n_waiting;
    struct http_request *waiting[REQUESTS_MAX];
    memcpy(waiting, f->waiting, sizeof(waiting));
    f->n_waiting = 0; /* an answer brings the next request of its connection at once */
    for (size_t i = 0; i < n; i++)
        respond_echo(waiting[i]);
}

static inline void respond_odd(struct fixture *f, struct http_request *r)
{
    struct http_response response = {.status = 200, .content_type = STR("text/plain")};
    if (str_eq(r->path, STR("/empty"))) {
        response = (struct http_response){.status = 204};
    } else if (str_eq(r->path, STR("/unchanged"))) {
        response = (struct http_response){.status = 304, .body = STR("never sent")};
    } else if (str_eq(r->path, STR("/close"))) {
        response.close = true;
    } else if (str_eq(r->path, STR("/fields"))) {
        http_response_add(&response, STR("X-One"), STR("1"));
        http_response_add(&response, STR("X-Two"), STR("2 \xc3\xa9"));
    } else if (str_eq(r->path, STR("/big"))) {
        response.body = str_make(f->big, BIG_SIZE);
    } else if (str_eq(r->path, STR("/too-big"))) {
        response.body = str_make(f->big, HTTP_OUT_MAX + 1); /* never looked at */
    } else {
        response.status = 404;
    }
    http_respond(r, &response);
}

static inline enum err accept_request(void *arg, struct http_request *r, size_t *body_max,
                                      const char **ret_why)
{
    if (str_eq(r->path, STR("/now/small")))
        *body_max = 10;
    if (str_eq(r->path, STR("/now/large")))
        *body_max = 4 * MIB;
    return str_eq(r->path, STR("/refused")) ? ERR_PERMISSION_DENIED : ERR_OK;
}

static inline void refuse(void *arg, struct http_request *r, enum err e, const char *why,
                          struct http_response *response)
{
    response->content_type = STR("text/plain");
    response->body = arena_printf(&r->arena, "%s: %s", err_code(e), why);
}

static inline void on_drained(void *arg)
{
    struct fixture *f = arg;
    f->drained = true;
    uv_close((uv_handle_t *)&f->stop, NULL);
    uv_close((uv_handle_t *)&f->kill_all, NULL);
    uv_close((uv_handle_t *)&f->release, NULL);
    uv_close((uv_handle_t *)&f->later, NULL);
}

static inline void cut_bare(struct fixture *f, struct http_request *r)
{
    f->n_cut++;
    http_cut(r, STR(""));
}

static inline void handle(void *arg, struct http_request *r)
{
    struct fixture *f = arg;
    if (str_starts(r->path, STR("/now")))
        respond_echo(r);
    else if (str_eq(r->path, STR("/memory")))
        respond_memory(f, r);
    else if (str_starts(r->path, STR("/later")))
        f->waiting[f->n_waiting++] = r;
    else if (str_eq(r->path, STR("/hold")))
        f->held[f->n_held++] = r;
    else if (str_eq(r->path, STR("/release")))
        release_held(f), respond_echo(r);
    else if (str_eq(r->path, STR("/cut")))
        http_cut(r, STR("HTTP/1.1 200 OK\r\nContent-Le"));
    else if (str_eq(r->path, STR("/cut-bare")))
        cut_bare(f, r);
    else if (str_eq(r->path, STR("/stop")))
        http_server_drain(&f->server, on_drained), respond_echo(r);
    else if (str_eq(r->path, STR("/sleep")))
        usleep(200 * 1000), respond_echo(r);
    else if (str_eq(r->path, STR("/sleep-and-stop")))
        usleep(200 * 1000), http_server_drain(&f->server, on_drained), respond_echo(r);
    else if (str_eq(r->path, STR("/answer-and-stop")))
        respond_echo(r), http_server_drain(&f->server, on_drained);
    else
        respond_odd(f, r);
}

static inline void on_stop(uv_async_t *async)
{
    struct fixture *f = async->data;
    http_server_drain(&f->server, on_drained);
}

static inline void on_kill(uv_async_t *async)
{
    struct fixture *f = async->data;
    f->n_begun = http_server_count_begun(&f->server);
    http_server_kill(&f->server);
}

static inline void on_release(uv_async_t *async)
{
    release_held(async->data);
}

static inline void *serve(void *arg)
{
    struct fixture *f = arg;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return NULL;
}

static const struct http_hooks hooks = {
    .accept = accept_request, .handle = handle, .refuse = refuse};

static inline void listen_everywhere(struct fixture *f)
{
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    assert_int_equal(http_server_listen(&f->server, STR("127.0.0.1:0"), &f->port, &error), ERR_OK);
    snprintf(f->path, sizeof(f->path), "/tmp/hudhud-http-test-%d.sock", (int)getpid());
    assert_int_equal(http_server_listen_unix(&f->server, f->path, &error), ERR_OK);
    arena_release(&arena);
}

/* All but its thread: the test may set something first. */
static inline void prepare(struct fixture *f, const struct http_timeouts *timeouts)
{
    *f = (struct fixture){0};
    f->big = xcalloc(1, BIG_SIZE);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    http_server_init(&f->server, &f->loop, &hooks, f, timeouts);
    uv_async_init(&f->loop, &f->stop, on_stop);
    uv_async_init(&f->loop, &f->kill_all, on_kill);
    uv_async_init(&f->loop, &f->release, on_release);
    uv_timer_init(&f->loop, &f->later);
    f->stop.data = f->kill_all.data = f->release.data = f->later.data = f;
    f->server.drained = on_drained;
    http_server_set_tls(&f->server, server_tls);
    uv_timer_start(&f->later, on_later, 1, 1);
    listen_everywhere(f);
}

static inline void run(struct fixture *f)
{
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static inline void start(struct fixture *f, const struct http_timeouts *timeouts)
{
    prepare(f, timeouts);
    run(f);
}

/* The thread has ended by itself, or was asked to. */
static inline void join(struct fixture *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    assert_true(f->drained);
    assert_int_equal(f->server.n_connections, 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    if (f->ledger)
        assert_int_equal(http_ledger_stats(f->ledger).open, 0);
    http_ledger_free(f->ledger);
    free(f->big);
}

static inline void stop(struct fixture *f)
{
    uv_async_send(&f->stop);
    join(f);
}

/* --- its clients -------------------------------------------------------------------------- */

#define PATIENCE_MS 20000

struct client {
    int fd;
    SSL *ssl; /* NULL: plain */
    struct buf in;
};

static inline void client_take(struct client *c, int fd)
{
    c->fd = fd;
    c->ssl = NULL;
    buf_init(&c->in, 64 * MIB);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static inline struct sockaddr_in loopback(int last, int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)last)};
}

static inline void client_shake(struct client *c)
{
    if (!client_tls)
        return;
    c->ssl = SSL_new(client_tls);
    SSL_set_fd(c->ssl, c->fd);
    assert_int_equal(SSL_connect(c->ssl), 1);
    char byte;
    struct pollfd readable = {.fd = c->fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1); /* the ticket: it is ready too */
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(SSL_read(c->ssl, &byte, 1), -1);
    fcntl(c->fd, F_SETFL, 0);
}

/* From 127.0.0.`from`, without the handshake; receive_size 0: the system's own. */
static inline void client_connect_as(struct client *c, int port, int from, int receive_size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_size)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size));
    struct sockaddr_in here = loopback(from, 0), there = loopback(1, port);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
    client_take(c, fd);
}

static inline void client_connect(struct client *c, const struct fixture *f)
{
    client_connect_as(c, f->port, 1, 0);
}

static inline void client_open_as(struct client *c, int port, int from, int receive_size)
{
    client_connect_as(c, port, from, receive_size);
    client_shake(c);
}

static inline void client_open_sized(struct client *c, const struct fixture *f, int receive_size)
{
    client_open_as(c, f->port, 1, receive_size);
}

static inline void client_open(struct client *c, const struct fixture *f)
{
    client_open_sized(c, f, 0);
}

static inline void client_open_unix(struct client *c, const struct fixture *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    client_take(c, fd);
}

/* Without a word, over TLS too. */
static inline void client_close(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    buf_release(&c->in);
}

/* It will send no more, and still reads. */
static inline void client_end(struct client *c)
{
    if (c->ssl)
        SSL_shutdown(c->ssl);
    else
        shutdown(c->fd, SHUT_WR);
}

/* How much was sent; at most 0: nothing can be. */
static inline ssize_t client_try_send(struct client *c, struct str bytes)
{
    if (!c->ssl)
        return send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    return SSL_write(c->ssl, bytes.ptr, (int)bytes.len);
}

static inline void client_send(struct client *c, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = client_try_send(c, bytes);
        assert_true(n > 0);
        bytes = str_skip(bytes, (size_t)n);
    }
}

static inline void client_say(struct client *c, const char *text)
{
    client_send(c, str_from(text));
}

/* One read; false at the end of the stream. A reset or a lost patience fails the test. */
static inline bool client_read(struct client *c)
{
    char *to = buf_reserve(&c->in, 64 * KIB);
    assert_non_null(to);
    ssize_t n;
    do /* newer libuvs use io_uring, which interrupts what waits beside it */
        n = c->ssl ? SSL_read(c->ssl, to, 64 * KIB) : recv(c->fd, to, 64 * KIB, 0);
    while (n < 0 && errno == EINTR);
    if (c->ssl && n <= 0 && SSL_get_error(c->ssl, (int)n) != SSL_ERROR_ZERO_RETURN)
        fail_msg("the stream was cut, not ended: %s", ERR_reason_error_string(ERR_get_error()));
    if (n < 0)
        fail_msg("the client could not read: %s", strerror(errno));
    c->in.len += (size_t)n;
    return n > 0;
}

struct answer {
    int status;
    char head[2000]; /* as text */
    char body[9000]; /* as much as fits */
    size_t body_len;
};

static inline const char *end_of_head(const struct client *c)
{
    return c->in.len ? memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4) : NULL;
}

/* Takes the next answer; false at the end of the stream. `bodiless`: to HEAD, say. */
static inline bool client_take_answer(struct client *c, bool bodiless, struct answer *a)
{
    while (!end_of_head(c))
        if (!client_read(c)) {
            assert_int_equal(c->in.len, 0); /* never half an answer */
            return false;
        }
    size_t head_len = (size_t)(end_of_head(c) - c->in.ptr) + 4;
    assert_true(head_len < sizeof(a->head));
    memcpy(a->head, c->in.ptr, head_len);
    a->head[head_len] = '\0';
    assert_memory_equal(a->head, "HTTP/1.1 ", 9);
    a->status = (int)strtol(a->head + 9, NULL, 10);
    const char *length = strstr(a->head, "\r\nContent-Length: ");
    a->body_len = length && !bodiless ? strtoul(length + 18, NULL, 10) : 0;
    buf_drop(&c->in, head_len);
    while (c->in.len < a->body_len)
        assert_true(client_read(c));
    snprintf(a->body, sizeof(a->body), "%.*s", (int)MIN(a->body_len, sizeof(a->body) - 1),
             a->body_len ? c->in.ptr : "");
    buf_drop(&c->in, a->body_len);
    return true;
}

static inline void expect(struct client *c, int status, const char *body, struct answer *ret)
{
    struct answer a;
    assert_true(client_take_answer(c, false, &a));
    assert_int_equal(a.status, status);
    if (body)
        assert_string_equal(a.body, body);
    if (status != 100) {
        assert_non_null(strstr(a.head, "\r\nX-Request-Id: req_"));
        assert_non_null(strstr(a.head, "\r\nDate: "));
    }
    if (ret)
        *ret = a;
}

static inline void expect_end(struct client *c)
{
    struct answer a;
    assert_false(client_take_answer(c, false, &a));
}

/* The server has closed it, perhaps with a reset: nothing more is read. */
static inline void expect_closed(struct client *c)
{
    char byte;
    ssize_t n;
    do
        n = recv(c->fd, &byte, 1, 0);
    while (n < 0 && errno == EINTR);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- plain and over TLS ------------------------------------------------------------------- */

static inline int set_up_tls(void **state)
{
    static struct certificates files;
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    certificates_make(&files, &(struct certificate_wish){0});
    if (http_tls_context_load(files.certificate, files.key, &server_tls, &error))
        fail_msg("%.*s", STR_FMT(error.message));
    client_tls = SSL_CTX_new(TLS_client_method());
    certificates_remove(&files);
    arena_release(&arena);
    return 0;
}

static inline int tear_down_tls(void **state)
{
    http_tls_context_release(server_tls);
    SSL_CTX_free(client_tls);
    server_tls = NULL;
    client_tls = NULL;
    return 0;
}

/* How many failed. */
#define run_plain_and_tls(tests)                                                                   \
    (cmocka_run_group_tests_name("plain", tests, NULL, NULL) +                                     \
     cmocka_run_group_tests_name("TLS", tests, set_up_tls, tear_down_tls))

/* A real server on loopback, in a thread of its own, and raw sockets as its clients. */
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

#define BIG_SIZE (6 * MIB)

/* How the handler answers depends on the path: see handle(). */
struct fixture {
    uv_loop_t loop;
    struct http_server server;
    uv_async_t stop, kill_all, release;
    uv_timer_t later;
    struct http_request *waiting[8]; /* answered by the timer, in their order */
    size_t n_waiting;
    struct http_request *held[8]; /* answered by /release or the drain of the test */
    size_t n_held;
    char *big;
    pthread_t thread;
    int port;
    char path[64]; /* of the unix socket */
    bool drained;
    bool saw_gone;
};

static void respond_text(struct http_request *r, struct str body)
{
    struct http_response response = {
        .status = 200, .content_type = STR("text/plain"), .body = body};
    http_respond(r, &response);
}

/* "METHOD target length-of-body". */
static void respond_echo(struct http_request *r)
{
    char text[9000];
    int n = snprintf(text, sizeof(text), "%s %.*s %zu", http_method_name(r->method),
                     STR_FMT(r->target), r->body.len);
    respond_text(r, str_make(text, (size_t)n));
}

static void release_held(struct fixture *f)
{
    for (size_t i = 0; i < f->n_held; i++) {
        f->saw_gone = f->saw_gone || f->held[i]->gone;
        respond_echo(f->held[i]);
    }
    f->n_held = 0;
}

static void on_later(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    size_t n = f->n_waiting;
    struct http_request *waiting[8];
    memcpy(waiting, f->waiting, sizeof(waiting));
    f->n_waiting = 0; /* an answer brings the next request of its connection at once */
    for (size_t i = 0; i < n; i++)
        respond_echo(waiting[i]);
}

static void respond_odd(struct fixture *f, struct http_request *r)
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

static enum err accept_request(void *arg, struct http_request *r, size_t *body_max,
                               const char **ret_why)
{
    if (str_eq(r->path, STR("/now/small")))
        *body_max = 10;
    if (str_eq(r->path, STR("/now/large")))
        *body_max = 4 * MIB;
    return str_eq(r->path, STR("/refused")) ? ERR_PERMISSION_DENIED : ERR_OK;
}

static void refuse(void *arg, struct http_request *r, enum err e, const char *why,
                   struct http_response *response)
{
    response->content_type = STR("text/plain");
    response->body = arena_printf(&r->arena, "%s: %s", err_code(e), why);
}

static void on_drained(void *arg)
{
    struct fixture *f = arg;
    f->drained = true;
    uv_close((uv_handle_t *)&f->stop, NULL);
    uv_close((uv_handle_t *)&f->kill_all, NULL);
    uv_close((uv_handle_t *)&f->release, NULL);
    uv_close((uv_handle_t *)&f->later, NULL);
}

static void handle(void *arg, struct http_request *r)
{
    struct fixture *f = arg;
    if (str_starts(r->path, STR("/now")))
        respond_echo(r);
    else if (str_starts(r->path, STR("/later")))
        f->waiting[f->n_waiting++] = r;
    else if (str_eq(r->path, STR("/hold")))
        f->held[f->n_held++] = r;
    else if (str_eq(r->path, STR("/release")))
        release_held(f), respond_echo(r);
    else if (str_eq(r->path, STR("/cut")))
        http_cut(r, STR("HTTP/1.1 200 OK\r\nContent-Le"));
    else if (str_eq(r->path, STR("/cut-bare")))
        http_cut(r, STR(""));
    else if (str_eq(r->path, STR("/stop")))
        http_server_drain(&f->server, on_drained), respond_echo(r);
    else if (str_eq(r->path, STR("/answer-and-stop")))
        respond_echo(r), http_server_drain(&f->server, on_drained);
    else
        respond_odd(f, r);
}

static void on_stop(uv_async_t *async)
{
    struct fixture *f = async->data;
    http_server_drain(&f->server, on_drained);
}

static void on_kill(uv_async_t *async)
{
    struct fixture *f = async->data;
    http_server_kill(&f->server);
}

static void on_release(uv_async_t *async)
{
    release_held(async->data);
}

static void *serve(void *arg)
{
    struct fixture *f = arg;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return NULL;
}

static const struct http_hooks hooks = {
    .accept = accept_request, .handle = handle, .refuse = refuse};

static void start_lingering(struct fixture *f, const struct http_timeouts *timeouts, int linger_ms)
{
    *f = (struct fixture){0};
    f->big = xcalloc(1, BIG_SIZE);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    http_server_init(&f->server, &f->loop, &hooks, f, timeouts);
    f->server.after_ms[HTTP_DEADLINE_LINGER] = linger_ms;
    uv_async_init(&f->loop, &f->stop, on_stop);
    uv_async_init(&f->loop, &f->kill_all, on_kill);
    uv_async_init(&f->loop, &f->release, on_release);
    uv_timer_init(&f->loop, &f->later);
    f->stop.data = f->kill_all.data = f->release.data = f->later.data = f;
    f->server.drained = on_drained;
    uv_timer_start(&f->later, on_later, 1, 1);

    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    assert_int_equal(http_server_listen(&f->server, STR("127.0.0.1:0"), &f->port, &error), ERR_OK);
    snprintf(f->path, sizeof(f->path), "/tmp/hudhud-http-test-%d.sock", (int)getpid());
    assert_int_equal(http_server_listen_unix(&f->server, f->path, &error), ERR_OK);
    arena_release(&arena);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void start(struct fixture *f, const struct http_timeouts *timeouts)
{
    start_lingering(f, timeouts, HTTP_LINGER_MS);
}

/* The thread has ended by itself, or was asked to. */
static void join(struct fixture *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    assert_true(f->drained);
    assert_int_equal(f->server.n_connections, 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f->big);
}

static void stop(struct fixture *f)
{
    uv_async_send(&f->stop);
    join(f);
}

/* --- its clients -------------------------------------------------------------------------- */

#define PATIENCE_MS 20000

struct client {
    int fd;
    struct buf in;
};

static void client_take(struct client *c, int fd)
{
    c->fd = fd;
    buf_init(&c->in, 64 * MIB);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* receive_size 0: the system's own. */
static void client_open_sized(struct client *c, const struct fixture *f, int receive_size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_size)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size));
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)f->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    client_take(c, fd);
}

static void client_open(struct client *c, const struct fixture *f)
{
    client_open_sized(c, f, 0);
}

static void client_open_unix(struct client *c, const struct fixture *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    client_take(c, fd);
}

static void client_close(struct client *c)
{
    close(c->fd);
    buf_release(&c->in);
}

static void client_send(struct client *c, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = str_skip(bytes, (size_t)n);
    }
}

static void client_say(struct client *c, const char *text)
{
    client_send(c, str_from(text));
}

/* One read; false at the end of the stream. A reset or a lost patience fails the test. */
static bool client_read(struct client *c)
{
    char *to = buf_reserve(&c->in, 64 * KIB);
    assert_non_null(to);
    ssize_t n;
    do /* newer libuvs use io_uring, which interrupts what waits beside it */
        n = recv(c->fd, to, 64 * KIB, 0);
    while (n < 0 && errno == EINTR);
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

static const char *end_of_head(const struct client *c)
{
    return c->in.len ? memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4) : NULL;
}

/* Takes the next answer; false at the end of the stream. `bodiless`: to HEAD, say. */
static bool client_take_answer(struct client *c, bool bodiless, struct answer *a)
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

static void expect(struct client *c, int status, const char *body, struct answer *ret)
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

static void expect_end(struct client *c)
{
    struct answer a;
    assert_false(client_take_answer(c, false, &a));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- ordinary life ------------------------------------------------------------------------ */

static void test_answers(void **state)
{
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/now?x=1"));
    expect(&c, 200, "GET /now?x=1 0", &a);
    assert_non_null(strstr(a.head, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(a.head, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(a.head, "\r\nContent-Length: 14\r\n"));
    assert_null(strstr(a.head, "Connection"));
    client_say(&c, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    expect(&c, 200, "POST /later 5", NULL);
    client_say(&c, GET("/fields"));
    expect(&c, 200, "", &a);
    assert_non_null(strstr(a.head, "\r\nX-One: 1\r\nX-Two: 2 \xc3\xa9\r\n"));
    client_say(&c, GET("/elsewhere"));
    expect(&c, 404, "", NULL);
    client_close(&c);
    stop(&f);
    assert_int_equal(f.server.n_requests, 4);
}

static void test_request_ids_differ(void **state)
{
    struct fixture f;
    struct client c;
    struct answer one, two;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/now"));
    expect(&c, 200, NULL, &one);
    client_say(&c, "GET /now HTTP/1.1\r\nHost: a\r\nX-Request-Id: req_mine\r\n\r\n");
    expect(&c, 200, NULL, &two);
    const char *at = strstr(one.head, "X-Request-Id: req_") + 18;
    assert_int_equal(strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789"), 24);
    assert_memory_not_equal(at, strstr(two.head, "X-Request-Id: req_") + 18, 24);
    assert_null(strstr(two.head, "mine"));
    client_close(&c);
    stop(&f);
}

static void test_answers_without_body(void **state)
{
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, "HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(client_take_answer(&c, true, &a));
    assert_non_null(strstr(a.head, "\r\nContent-Length: 11\r\n"));
    client_say(&c, GET("/empty"));
    expect(&c, 204, "", &a);
    assert_null(strstr(a.head, "Content-"));
    client_say(&c, GET("/unchanged"));
    expect(&c, 304, "", &a);
    assert_null(strstr(a.head, "Content-"));
    client_say(&c, GET("/now"));
    expect(&c, 200, "GET /now 0", NULL);
    client_close(&c);
    stop(&f);
}

static void test_split_at_every_byte(void **state)
{
    struct fixture f;
    struct client c;
    struct str bytes =
        STR("POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" GET("/now/next"));
    start(&f, NULL);
    client_open(&c, &f);
    int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
    for (size_t at = 0; at <= bytes.len; at++) {
        client_send(&c, str_make(bytes.ptr, at));
        sched_yield();
        client_send(&c, str_skip(bytes, at));
        expect(&c, 200, "POST /now 3", NULL);
        expect(&c, 200, "GET /now/next 0", NULL);
    }
    for (size_t i = 0; i < bytes.len; i++)
        client_send(&c, str_make(bytes.ptr + i, 1));
    expect(&c, 200, "POST /now 3", NULL);
    expect(&c, 200, "GET /now/next 0", NULL);
    client_close(&c);
    stop(&f);
}

static void test_connection_close(void **state)
{
    static const char *const requests[] = {
        "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /now HTTP/1.0\r\n\r\n",
        GET("/close"),
        /* what comes behind is not answered, and does not spoil the answer */
        "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/now"),
    };
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        client_open(&c, &f);
        client_say(&c, requests[i]);
        expect(&c, 200, NULL, &a);
        assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
        expect_end(&c);
        client_close(&c);
    }
    client_open(&c, &f);
    client_say(&c, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect(&c, 200, NULL, &a);
    assert_non_null(strstr(a.head, "\r\nConnection: keep-alive\r\n"));
    client_say(&c, GET("/now"));
    expect(&c, 200, NULL, &a);
    client_close(&c);
    stop(&f);
}

static void test_pipelined_in_order(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    _cleanup_(buf_release)
    struct buf all;
    buf_init(&all, MIB);
    for (int i = 0; i < 100; i++) /* some answered at once, some by the timer */
        buf_printf(&all, "GET /%s/%d HTTP/1.1\r\nHost: a\r\n\r\n", i % 3 ? "now" : "later", i);
    client_send(&c, buf_str(&all));
    for (int i = 0; i < 100; i++) {
        char want[64];
        snprintf(want, sizeof(want), "GET /%s/%d 0", i % 3 ? "now" : "later", i);
        expect(&c, 200, want, NULL);
    }
    client_close(&c);
    stop(&f);
}

/* More than the server's buffer holds, behind an answer that is held: nothing is lost. */
static void test_pipelined_behind_a_slow_answer(void **state)
{
    struct fixture f;
    struct client c, other;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/hold"));
    _cleanup_(buf_release)
    struct buf all;
    buf_init(&all, MIB);
    for (int i = 0; i < 3000; i++)
        buf_printf(&all, "GET /now/%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    client_send(&c, buf_str(&all));
    usleep(20000);
    client_open(&other, &f);
    client_say(&other, GET("/release"));
    expect(&other, 200, NULL, NULL);
    expect(&c, 200, "GET /hold 0", NULL);
    for (int i = 0; i < 3000; i++) {
        char want[64];
        snprintf(want, sizeof(want), "GET /now/%d 0", i);
        expect(&c, 200, want, NULL);
    }
    client_close(&c);
    client_close(&other);
    stop(&f);
}

static void test_many_connections(void **state)
{
    struct fixture f;
    static struct client c[200];
    start(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_open(&c[i], &f);
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
            client_say(&c[i], GET("/now"));
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
            expect(&c[i], 200, "GET /now 0", NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    stop(&f);
    assert_int_equal(f.server.n_requests, 1000);
}

static void test_unix_socket(void **state)
{
    struct fixture f;
    struct client c;
    struct stat st;
    start(&f, NULL);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    client_open_unix(&c, &f);
    client_say(&c, GET("/now"));
    expect(&c, 200, "GET /now 0", NULL);
    client_close(&c);
    stop(&f);
    assert_int_equal(stat(f.path, &st), -1);
}

/* --- bodies ------------------------------------------------------------------------------- */

static void test_large_bodies(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    for (size_t size = 4 * MIB; size >= 4 * MIB - 1; size--) {
        char head[200];
        snprintf(head, sizeof(head),
                 "POST /now/large HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", size);
        client_say(&c, head);
        client_send(&c, str_make(f.big, size));
        char want[64];
        snprintf(want, sizeof(want), "POST /now/large %zu", size);
        expect(&c, 200, want, NULL);
    }
    client_close(&c);
    stop(&f);
}

static void test_expect_continue(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c,
               "POST /now HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               "Content-Length: 5\r\n\r\n");
    expect(&c, 100, "", NULL);
    client_say(&c, "hello");
    expect(&c, 200, "POST /now 5", NULL);
    /* who does not wait is not told */
    client_say(&c,
               "POST /now HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               "Content-Length: 5\r\n\r\nhello");
    expect(&c, 200, "POST /now 5", NULL);
    /* who has no body has nothing to wait for */
    client_say(&c, "POST /now HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    expect(&c, 200, "POST /now 0", NULL);
    /* who is refused gets the refusal instead */
    client_say(&c,
               "POST /now/small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
               "Content-Length: 11\r\n\r\n");
    expect(&c, 413, NULL, NULL);
    expect_end(&c);
    client_close(&c);
    stop(&f);
}

/* --- refusals ----------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"POST /now/small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 403},
    };
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        client_open(&c, &f);
        client_say(&c, GET("/now"));
        client_say(&c, cases[i].bytes);
        client_say(&c, GET("/now/smuggled"));
        expect(&c, 200, "GET /now 0", NULL);
        expect(&c, cases[i].status, NULL, &a);
        assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(a.body, ": "));
        expect_end(&c);
        client_close(&c);
    }
    stop(&f);
    assert_int_equal(f.server.n_requests, 2 * ARRAY_LEN(cases));
}

/* A refusal without a body to come leaves the connection as it is. */
static void test_refused_early(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/refused") GET("/now"));
    expect(&c, 403, "permission_denied: The request was refused before its body", NULL);
    expect(&c, 200, "GET /now 0", NULL);
    client_close(&c);
    stop(&f);
}

/* The client writes on after it was refused, more than any socket buffer takes: it still reads the
 * answer rather than a reset. */
static void test_refusal_arrives(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 6291456\r\n\r\n");
    client_send(&c, str_make(f.big, BIG_SIZE));
    expect(&c, 413, NULL, NULL);
    expect_end(&c);
    client_close(&c);
    stop(&f);
}

/* Sends on after its answer was written and the server had time to close: neither is refused. */
static void send_on(struct fixture *f, const char *first, int status)
{
    struct client c;
    client_open(&c, f);
    client_say(&c, first);
    struct pollfd readable = {.fd = c.fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    for (int i = 0; i < 10; i++) {
        usleep(1000);
        client_send(&c, str_make(f->big, 64 * KIB));
    }
    expect(&c, status, NULL, NULL);
    expect_end(&c);
    client_close(&c);
}

static void test_sending_on(void **state)
{
    struct fixture f;
    start(&f, NULL);
    send_on(&f, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 6291456\r\n\r\n", 413);
    send_on(&f, "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nG", 200);
    send_on(&f, GET("/close"), 200);
    stop(&f);
}

/* ... but not for ever: not in bytes, */
static void test_linger_is_bounded_in_size(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, "FROB / HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t sent = 0;
    for (ssize_t n = 0; n >= 0 && sent < 64 * MIB; sent += (size_t)MAX(n, 0))
        n = send(c.fd, f.big, MIB, MSG_NOSIGNAL);
    assert_true(sent < 64 * MIB);
    client_close(&c);
    stop(&f);
}

/* and not in time. */
static void test_linger_is_bounded_in_time(void **state)
{
    struct fixture f;
    struct client c;
    start_lingering(&f, NULL, 50);
    client_open(&c, &f);
    client_say(&c, "FROB / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&c, 501, NULL, NULL);
    expect_end(&c);
    int64_t begun = clock_monotonic_us();
    while (send(c.fd, "a", 1, MSG_NOSIGNAL) == 1)
        usleep(10 * 1000);
    assert_true(clock_monotonic_us() - begun < PATIENCE_MS * 1000 / 2);
    client_close(&c);
    stop(&f);
}

static void test_answer_too_large(void **state)
{
    struct fixture f;
    struct client c;
    log_set_level(LOG_OFF); /* the server complains */
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/too-big"));
    expect(&c, 500, "internal_error: the answer is too large", NULL);
    expect_end(&c);
    client_close(&c);
    stop(&f);
}

static void test_cut(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/now") GET("/cut"));
    expect(&c, 200, "GET /now 0", NULL);
    while (client_read(&c))
        ;
    assert_int_equal(c.in.len, strlen("HTTP/1.1 200 OK\r\nContent-Le"));
    client_close(&c);
    client_open(&c, &f);
    client_say(&c, GET("/cut-bare"));
    expect_end(&c);
    client_close(&c);
    stop(&f);
}

/* --- time --------------------------------------------------------------------------------- */

static const struct http_timeouts short_times = {.header = 60, .body = 60, .idle = 60, .write = 60};

static void test_timeouts(void **state)
{
    static const struct {
        const char *bytes;
        int status; /* 0: closed in silence */
    } cases[] = {
        {"", 0},
        {"\r\n", 0},
        {"G", 408},
        {"GET /now HTTP/1.1\r\nHost", 408},
        {"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 408},
        {"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", 408},
        {"POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", 408},
    };
    struct fixture f;
    struct client c[2 * ARRAY_LEN(cases)];
    start(&f, &short_times);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) { /* fresh connections, then used ones */
        client_open(&c[i], &f);
        if (i >= ARRAY_LEN(cases))
            client_say(&c[i], GET("/now"));
        client_say(&c[i], cases[i % ARRAY_LEN(cases)].bytes);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        if (i >= ARRAY_LEN(cases))
            expect(&c[i], 200, "GET /now 0", NULL);
        if (cases[i % ARRAY_LEN(cases)].status)
            expect(&c[i], cases[i % ARRAY_LEN(cases)].status, NULL, NULL);
        expect_end(&c[i]);
        client_close(&c[i]);
    }
    stop(&f);
}

/* The idle time begins anew with each answer. */
static void test_idle_is_renewed(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, &(struct http_timeouts){.idle = 500});
    client_open(&c, &f);
    for (int i = 0; i < 6; i++) {
        client_say(&c, GET("/now"));
        expect(&c, 200, "GET /now 0", NULL);
        usleep(120 * 1000);
    }
    client_close(&c);
    stop(&f);
}

/* A byte now and then does not renew the time for a header. */
static void test_slow_header(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, &short_times);
    client_open(&c, &f);
    int64_t begun = clock_monotonic_us();
    client_say(&c, "GET /now HTTP/1.1\r\nX: ");
    struct pollfd readable = {.fd = c.fd, .events = POLLIN};
    while (poll(&readable, 1, 10) == 0)
        client_say(&c, "a");
    assert_true(clock_monotonic_us() - begun >= 50 * 1000);
    expect(&c, 408, NULL, NULL);
    client_close(&c);
    stop(&f);
}

/* A request that is handled has all the time it needs. */
static void test_handler_is_not_timed(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, &short_times);
    client_open(&c, &f);
    client_say(&c, GET("/hold"));
    usleep(200 * 1000);
    uv_async_send(&f.release);
    expect(&c, 200, "GET /hold 0", NULL);
    expect_end(&c); /* idle from now on */
    client_close(&c);
    stop(&f);
}

/* Four answers are more than the server would keep (HTTP_OUT_MAX): it waits for the reader. */
static void test_slow_reader(void **state)
{
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    client_open_sized(&c, &f, 4096);
    client_say(&c, GET("/big") GET("/big") GET("/now") GET("/big") GET("/big"));
    usleep(20 * 1000);
    for (int i = 0; i < 5; i++) {
        assert_true(client_take_answer(&c, false, &a));
        assert_int_equal(a.body_len, i == 2 ? strlen("GET /now 0") : BIG_SIZE);
    }
    client_close(&c);
    stop(&f);
}

/* Who reads nothing at all is left; who reads a little is not. By a unix socket: TCP's windows have
 * pauses of their own. */
static void test_write_timeout(void **state)
{
    struct fixture f;
    struct client lazy, slow;
    struct answer a;
    start(&f, &(struct http_timeouts){.write = 500});
    client_open_unix(&lazy, &f);
    client_open_unix(&slow, &f);
    client_say(&lazy, GET("/big"));
    client_say(&slow, GET("/big"));
    for (int i = 0; i < 15; i++) {
        usleep(50 * 1000);
        assert_true(client_read(&slow));
    }
    assert_true(client_take_answer(&slow, false, &a));
    assert_int_equal(a.body_len, BIG_SIZE);
    size_t got = 0;
    for (ssize_t n = 1; n > 0; got += (size_t)MAX(n, 0))
        n = recv(lazy.fd, f.big, BIG_SIZE, 0);
    assert_true(got < BIG_SIZE);
    client_close(&lazy);
    client_close(&slow);
    stop(&f);
}

/* --- clients that leave ------------------------------------------------------------------- */

static void test_client_leaves(void **state)
{
    struct fixture f;
    struct client c, other;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/hold"));
    client_open(&other, &f);
    client_say(&other, GET("/now"));
    expect(&other, 200, NULL, NULL);
    struct linger reset = {.l_onoff = 1};
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client_close(&c);
    usleep(20 * 1000);
    client_say(&other, GET("/release"));
    expect(&other, 200, NULL, NULL);
    client_close(&other);
    stop(&f);
    assert_true(f.saw_gone);
}

/* Who only ends its own side still gets its answers: `printf ... | nc` does so. */
static void test_half_closed(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/later") GET("/now") GET("/hold") "GET /now HT");
    shutdown(c.fd, SHUT_WR);
    expect(&c, 200, "GET /later 0", NULL);
    expect(&c, 200, "GET /now 0", NULL);
    usleep(20 * 1000);
    uv_async_send(&f.release);
    expect(&c, 200, "GET /hold 0", NULL);
    expect_end(&c);
    client_close(&c);
    stop(&f);
    assert_true(f.saw_gone); /* it cannot be told from a client that left */
}

/* --- the end ------------------------------------------------------------------------------ */

static void test_drain(void **state)
{
    struct fixture f;
    struct client idle, begun, held, partial;
    struct answer a;
    start(&f, NULL);
    client_open(&idle, &f);
    client_open(&begun, &f);
    client_open(&held, &f);
    client_open(&partial, &f);
    client_say(&idle, GET("/now"));
    expect(&idle, 200, NULL, NULL);
    client_say(&held, GET("/hold") GET("/now/unanswered"));
    client_say(&begun, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    client_say(&partial, "GET /no");
    client_say(&idle, GET("/now"));
    expect(&idle, 200, NULL, NULL);
    usleep(20 * 1000);
    uv_async_send(&f.stop);
    expect_end(&idle);
    client_say(&begun, "lo");
    expect(&begun, 200, "POST /now 5", &a);
    assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
    expect_end(&begun);
    client_say(&partial, "w HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&partial, 200, "GET /now 0", &a);
    assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
    uv_async_send(&f.release);
    expect(&held, 200, "GET /hold 0", &a);
    assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
    expect_end(&held);
    client_close(&idle);
    client_close(&begun);
    client_close(&held);
    client_close(&partial);
    join(&f);
}

/* A handler may ask for the drain itself, before or after its answer. */
static void test_drain_from_a_handler(void **state)
{
    static const char *const requests[] = {GET("/stop"), GET("/answer-and-stop")};
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct fixture f;
        struct client c;
        start(&f, NULL);
        client_open(&c, &f);
        client_say(&c, requests[i]);
        expect(&c, 200, NULL, NULL);
        expect_end(&c);
        client_close(&c);
        join(&f);
    }
}

/* An answer that is being written is written to its end. */
static void test_drain_while_writing(void **state)
{
    struct fixture f;
    struct client c;
    struct answer a;
    start(&f, NULL);
    client_open_sized(&c, &f, 4096);
    client_say(&c, GET("/big"));
    usleep(20 * 1000);
    uv_async_send(&f.stop);
    usleep(20 * 1000);
    assert_true(client_take_answer(&c, false, &a));
    assert_int_equal(a.body_len, BIG_SIZE);
    expect_end(&c);
    client_close(&c);
    join(&f);
}

static void test_kill(void **state)
{
    struct fixture f;
    struct client idle, held, big;
    start(&f, NULL);
    client_open(&idle, &f);
    client_open(&held, &f);
    client_open_sized(&big, &f, 4096);
    client_say(&held, GET("/hold"));
    client_say(&big, GET("/big"));
    client_say(&idle, GET("/now"));
    expect(&idle, 200, NULL, NULL);
    usleep(20 * 1000);
    uv_async_send(&f.kill_all);
    expect_end(&idle);
    expect_end(&held);
    uv_async_send(&f.release); /* the handler still gives its request back */
    join(&f);
    assert_true(f.saw_gone);
    client_close(&idle);
    client_close(&held);
    client_close(&big);
}

/* --- addresses ---------------------------------------------------------------------------- */

static void run_closed(uv_loop_t *loop, struct http_server *s)
{
    http_server_kill(s);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void test_listen_addresses(void **state)
{
    static const struct {
        const char *address;
        enum err want;
    } cases[] = {
        {"127.0.0.1:0", ERR_OK},
        {":0", ERR_OK},
        {"0.0.0.0:0", ERR_OK},
        {"", ERR_USAGE},
        {"127.0.0.1", ERR_USAGE},
        {":", ERR_USAGE},
        {":65536", ERR_USAGE},
        {":-1", ERR_USAGE},
        {":080", ERR_USAGE},
        {"localhost:0", ERR_USAGE},
        {"::1:0", ERR_USAGE},
        {"[::1:0", ERR_USAGE},
        {"[]:0", ERR_USAGE},
        {"[:0", ERR_USAGE},
        {"1.2.3:0", ERR_USAGE},
        {"192.0.2.1:0", ERR_IO}, /* not ours: RFC 5737 */
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:0", ERR_USAGE},
    };
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int port = 0;
        error_init(&error, &arena);
        enum err e = http_server_listen(&s, str_from(cases[i].address), &port, &error);
        if (e != cases[i].want)
            fail_msg("%s: %d (%.*s)", cases[i].address, e, STR_FMT(error.message));
        assert_int_equal(port > 0, e == ERR_OK);
        assert_int_equal(error.message.len > 0, e != ERR_OK);
    }
    run_closed(&loop, &s);
    arena_release(&arena);
}

/* Each loop has its own listener on one port; nobody else has one there. */
static void test_listen_twice(void **state)
{
    uv_loop_t loop;
    struct http_server one, two;
    struct arena arena;
    struct error error;
    int port;
    char address[64], everywhere[64];
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&one, &loop, &hooks, NULL, NULL);
    http_server_init(&two, &loop, &hooks, NULL, NULL);
    assert_int_equal(http_server_listen(&one, STR("127.0.0.1:0"), &port, &error), ERR_OK);
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    snprintf(everywhere, sizeof(everywhere), ":%d", port);
    assert_int_equal(http_server_listen(&two, str_from(address), NULL, &error), ERR_BUSY);
    assert_int_equal(http_server_listen(&two, str_from(everywhere), NULL, &error), ERR_BUSY);
    assert_int_equal(http_server_join(&two, STR("127.0.0.1:0"), port, &error), ERR_OK);
    http_server_kill(&one);
    run_closed(&loop, &two);
    arena_release(&arena);
}

static void test_listen_unix_paths(void **state)
{
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    char folder[] = "/tmp/hudhud-http-XXXXXX", path[64], file[64], far[200];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    snprintf(file, sizeof(file), "%s/file", folder);
    snprintf(far, sizeof(far), "%s/%0150d", folder, 0);
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);

    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof(a)), 0);
    close(stale);
    assert_int_equal(http_server_listen_unix(&s, path, &error), ERR_OK);
    assert_int_equal(http_server_listen_unix(&s, path, &error), ERR_BUSY);

    FILE *made = fopen(file, "w");
    fclose(made);
    assert_int_equal(http_server_listen_unix(&s, file, &error), ERR_CONFLICT);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(http_server_listen_unix(&s, far, &error), ERR_USAGE);
    snprintf(far, sizeof(far), "%s/no/where", folder);
    assert_int_equal(http_server_listen_unix(&s, far, &error), ERR_IO);

    run_closed(&loop, &s);
    assert_int_equal(access(path, F_OK), -1);
    unlink(file);
    rmdir(folder);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request_ids_differ),
        cmocka_unit_test(test_answers_without_body),
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_connection_close),
        cmocka_unit_test(test_pipelined_in_order),
        cmocka_unit_test(test_pipelined_behind_a_slow_answer),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_early),
        cmocka_unit_test(test_refusal_arrives),
        cmocka_unit_test(test_sending_on),
        cmocka_unit_test(test_linger_is_bounded_in_size),
        cmocka_unit_test(test_linger_is_bounded_in_time),
        cmocka_unit_test(test_answer_too_large),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_idle_is_renewed),
        cmocka_unit_test(test_slow_header),
        cmocka_unit_test(test_handler_is_not_timed),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_write_timeout),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_from_a_handler),
        cmocka_unit_test(test_drain_while_writing),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_listen_addresses),
        cmocka_unit_test(test_listen_twice),
        cmocka_unit_test(test_listen_unix_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

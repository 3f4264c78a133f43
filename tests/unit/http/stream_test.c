/* Answers whose end nobody knows (http.h, "streams"): how they are framed, written, slowed, ended.
 */
#include "unit/http/fixture.h"

#define BLOCK_SIZE   (64 * KIB)
#define LINGER_MS    200 /* not to wait for HTTP_LINGER_MS */
#define FLOOD_BLOCKS 256 /* 16 MiB: more than a kernel takes for a client that does not read */

/* The owner of all streams of a server. Its thread's, but for the counts. */
struct owner {
    struct fixture f; /* first: the hooks' argument */
    struct http_stream *open[REQUESTS_MAX];
    size_t n_open;
    int flood;   /* blocks still to be written */
    size_t most; /* that a stream held */
    char block[BLOCK_SIZE];
    _Atomic size_t n_gone, n_blocks, n_refused;
    _Atomic enum http_stream_end why; /* of the last that is gone */
};

struct place {
    struct owner *owner;
    size_t at;
};
static struct place places[REQUESTS_MAX];

static void flood(struct owner *o, struct http_stream *s)
{
    while (o->flood > 0 && http_stream_is_ready(s)) {
        o->flood--;
        o->n_blocks++;
        if (!http_stream_write(s, str_make(o->block, BLOCK_SIZE)))
            o->n_refused++;
        o->most = MAX(o->most, o->f.server.held);
        http_stream_flush(s); /* may be the end of it */
        if (!o->open[0])
            return;
    }
}

static void on_writable(void *arg)
{
    struct place *p = arg;
    flood(p->owner, p->owner->open[p->at]);
}

static void on_gone(void *arg, enum http_stream_end why)
{
    struct place *p = arg;
    p->owner->open[p->at] = NULL;
    p->owner->why = why;
    p->owner->n_gone++;
}

static const struct http_stream_hooks stream_hooks = {on_writable, on_gone};

static void begin(struct owner *o, struct http_request *r)
{
    struct http_response response = {.status = 200, .content_type = STR("text/event-stream")};
    struct place *p = &places[o->n_open];
    *p = (struct place){o, o->n_open};
    http_response_add(&response, STR("Cache-Control"), STR("no-store"));
    bool silent = str_eq(r->path, STR("/stream/silent"));
    struct http_stream *s = http_stream_begin(r, &response, &stream_hooks, p);
    if (!s)
        return;
    o->open[o->n_open++] = s;
    if (!silent) {
        assert_true(http_stream_write(s, STR("hello\n")));
        assert_true(http_stream_write(s, STR("")));
    }
    http_stream_flush(s);
}

static void say(struct owner *o, struct str text)
{
    for (size_t i = 0; i < o->n_open; i++)
        if (o->open[i]) {
            assert_true(http_stream_write(o->open[i], text));
            http_stream_flush(o->open[i]);
        }
}

static void end_all(struct owner *o)
{
    for (size_t i = 0; i < o->n_open; i++)
        if (o->open[i]) {
            struct http_stream *s = o->open[i];
            o->open[i] = NULL;
            http_stream_end(s);
        }
}

/* A stream takes no more than it may, and is none the worse for it. */
static void overfill(struct owner *o)
{
    for (size_t i = 0; i <= HTTP_STREAM_MAX / BLOCK_SIZE; i++)
        if (!http_stream_write(o->open[0], str_make(o->block, BLOCK_SIZE)))
            o->n_refused++;
    http_stream_flush(o->open[0]);
}

static void handle_streams(void *arg, struct http_request *r)
{
    struct owner *o = arg;
    if (str_starts(r->path, STR("/stream"))) {
        begin(o, r);
        return;
    }
    if (str_starts(r->path, STR("/say/")))
        say(o, str_skip(r->path, strlen("/say/")));
    else if (str_eq(r->path, STR("/end")))
        end_all(o);
    else if (str_eq(r->path, STR("/flood")))
        o->flood = FLOOD_BLOCKS, flood(o, o->open[0]);
    else if (str_eq(r->path, STR("/overfill")))
        overfill(o);
    else if (str_eq(r->path, STR("/be-patient")))
        o->f.server.after_ms[HTTP_DEADLINE_WRITE] = PATIENCE_MS;
    handle(arg, r);
}

static struct owner *start_owner(const struct http_timeouts *timeouts)
{
    struct owner *o = xcalloc(1, sizeof(*o));
    prepare(&o->f, timeouts);
    o->f.server.hooks.handle = handle_streams;
    o->f.server.after_ms[HTTP_DEADLINE_LINGER] = LINGER_MS;
    memset(o->block, 'x', sizeof(o->block));
    run(&o->f);
    return o;
}

static void stop_owner(struct owner *o)
{
    stop(&o->f);
    assert_true(list_empty(&o->f.server.streams));
    free(o);
}

/* --- its clients -------------------------------------------------------------------------- */

/* The head of the answer, taken off. */
static void take_head(struct client *c, char *head, size_t size)
{
    while (!end_of_head(c))
        assert_true(client_read(c));
    size_t len = (size_t)(end_of_head(c) - c->in.ptr) + 4;
    assert_true(len < size);
    memcpy(head, c->in.ptr, len);
    head[len] = '\0';
    buf_drop(&c->in, len);
}

static void await_bytes(struct client *c, const char *bytes)
{
    while (c->in.len < strlen(bytes))
        assert_true(client_read(c));
    assert_int_equal(c->in.len, strlen(bytes));
    assert_memory_equal(c->in.ptr, bytes, strlen(bytes));
    buf_clear(&c->in);
}

static void await_end(struct client *c)
{
    while (client_read(c))
        ;
}

static void open_stream(struct client *c, const struct owner *o)
{
    char head[2000];
    client_open(c, &o->f);
    client_say(c, GET("/stream"));
    take_head(c, head, sizeof(head));
    await_bytes(c, "6\r\nhello\n\r\n");
}

/* Its client reads no more than the head, and the kernel takes little for it. */
static void open_unread(struct client *c, const struct owner *o)
{
    char head[2000];
    client_open_sized(c, &o->f, 4096);
    client_say(c, GET("/stream"));
    take_head(c, head, sizeof(head));
}

static void ask(struct client *c, const char *request)
{
    client_say(c, request);
    expect(c, 404, NULL, NULL);
}

static void await_gone(struct owner *o, size_t n)
{
    for (int i = 0; i < PATIENCE_MS && o->n_gone < n; i++)
        usleep(1000);
    assert_int_equal(o->n_gone, n);
}

/* --- framing ------------------------------------------------------------------------------ */

static void test_chunks(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    char head[2000];
    client_open(&c, &o->f);
    client_open(&other, &o->f);
    client_say(&c, GET("/stream"));
    take_head(&c, head, sizeof(head));
    assert_non_null(strstr(head, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(head, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(head, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(head, "\r\nX-Request-Id: req_"));
    assert_null(strstr(head, "Content-Length"));
    await_bytes(&c, "6\r\nhello\n\r\n");
    ask(&other, GET("/say/one"));
    await_bytes(&c, "3\r\none\r\n");
    ask(&other, GET("/say/0123456789abcdef0123456789"));
    await_bytes(&c, "1a\r\n0123456789abcdef0123456789\r\n");
    ask(&other, GET("/end"));
    await_end(&c);
    await_bytes(&c, "0\r\n\r\n");
    client_close(&c);
    client_close(&other);
    assert_int_equal(o->n_gone, 0); /* it was the owner's end */
    stop_owner(o);
}

/* The head does not wait for the first bytes. */
static void test_silent(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c;
    char head[2000];
    client_open(&c, &o->f);
    client_say(&c, GET("/stream/silent"));
    take_head(&c, head, sizeof(head));
    assert_int_equal(c.in.len, 0);
    client_close(&c);
    await_gone(o, 1);
    stop_owner(o);
}

static void test_http10(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    char head[2000];
    client_open(&c, &o->f);
    client_open(&other, &o->f);
    client_say(&c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    take_head(&c, head, sizeof(head));
    assert_null(strstr(head, "Transfer-Encoding"));
    assert_null(strstr(head, "Content-Length"));
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
    await_bytes(&c, "hello\n");
    ask(&other, GET("/say/one"));
    await_bytes(&c, "one");
    ask(&other, GET("/end"));
    await_end(&c);
    assert_int_equal(c.in.len, 0);
    client_close(&c);
    client_close(&other);
    stop_owner(o);
}

/* However the request comes, and whatever stands before and behind it on the connection. */
static void test_split_and_pipelined(void **state)
{
    static const char request[] = GET("/now") GET("/stream") GET("/now");
    struct owner *o = start_owner(NULL);
    struct client c, other;
    char head[2000];
    client_open(&other, &o->f);
    for (size_t cut = 1; cut < sizeof(request) - 1; cut += 7) {
        client_open(&c, &o->f);
        client_send(&c, str_make(request, cut));
        usleep(500);
        client_send(&c, str_make(request + cut, sizeof(request) - 1 - cut));
        expect(&c, 200, "GET /now 0", NULL);
        take_head(&c, head, sizeof(head));
        await_bytes(&c, "6\r\nhello\n\r\n");
        ask(&other, GET("/end"));
        await_end(&c);
        await_bytes(&c, "0\r\n\r\n"); /* and no answer to the last one */
        client_close(&c);
    }
    client_close(&other);
    stop_owner(o);
}

/* --- who leaves --------------------------------------------------------------------------- */

static void test_gone(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c[3], other;
    client_open(&other, &o->f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        open_stream(&c[i], o);
    client_close(&c[0]);
    await_gone(o, 1);
    assert_int_equal(o->why, HTTP_STREAM_LEFT);
    o->why = HTTP_STREAM_STUCK;
    client_end(&c[1]); /* a stream's client has nothing more to say, unless it leaves */
    await_gone(o, 2);
    assert_int_equal(o->why, HTTP_STREAM_LEFT);
    await_end(&c[1]);
    await_bytes(&c[1], "0\r\n\r\n");
    client_close(&c[1]);
    ask(&other, GET("/say/one"));
    await_bytes(&c[2], "3\r\none\r\n");
    client_close(&c[2]);
    await_gone(o, 3);
    client_close(&other);
    stop_owner(o);
}

/* What a client sends meanwhile is thrown away, up to a limit. */
static void test_talkative(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    client_open(&other, &o->f);
    open_stream(&c, o);
    client_send(&c, str_make(o->f.big, MIB));
    ask(&other, GET("/say/one"));
    await_bytes(&c, "3\r\none\r\n");
    size_t sent = 0;
    while (sent < 4 * HTTP_LINGER_MAX && client_try_send(&c, str_make(o->f.big, 64 * KIB)) > 0)
        sent += 64 * KIB;
    await_gone(o, 1);
    client_close(&c);
    client_close(&other);
    stop_owner(o);
}

/* --- who is slow -------------------------------------------------------------------------- */

/* The owner hears when the client has taken all, and the server holds one block, however much is to
 * be written. */
static void test_slow_reader(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    client_open(&other, &o->f);
    open_unread(&c, o);
    await_bytes(&c, "6\r\nhello\n\r\n");
    ask(&other, GET("/flood"));
    usleep(50 * 1000);
    size_t blocks = o->n_blocks;
    assert_true(blocks < FLOOD_BLOCKS);
    ask(&other, GET("/still-there")); /* the loop lives */
    assert_int_equal(o->n_blocks, blocks);
    size_t block = BLOCK_SIZE + strlen("10000\r\n\r\n");
    while (c.in.len < block * FLOOD_BLOCKS)
        assert_true(client_read(&c));
    assert_int_equal(o->n_blocks, FLOOD_BLOCKS);
    assert_int_equal(o->n_refused, 0);
    assert_int_equal(c.in.len, block * FLOOD_BLOCKS);
    for (size_t i = 0; i < FLOOD_BLOCKS; i++) {
        assert_memory_equal(c.in.ptr + i * block, "10000\r\nx", 8);
        assert_memory_equal(c.in.ptr + (i + 1) * block - 3, "x\r\n", 3);
    }
    assert_true(o->most < 8 * BLOCK_SIZE);
    client_close(&c);
    client_close(&other);
    await_gone(o, 1);
    stop_owner(o);
}

static void test_write_deadline(void **state)
{
    static const struct http_timeouts short_write = {.write = 200};
    struct owner *o = start_owner(&short_write);
    struct client c, quiet, other;
    client_open(&other, &o->f);
    open_unread(&c, o);
    ask(&other, GET("/still-there"));
    open_stream(&quiet, o);
    ask(&other, GET("/flood"));
    await_gone(o, 1);
    assert_int_equal(o->why, HTTP_STREAM_STUCK);
    ask(&other, GET("/say/one")); /* who is told nothing is not late */
    await_bytes(&quiet, "3\r\none\r\n");
    client_close(&c);
    client_close(&quiet);
    client_close(&other);
    stop_owner(o);
}

/* The kernel may give such a client up before we do. */
static void test_write_deadline_of_the_kernel(void **state)
{
    static const struct http_timeouts short_write = {.write = 200};
    struct owner *o = start_owner(&short_write);
    struct client c, other;
    client_open(&other, &o->f);
    open_unread(&c, o);
    ask(&other, GET("/be-patient"));
    int64_t from = clock_monotonic_us();
    ask(&other, GET("/flood"));
    await_gone(o, 1);
    assert_true(clock_monotonic_us() - from < PATIENCE_MS * INT64_C(1000) / 2);
    assert_int_equal(o->why, HTTP_STREAM_STUCK);
    client_close(&c);
    client_close(&other);
    stop_owner(o);
}

static void test_bounded(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    client_open(&other, &o->f);
    open_stream(&c, o);
    ask(&other, GET("/overfill"));
    assert_true(o->n_refused > 0);
    size_t taken = HTTP_STREAM_MAX / BLOCK_SIZE + 1 - o->n_refused;
    while (c.in.len < taken * (BLOCK_SIZE + 9))
        assert_true(client_read(&c));
    assert_int_equal(c.in.len, taken * (BLOCK_SIZE + 9));
    buf_clear(&c.in);
    ask(&other, GET("/say/one"));
    await_bytes(&c, "3\r\none\r\n");
    client_close(&c);
    client_close(&other);
    stop_owner(o);
}

/* --- who ends ----------------------------------------------------------------------------- */

static void test_drain(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c[2];
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        open_stream(&c[i], o);
    int64_t from = clock_monotonic_us();
    stop(&o->f);
    assert_true(clock_monotonic_us() - from < HTTP_DRAIN_IDLE_MS * INT64_C(1000) / 2);
    assert_int_equal(o->n_gone, 2);
    assert_int_equal(o->why, HTTP_STREAM_DRAINED);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        await_end(&c[i]);
        await_bytes(&c[i], "0\r\n\r\n");
        client_close(&c[i]);
    }
    free(o);
}

/* Nobody waits for one that does not read. */
static void test_drain_slow_reader(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c, other;
    client_open(&other, &o->f);
    open_unread(&c, o);
    ask(&other, GET("/flood"));
    client_close(&other);
    int64_t from = clock_monotonic_us();
    stop(&o->f);
    assert_true(clock_monotonic_us() - from < (2 * LINGER_MS + 4 * HTTP_TICK_MS) * INT64_C(1000));
    assert_int_equal(o->n_gone, 1);
    client_close(&c);
    free(o);
}

/* One that is asked for while the server drains is answered, and ends at once. */
static void test_begin_while_draining(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c;
    char head[2000];
    client_open(&c, &o->f);
    client_say(&c, GET("/answer-and-stop") GET("/stream"));
    expect(&c, 200, NULL, NULL);
    take_head(&c, head, sizeof(head));
    await_end(&c);
    await_bytes(&c, "0\r\n\r\n");
    client_close(&c);
    join(&o->f);
    assert_int_equal(o->n_gone, 0);
    free(o);
}

static void test_kill(void **state)
{
    struct owner *o = start_owner(NULL);
    struct client c;
    open_stream(&c, o);
    uv_async_send(&o->f.kill_all);
    join(&o->f);
    assert_int_equal(o->n_gone, 1);
    client_close(&c);
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_http10),
        cmocka_unit_test(test_split_and_pipelined),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_talkative),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_write_deadline),
        cmocka_unit_test(test_write_deadline_of_the_kernel),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_slow_reader),
        cmocka_unit_test(test_begin_while_draining),
        cmocka_unit_test(test_kill),
    };
    return run_plain_and_tls(tests);
}

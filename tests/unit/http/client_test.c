/* The client against our own server, on real sockets. */
#include "http/client.h"
#include "unit/http/fixture.h"

#define TURNS_PATIENCE_MS 20000

static struct world {
    struct fixture server;
    int mute; /* a listening socket: who connects gets no answer */
    int mute_port;
    struct certificates certificates; /* of the tests over TLS */
    uv_loop_t loop;
    uv_timer_t patience;
    uint64_t begun;
    struct http_client *client;
    struct arena arena;
    struct error error;
} w;

/* What became of one request. */
struct outcome {
    size_t calls;
    enum http_client_outcome outcome;
    int status;
    char body[256];
    size_t body_len;
    bool cut_off;
    char why[256];
    int64_t us;
    size_t number; /* the how many-th to be done */
    char type[64]; /* the answer's Content-Type */
    size_t n_headers;
};

static size_t n_done;

static void on_done(void *arg, const struct http_client_answer *a)
{
    struct outcome *o = arg;
    o->calls++;
    o->outcome = a->outcome;
    o->status = a->status;
    o->body_len = a->body.len;
    o->cut_off = a->cut_off;
    o->us = a->us;
    o->number = ++n_done;
    snprintf(o->body, sizeof(o->body), "%.*s", STR_FMT(a->body));
    snprintf(o->why, sizeof(o->why), "%.*s", STR_FMT(a->why));
}

static void on_header(void *arg, struct str name, struct str value)
{
    struct outcome *o = arg;
    o->n_headers++;
    if (str_eq_nocase(name, STR("content-type")))
        snprintf(o->type, sizeof(o->type), "%.*s", STR_FMT(value));
}

/* Every few milliseconds, so that UV_RUN_ONCE returns after a turn in which only timers ran. */
static void on_patience(uv_timer_t *timer)
{
    if (uv_hrtime() - w.begun > TURNS_PATIENCE_MS * UINT64_C(1000000))
        fail_msg("the test hangs");
}

static void open_mute(void)
{
    struct sockaddr_in here = loopback(1, 0);
    socklen_t len = sizeof(here);
    w.mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w.mute, (struct sockaddr *)&here, len), 0);
    assert_int_equal(listen(w.mute, 16), 0);
    getsockname(w.mute, (struct sockaddr *)&here, &len);
    w.mute_port = ntohs(here.sin_port);
}

static int setup(void **state)
{
    memset(&w, 0, sizeof(w));
    n_done = 0;
    start(&w.server, NULL);
    open_mute();
    arena_init(&w.arena, MIB);
    error_init(&w.error, &w.arena);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    uv_timer_init(&w.loop, &w.patience);
    uv_timer_start(&w.patience, on_patience, 5, 5);
    w.begun = uv_hrtime();
    return 0;
}

/* Everything must close, or the loop does not. */
static int teardown(void **state)
{
    http_client_close(w.client);
    uv_close((uv_handle_t *)&w.patience, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    arena_release(&w.arena);
    close(w.mute);
    stop(&w.server);
    return 0;
}

static int setup_tls(void **state)
{
    struct certificates files;
    struct error ignored = {0};
    certificates_make(&files, &(struct certificate_wish){0});
    assert_int_equal(http_tls_context_load(files.certificate, files.key, &server_tls, &ignored),
                     ERR_OK);
    setup(state);
    w.certificates = files;
    return 0;
}

static int teardown_tls(void **state)
{
    certificates_remove(&w.certificates);
    teardown(state);
    http_tls_context_release(server_tls);
    server_tls = NULL;
    return 0;
}

static void open_client(const struct http_client_options *options)
{
    assert_int_equal(http_client_open(&w.loop, options, &w.client, &w.error), ERR_OK);
}

static void open_plain(size_t connections_max)
{
    open_client(&(struct http_client_options){.connections_max = connections_max, .direct = true});
}

static void turn_until(const size_t *n, size_t want)
{
    while (*n < want)
        assert_true(uv_run(&w.loop, UV_RUN_ONCE));
}

static struct str url_of(const char *path)
{
    return arena_printf(&w.arena, "http://127.0.0.1:%d%s", w.server.port, path);
}

static struct str mute_url(void)
{
    return arena_printf(&w.arena, "http://127.0.0.1:%d/", w.mute_port);
}

static struct http_client_request request_to(struct str url, struct outcome *o)
{
    return (struct http_client_request){
        .url = url,
        .timeout_ms = 10000,
        .connect_timeout_ms = 5000,
        .answer_max = KIB,
        .on_header = on_header,
        .done = on_done,
        .arg = o,
    };
}

static void ask(const struct http_client_request *r, struct outcome *o)
{
    http_client_send(w.client, r);
    assert_int_equal(o->calls, 0); /* never from within http_client_send */
    turn_until(&o->calls, 1);
    assert_int_equal(o->calls, 1);
}

static struct outcome get(struct str url)
{
    struct outcome o = {0};
    struct http_client_request r = request_to(url, &o);
    ask(&r, &o);
    return o;
}

/* --- what is sent ------------------------------------------------------------------------- */

static void methods_and_bodies(void **state)
{
    static const struct {
        enum http_method method;
        const char *body;
        const char *expected; /* what the server saw */
    } rows[] = {
        {HTTP_GET, "", "GET /now?a=b 0"},         {HTTP_POST, "", "POST /now?a=b 0"},
        {HTTP_POST, "12345", "POST /now?a=b 5"},  {HTTP_PUT, "", "PUT /now?a=b 0"},
        {HTTP_PUT, "123", "PUT /now?a=b 3"},      {HTTP_PATCH, "1", "PATCH /now?a=b 1"},
        {HTTP_DELETE, "", "DELETE /now?a=b 0"},   {HTTP_DELETE, "12", "DELETE /now?a=b 2"},
        {HTTP_OPTIONS, "", "OPTIONS /now?a=b 0"}, {HTTP_HEAD, "", ""},
    };
    open_plain(4);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = {0};
        struct http_client_request r = request_to(url_of("/now?a=b"), &o);
        r.method = rows[i].method;
        r.body = str_from(rows[i].body);
        ask(&r, &o);
        assert_int_equal(o.outcome, HTTP_CLIENT_OK);
        assert_int_equal(o.status, 200);
        assert_string_equal(o.body, rows[i].expected);
        assert_string_equal(o.type, "text/plain");
        assert_true(o.n_headers > 2 && o.us > 0);
    }
}

static void a_large_body_is_sent_at_once(void **state)
{
    struct outcome o = {0};
    struct http_client_request r = request_to(url_of("/now/large"), &o);
    char *body = xcalloc(1, 3 * MIB);
    open_plain(4);
    r.method = HTTP_POST;
    r.body = str_make(body, 3 * MIB);
    http_client_send(w.client, &r);
    memset(body, 'x', 3 * MIB); /* it was copied */
    free(body);
    turn_until(&o.calls, 1);
    assert_string_equal(o.body, "POST /now/large 3145728");
}

static void headers(void **state)
{
    const struct http_header list[] = {
        {STR("X-One"), STR("1")},
        {STR("X-Empty"), STR("")},
        {STR("User-Agent"), STR("another")},
    };
    struct outcome o = {0};
    char in[2000];
    struct http_client_request r = request_to(mute_url(), &o);
    open_plain(4);
    r.headers = list;
    r.n_headers = ARRAY_LEN(list);
    http_client_send(w.client, &r);
    for (int i = 0; i < 20; i++)
        uv_run(&w.loop, UV_RUN_ONCE);
    int fd = accept(w.mute, NULL, NULL);
    ssize_t n = recv(fd, in, sizeof(in) - 1, 0);
    assert_true(n > 0);
    in[n] = '\0';
    assert_non_null(strstr(in, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(in, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(in, "\r\nUser-Agent: another\r\n"));
    assert_null(strstr(in, "hudhud/"));
    close(fd);
    turn_until(&o.calls, 1);
    assert_int_equal(o.outcome, HTTP_CLIENT_UNREACHABLE);
}

static void addresses_that_are_none(void **state)
{
    static char large[HTTP_CLIENT_URL_MAX + 1];
    memset(large, 'x', sizeof(large));
    memcpy(large, "http://a/", 9);
    const struct str urls[] = {
        STR(""),
        STR("example.com"),
        STR("/path"),
        STR("http://"),
        STR("http://127.0.0.1:port/"),
        STR("http://a b/"),
        STR("http://127.0.0.1/\r\nX-Evil: 1"),
        STR("http://127.0.0.1/\0"),
        STR("ftp://127.0.0.1/"),
        STR("file:///etc/passwd"),
        STR("gopher://127.0.0.1/"),
        str_make(large, sizeof(large)),
    };
    open_plain(4);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct outcome o = get(urls[i]);
        if (o.outcome != HTTP_CLIENT_BAD_URL || o.status != 0 || !*o.why || o.us)
            fail_msg("%.*s: %d %s", STR_FMT(urls[i]), o.outcome, o.why);
    }
    assert_int_equal(http_client_running(w.client) + http_client_waiting(w.client), 0);
}

/* --- what comes back ---------------------------------------------------------------------- */

static void every_status_is_an_answer(void **state)
{
    open_plain(4);
    assert_int_equal(get(url_of("/unknown")).status, 404);
    assert_int_equal(get(url_of("/empty")).status, 204);
    struct outcome refused = get(url_of("/refused"));
    assert_int_equal(refused.outcome, HTTP_CLIENT_OK);
    assert_int_equal(refused.status, 403);
}

static void a_long_answer_is_unusable(void **state)
{
    open_plain(4);
    struct outcome o = get(url_of("/big"));
    assert_int_equal(o.outcome, HTTP_CLIENT_UNUSABLE);
    assert_int_equal(o.status, 200);
    assert_string_equal(o.why, "the answer is larger than we read");
}

static void a_long_answer_is_cut_off(void **state)
{
    struct outcome o = {0};
    struct http_client_request r = request_to(url_of("/big"), &o);
    open_plain(4);
    r.keep_first = true;
    r.answer_max = 100;
    ask(&r, &o);
    assert_int_equal(o.outcome, HTTP_CLIENT_OK);
    assert_true(o.cut_off);
    assert_int_equal(o.body_len, 100);
    assert_int_equal(o.status, 200);

    const char *expected = "GET /now 0"; /* just as long as it may be */
    o = (struct outcome){0};
    r.url = url_of("/now");
    r.answer_max = strlen(expected);
    ask(&r, &o);
    assert_false(o.cut_off);
    assert_string_equal(o.body, expected);

    o = (struct outcome){0};
    r.answer_max = 0; /* only the status matters */
    ask(&r, &o);
    assert_int_equal(o.outcome, HTTP_CLIENT_OK);
    assert_true(o.cut_off && o.status == 200 && o.body_len == 0);
}

static void cut_connections(void **state)
{
    open_plain(4);
    assert_int_equal(get(url_of("/cut-bare")).outcome, HTTP_CLIENT_UNREACHABLE);
    assert_int_equal(get(url_of("/cut")).outcome, HTTP_CLIENT_UNREACHABLE);
}

static void nobody_listens(void **state)
{
    open_plain(4);
    struct outcome o = get(STR("http://127.0.0.1:1/"));
    assert_int_equal(o.outcome, HTTP_CLIENT_UNREACHABLE);
    assert_true(*o.why && o.us > 0);
}

static void time_outs(void **state)
{
    struct outcome o = {0};
    struct http_client_request r = request_to(mute_url(), &o);
    open_plain(4);
    r.timeout_ms = 50;
    ask(&r, &o);
    assert_int_equal(o.outcome, HTTP_CLIENT_UNREACHABLE);
    assert_true(o.us >= 40000);
}

/* --- once --------------------------------------------------------------------------------- */

/* On a connection that was used before, and that the server cuts instead of answering: curl sends
 * it again on a fresh one, which the server cuts too. */
static size_t count_sent(bool once, struct outcome *o)
{
    struct http_client_request r = request_to(url_of("/cut-bare"), o);
    size_t before = w.server.n_cut;
    assert_int_equal(get(url_of("/now")).status, 200);
    r.once = once;
    ask(&r, o);
    assert_int_equal(o->outcome, HTTP_CLIENT_UNREACHABLE);
    return w.server.n_cut - before;
}

static void once_is_once(void **state)
{
    struct outcome o[2] = {0};
    open_plain(4);
    assert_int_equal(count_sent(false, &o[0]), 2);
    assert_int_equal(count_sent(true, &o[1]), 1);
    assert_string_equal(o[1].why, "the connection was closed before an answer came");
}

/* --- whom it connects to ------------------------------------------------------------------ */

static void refused_private(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"};
    open_client(&(struct http_client_options){.connections_max = 4, .public_only = true});
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct outcome o = get(arena_printf(&w.arena, "http://%s:%d/now", hosts[i], w.server.port));
        if (o.outcome != HTTP_CLIENT_FORBIDDEN || o.status || !strstr(o.why, "public"))
            fail_msg("%s: %d %s", hosts[i], o.outcome, o.why);
    }
}

/* The environment names one that nobody is. */
static void proxies(void **state)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    open_client(&(struct http_client_options){.connections_max = 4});
    assert_int_equal(get(url_of("/now")).outcome, HTTP_CLIENT_UNREACHABLE);
    http_client_close(w.client);
    open_client(&(struct http_client_options){.connections_max = 4, .direct = true});
    assert_int_equal(get(url_of("/now")).outcome, HTTP_CLIENT_OK);
    http_client_close(w.client);
    open_client(&(struct http_client_options){.connections_max = 4, .public_only = true});
    assert_int_equal(get(url_of("/now")).outcome, HTTP_CLIENT_FORBIDDEN);
    unsetenv("http_proxy");
}

/* --- TLS ---------------------------------------------------------------------------------- */

static struct outcome get_secure(const char *host, const char *ca_file)
{
    open_client(
        &(struct http_client_options){.connections_max = 1, .direct = true, .ca_file = ca_file});
    struct outcome o = get(arena_printf(&w.arena, "https://%s:%d/now", host, w.server.port));
    http_client_close(w.client);
    w.client = NULL;
    return o;
}

static void whom_it_trusts(void **state)
{
    const char *ours = w.certificates.certificate;
    struct outcome o = get_secure("localhost", ours);
    if (o.outcome != HTTP_CLIENT_OK)
        fail_msg("%s", o.why);
    assert_int_equal(get_secure("localhost", NULL).outcome, HTTP_CLIENT_UNREACHABLE);
    assert_int_equal(get_secure("127.0.0.1", ours).outcome, HTTP_CLIENT_UNREACHABLE);
    assert_int_equal(get_secure("localhost", "/nowhere").outcome, HTTP_CLIENT_UNREACHABLE);
    open_plain(1); /* and who speaks no TLS to it gets nothing either */
    assert_int_not_equal(get(url_of("/now")).status, 200);
}

/* --- order, and the end ------------------------------------------------------------------- */

static void more_than_there_are_places(void **state)
{
    struct outcome o[10] = {0};
    open_plain(1);
    for (size_t i = 0; i < ARRAY_LEN(o); i++) {
        struct http_client_request r = request_to(url_of("/later"), &o[i]);
        http_client_send(w.client, &r);
    }
    assert_int_equal(http_client_running(w.client), 1);
    assert_int_equal(http_client_waiting(w.client), 9);
    turn_until(&n_done, ARRAY_LEN(o));
    for (size_t i = 0; i < ARRAY_LEN(o); i++) {
        assert_int_equal(o[i].status, 200);
        assert_int_equal(o[i].number, i + 1);
    }
    assert_int_equal(http_client_running(w.client) + http_client_waiting(w.client), 0);
}

static void closing_cancels(void **state)
{
    struct outcome o[4] = {0};
    open_plain(2);
    for (size_t i = 0; i < ARRAY_LEN(o); i++) { /* running, waiting, never to be sent */
        struct http_client_request r = request_to(i < 3 ? mute_url() : STR("nowhere"), &o[i]);
        http_client_send(w.client, &r);
    }
    uv_run(&w.loop, UV_RUN_NOWAIT);
    http_client_close(w.client);
    w.client = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(o[i].calls, 1);
        assert_int_equal(o[i].outcome, HTTP_CLIENT_CANCELLED);
    }
    assert_int_equal(o[3].calls, 1);
}

static void close_and_send(void *arg, const struct http_client_answer *a)
{
    struct outcome *o = arg;
    struct http_client *c = w.client;
    struct http_client_request r = request_to(url_of("/now"), &o[2]);
    on_done(&o[0], a);
    w.client = NULL;
    http_client_close(c);
    http_client_send(c, &r);
    assert_int_equal(o[2].outcome, HTTP_CLIENT_CANCELLED);
}

static void a_callback_may_close(void **state)
{
    struct outcome o[3] = {0};
    open_plain(4);
    struct http_client_request held = request_to(mute_url(), &o[1]);
    struct http_client_request closes = request_to(url_of("/now"), o);
    closes.done = close_and_send;
    closes.on_header = NULL;
    http_client_send(w.client, &held);
    http_client_send(w.client, &closes);
    turn_until(&n_done, 3);
    assert_int_equal(o[0].outcome, HTTP_CLIENT_OK);
    assert_int_equal(o[1].outcome, HTTP_CLIENT_CANCELLED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(methods_and_bodies),
        TEST(a_large_body_is_sent_at_once),
        TEST(headers),
        TEST(addresses_that_are_none),
        TEST(every_status_is_an_answer),
        TEST(a_long_answer_is_unusable),
        TEST(a_long_answer_is_cut_off),
        TEST(cut_connections),
        TEST(nobody_listens),
        TEST(time_outs),
        TEST(once_is_once),
        TEST(refused_private),
        TEST(proxies),
        cmocka_unit_test_setup_teardown(whom_it_trusts, setup_tls, teardown_tls),
        TEST(more_than_there_are_places),
        TEST(closing_cancels),
        TEST(a_callback_may_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

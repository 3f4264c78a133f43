#include "unit/graph/fake_meta.h"

#include "graph/transport.h"

/* What became of one request. */
struct outcome {
    size_t calls;
    enum graph_outcome outcome;
    int http_status;
    int64_t code;
    struct str message;
    struct graph_usage usage;
    struct str name; /* of the answer's "name" */
};

static size_t done; /* all callbacks */

static void on_answer(void *arg, const struct graph_answer *a)
{
    struct outcome *o = arg;
    o->calls++;
    o->outcome = a->outcome;
    o->http_status = a->http_status;
    o->code = a->code;
    o->message = a->message;
    o->usage = a->usage;
    o->name = json_as_str(json_get(a->json, "name"), STR(""));
    done++;
}

static int setup(void **state)
{
    done = 0;
    return fake_setup(state);
}

static void get(struct outcome *o)
{
    graph_request(fake.graph, GRAPH_GET, STR("/1"), STR("fields=id"), &fake.token, &fake.arena,
                  on_answer, o);
}

/* One GET to its end. */
static struct outcome got(void)
{
    struct outcome o = {0};
    get(&o);
    assert_int_equal(o.calls, 0); /* never from within graph_request */
    fake_run(&o.calls, 1);
    assert_int_equal(o.calls, 1);
    return o;
}

static void answer_ok(struct fake_connection *c, const char *request)
{
    fake_answer(c, 200, "", STR("{\"id\":\"1\",\"name\":\"Hudhud\"}"));
}

/* --- what is sent ------------------------------------------------------------------------- */

static void a_request_and_its_answer(void **state)
{
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_OK);
    assert_int_equal(o.http_status, 200);
    assert_str(o.name, "Hudhud");
    assert_request(0, "GET /v25.0/1?fields=id HTTP/1.1\r\n");
    assert_request(0, "Authorization: Bearer EAAtoken\r\n");
    assert_request(0, "User-Agent: hudhud/" HUDHUD_VERSION "\r\n");
    assert_request(0, "Accept-Encoding: gzip\r\n");
}

static void the_proof_of_the_app_secret(void **state)
{
    _cleanup_(secret_release)
    struct secret app_secret = {0};
    secret_set(&app_secret, STR("app-secret"));
    fake.handle = answer_ok;
    fake_open_graph(0, &app_secret);
    (void)got();
    assert_request(0,
                   "GET /v25.0/1?fields=id&appsecret_proof="
                   "9f9f0867bc3df2d00cecd6aa6fb78e65b64c050401bd6ec5b84d98503d443d34 HTTP");
}

static void methods(void **state)
{
    struct outcome o = {0};
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    graph_request(fake.graph, GRAPH_POST, STR("/1/x"), STR(""), &fake.token, &fake.arena, on_answer,
                  &o);
    fake_run(&done, 1);
    graph_request(fake.graph, GRAPH_DELETE, STR("/1/x"), STR("a=b"), &fake.token, &fake.arena,
                  on_answer, &o);
    fake_run(&done, 2);
    assert_request(0, "POST /v25.0/1/x HTTP/1.1\r\n");
    assert_request(0, "Content-Length: 0\r\n");
    assert_request(1, "DELETE /v25.0/1/x?a=b HTTP/1.1\r\n");
}

static void without_a_token(void **state)
{
    struct outcome o = {0};
    const struct secret none = {0};
    _cleanup_(secret_release)
    struct secret app_secret = {0};
    secret_set(&app_secret, STR("app-secret"));
    fake.handle = answer_ok;
    fake_open_graph(0, &app_secret);
    graph_request(fake.graph, GRAPH_GET, STR("/me"), STR(""), &none, &fake.arena, on_answer, &o);
    fake_run(&done, 1);
    assert_int_equal(o.outcome, GRAPH_OK);
    assert_request(0, "GET /v25.0/me HTTP/1.1\r\n");
    assert_null(strstr(fake.requests[0], "Authorization"));
}

/* A token could end its header and begin another; none such leaves. */
static void tokens_that_are_none(void **state)
{
    char large[TOKEN_MAX + 1];
    memset(large, 'x', sizeof(large));
    const struct str tokens[] = {
        STR("a b"),  STR("a\r\nX-Evil: 1"), STR("a\n"),       STR("\t"),
        STR("a\0b"), STR("a\x7f"),          STR("t\xc3\xa9"), str_make(large, sizeof(large)),
    };
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        secret_set(&fake.token, tokens[i]);
        assert_int_equal(got().outcome, GRAPH_TOKEN_DEAD);
    }
    assert_int_equal(fake.n_connections, 0);
    secret_set(&fake.token, str_make(large, TOKEN_MAX));
    assert_int_equal(got().outcome, GRAPH_OK);
}

static void requests_that_cannot_be_sent(void **state)
{
    struct outcome o = {0};
    char large[GRAPH_URL_MAX];
    memset(large, 'x', sizeof(large));
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    graph_request(fake.graph, GRAPH_GET, STR(""), STR(""), &fake.token, &fake.arena, on_answer, &o);
    fake_run(&done, 1);
    assert_int_equal(o.outcome, GRAPH_REFUSED);
    assert_part(o.message, "digits");
    graph_request(fake.graph, GRAPH_GET, STR("/1"), str_make(large, sizeof(large)), &fake.token,
                  &fake.arena, on_answer, &o);
    fake_run(&done, 2);
    assert_int_equal(o.outcome, GRAPH_REFUSED);
    assert_part(o.message, "long");
    graph_request(fake.graph, GRAPH_GET, STR("/1\r\nX-Evil: 1"), STR(""), &fake.token, &fake.arena,
                  on_answer, &o);
    fake_run(&done, 3);
    assert_int_equal(o.outcome, GRAPH_REFUSED);
    assert_int_equal(fake.n_connections, 0);
}

static void ids_become_paths(void **state)
{
    char out[GRAPH_PATH_MAX];
    assert_str(graph_path(out, STR("12"), ""), "/12");
    assert_str(graph_path(out, STR("12345678901234567890123456789012"), "message_templates"),
               "/12345678901234567890123456789012/message_templates");
    const struct str wrong[] = {
        STR(""),     STR("me"),     STR("1/2"), STR("1?a"),
        STR("../1"), STR("1\r\nX"), STR("-1"),  STR("123456789012345678901234567890123")};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(graph_path(out, wrong[i], "x").len, 0);
}

/* --- connections -------------------------------------------------------------------------- */

static void a_connection_is_kept(void **state)
{
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(got().outcome, GRAPH_OK);
    assert_int_equal(fake.n_connections, 1);
}

/* The second request of a connection is read and not answered: the connection ends. */
static void close_on_the_second(struct fake_connection *c, const char *request)
{
    if (fake.n_requests == 2)
        fake_close(c);
    else
        answer_ok(c, request);
}

static void a_get_is_repeated_on_a_stale_connection(void **state)
{
    fake.handle = close_on_the_second;
    fake_open_graph(0, NULL);
    assert_int_equal(got().outcome, GRAPH_OK);
    assert_int_equal(got().outcome, GRAPH_OK);
    assert_int_equal(fake.n_requests, 3);
}

static void a_post_is_not(void **state)
{
    struct outcome o = {0};
    fake.handle = close_on_the_second;
    fake_open_graph(0, NULL);
    assert_int_equal(got().outcome, GRAPH_OK);
    graph_request(fake.graph, GRAPH_POST, STR("/1"), STR(""), &fake.token, &fake.arena, on_answer,
                  &o);
    fake_run(&o.calls, 1);
    assert_int_equal(o.outcome, GRAPH_UNREACHABLE);
    assert_part(o.message, "closed before an answer");
    assert_int_equal(fake.n_requests, 2);
}

static void close_at_once(struct fake_connection *c, const char *request)
{
    fake_close(c);
}

static void cut_in_the_body(struct fake_connection *c, const char *request)
{
    fake_send(c, STR("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":\"1\""));
    fake_close(c);
}

static void cut_in_a_chunk(struct fake_connection *c, const char *request)
{
    fake_send(c, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{\"id\""));
    fake_close(c);
}

static void cut_connections(void **state)
{
    fake_handler *const handlers[] = {close_at_once, cut_in_the_body, cut_in_a_chunk};
    fake_open_graph(0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        fake.handle = handlers[i];
        struct outcome o = got();
        assert_int_equal(o.outcome, GRAPH_UNREACHABLE);
        assert_true(o.message.len > 0);
    }
}

static void nobody_listens(void **state)
{
    fake_open_graph(0, NULL);
    uv_close((uv_handle_t *)&fake.listener, NULL);
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_UNREACHABLE);
    assert_int_equal(o.http_status, 0);
}

static void not_http(struct fake_connection *c, const char *request)
{
    fake_send(c, STR("220 mail.example ESMTP ready\r\n"));
    fake_close(c);
}

static void another_protocol_answers(void **state)
{
    fake.handle = not_http;
    fake_open_graph(0, NULL);
    assert_int_equal(got().outcome, GRAPH_UNUSABLE);
}

static void redirect(struct fake_connection *c, const char *request)
{
    char headers[128];
    snprintf(headers, sizeof(headers), "Location: %s/elsewhere\r\n", fake.url);
    fake_answer(c, 302, headers, STR(""));
}

static void redirects_are_not_followed(void **state)
{
    fake.handle = redirect;
    fake_open_graph(0, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_UNUSABLE);
    assert_int_equal(o.http_status, 302);
    assert_int_equal(fake.n_requests, 1);
}

/* --- time --------------------------------------------------------------------------------- */

static void slow_for_2(struct fake_connection *c, const char *request)
{
    if (!strstr(request, "/v25.0/2"))
        answer_ok(c, request);
}

static void a_slow_one_ends_and_blocks_nobody(void **state)
{
    struct outcome slow = {0};
    fake.handle = slow_for_2;
    fake_open_graph(200, NULL);
    uint64_t begun = uv_hrtime();
    graph_request(fake.graph, GRAPH_GET, STR("/2"), STR(""), &fake.token, &fake.arena, on_answer,
                  &slow);
    for (int i = 0; i < 10; i++)
        assert_int_equal(got().outcome, GRAPH_OK);
    assert_int_equal(slow.calls, 0);
    fake_run(&slow.calls, 1);
    assert_int_equal(slow.outcome, GRAPH_UNREACHABLE);
    assert_int_equal(slow.http_status, 0);
    assert_true(uv_hrtime() - begun >= 190 * UINT64_C(1000000));
}

static void header_only(struct fake_connection *c, const char *request)
{
    fake_send(c, STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"));
}

static void a_body_that_never_ends_in_time(void **state)
{
    fake.handle = header_only;
    fake_open_graph(100, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_UNREACHABLE);
    assert_int_equal(o.http_status, 200);
}

/* More than there are places: they wait, and their time does not run. */
static void stall(struct fake_connection *c, const char *request)
{
}

static void more_requests_than_places(void **state)
{
    static struct outcome slow[GRAPH_CONNECTIONS_MAX], late[40];
    memset(slow, 0, sizeof(slow));
    memset(late, 0, sizeof(late));
    fake.handle = stall;
    fake_open_graph(300, NULL);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        get(&slow[i]);
    for (size_t i = 0; i < ARRAY_LEN(late); i++)
        get(&late[i]);
    fake_run(&fake.n_requests, GRAPH_CONNECTIONS_MAX);
    for (int i = 0; i < 100; i++)
        uv_run(&fake.loop, UV_RUN_NOWAIT);
    assert_int_equal(fake.n_requests, GRAPH_CONNECTIONS_MAX);
    assert_int_equal(gauge_read(&fake.stats.running), GRAPH_CONNECTIONS_MAX);
    assert_int_equal(gauge_read(&fake.stats.waiting), ARRAY_LEN(late));
    fake.handle = answer_ok;
    fake_run(&done, ARRAY_LEN(slow) + ARRAY_LEN(late));
    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        assert_int_equal(slow[i].outcome, GRAPH_UNREACHABLE);
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        assert_int_equal(late[i].calls, 1);
        assert_int_equal(late[i].outcome, GRAPH_OK);
    }
    struct histogram_values times = {0};
    histogram_read(&fake.stats.times, &times);
    assert_true(times.sum >= ARRAY_LEN(slow) * 250000); /* each slow one took its time-out */
    assert_int_equal(counter_read(&fake.stats.answers[GRAPH_UNREACHABLE]), ARRAY_LEN(slow));
    assert_int_equal(counter_read(&fake.stats.answers[GRAPH_OK]), ARRAY_LEN(late));
    assert_int_equal(gauge_read(&fake.stats.running) + gauge_read(&fake.stats.waiting), 0);
}

/* --- size --------------------------------------------------------------------------------- */

#define FLOOD_SIZE (200 * (uint64_t)MIB)

static void flood(struct fake_connection *c, const char *header)
{
    fake_send(c, str_from(header));
    c->flood = FLOOD_SIZE;
    fake_flood_on(c);
}

static void flood_until_closed(struct fake_connection *c, const char *request)
{
    flood(c, "HTTP/1.1 200 OK\r\n\r\n");
}

static void flood_one_chunk(struct fake_connection *c, const char *request)
{
    flood(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
}

static void flood_of_known_size(struct fake_connection *c, const char *request)
{
    flood(c, "HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n");
}

static void flood_one_header(struct fake_connection *c, const char *request)
{
    flood(c, "HTTP/1.1 200 OK\r\nX-App-Usage: ");
}

static void assert_floods_end(fake_handler *handler)
{
    fake.handle = handler;
    fake.sent = 0;
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_UNUSABLE);
    for (int i = 0; i < 10; i++) /* what is on its way arrives */
        uv_run(&fake.loop, UV_RUN_NOWAIT);
    /* what we read, and what the sockets' buffers of both sides may hold */
    assert_true(fake.sent < GRAPH_BODY_MAX + 16 * MIB);
}

static void answers_without_end(void **state)
{
    fake_open_graph(10000, NULL);
    assert_floods_end(flood_until_closed);
    assert_floods_end(flood_one_chunk);
    assert_floods_end(flood_of_known_size);
    assert_floods_end(flood_one_header);
    fake.handle = answer_ok;
    assert_int_equal(got().outcome, GRAPH_OK);
}

static void many_headers(struct fake_connection *c, const char *request)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, MIB);
    buf_add(&out, STR("HTTP/1.1 200 OK\r\n"));
    while (out.len < 2 * (size_t)GRAPH_HEADERS_MAX)
        buf_printf(&out, "X-Filler-%zu: abcdefghijklmnopqrstuvwxyz\r\n", out.len);
    buf_add(&out, STR("Content-Length: 2\r\n\r\n{}"));
    fake_send(c, buf_str(&out));
}

static void too_many_headers(void **state)
{
    fake.handle = many_headers;
    fake_open_graph(0, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_UNUSABLE);
    assert_part(o.message, "headers");
}

static void a_page_just_within(struct fake_connection *c, const char *request)
{
    static char body[GRAPH_BODY_MAX];
    memset(body, ' ', sizeof(body));
    body[0] = '{';
    body[sizeof(body) - 1] = '}';
    fake_answer(c, 200, "", str_make(body, sizeof(body)));
}

static void the_largest_answer(void **state)
{
    fake.handle = a_page_just_within;
    fake_open_graph(0, NULL);
    assert_int_equal(got().outcome, GRAPH_OK);
}

/* --- gzip --------------------------------------------------------------------------------- */

static uint32_t crc32_of(struct str s)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

static const struct str gzip_head = STR_INIT("\x1f\x8b\x08\0\0\0\0\0\0\x03");

static void add_le(struct buf *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_char(out, (char)(value >> 8 * i));
}

/* One stored block (RFC 1951 §3.2.4) in gzip's frame (RFC 1952). */
static void answer_gzip(struct fake_connection *c, const char *request)
{
    struct str text = STR("{\"id\":\"1\",\"name\":\"packed\"}");
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, KIB);
    buf_add(&out, gzip_head);
    buf_add_char(&out, 1);
    add_le(&out, (uint32_t)text.len, 2);
    add_le(&out, ~(uint32_t)text.len, 2);
    buf_add(&out, text);
    add_le(&out, crc32_of(text), 4);
    add_le(&out, (uint32_t)text.len, 4);
    fake_answer(c, 200, "Content-Encoding: gzip\r\n", buf_str(&out));
}

/* A block of fixed codes (RFC 1951 §3.2.6): one letter, then "the same 258 bytes again", 13 bits
 * each, for ever: 200 MiB out of 1.3. */
static void answer_bomb(struct fake_connection *c, const char *request)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 4 * MIB);
    buf_add(&out, gzip_head);
    /* 1 final, 01 fixed, 10010000 is 'a' + ...: the letter 0x60, first bit of a code first */
    uint64_t bits = 1 | 1 << 1 | UINT64_C(0x09) << 3;
    int n = 11;
    for (size_t i = 0; i < FLOOD_SIZE / 258; i++) {
        bits |= UINT64_C(0xa3) << n; /* 285: 11000101, reversed; distance 1: 00000 */
        for (n += 13; n >= 8; n -= 8, bits >>= 8)
            buf_add_char(&out, (char)bits);
    }
    assert_true(buf_ok(&out));
    fake_answer(c, 200, "Content-Encoding: gzip\r\n", buf_str(&out));
}

static void answer_broken_gzip(struct fake_connection *c, const char *request)
{
    fake_answer(c, 200, "Content-Encoding: gzip\r\n", STR("{\"id\":\"1\"}"));
}

static void answer_unknown_encoding(struct fake_connection *c, const char *request)
{
    fake_answer(c, 200, "Content-Encoding: rot13\r\n", STR("{\"id\":\"1\"}"));
}

static void compressed_answers(void **state)
{
    fake_open_graph(0, NULL);
    fake.handle = answer_gzip;
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_OK);
    assert_str(o.name, "packed");
    fake.handle = answer_bomb;
    o = got();
    assert_int_equal(o.outcome, GRAPH_UNUSABLE);
    assert_part(o.message, "larger than we read");
    fake.handle = answer_broken_gzip;
    assert_int_equal(got().outcome, GRAPH_UNUSABLE);
    fake.handle = answer_unknown_encoding;
    assert_int_equal(got().outcome, GRAPH_UNUSABLE);
}

/* --- errors and usage over the wire ------------------------------------------------------- */

static void answer_throttle(struct fake_connection *c, const char *request)
{
    fake_answer(c, 400,
                "x-app-usage: {\"call_count\":101,\"total_time\":25,\"total_cputime\":25}\r\n"
                "X-Business-Use-Case-Usage: {\"1\":[{\"type\":\"whatsapp_business_management\","
                "\"call_count\":100,\"estimated_time_to_regain_access\":42}]}\r\n",
                STR("{\"error\":{\"message\":\"There have been too many calls for EAAtoken\","
                    "\"type\":\"OAuthException\",\"code\":80008,\"fbtrace_id\":\"A\"}}"));
}

static void an_error_and_its_usage(void **state)
{
    fake.handle = answer_throttle;
    fake_open_graph(0, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_THROTTLED);
    assert_int_equal(o.code, 80008);
    assert_int_equal(o.usage.percent, 101);
    assert_int_equal(o.usage.regain_minutes, 42);
    assert_str(o.message, "There have been too many calls for (token)");
}

static void answer_503(struct fake_connection *c, const char *request)
{
    fake_answer(c, 503, "", STR("<html>Sorry</html>"));
}

static void a_server_error(void **state)
{
    fake.handle = answer_503;
    fake_open_graph(0, NULL);
    assert_int_equal(got().outcome, GRAPH_TRANSIENT);
}

/* The whole answer, a byte a write. */
static void answer_byte_by_byte(struct fake_connection *c, const char *request)
{
    const struct str answer =
        STR("HTTP/1.1 200 OK\r\nX-App-Usage: {\"call_count\":7}\r\nContent-Length: 12\r\n\r\n"
            "{\"name\":\"a\"}");
    for (size_t i = 0; i < answer.len; i++)
        fake_send(c, str_make(answer.ptr + i, 1));
}

static void an_answer_in_pieces(void **state)
{
    fake.handle = answer_byte_by_byte;
    fake_open_graph(0, NULL);
    struct outcome o = got();
    assert_int_equal(o.outcome, GRAPH_OK);
    assert_str(o.name, "a");
    assert_int_equal(o.usage.percent, 7);
}

/* --- opening and closing ------------------------------------------------------------------ */

static void closing_cancels_what_runs_waits_or_was_never_sent(void **state)
{
    static struct outcome all[GRAPH_CONNECTIONS_MAX + 10];
    memset(all, 0, sizeof(all));
    fake.handle = stall;
    fake_open_graph(0, NULL);
    for (size_t i = 0; i + 2 < ARRAY_LEN(all); i++)
        get(&all[i]);
    fake_run(&fake.n_requests, 3);
    secret_set(&fake.token, STR("no token"));
    get(&all[ARRAY_LEN(all) - 2]);
    get(&all[ARRAY_LEN(all) - 1]);
    graph_close(fake.graph);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i].calls, 1);
        assert_int_equal(all[i].outcome, GRAPH_CANCELLED);
    }
    fake.graph = NULL;
}

static void close_graph(void *arg, const struct graph_answer *a)
{
    on_answer(arg, a);
    struct graph *g = fake.graph;
    fake.graph = NULL;
    graph_close(g);
}

static void a_callback_may_close(void **state)
{
    struct outcome first = {0}, second = {0};
    fake.handle = slow_for_2;
    fake_open_graph(0, NULL);
    graph_request(fake.graph, GRAPH_GET, STR("/2"), STR(""), &fake.token, &fake.arena, on_answer,
                  &second);
    graph_request(fake.graph, GRAPH_GET, STR("/1"), STR(""), &fake.token, &fake.arena, close_graph,
                  &first);
    fake_run(&done, 2);
    assert_int_equal(first.outcome, GRAPH_OK);
    assert_int_equal(second.outcome, GRAPH_CANCELLED);
}

static struct outcome again;

static void ask_again(void *arg, const struct graph_answer *a)
{
    on_answer(arg, a);
    get(&again);
}

static void no_request_begins_while_closing(void **state)
{
    struct outcome o = {0};
    again = (struct outcome){0};
    fake.handle = stall;
    fake_open_graph(0, NULL);
    graph_request(fake.graph, GRAPH_GET, STR("/1"), STR(""), &fake.token, &fake.arena, ask_again,
                  &o);
    fake_run(&fake.n_requests, 1);
    graph_close(fake.graph);
    fake.graph = NULL;
    assert_int_equal(o.outcome, GRAPH_CANCELLED);
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.outcome, GRAPH_CANCELLED);
}

static void a_callback_may_ask_again(void **state)
{
    struct outcome o = {0};
    again = (struct outcome){0};
    fake.handle = answer_ok;
    fake_open_graph(0, NULL);
    graph_request(fake.graph, GRAPH_GET, STR("/1"), STR(""), &fake.token, &fake.arena, ask_again,
                  &o);
    fake_run(&done, 2);
    assert_int_equal(again.outcome, GRAPH_OK);
}

static void addresses(void **state)
{
    static const struct {
        const char *url, *version;
        bool ok;
    } rows[] = {
        {"https://graph.facebook.com", "v25.0", true},
        {"http://127.0.0.1:8080", "v9.0", true},
        {"http://[::1]:8080/prefix", "v100.10", true},
        {"", "v25.0", false},
        {"https://", "v25.0", false},
        {"https://graph.facebook.com/", "v25.0", false},
        {"https://graph.facebook.com?a=b", "v25.0", false},
        {"https://graph.facebook.com#a", "v25.0", false},
        {"https://user:password@graph.facebook.com", "v25.0", false},
        {"https://graph facebook.com", "v25.0", false},
        {"https://a\r\nb", "v25.0", false},
        {"ftp://graph.facebook.com", "v25.0", false},
        {"file:///etc/passwd", "v25.0", false},
        {"graph.facebook.com", "v25.0", false},
        {"https://graph.facebook.com", "", false},
        {"https://graph.facebook.com", "25.0", false},
        {"https://graph.facebook.com", "v25", false},
        {"https://graph.facebook.com", "v25.0/../x", false},
        {"https://graph.facebook.com", "vx.0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error error;
        struct graph *g = NULL;
        struct graph_options options = {.url = rows[i].url, .version = rows[i].version};
        error_init(&error, &fake.arena);
        enum err e = graph_open(&fake.loop, &options, &g, &error);
        if ((e == ERR_OK) != rows[i].ok)
            fail_msg("\"%s\" \"%s\": %d", rows[i].url, rows[i].version, e);
        assert_true(rows[i].ok || (e == ERR_VALIDATION && error.message.len));
        graph_close(g);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_and_its_answer),
        TEST(the_proof_of_the_app_secret),
        TEST(methods),
        TEST(without_a_token),
        TEST(tokens_that_are_none),
        TEST(requests_that_cannot_be_sent),
        TEST(ids_become_paths),
        TEST(a_connection_is_kept),
        TEST(a_get_is_repeated_on_a_stale_connection),
        TEST(a_post_is_not),
        TEST(cut_connections),
        TEST(nobody_listens),
        TEST(another_protocol_answers),
        TEST(redirects_are_not_followed),
        TEST(a_slow_one_ends_and_blocks_nobody),
        TEST(a_body_that_never_ends_in_time),
        TEST(more_requests_than_places),
        TEST(answers_without_end),
        TEST(too_many_headers),
        TEST(the_largest_answer),
        TEST(compressed_answers),
        TEST(an_error_and_its_usage),
        TEST(a_server_error),
        TEST(an_answer_in_pieces),
        TEST(closing_cancels_what_runs_waits_or_was_never_sent),
        TEST(a_callback_may_close),
        TEST(no_request_begins_while_closing),
        TEST(a_callback_may_ask_again),
        TEST(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

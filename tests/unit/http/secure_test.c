/* TLS under a server's connections: what is particular to it. That all else holds over TLS as well
 * is shown by the other tests, which run over both. */
#include "unit/http/fixture.h"

static const struct http_timeouts short_header = {.header = 100, .idle = 60 * 1000};

#define EXCHANGE_GROWTH (8 * KIB) /* the one in use may be another, with larger buffers */

/* What the server holds for all, as one client is told. */
static size_t held(struct client *c)
{
    struct answer a;
    client_say(c, GET("/memory"));
    expect(c, 200, NULL, &a);
    return strtoul(a.body, NULL, 10);
}

/* Until the server holds so much. It has not seen yet all that was sent. */
static void await_held(struct client *c, size_t least, size_t most)
{
    size_t now = held(c);
    for (int i = 0; i < PATIENCE_MS && (now < least || now > most); i++) {
        usleep(1000);
        now = held(c);
    }
    assert_in_range(now, least, most);
}

static void expect_served(struct client *c)
{
    client_say(c, GET("/now"));
    expect(c, 200, "GET /now 0", NULL);
}

static void send_raw(struct client *c, struct str bytes)
{
    assert_int_equal(send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

/* What the client would send, taken off before the socket. */
static size_t take_record(struct client *c, struct str plain, char *ret, size_t size)
{
    BIO *wire = BIO_new(BIO_s_mem());
    SSL_set0_wbio(c->ssl, wire);
    assert_int_equal(SSL_write(c->ssl, plain.ptr, (int)plain.len), plain.len);
    int n = BIO_read(wire, ret, (int)size);
    assert_true(n > 0);
    SSL_set0_wbio(c->ssl, BIO_new_socket(c->fd, BIO_NOCLOSE));
    return (size_t)n;
}

/* A ClientHello of nobody's. */
static size_t make_hello(char *ret, size_t size)
{
    SSL *ssl = SSL_new(client_tls);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    int n = BIO_read(SSL_get_wbio(ssl), ret, (int)size);
    assert_true(n > 0);
    SSL_free(ssl);
    return (size_t)n;
}

/* --- who does not speak TLS --------------------------------------------------------------- */

/* At once, without a byte, and to nobody's harm. */
static void test_plain_http(void **state)
{
    struct fixture f;
    struct client c, good;
    start(&f, NULL);
    client_open(&good, &f);
    client_connect(&c, &f);
    send_raw(&c, STR(GET("/now")));
    expect_closed(&c);
    client_close(&c);
    expect_served(&good);
    client_close(&good);
    stop(&f);
    assert_int_equal(f.server.n_requests, 1);
}

static void test_garbage(void **state)
{
    struct fixture f;
    struct client c, good;
    uint32_t seed = 5;
    start(&f, NULL);
    client_open(&good, &f);
    size_t before = held(&good);
    for (int i = 0; i < 200; i++) {
        char garbage[4000];
        for (size_t k = 0; k < sizeof(garbage); k++)
            garbage[k] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
        if (i % 2) /* as if it were a ClientHello */
            memcpy(garbage, "\x16\x03\x01\x0f\x00\x01\x00\x0e\xfc", 9);
        client_connect(&c, &f);
        send_raw(&c, str_make(garbage, sizeof(garbage)));
        char alert[100];
        ssize_t n = recv(c.fd, alert, sizeof(alert), 0);
        assert_true(n <= 0 || (i % 2 && alert[0] == 0x15));
        client_close(&c);
        expect_served(&good);
    }
    await_held(&good, 0, before + EXCHANGE_GROWTH);
    client_close(&good);
    stop(&f);
}

/* --- who speaks it slowly ------------------------------------------------------------------ */

/* Nothing, half of a hello, and a hello without what has to follow it. */
static void test_slow_handshakes(void **state)
{
    struct fixture f;
    struct client c[3];
    start(&f, &short_header);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        char hello[4000];
        client_connect(&c[i], &f);
        size_t len = make_hello(hello, sizeof(hello));
        send_raw(&c[i], str_make(hello, i * len / 2));
    }
    for (size_t i = 0; i < 2; i++)
        expect_closed(&c[i]);
    char flight[8000];
    assert_true(recv(c[2].fd, flight, sizeof(flight), 0) > 0);
    expect_closed(&c[2]);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    stop(&f);
}

/* A byte now and then does not renew the time: neither in a handshake nor in a record after it. */
static void drip(struct client *c, struct str bytes)
{
    int64_t begun = clock_monotonic_us();
    while (bytes.len && send(c->fd, bytes.ptr, 1, MSG_NOSIGNAL) == 1) {
        bytes = str_skip(bytes, 1);
        usleep(10 * 1000);
    }
    assert_true(bytes.len > 0);
    assert_true(clock_monotonic_us() - begun < PATIENCE_MS * 1000 / 2);
}

static void test_dripping(void **state)
{
    struct fixture f;
    struct client c;
    char bytes[4000];
    start(&f, &short_header);
    client_connect(&c, &f);
    drip(&c, str_make(bytes, make_hello(bytes, sizeof(bytes))));
    client_close(&c);
    client_open(&c, &f);
    expect_served(&c);
    usleep(200 * 1000); /* idle may be longer */
    expect_served(&c);
    drip(&c, str_make(bytes, take_record(&c, str_make(f.big, 2000), bytes, sizeof(bytes))));
    client_close(&c);
    stop(&f);
}

/* --- who speaks it wrongly ----------------------------------------------------------------- */

/* A record that was changed on its way: an alert, and the end. */
static void test_spoilt_record(void **state)
{
    struct fixture f;
    struct client c;
    char bytes[4000], byte;
    start(&f, NULL);
    client_open(&c, &f);
    expect_served(&c);
    size_t len = take_record(&c, STR(GET("/now")), bytes, sizeof(bytes));
    bytes[len - 1] ^= 1;
    send_raw(&c, str_make(bytes, len));
    assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    ERR_clear_error();
    expect_closed(&c);
    client_close(&c);
    stop(&f);
    assert_int_equal(f.server.n_requests, 1);
}

/* The same while its request is being handled: the answer goes nowhere. */
static void test_spoilt_while_handled(void **state)
{
    struct fixture f;
    struct client c, other;
    char record[5 + 32] = "\x17\x03\x03\x00\x20";
    start(&f, NULL);
    client_open(&c, &f);
    client_open(&other, &f);
    client_say(&c, GET("/hold"));
    send_raw(&c, str_make(record, sizeof(record)));
    assert_true(recv(c.fd, record, sizeof(record), 0) > 0); /* the alert, */
    expect_closed(&c);
    client_say(&other, GET("/release"));
    expect(&other, 200, NULL, NULL);
    client_close(&c);
    client_close(&other);
    stop(&f);
    assert_true(f.saw_gone);
}

/* --- memory -------------------------------------------------------------------------------- */

/* What a session holds is counted: idle, and more of it in a handshake. */
static void test_sessions_are_counted(void **state)
{
    struct fixture f;
    struct client good, c[20];
    start(&f, &(struct http_timeouts){.header = 1000});
    client_open(&good, &f);
    size_t before = held(&good);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_open(&c[i], &f);
    size_t idle = held(&good) - before;
    assert_true(idle >= ARRAY_LEN(c) * HTTP_TLS_OPEN_SIZE);
    assert_true(idle < ARRAY_LEN(c) * (HTTP_TLS_OPEN_SIZE + KIB));
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        char hello[4000];
        client_close(&c[i]);
        client_connect(&c[i], &f);
        send_raw(&c[i], str_make(hello, make_hello(hello, sizeof(hello))));
    }
    await_held(&good, before + ARRAY_LEN(c) * HTTP_TLS_SHAKING_SIZE, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    await_held(&good, 0, before + EXCHANGE_GROWTH);
    client_close(&good);
    stop(&f);
}

static size_t count_closed(const struct client *c, size_t n)
{
    size_t closed = 0;
    for (size_t i = 0; i < n; i++) {
        struct pollfd end = {.fd = c[i].fd, .events = POLLRDHUP};
        closed += poll(&end, 1, 0) == 1 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR));
    }
    return closed;
}

/* Handshakes that are not finished go when all together hold too much. */
static void test_handshakes_over_the_budget(void **state)
{
    struct fixture f;
    struct client good, c[60];
    log_set_level(LOG_OFF); /* the server complains */
    prepare(&f, NULL);
    http_server_set_memory(&f.server, MIB);
    run(&f);
    client_open(&good, &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        char hello[4000];
        client_connect(&c[i], &f);
        send_raw(&c[i], str_make(hello, make_hello(hello, sizeof(hello))));
    }
    const size_t over = ARRAY_LEN(c) - MIB / HTTP_TLS_SHAKING_SIZE;
    for (int i = 0; i < PATIENCE_MS && count_closed(c, ARRAY_LEN(c)) < over; i++)
        usleep(1000);
    assert_true(count_closed(c, ARRAY_LEN(c)) >= over);
    assert_true(held(&good) <= MIB);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    client_close(&good);
    stop(&f);
    assert_true(f.server.n_shed >= over);
}

/* An answer that is not read is there once, but for the slice that is sealed. */
static void test_unread_answer(void **state)
{
    struct fixture f;
    struct client good, c;
    struct answer a;
    start(&f, NULL);
    client_open(&good, &f);
    client_open_sized(&c, &f, 4096);
    client_say(&c, GET("/big"));
    usleep(50 * 1000);
    size_t now = held(&good);
    assert_true(now > BIG_SIZE && now < BIG_SIZE + 512 * KIB);
    assert_true(client_take_answer(&c, false, &a));
    assert_int_equal(a.body_len, BIG_SIZE);
    assert_true(held(&good) < 512 * KIB);
    client_close(&c);
    client_close(&good);
    stop(&f);
}

/* Who pipelines and never reads is not read any more. */
static void test_pipelining_flood(void **state)
{
    struct fixture f;
    struct client good, c;
    start(&f, NULL);
    client_open(&good, &f);
    client_open_sized(&c, &f, 4096);
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    SSL_set_mode(c.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    size_t sent = 0;
    struct pollfd writable = {.fd = c.fd, .events = POLLOUT};
    while (sent < 64 * MIB && poll(&writable, 1, 300) == 1)
        sent += (size_t)MAX(SSL_write(c.ssl, GET("/big"), (int)strlen(GET("/big"))), 0);
    ERR_clear_error();
    assert_true(sent < 32 * MIB);
    assert_true(held(&good) < 2 * BIG_SIZE);
    client_close(&c);
    client_close(&good);
    stop(&f);
}

/* --- certificates -------------------------------------------------------------------------- */

struct reload {
    struct fixture f;
    uv_async_t async;
    struct http_tls_context *next;
};

static void on_reload(uv_async_t *async)
{
    struct reload *r = async->data;
    http_server_set_tls(&r->f.server, r->next);
    uv_close((uv_handle_t *)async, NULL);
}

static long serial_of(const struct client *c)
{
    X509 *certificate = SSL_get1_peer_certificate(c->ssl);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    return serial;
}

static struct http_tls_context *load_other(void)
{
    struct certificates files;
    struct http_tls_context *context;
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    certificates_make(&files, &(struct certificate_wish){.serial = 77});
    assert_int_equal(http_tls_context_load(files.certificate, files.key, &context, &error), ERR_OK);
    certificates_remove(&files);
    arena_release(&arena);
    return context;
}

/* Old connections go on, new ones have the new certificate, and no request fails. */
static void test_reload(void **state)
{
    struct reload r;
    struct client old, held_one, new;
    prepare(&r.f, NULL);
    uv_async_init(&r.f.loop, &r.async, on_reload);
    r.async.data = &r;
    run(&r.f);
    client_open(&old, &r.f);
    client_open(&held_one, &r.f);
    expect_served(&old);
    client_say(&held_one, GET("/hold"));
    r.next = load_other();
    uv_async_send(&r.async);
    usleep(20 * 1000);
    client_open(&new, &r.f);
    assert_int_equal(serial_of(&old), 1);
    assert_int_equal(serial_of(&new), 77);
    expect_served(&old);
    expect_served(&new);
    uv_async_send(&r.f.release);
    expect(&held_one, 200, "GET /hold 0", NULL);
    expect_served(&held_one);
    client_close(&old);
    client_close(&held_one);
    client_close(&new);
    stop(&r.f);
    http_tls_context_release(r.next);
}

/* The control socket stays plain. */
static void test_unix_is_plain(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open_unix(&c, &f);
    expect_served(&c);
    client_close(&c);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_http),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_handshakes),
        cmocka_unit_test(test_dripping),
        cmocka_unit_test(test_spoilt_record),
        cmocka_unit_test(test_spoilt_while_handled),
        cmocka_unit_test(test_sessions_are_counted),
        cmocka_unit_test(test_handshakes_over_the_budget),
        cmocka_unit_test(test_unread_answer),
        cmocka_unit_test(test_pipelining_flood),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_unix_is_plain),
    };
    return cmocka_run_group_tests_name("TLS", tests, set_up_tls, tear_down_tls);
}

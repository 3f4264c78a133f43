/* What is refused, and how the connection ends after it. */
#include "unit/http/fixture.h"

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
        n = client_try_send(&c, str_make(f.big, MIB));
    assert_true(sent < 64 * MIB);
    client_close(&c);
    stop(&f);
}

/* and not in time. */
static void test_linger_is_bounded_in_time(void **state)
{
    struct fixture f;
    struct client c;
    prepare(&f, NULL);
    f.server.after_ms[HTTP_DEADLINE_LINGER] = 50;
    run(&f);
    client_open(&c, &f);
    client_say(&c, "FROB / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&c, 501, NULL, NULL);
    expect_end(&c);
    int64_t begun = clock_monotonic_us();
    while (client_try_send(&c, STR("a")) == 1)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_early),
        cmocka_unit_test(test_refusal_arrives),
        cmocka_unit_test(test_sending_on),
        cmocka_unit_test(test_linger_is_bounded_in_size),
        cmocka_unit_test(test_linger_is_bounded_in_time),
        cmocka_unit_test(test_answer_too_large),
        cmocka_unit_test(test_cut),
    };
    return run_plain_and_tls(tests);
}

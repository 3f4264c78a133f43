/* Requests and their answers. */
#include "unit/http/fixture.h"

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
    };
    return run_plain_and_tls(tests);
}

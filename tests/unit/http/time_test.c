/* Clients that are slow, and clients that leave. */
#include "unit/http/fixture.h"

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

/* Who sent its next request just when its time was up, while the loop was busy, is answered. */
static void test_idle_that_sends_in_time(void **state)
{
    struct fixture f;
    struct client c, busy;
    start(&f, &short_times);
    client_open(&c, &f);
    client_say(&c, GET("/now"));
    expect(&c, 200, "GET /now 0", NULL);
    client_open(&busy, &f);
    client_say(&busy, GET("/sleep"));
    usleep(40 * 1000);
    client_say(&c, GET("/now"));
    expect(&c, 200, "GET /now 0", NULL);
    expect(&busy, 200, NULL, NULL);
    client_close(&c);
    client_close(&busy);
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
    start(&f, &(struct http_timeouts){.write = 1000});
    client_open_unix(&lazy, &f);
    client_open_unix(&slow, &f);
    client_say(&lazy, GET("/big"));
    client_say(&slow, GET("/big"));
    for (int i = 0; i < 25; i++) {
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

/* It is gone when its answer is to be written, and nobody has noticed before. */
static void test_client_leaves_before_its_answer(void **state)
{
    struct fixture f;
    struct client c, other;
    struct linger reset = {.l_onoff = 1};
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/sleep"));
    usleep(50 * 1000);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client_close(&c);
    client_open(&other, &f);
    client_say(&other, GET("/now"));
    expect(&other, 200, NULL, NULL);
    client_close(&other);
    stop(&f);
}

/* Who only ends its own side still gets its answers: `printf ... | nc` does so. */
static void test_half_closed(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, NULL);
    client_open(&c, &f);
    client_say(&c, GET("/later") GET("/now") GET("/hold") "GET /now HT");
    client_end(&c);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_idle_is_renewed),
        cmocka_unit_test(test_idle_that_sends_in_time),
        cmocka_unit_test(test_slow_header),
        cmocka_unit_test(test_handler_is_not_timed),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_write_timeout),
        cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_client_leaves_before_its_answer),
        cmocka_unit_test(test_half_closed),
    };
    return run_plain_and_tls(tests);
}

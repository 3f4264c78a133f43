/* The end of a server. */
#include "unit/http/fixture.h"

static void expect_last(struct client *c, const char *body)
{
    struct answer a;
    expect(c, 200, body, &a);
    assert_non_null(strstr(a.head, "\r\nConnection: close\r\n"));
    expect_end(c);
}

static void test_drain(void **state)
{
    struct fixture f;
    struct client idle, fresh, silent, begun, held, partial;
    start(&f, NULL);
    client_open(&idle, &f);
    client_open(&fresh, &f);
    client_open(&silent, &f);
    client_open(&begun, &f);
    client_open(&held, &f);
    client_open(&partial, &f);
    client_say(&idle, GET("/now"));
    expect(&idle, 200, NULL, NULL);
    client_say(&held, GET("/hold") GET("/now/behind"));
    client_say(&begun, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    client_say(&partial, "GET /no");
    client_say(&idle, GET("/now"));
    expect(&idle, 200, NULL, NULL);
    usleep(20 * 1000);
    uv_async_send(&f.stop);
    usleep(20 * 1000);
    client_say(&idle, GET("/now/last"));
    expect_last(&idle, "GET /now/last 0");
    client_say(&fresh, GET("/now/first"));
    expect_last(&fresh, "GET /now/first 0");
    client_say(&begun, "lo");
    expect_last(&begun, "POST /now 5");
    client_say(&partial, "w HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_last(&partial, "GET /now 0");
    uv_async_send(&f.release);
    expect(&held, 200, "GET /hold 0", NULL);
    expect_last(&held, "GET /now/behind 0");
    expect_end(&silent);
    client_close(&idle);
    client_close(&fresh);
    client_close(&silent);
    client_close(&begun);
    client_close(&held);
    client_close(&partial);
    join(&f);
}

/* The connections of a busy client: a request on each, round after round, while the server drains.
 * Every one is answered, and every connection is told when it was the last. */
static void keep_asking(const struct http_timeouts *timeouts, const char *request, int per_round,
                        bool by_unix)
{
    struct fixture f;
    struct client c[20];
    bool told[ARRAY_LEN(c)] = {false};
    size_t n_told = 0;
    start(&f, timeouts);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        by_unix ? client_open_unix(&c[i], &f) : client_open(&c[i], &f);
    for (int round = 0; n_told < ARRAY_LEN(c); round++) {
        for (size_t i = 0; i < ARRAY_LEN(c); i++) {
            if (round == 10 && i == ARRAY_LEN(c) / 2)
                uv_async_send(&f.stop);
            if (!told[i])
                client_say(&c[i], request);
        }
        for (size_t i = 0; i < ARRAY_LEN(c); i++)
            for (int n = 0; n < per_round && !told[i]; n++) {
                struct answer a;
                expect(&c[i], 200, NULL, &a);
                told[i] = strstr(a.head, "\r\nConnection: close\r\n") != NULL;
                n_told += told[i];
                assert_true(!told[i] || n == per_round - 1);
            }
        usleep(2000);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        expect_end(&c[i]);
        client_close(&c[i]);
    }
    join(&f);
}

static void test_drain_under_load(void **state)
{
    keep_asking(NULL, GET("/now"), 1, false);
    keep_asking(NULL, GET("/later"), 1, false);
    keep_asking(NULL, GET("/now"), 1, true);
    keep_asking(NULL, GET("/later") GET("/now") GET("/now"), 3, false);
}

/* Who has connected while the loop was busy is not known to it yet when the drain begins. */
static void test_drain_with_newcomers(void **state)
{
    struct fixture f;
    struct client busy, c[40];
    start(&f, NULL);
    client_open(&busy, &f);
    client_say(&busy, GET("/sleep-and-stop"));
    usleep(50 * 1000);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        i % 2 ? client_connect(&c[i], &f) : client_open_unix(&c[i], &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        if (i % 2)
            client_shake(&c[i]);
        client_say(&c[i], GET("/now"));
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        expect_last(&c[i], "GET /now 0");
        client_close(&c[i]);
    }
    expect_last(&busy, NULL);
    client_close(&busy);
    join(&f);
}

/* Nobody is there: nothing is waited for. */
static void test_drain_of_nothing(void **state)
{
    struct fixture f;
    struct client c;
    start(&f, &(struct http_timeouts){.drain = 60 * 1000});
    client_open(&c, &f);
    client_say(&c, GET("/now"));
    expect(&c, 200, NULL, NULL);
    uv_async_send(&f.stop);
    usleep(20 * 1000);
    client_close(&c);
    join(&f);
}

/* A handler may ask for the drain itself, before or after its answer. */
static void test_drain_from_a_handler(void **state)
{
    static const char *const requests[] = {GET("/stop"), GET("/answer-and-stop")};
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct fixture f;
        struct client c;
        start(&f, &(struct http_timeouts){.drain = 50});
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
    expect_closed(&idle);
    expect_closed(&held);
    uv_async_send(&f.release); /* the handler still gives its request back */
    join(&f);
    assert_int_equal(f.n_begun, 2);
    assert_true(f.saw_gone);
    client_close(&idle);
    client_close(&held);
    client_close(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_under_load),
        cmocka_unit_test(test_drain_with_newcomers),
        cmocka_unit_test(test_drain_of_nothing),
        cmocka_unit_test(test_drain_from_a_handler),
        cmocka_unit_test(test_drain_while_writing),
        cmocka_unit_test(test_kill),
    };
    return run_plain_and_tls(tests);
}

/* How many connections, and how much of everything: what is over a limit harms nobody else. */
#include "unit/http/fixture.h"

/* --- connections -------------------------------------------------------------------------- */

static void start_limited(struct fixture *f, size_t connections, size_t per_address)
{
    struct http_ledger_limits limits = {.connections = connections, .per_address = per_address};
    prepare(f, NULL);
    f->ledger = http_ledger_new(&limits);
    http_server_set_ledger(&f->server, f->ledger);
    run(f);
}

static void expect_served(struct client *c)
{
    client_say(c, GET("/now"));
    expect(c, 200, "GET /now 0", NULL);
}

/* The connection that has been idle longest makes room; the others stay. */
static void test_full(void **state)
{
    struct fixture f;
    struct client c[4];
    start_limited(&f, 3, 0);
    for (size_t i = 0; i < 3; i++) {
        client_open(&c[i], &f);
        expect_served(&c[i]);
    }
    expect_served(&c[0]);
    client_open(&c[3], &f);
    expect_served(&c[3]);
    expect_closed(&c[1]);
    expect_served(&c[0]);
    expect_served(&c[2]);
    expect_served(&c[3]);
    assert_int_equal(http_ledger_stats(f.ledger).evicted, 1);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    stop(&f);
}

/* Who has begun a request is not closed for another, whatever it waits for. */
static void test_full_of_requests(void **state)
{
    struct fixture f;
    struct client begun, held, body, late, unix_one;
    start_limited(&f, 3, 0);
    client_open(&begun, &f);
    client_open(&held, &f);
    client_open(&body, &f);
    client_say(&begun, "G");
    client_say(&held, GET("/hold"));
    client_say(&body, "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    usleep(50 * 1000);
    client_open(&late, &f);
    expect_closed(&late);
    client_close(&late);
    client_open_unix(&unix_one, &f); /* not counted */
    expect_served(&unix_one);
    client_open(&late, &f); /* ... nor closed for another */
    expect_closed(&late);
    client_close(&late);
    expect_served(&unix_one);
    client_say(&begun, "ET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(&begun, 200, "GET /now 0", NULL);
    client_say(&body, "o");
    expect(&body, 200, "POST /now 5", NULL);
    uv_async_send(&f.release);
    expect(&held, 200, "GET /hold 0", NULL);
    client_close(&held);
    usleep(50 * 1000);
    client_open(&late, &f);
    expect_served(&late);
    assert_int_equal(http_ledger_stats(f.ledger).refused_full, 2);
    client_close(&late);
    client_close(&begun);
    client_close(&body);
    client_close(&unix_one);
    stop(&f);
}

/* One address has its share, and takes nothing of another's. */
static void test_greedy_address(void **state)
{
    struct fixture f;
    struct client mine[2], third, other;
    start_limited(&f, 100, 2);
    for (size_t i = 0; i < ARRAY_LEN(mine); i++) {
        client_open(&mine[i], &f);
        expect_served(&mine[i]);
    }
    client_open(&third, &f);
    expect_closed(&third);
    client_close(&third);
    client_open_as(&other, f.port, 2, 0);
    expect_served(&other);
    expect_served(&mine[0]);
    client_close(&mine[0]);
    usleep(50 * 1000);
    client_open(&third, &f);
    expect_served(&third);
    assert_int_equal(http_ledger_stats(f.ledger).refused_greedy, 1);
    client_close(&mine[1]);
    client_close(&third);
    client_close(&other);
    stop(&f);
}

/* A flood of connections from one address: everybody else is served as ever. */
static void test_flood(void **state)
{
    struct fixture f;
    struct client good;
    start_limited(&f, 1000, 5);
    client_open_as(&good, f.port, 2, 0);
    for (int i = 0; i < 500; i++) {
        struct client c;
        client_open(&c, &f);
        client_close(&c);
        if (i % 50 == 0)
            expect_served(&good);
    }
    expect_served(&good);
    client_close(&good);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_of_requests),
        cmocka_unit_test(test_greedy_address),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

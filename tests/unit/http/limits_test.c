/* How many connections, and how much of everything: what is over a limit harms nobody else. */
#include "unit/http/fixture.h"

#include <sys/resource.h>

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

/* Who has just sent a request, which the loop was too busy to read, is not idle. */
static void test_full_of_unread_requests(void **state)
{
    struct fixture f;
    struct client c[HTTP_EVICT_TRIES + 2], busy, late;
    start_limited(&f, ARRAY_LEN(c) + 1, 0);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_open(&c[i], &f);
        expect_served(&c[i]);
    }
    client_open(&busy, &f);
    client_say(&busy, GET("/sleep"));
    usleep(50 * 1000);
    client_open(&late, &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_say(&c[i], GET("/now"));
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        expect(&c[i], 200, "GET /now 0", NULL);
    expect_closed(&late);
    client_close(&late);
    client_close(&busy);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    stop(&f);
}

/* The process may open no more files: the same is done, or accepting waits for better times. */
static void test_out_of_files(void **state)
{
    struct fixture f;
    struct client idle, late, later;
    struct rlimit before, now;
    start(&f, NULL);
    client_open(&idle, &f);
    expect_served(&idle);
    int fds[2] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = (rlim_t)fds[1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    struct sockaddr_in there = loopback(1, f.port);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&there, sizeof(there)), 0);
    client_take(&late, fds[0]);
    client_say(&late, GET("/hold"));
    expect_closed(&idle); /* it made room */
    usleep(50 * 1000);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&there, sizeof(there)), 0);
    client_take(&later, fds[1]);
    client_say(&later, GET("/now"));
    usleep(50 * 1000); /* none is idle: it has to wait */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect(&later, 200, "GET /now 0", NULL);
    uv_async_send(&f.release);
    expect(&late, 200, "GET /hold 0", NULL);
    client_close(&idle);
    client_close(&late);
    client_close(&later);
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

/* --- memory ------------------------------------------------------------------------------- */

static void start_small(struct fixture *f, size_t memory)
{
    log_set_level(LOG_OFF); /* the server complains */
    prepare(f, NULL);
    http_server_set_memory(&f->server, memory);
    run(f);
}

static size_t held(struct client *c)
{
    struct answer a;
    client_say(c, GET("/memory"));
    expect(c, 200, NULL, &a);
    return strtoul(a.body, NULL, 10);
}

#define ONE_EXCHANGE (48 * KIB) /* more than an ordinary request and its answer take */

/* Whatever a connection did before: idle, it holds nothing. */
static void test_idle_holds_nothing(void **state)
{
    struct fixture f;
    static struct client c[100];
    start(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_open(&c[i], &f);
        if (i % 3 == 0)
            continue;
        expect_served(&c[i]);
        if (i % 3 == 1)
            continue;
        client_say(&c[i], "POST /now/large HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        client_send(&c[i], str_make(f.big, 1000000));
        expect(&c[i], 200, NULL, NULL);
    }
    assert_true(held(&c[0]) <= ONE_EXCHANGE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        expect_served(&c[i]);
        client_close(&c[i]);
    }
    stop(&f);
    assert_int_equal(f.server.held, 0);
}

/* A body that cannot fit is refused before it is sent; all else goes on. */
static void test_body_over_the_budget(void **state)
{
    struct fixture f;
    struct client c, other;
    start_small(&f, MIB);
    client_open(&other, &f);
    client_open(&c, &f);
    client_say(&c, "POST /now/large HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
    expect(&c, 503, NULL, NULL);
    expect_end(&c);
    client_close(&c);
    client_open(&c, &f);
    client_say(&c, "POST /now/large HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client_send(&c, str_make(f.big, 100000));
    expect(&c, 200, "POST /now/large 100000", NULL);
    expect_served(&c);
    expect_served(&other);
    client_close(&c);
    client_close(&other);
    stop(&f);
}

/* Bodies that are sent only in part, each of which would fit: who holds most has to go. */
static void test_bodies_together_over_the_budget(void **state)
{
    struct fixture f;
    struct client c[3], good;
    start_small(&f, 5 * MIB);
    client_open(&good, &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_open(&c[i], &f);
        client_say(&c[i], "POST /now/large HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n");
        usleep(20 * 1000);
    }
    client_send(&c[1], str_make(f.big, 1400000)); /* its buffer has grown to 2 MiB */
    client_send(&c[0], str_make(f.big, 900000));
    usleep(50 * 1000);
    expect_served(&good);
    client_send(&c[2], str_make(f.big, 1300000));
    usleep(50 * 1000);
    assert_true(held(&good) <= 5 * MIB);
    client_send(&c[0], str_make(f.big, 600000));
    expect(&c[0], 200, "POST /now/large 1500000", NULL);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    client_close(&good);
    stop(&f);
    assert_int_equal(f.server.n_shed, 1);
}

/* A request that is being handled stays, whatever it holds: its memory is not ours to take. As long
 * as nothing else can go, no other request is let in. */
static void test_handled_requests_stay(void **state)
{
    struct fixture f;
    struct client c[3], other;
    start_small(&f, 76 * KIB);
    client_open(&other, &f);
    expect_served(&other);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        char request[12 * KIB];
        int n = snprintf(request, sizeof(request),
                         "POST /hold HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "2710\r\n%010000d\r\n0\r\n\r\n",
                         0);
        client_open(&c[i], &f);
        client_send(&c[i], str_make(request, (size_t)n));
        usleep(50 * 1000);
    }
    client_say(&other, GET("/now") GET("/now"));
    expect(&other, 503, NULL, NULL);
    expect(&other, 503, NULL, NULL);
    uv_async_send(&f.release);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        expect(&c[i], 200, "POST /hold 10000", NULL);
        client_close(&c[i]);
    }
    expect_served(&other);
    client_close(&other);
    stop(&f);
    assert_int_equal(f.server.n_shed, 0);
}

/* Who asks for much and reads nothing is closed when it is too much for all. */
static void test_answers_over_the_budget(void **state)
{
    struct fixture f;
    struct client c[8], good;
    struct answer a;
    start_small(&f, 20 * MIB);
    client_open(&good, &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_open_sized(&c[i], &f, 4096);
        client_say(&c[i], GET("/big"));
        usleep(20 * 1000);
        assert_true(held(&good) <= 20 * MIB);
    }
    client_say(&good, GET("/big")); /* who reads gets all of it */
    assert_true(client_take_answer(&good, false, &a));
    assert_int_equal(a.body_len, BIG_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    client_close(&good);
    stop(&f);
    assert_true(f.server.n_shed >= ARRAY_LEN(c) - 3);
}

/* Sends as long as the server reads -> how much that was. */
static size_t pour(struct client *c, const char *request, size_t max)
{
    static char block[64 * KIB];
    size_t sent = 0, each = strlen(request), len = sizeof(block) / each * each;
    for (size_t at = 0; at < len; at += each)
        memcpy(block + at, request, each);
    while (sent < max) {
        struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
        if (poll(&writable, 1, 300) == 0)
            return sent; /* it does not read */
        ssize_t n = send(c->fd, block + sent % len, len - sent % len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return sent;
        sent += (size_t)MAX(n, 0);
    }
    return sent;
}

/* Who pipelines and never reads is not read any more, and costs one answer. */
static void test_pipelining_flood(void **state)
{
    struct fixture f;
    struct client c, good;
    start(&f, NULL);
    client_open(&good, &f);
    client_open_unix(&c, &f); /* small buffers in the kernel */
    assert_true(pour(&c, GET("/big"), 64 * MIB) < 4 * MIB);
    assert_true(held(&good) < 2 * BIG_SIZE + ONE_EXCHANGE);
    expect_served(&good);
    client_close(&c);
    client_close(&good);
    stop(&f);
}

/* The same with small answers: they gather up to HTTP_GATHER_SIZE, no more. */
static void test_pipelining_flood_of_small_ones(void **state)
{
    struct fixture f;
    struct client c, good;
    start(&f, NULL);
    client_open(&good, &f);
    client_open_unix(&c, &f);
    assert_true(pour(&c, GET("/now"), 64 * MIB) < 4 * MIB);
    assert_true(held(&good) < 4 * HTTP_GATHER_SIZE + 2 * ONE_EXCHANGE);
    expect_served(&good);
    client_close(&c);
    client_close(&good);
    stop(&f);
}

/* Header fields without end are refused, and what comes is thrown away. */
static void test_header_flood(void **state)
{
    struct fixture f;
    struct client c, good;
    start(&f, NULL);
    client_open(&good, &f);
    for (int i = 0; i < 5; i++) {
        client_open(&c, &f);
        client_say(&c, "GET /now HTTP/1.1\r\n");
        assert_true(pour(&c, "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                         64 * MIB) < 64 * MIB);
        client_close(&c);
    }
    assert_true(held(&good) <= ONE_EXCHANGE);
    client_close(&good);
    stop(&f);
}

/* Headers that never end hold what has arrived of them, not what could. */
static void test_slow_headers_hold_little(void **state)
{
    struct fixture f;
    static struct client c[200];
    struct client good;
    start(&f, NULL);
    client_open(&good, &f);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_open(&c[i], &f);
        client_say(&c[i], "GET /now HTTP/1.1\r\nHost:");
    }
    usleep(50 * 1000);
    assert_true(held(&good) <= ARRAY_LEN(c) * 8 * KIB + ONE_EXCHANGE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        client_close(&c[i]);
    client_close(&good);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_of_requests),
        cmocka_unit_test(test_full_of_unread_requests),
        cmocka_unit_test(test_out_of_files),
        cmocka_unit_test(test_greedy_address),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_idle_holds_nothing),
        cmocka_unit_test(test_body_over_the_budget),
        cmocka_unit_test(test_bodies_together_over_the_budget),
        cmocka_unit_test(test_handled_requests_stay),
        cmocka_unit_test(test_answers_over_the_budget),
        cmocka_unit_test(test_pipelining_flood),
        cmocka_unit_test(test_pipelining_flood_of_small_ones),
        cmocka_unit_test(test_header_flood),
        cmocka_unit_test(test_slow_headers_hold_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

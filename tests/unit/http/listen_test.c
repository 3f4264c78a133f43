/* Where a server listens. */
#include "unit/http/fixture.h"

#include <fcntl.h>

/* --- addresses ---------------------------------------------------------------------------- */

static void run_closed(uv_loop_t *loop, struct http_server *s)
{
    http_server_kill(s);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void test_listen_addresses(void **state)
{
    static const struct {
        const char *address;
        enum err want;
    } cases[] = {
        {"127.0.0.1:0", ERR_OK},
        {":0", ERR_OK},
        {"0.0.0.0:0", ERR_OK},
        {"", ERR_USAGE},
        {"127.0.0.1", ERR_USAGE},
        {":", ERR_USAGE},
        {":65536", ERR_USAGE},
        {":-1", ERR_USAGE},
        {":080", ERR_USAGE},
        {"localhost:0", ERR_USAGE},
        {"::1:0", ERR_USAGE},
        {"[::1:0", ERR_USAGE},
        {"[]:0", ERR_USAGE},
        {"[:0", ERR_USAGE},
        {"1.2.3:0", ERR_USAGE},
        {"192.0.2.1:0", ERR_IO}, /* not ours: RFC 5737 */
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:0", ERR_USAGE},
    };
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int port = 0;
        error_init(&error, &arena);
        enum err e = http_server_listen(&s, str_from(cases[i].address), &port, &error);
        if (e != cases[i].want)
            fail_msg("%s: %d (%.*s)", cases[i].address, e, STR_FMT(error.message));
        assert_int_equal(port > 0, e == ERR_OK);
        assert_int_equal(http_address_is_valid(str_from(cases[i].address)), e != ERR_USAGE);
        assert_int_equal(error.message.len > 0, e != ERR_OK);
    }
    run_closed(&loop, &s);
    arena_release(&arena);
}

/* Each loop has its own listener on one port; nobody else has one there. */
static void test_listen_twice(void **state)
{
    uv_loop_t loop;
    struct http_server one, two;
    struct arena arena;
    struct error error;
    int port;
    char address[64], everywhere[64];
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&one, &loop, &hooks, NULL, NULL);
    http_server_init(&two, &loop, &hooks, NULL, NULL);
    assert_int_equal(http_server_listen(&one, STR("127.0.0.1:0"), &port, &error), ERR_OK);
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    snprintf(everywhere, sizeof(everywhere), ":%d", port);
    assert_int_equal(http_server_listen(&two, str_from(address), NULL, &error), ERR_BUSY);
    assert_int_equal(http_server_listen(&two, str_from(everywhere), NULL, &error), ERR_BUSY);
    assert_int_equal(http_server_join(&two, STR("127.0.0.1:0"), port, &error), ERR_OK);
    http_server_kill(&one);
    run_closed(&loop, &two);
    arena_release(&arena);
}

static void test_listen_unix_paths(void **state)
{
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    char folder[] = "/tmp/hudhud-http-XXXXXX", path[64], file[64], far[200];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    snprintf(file, sizeof(file), "%s/file", folder);
    snprintf(far, sizeof(far), "%s/%0150d", folder, 0);
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);

    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof(a)), 0);
    close(stale);
    assert_int_equal(http_server_listen_unix(&s, path, &error), ERR_OK);
    assert_int_equal(http_server_listen_unix(&s, path, &error), ERR_BUSY);

    FILE *made = fopen(file, "w");
    fclose(made);
    assert_int_equal(http_server_listen_unix(&s, file, &error), ERR_CONFLICT);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(http_server_listen_unix(&s, far, &error), ERR_USAGE);
    snprintf(far, sizeof(far), "%s/no/where", folder);
    assert_int_equal(http_server_listen_unix(&s, far, &error), ERR_IO);

    run_closed(&loop, &s);
    assert_int_equal(access(path, F_OK), -1);
    unlink(file);
    rmdir(folder);
    arena_release(&arena);
}

/* --- sockets handed over ------------------------------------------------------------------ */

/* Bound, and listening if `listens`; as systemd would hand it over. */
static int bound_socket(bool listens)
{
    struct sockaddr_in a = loopback(1, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    if (listens)
        assert_int_equal(listen(fd, 10), 0);
    return fd;
}

static int abstract_unix_socket(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)), 0);
    assert_int_equal(listen(fd, 10), 0);
    return fd;
}

static void adopt(struct fixture *f, int fd, int *ret_port)
{
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    if (http_server_adopt(&f->server, fd, ret_port, &error))
        fail_msg("%.*s", STR_FMT(error.message));
    arena_release(&arena);
}

/* One server after the other has a copy of the socket: who connects while none runs is answered by
 * the next one. */
static void test_adopt(void **state)
{
    struct client c, waiting;
    struct fixture f;
    int fd = bound_socket(false), port = 0;
    for (int round = 0; round < 3; round++) {
        prepare(&f, NULL);
        adopt(&f, dup(fd), &port);
        assert_true(port > 0);
        run(&f);
        if (round > 0) {
            expect(&waiting, 200, "GET /now 0", NULL);
            client_close(&waiting);
        }
        client_open_as(&c, port, 1, 0);
        client_say(&c, GET("/sleep-and-stop"));
        usleep(50 * 1000);
        client_open_as(&waiting, port, 1, 0); /* in the kernel's queue when the drain begins */
        client_say(&waiting, GET("/now"));
        expect(&c, 200, NULL, NULL);
        expect_end(&c);
        client_close(&c);
        join(&f);
    }
    client_close(&waiting);
    close(fd);
}

/* Who joins, by an address that is none, or where another program listens. */
static void test_join_where_nobody_can(void **state)
{
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    int other = bound_socket(true);
    assert_int_equal(getsockname(other, (struct sockaddr *)&a, &len), 0);
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);
    assert_int_equal(http_server_join(&s, STR("nowhere"), 80, &error), ERR_USAGE);
    assert_int_equal(http_server_join(&s, STR("127.0.0.1:0"), ntohs(a.sin_port), &error), ERR_BUSY);
    run_closed(&loop, &s);
    close(other);
    arena_release(&arena);
}

/* By a unix socket the API would take everybody for an administrator. */
static void test_adopt_what_is_no_listener(void **state)
{
    uv_loop_t loop;
    struct http_server s;
    struct arena arena;
    struct error error;
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0), ends[2], pair[2];
    int listens = abstract_unix_socket();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    uv_loop_init(&loop);
    http_server_init(&s, &loop, &hooks, NULL, NULL);
    assert_int_equal(http_server_adopt(&s, -1, NULL, &error), ERR_USAGE);
    assert_int_equal(http_server_adopt(&s, datagrams, NULL, &error), ERR_USAGE);
    assert_int_equal(http_server_adopt(&s, ends[0], NULL, &error), ERR_USAGE);
    assert_int_equal(http_server_adopt(&s, pair[0], NULL, &error), ERR_USAGE);
    assert_int_equal(http_server_adopt(&s, listens, NULL, &error), ERR_USAGE);
    assert_int_equal(fcntl(datagrams, F_GETFD), -1); /* closed, as promised */
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_int_equal(fcntl(listens, F_GETFD), -1);
    close(ends[1]);
    close(pair[1]);
    run_closed(&loop, &s);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_addresses),
        cmocka_unit_test(test_listen_twice),
        cmocka_unit_test(test_listen_unix_paths),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_join_where_nobody_can),
        cmocka_unit_test(test_adopt_what_is_no_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

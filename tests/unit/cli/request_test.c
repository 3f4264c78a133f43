/* Requests against a server that says what it is told to, a piece at a time, and then nothing. */
#include "cli/request.h"

#include "base/clock.h"
#include "unit/base/test.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STREAM_HEADER "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
#define LIMIT_MS      300

static char socket_path[] = "/tmp/hudhud-request-test-XXXXXX/socket";
static int listener = -1;

struct script {
    const char *pieces[4]; /* NULL ends them */
    bool stay;             /* says no more, and does not close */
};

static void *serve(void *arg)
{
    const struct script *script = arg;
    char request[4096];
    int fd = accept(listener, NULL, NULL);
    ssize_t n = fd < 0 ? -1 : read(fd, request, sizeof(request));
    for (size_t i = 0; n > 0 && script->pieces[i]; i++) {
        n = write(fd, script->pieces[i], strlen(script->pieces[i]));
        usleep(20000);
    }
    while (n > 0 && script->stay)
        n = read(fd, request, sizeof(request));
    closep(&fd);
    return NULL;
}

struct taken {
    struct buf text;
    size_t parts, begun;
    size_t enough; /* parts after which it takes no more; 0: takes all */
};

static void begin(void *arg, const struct response *r)
{
    struct taken *t = arg;
    t->begun++;
    assert_int_equal(r->status, 200);
    assert_true(str_ends(buf_str(&r->header), STR("\r\n\r\n")));
}

static bool take(void *arg, struct str bytes)
{
    struct taken *t = arg;
    buf_add(&t->text, bytes);
    t->parts++;
    return t->parts != t->enough;
}

struct run {
    struct response response;
    struct taken taken;
    struct arena arena;
    struct error error;
    enum err err;
};

static void ask(struct run *r, const struct script *script, long timeout_ms, int stop_fd)
{
    pthread_t thread;
    size_t enough = r->taken.enough;
    *r = (struct run){.taken.enough = enough};
    arena_init(&r->arena, MIB);
    error_init(&r->error, &r->arena);
    response_init(&r->response);
    buf_init(&r->taken.text, MIB);
    const struct request_stream stream = {begin, take, &r->taken, stop_fd, LIMIT_MS};
    const struct request request = {
        .method = "GET",
        .url = "http://localhost/events",
        .unix_socket = socket_path,
        .timeout_ms = timeout_ms,
        .stream = &stream,
    };
    assert_int_equal(pthread_create(&thread, NULL, serve, (void *)script), 0);
    r->err = request_run(&request, &r->response, &r->error);
    pthread_join(thread, NULL);
}

static void run_release(struct run *r)
{
    response_release(&r->response);
    buf_release(&r->taken.text);
    arena_release(&r->arena);
}

static void test_a_stream_comes_as_it_comes(void **state)
{
    const struct script script = {{STREAM_HEADER "a", "b", "c"}, false};
    struct run r = {0};
    ask(&r, &script, 10000, -1);
    assert_int_equal(r.err, ERR_OK);
    assert_true(r.response.streamed);
    assert_int_equal(r.taken.begun, 1);
    assert_true(r.taken.parts >= 2);
    assert_str(buf_str(&r.taken.text), "abc");
    assert_int_equal(r.response.body.len, 0);
    run_release(&r);
}

static void test_another_answer_is_kept(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        "HTTP/1.1 409 Conflict\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        const struct script script = {{heads[i], "{}"}, false};
        struct run r = {0};
        ask(&r, &script, 10000, -1);
        assert_int_equal(r.err, ERR_OK);
        assert_false(r.response.streamed);
        assert_int_equal(r.taken.begun, 0);
        assert_str(buf_str(&r.response.body), "{}");
        run_release(&r);
    }
}

/* What comes of a stream starts the silence anew; there is no time in which it has to end. */
static void test_silence(void **state)
{
    const struct script script = {{STREAM_HEADER, ": \n\n", ": \n\n"}, true};
    const struct script silent = {{NULL}, true};
    struct run r = {0};
    ask(&r, &silent, 50, -1);
    assert_int_equal(r.err, ERR_UNAVAILABLE);
    assert_false(r.response.streamed);
    assert_true(str_starts(r.error.message, STR("no answer came")));
    run_release(&r);
    int64_t begun = clock_monotonic_us();
    ask(&r, &script, 250, -1);
    int64_t took_ms = (clock_monotonic_us() - begun) / 1000;
    assert_int_equal(r.err, ERR_UNAVAILABLE);
    assert_true(r.response.streamed);
    assert_true(str_starts(r.error.message, STR("nothing came for")));
    assert_true(took_ms >= LIMIT_MS && took_ms < 10000);
    assert_str(buf_str(&r.taken.text), ": \n\n: \n\n");
    run_release(&r);
}

static void test_stopped_from_here(void **state)
{
    const struct script script = {{STREAM_HEADER "a", "b"}, true};
    struct run r = {.taken.enough = 1};
    ask(&r, &script, 10000, -1);
    assert_int_equal(r.err, ERR_CLOSED);
    assert_str(buf_str(&r.taken.text), "a");
    run_release(&r);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    r = (struct run){0};
    const struct script silent = {{NULL}, true}; /* also before there is an answer */
    ask(&r, &silent, 10000, ends[0]);
    assert_int_equal(r.err, ERR_CLOSED);
    assert_false(r.response.streamed);
    run_release(&r);
    close(ends[0]);
    close(ends[1]);
}

static void test_cut(void **state)
{
    const struct script script = {{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n",
                                   "2\r\nab\r\n"},
                                  false};
    struct run r = {0};
    ask(&r, &script, 10000, -1);
    assert_int_equal(r.err, ERR_UNAVAILABLE);
    assert_true(r.response.streamed);
    assert_true(r.error.message.len > 0);
    assert_str(buf_str(&r.taken.text), "ab");
    run_release(&r);
}

static int listen_there(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *slash = strrchr(socket_path, '/');
    *slash = '\0';
    if (!mkdtemp(socket_path))
        return -1;
    *slash = '/';
    memcpy(address.sun_path, socket_path, sizeof(socket_path));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1);
}

static int remove_all(void **state)
{
    close(listener);
    unlink(socket_path);
    *strrchr(socket_path, '/') = '\0';
    return rmdir(socket_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_comes_as_it_comes),
        cmocka_unit_test(test_another_answer_is_kept),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_stopped_from_here),
        cmocka_unit_test(test_cut),
    };
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, listen_there, remove_all);
    curl_global_cleanup();
    return failed;
}

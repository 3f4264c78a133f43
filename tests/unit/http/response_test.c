#include "http/response.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct http_response_frame plain = {
    .id = "req_abcdefghijklmnopqrstuvwx",
    .date = "Sun, 06 Nov 1994 08:49:37 GMT",
};

static void assert_written(const struct http_response *response,
                           const struct http_response_frame *frame, const char *want)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 64 * KIB);
    buf_add(&out, STR("before|"));
    assert_true(http_response_write(&out, response, frame));
    struct str got = str_make(out.ptr + 7, out.len - 7);
    if (!str_eq(got, str_from(want)))
        fail_msg("got\n%.*s", STR_FMT(got));
}

static void test_exact_bytes(void **state)
{
    struct http_response response = {
        .status = 201, .content_type = STR("application/json"), .body = STR("{}")};
    http_response_add(&response, STR("X-API-Version"), STR("v1"));
    assert_written(&response, &plain,
                   "HTTP/1.1 201 Created\r\n"
                   "Content-Type: application/json\r\n"
                   "Content-Length: 2\r\n"
                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "X-Request-Id: req_abcdefghijklmnopqrstuvwx\r\n"
                   "X-API-Version: v1\r\n"
                   "\r\n{}");
}

static void test_connection_field(void **state)
{
    struct http_response response = {.status = 404};
    struct http_response_frame frame = plain;
    frame.keep_alive = true;
    assert_written(&response, &frame,
                   "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "X-Request-Id: req_abcdefghijklmnopqrstuvwx\r\n"
                   "Connection: keep-alive\r\n\r\n");
    frame.close = true;
    assert_written(&response, &frame,
                   "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "X-Request-Id: req_abcdefghijklmnopqrstuvwx\r\n"
                   "Connection: close\r\n\r\n");
}

/* RFC 9112 §4: the reason may be empty, its blank may not. */
static void test_unknown_status(void **state)
{
    struct http_response response = {.status = 299};
    assert_written(&response, &plain,
                   "HTTP/1.1 299 \r\nContent-Length: 0\r\n"
                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "X-Request-Id: req_abcdefghijklmnopqrstuvwx\r\n\r\n");
}

static void test_every_error_has_a_reason(void **state)
{
    for (int e = 1; e < ERR_COUNT; e++) {
        _cleanup_(buf_release)
        struct buf out;
        buf_init(&out, 64 * KIB);
        struct http_response response = {.status = err_status((enum err)e)};
        assert_true(http_response_write(&out, &response, &plain));
        if (out.ptr[13] == '\r')
            fail_msg("%d has no reason", response.status);
    }
}

static void test_does_not_fit(void **state)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 300);
    struct http_response response = {.status = 200, .body = STR("twelve bytes")};
    assert_true(http_response_write(&out, &response, &plain));
    size_t len = out.len;
    assert_false(http_response_write(&out, &response, &plain));
    assert_int_equal(out.len, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_bytes),    cmocka_unit_test(test_connection_field),
        cmocka_unit_test(test_unknown_status), cmocka_unit_test(test_every_error_has_a_reason),
        cmocka_unit_test(test_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

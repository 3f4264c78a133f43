#include "cli/call.h"

#include "base/limits.h"
#include "unit/base/test.h"

static void assert_line(const struct call_request *call, const char *expected)
{
    _cleanup_(buf_release)
    struct buf line;
    buf_init(&line, CLI_LINE_MAX);
    call_write_curl(call, &line);
    buf_add_char(&line, '\0');
    assert_true(buf_ok(&line));
    assert_string_equal(line.ptr, expected);
}

static void assert_quoted(struct str word, const char *expected)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, CLI_LINE_MAX);
    shell_quote(word, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
}

static void test_quoting(void **state)
{
    assert_quoted(STR("plain-word_1.0/x"), "plain-word_1.0/x");
    assert_quoted(STR(""), "''");
    assert_quoted(STR("a b"), "'a b'");
    assert_quoted(STR("it's"), "'it'\\''s'");
    assert_quoted(STR("$(rm) `x` \"y\" \\ !"), "'$(rm) `x` \"y\" \\ !'");
    assert_quoted(STR("~root"), "'~root'");
    assert_quoted(STR("a\nb"), "'a\nb'");
    assert_quoted(STR("\xD9\x85"), "'\xD9\x85'");
}

static void test_lines(void **state)
{
    const char *headers[] = {"Accept: application/json"};
    struct call_request call = {
        .method = "GET", .url = "http://h/x", .headers = headers, .n_headers = 1};
    assert_line(&call, "curl -sS -H 'Accept: application/json' http://h/x\n");
    call.method = "HEAD";
    assert_line(&call, "curl -sS --head -H 'Accept: application/json' http://h/x\n");
    call.method = "DELETE";
    call.n_headers = 0;
    call.url = "http://h/a/../[b]?c={d}";
    assert_line(&call, "curl -sS --globoff --path-as-is -X DELETE 'http://h/a/../[b]?c={d}'\n");
}

static void test_bodies(void **state)
{
    struct call_request call = {
        .method = "POST", .url = "http://h/x", .has_body = true, .body = STR("@{\"a\":\"it's\"}")};
    assert_line(&call, "curl -sS --data-raw '@{\"a\":\"it'\\''s\"}' http://h/x\n");
    call.method = "PATCH";
    call.body = STR("");
    assert_line(&call, "curl -sS -X PATCH --data-raw '' http://h/x\n");
    call.body_file = "my file";
    assert_line(&call, "curl -sS -X PATCH --data-binary @'my file' http://h/x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

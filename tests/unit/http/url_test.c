#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int make_arena(void **state)
{
    arena_init(&arena, 64 * KIB);
    return 0;
}

static int free_arena(void **state)
{
    arena_release(&arena);
    return 0;
}

static void assert_str(struct str got, const char *want)
{
    assert_non_null(got.ptr);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void test_decode(void **state)
{
    assert_str(http_url_decode(STR(""), false, &arena), "");
    assert_str(http_url_decode(STR("plain-text_~."), false, &arena), "plain-text_~.");
    assert_str(http_url_decode(STR("a%20b%2Fc%2fd"), false, &arena), "a b/c/d");
    assert_str(http_url_decode(STR("a+b%2B"), false, &arena), "a+b+");
    assert_str(http_url_decode(STR("a+b%2B"), true, &arena), "a b+");
    assert_str(http_url_decode(STR("%D9%87"), false, &arena), "\xd9\x87");
    assert_str(http_url_decode(STR("%25%34%31"), false, &arena), "%41"); /* once, not twice */
}

static void test_decode_malformed(void **state)
{
    static const struct str malformed[] = {
        STR_INIT("%"),   STR_INIT("%4"),        STR_INIT("a%"),     STR_INIT("%g1"),
        STR_INIT("%1g"), STR_INIT("%+1"),       STR_INIT("%00"),    STR_INIT("a\0b"),
        STR_INIT("%ff"), STR_INIT("%C3"),       STR_INIT("%c0%80"), STR_INIT("\xff"),
        STR_INIT("%-1"), STR_INIT("%ed%a0%80"), STR_INIT("% 1"),    STR_INIT("%%41"),
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
        if (http_url_decode(malformed[i], true, &arena).ptr)
            fail_msg("%s was decoded", malformed[i].ptr);
}

static void test_decode_without_room(void **state)
{
    struct arena small;
    arena_init(&small, 16);
    assert_null(http_url_decode(STR("0123456789abcdefg"), false, &small).ptr);
    assert_str(http_url_decode(STR("0123456789abcdef"), false, &small), "0123456789abcdef");
    arena_release(&small);
}

static void test_encode(void **state)
{
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 1000);
    http_url_encode(STR("aZ09-._~ /?&=+%\xd9\x87"), &out);
    assert_str(buf_str(&out), "aZ09-._~%20%2F%3F%26%3D%2B%25%D9%87");
}

/* Every code point below U+0800 but NUL, there and back. */
static void test_round_trip(void **state)
{
    for (unsigned point = 1; point < 0x800; point++) {
        char text[2] = {(char)point, 0};
        size_t len = 1;
        if (point >= 0x80) {
            text[0] = (char)(0xc0 | point >> 6);
            text[1] = (char)(0x80 | (point & 0x3f));
            len = 2;
        }
        _cleanup_(buf_release)
        struct buf out;
        buf_init(&out, 1000);
        http_url_encode(str_make(text, len), &out);
        for (int form = 0; form < 2; form++)
            assert_true(str_eq(http_url_decode(buf_str(&out), form, &arena), str_make(text, len)));
    }
}

static const struct {
    const char *query;
    enum err err;
    const char *value; /* of "a"; NULL: absent */
} queries[] = {
    {"", ERR_OK, NULL},
    {"?", ERR_OK, NULL},
    {"?a=1", ERR_OK, "1"},
    {"a=1", ERR_OK, "1"},
    {"?b=2&a=1&c=3", ERR_OK, "1"},
    {"?a=1&a=2", ERR_OK, "1"},
    {"?a", ERR_OK, ""},
    {"?a=", ERR_OK, ""},
    {"?a&a=1", ERR_OK, ""},
    {"?a=x=y", ERR_OK, "x=y"},
    {"?a=x+y%20z%26", ERR_OK, "x y z&"},
    {"?%61=1", ERR_OK, "1"},
    {"?aa=1&A=2&=3&&", ERR_OK, NULL},
    {"??a=1", ERR_OK, NULL},
    {"?a=%", ERR_BAD_REQUEST, NULL},
    {"?a=%ff", ERR_BAD_REQUEST, NULL},
    {"?a=%00", ERR_BAD_REQUEST, NULL},
    {"?%=1&a=1", ERR_BAD_REQUEST, NULL},
    {"?b=%&a=1", ERR_OK, "1"},
};

static void test_query(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct str value = STR("untouched");
        enum err e = http_query_get(str_from(queries[i].query), "a", &arena, &value);
        if (e != queries[i].err)
            fail_msg("%s: %d", queries[i].query, e);
        if (e)
            assert_str(value, "untouched");
        else if (queries[i].value)
            assert_str(value, queries[i].value);
        else
            assert_null(value.ptr);
    }
}

static void test_split(void **state)
{
    static const struct {
        const char *url, *host, *path, *query;
        bool secure;
    } good[] = {
        {"https://example.com", "example.com", "/", "", true},
        {"http://example.com/", "example.com", "/", "", false},
        {"HTTPS://Example.com:8443/a/b?c=d", "Example.com:8443", "/a/b", "?c=d", true},
        {"http://example.com?c=/d?e", "example.com", "/", "?c=/d?e", false},
        {"http://example.com/?", "example.com", "/", "?", false},
        {"http://[::1]:80/%D9%87", "[::1]:80", "/%D9%87", "", false},
        {"https://[2001:db8::1]", "[2001:db8::1]", "/", "", true},
        {"https://example.com:65535/", "example.com:65535", "/", "", true},
        {"https://example.com:/", "example.com:", "/", "", true},
        {"https://[::1]:/", "[::1]:", "/", "", true},
        {"http://xn--mgbh0fb.example/@a:b", "xn--mgbh0fb.example", "/@a:b", "", false},
    };
    static const char *const bad[] = {
        "",
        "example.com",
        "//example.com/",
        "http:/example.com/",
        "http://",
        "https://",
        "http:///path",
        "http://?query",
        "http://:80/",
        "http://:/",
        "http://example.com:70000/",
        "http://example.com:65536/",
        "http://example.com:0/",
        "http://example.com:0443/",
        "http://example.com:-1/",
        "http://example.com:+1/",
        "http://example.com:99999999999999999999/",
        "http://example.com:80:80/",
        "http://example.com:http/",
        "http://[::1/",
        "http://[::1",
        "http://[]/",
        "http://[]:80/",
        "http://[127.0.0.1]/",
        "http://[example.com]/",
        "http://[::1]x/",
        "http://[::1]80/",
        "http://[::1]:0/",
        "http://[[::1]]/",
        "http://::1/",
        "http://2001:db8::1/",
        "http://::1]/",
        "http://a[::1]/",
        "http://a]/",
        "http://[fe80::1%25eth0]/",
        "ftp://example.com/",
        "httpss://example.com/",
        " http://example.com/",
        "http://example.com/a b",
        "http://example.com/\t",
        "http://example.com/\x7f",
        "http://example.com/#fragment",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com\\@other.example/",
        "http://\xd9\x87\xd8\xaf.example/",
        "http://example.com/\xd9\x87",
        "http://example.com/{id}",
    };
    struct http_url u;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!http_url_split(str_from(good[i].url), &u))
            fail_msg("not taken: '%s'", good[i].url);
        assert_str(u.host, good[i].host);
        assert_str(u.path, good[i].path);
        assert_true(str_eq(u.query, str_from(good[i].query)));
        assert_int_equal(u.secure, good[i].secure);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (http_url_split(str_from(bad[i]), &u))
            fail_msg("taken: '%s'", bad[i]);
    assert_false(http_url_split(str_make("http://a/\0b", 11), &u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test_setup_teardown(test_decode, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_decode_malformed, make_arena, free_arena),
        cmocka_unit_test(test_decode_without_room),
        cmocka_unit_test(test_encode),
        cmocka_unit_test_setup_teardown(test_round_trip, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_query, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The policy around llhttp (style.md), a line of it a test: raw bytes in, a request or a refusal
 * out. Each request is fed whole, and cut in two at every byte, and byte by byte: always the same
 * end. */
#include "http/parser.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct subject {
    struct http_request request;
    struct http_parser parser;
};

static void subject_init(struct subject *s)
{
    memset(&s->request, 0xa5, sizeof(s->request)); /* what is read must have been written */
    arena_init(&s->request.arena, REQUEST_ARENA_MAX);
    http_parser_init(&s->parser, &s->request);
}

static void subject_release(struct subject *s)
{
    http_parser_release(&s->parser);
    arena_release(&s->request.arena);
}

static void feed(struct subject *s, struct str bytes)
{
    assert_true(bytes.len <= http_parser_room(&s->parser));
    http_parser_feed(&s->parser, bytes);
}

#define TEST_BODY_MAX 64

/* Parses on, accepting what is asked. */
static enum http_parser_event go_on(struct subject *s)
{
    enum http_parser_event e = http_parser_next(&s->parser);
    if (e == PARSER_HEAD) {
        http_parser_accept(&s->parser, TEST_BODY_MAX);
        e = http_parser_next(&s->parser);
    }
    return e;
}

/* 200: complete; 0: not complete; else the status of the refusal. */
static int outcome(const struct subject *s, enum http_parser_event e)
{
    if (e == PARSER_REFUSED)
        return err_status(s->parser.err);
    return e == PARSER_COMPLETE ? 200 : 0;
}

/* Feeds `bytes` in pieces that end at `cut`, at twice `cut`, ... */
static int outcome_cut(struct subject *s, struct str bytes, size_t cut)
{
    int status = 0;
    while (bytes.len && status == 0) {
        size_t n = MIN(bytes.len, cut);
        feed(s, str_make(bytes.ptr, n));
        bytes = str_skip(bytes, n);
        status = outcome(s, go_on(s));
    }
    return status;
}

static int outcome_two(struct subject *s, struct str bytes, size_t at)
{
    feed(s, str_make(bytes.ptr, at));
    int status = outcome(s, go_on(s));
    if (status)
        return status;
    feed(s, str_skip(bytes, at));
    return outcome(s, go_on(s));
}

/* The next case is tried even when one fails. */
static int failures;

static void compare(const struct subject *s, const char *name, int got, int want, size_t cut)
{
    if (got == want)
        return;
    failures++;
    print_error("%s: %d instead of %d, cut at %zu (%s)\n", name, got, want, cut,
                s->parser.why ? s->parser.why : "no reason");
}

static void check(const char *name, struct str bytes, int want)
{
    for (size_t at = 0; at <= bytes.len; at += bytes.len > 2000 ? 97 : 1) {
        struct subject s;
        subject_init(&s);
        int got = outcome_two(&s, bytes, at);
        compare(&s, name, got, want, at);
        subject_release(&s);
    }
    for (size_t cut = 1; cut < 8; cut++) {
        struct subject s;
        subject_init(&s);
        int got = outcome_cut(&s, bytes, cut);
        compare(&s, name, got, want, cut);
        subject_release(&s);
    }
}

#define HOST "Host: a\r\n"

static const struct {
    const char *name;
    struct str bytes;
    int status;
} cases[] = {
    /* lawful */
    {"get", STR_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"get, query", STR_INIT("GET /a/b?c=%20&d HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"absolute-form", STR_INIT("GET HTTP://A/b?c HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"absolute-form, without Host", STR_INIT("GET http://a:8/ HTTP/1.0\r\n\r\n"), 200},
    {"put", STR_INIT("PUT / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"patch", STR_INIT("PATCH / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"delete", STR_INIT("DELETE / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"head", STR_INIT("HEAD / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"options", STR_INIT("OPTIONS / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"length", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"), 200},
    {"length 0", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200},
    {"chunks",
     STR_INIT("POST / HTTP/1.1\r\n" HOST
              "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
     200},
    {"Chunked",
     STR_INIT("POST / HTTP/1.1\r\n" HOST
              "transfer-ENCODING:\t Chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
     200},
    {"chunk extension, trailer",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
              "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\nX-Sum: 1\r\n\r\n"),
     200},
    {"one empty line before", STR_INIT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 200},
    {"an empty Host", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 200},
    {"an empty value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X:\r\nY: \t \r\n\r\n"), 200},
    {"a value beyond ASCII", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: \xd9\x87\r\n\r\n"), 200},
    {"1.0 without Host", STR_INIT("GET / HTTP/1.0\r\n\r\n"), 200},
    {"unfinished", STR_INIT("GET / HTTP/1.1\r\n" HOST), 0},
    {"unfinished body", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhello"), 0},

    /* exactly one Host */
    {"no Host", STR_INIT("GET / HTTP/1.1\r\nX: y\r\n\r\n"), 400},
    {"two Hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), 400},
    {"two equal Hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
    {"two Hosts, 1.0", STR_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400},
    {"a blank in Host", STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
    {"a path in Host", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
    {"a user in Host", STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400},

    /* no obs-fold, no blank before the colon, no odd names and values */
    {"obs-fold", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n"), 400},
    {"obs-fold, tab", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: y\r\n\tz\r\n\r\n"), 400},
    {"obs-fold at once", STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
    {"obs-fold of nothing", STR_INIT("GET / HTTP/1.1\r\n" HOST "X:\r\n y\r\n\r\n"), 400},
    {"blank before colon", STR_INIT("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400},
    {"tab before colon", STR_INIT("GET / HTTP/1.1\r\n" HOST "X\t: a\r\n\r\n"), 400},
    {"blank before colon of a length",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello"), 400},
    {"no colon", STR_INIT("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n"), 400},
    {"no name", STR_INIT("GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n"), 400},
    {"NUL in a name", STR_INIT("GET / HTTP/1.1\r\n" HOST "X\0Y: z\r\n\r\n"), 400},
    {"NUL in a value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400},
    {"control character in a value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"), 400},
    {"DEL in a value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"), 400},
    {"escape in a value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: \x1b[1m\r\n\r\n"), 400},
    {"NUL in a Connection", STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: a\0\r\n\r\n"), 400},
    {"brackets in a name", STR_INIT("GET / HTTP/1.1\r\n" HOST "X(y): z\r\n\r\n"), 400},
    {"a name beyond ASCII", STR_INIT("GET / HTTP/1.1\r\n" HOST "X\xc3\xa9: z\r\n\r\n"), 400},

    /* line ends are CR LF */
    {"bare LF, request line", STR_INIT("GET / HTTP/1.1\n" HOST "\r\n"), 400},
    {"bare LF, header", STR_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400},
    {"bare LF, end", STR_INIT("GET / HTTP/1.1\r\n" HOST "\n"), 400},
    {"bare CR, header", STR_INIT("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"), 400},
    {"bare CR, value", STR_INIT("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"), 400},
    {"bare CR, end", STR_INIT("GET / HTTP/1.1\r\n" HOST "\rX"), 400},
    {"bare LF first", STR_INIT("\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"bare CR first", STR_INIT("\rGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"two empty lines first", STR_INIT("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},

    /* versions */
    {"0.9, simple", STR_INIT("GET /\r\n"), 505},
    {"0.9, simple, with fields", STR_INIT("GET /\r\n" HOST "\r\n"), 505},
    {"0.9, simple, with a request behind", STR_INIT("GET /\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
     505},
    {"0.9, simple, and an empty line", STR_INIT("GET /\r\n\r\n"), 505},
    {"0.9, said", STR_INIT("GET / HTTP/0.9\r\n" HOST "\r\n"), 505},
    {"1.2", STR_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"), 505},
    {"1.9", STR_INIT("GET / HTTP/1.9\r\n" HOST "\r\n"), 505},
    {"2.0", STR_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
    {"3.0", STR_INIT("GET / HTTP/3.0\r\n" HOST "\r\n"), 505},
    {"2.0, preface", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {"1.10", STR_INIT("GET / HTTP/1.10\r\n" HOST "\r\n"), 400},
    {"version with a blank", STR_INIT("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400},
    {"another protocol", STR_INIT("GET / RTSP/1.0\r\n" HOST "\r\n"), 400},
    {"in lower case", STR_INIT("GET / http/1.1\r\n" HOST "\r\n"), 400},

    /* methods */
    {"unknown", STR_INIT("FROB / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"in lower case", STR_INIT("get / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"longer", STR_INIT("GETX / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"TRACE", STR_INIT("TRACE / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"CONNECT", STR_INIT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"of another protocol", STR_INIT("DESCRIBE / RTSP/1.0\r\n\r\n"), 501},
    {"of WebDAV", STR_INIT("PROPFIND / HTTP/1.1\r\n" HOST "\r\n"), 501},
    {"not a word", STR_INIT("\x16\x03\x01\x02"), 400},
    {"a blank first", STR_INIT(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"tab behind", STR_INIT("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"NUL behind", STR_INIT("GET\0/ HTTP/1.1\r\n" HOST "\r\n"), 400},

    /* targets */
    {"absolute, of no host", STR_INIT("GET http:/// HTTP/1.0\r\n\r\n"), 400},
    {"absolute, of another host", STR_INIT("GET http://b/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"absolute, of another port", STR_INIT("GET http://a:1/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"absolute, of a user", STR_INIT("GET http://u@a/ HTTP/1.0\r\n\r\n"), 400},
    {"absolute, without a path", STR_INIT("GET http://a HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"of another scheme", STR_INIT("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"authority", STR_INIT("GET a:80 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"asterisk", STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"fragment", STR_INIT("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"blank in it", STR_INIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"two blanks before", STR_INIT("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"two blanks behind", STR_INIT("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"tab in it", STR_INIT("GET /a\tb HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"NUL in it", STR_INIT("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"control character in it", STR_INIT("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"DEL in it", STR_INIT("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"beyond ASCII", STR_INIT("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400},
    {"none", STR_INIT("GET  HTTP/1.1\r\n" HOST "\r\n"), 400},

    /* one length, or chunks, never both */
    {"two lengths",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
     400},
    {"two equal lengths",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
     400},
    {"a list of lengths", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"), 400},
    {"signed", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"), 400},
    {"negative", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nhello"), 400},
    {"hexadecimal", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello"), 400},
    {"two words", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nhello"), 400},
    {"no digits", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\nhello"), 400},
    {"over 64 bits",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\nh"), 400},
    {"length and chunks",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     400},
    {"chunks and length",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
              "Content-Length: 5\r\n\r\n0\r\n\r\n"),
     400},
    {"1.0 and chunks",
     STR_INIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
    {"1.0 and chunks and more",
     STR_INIT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n"), 400},
    {"another coding", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"), 501},
    {"gzip, chunked",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501},
    {"chunked, gzip",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 501},
    {"chunked twice",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
     501},
    {"two codings",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     501},
    {"identity", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"), 501},
    {"no coding", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"), 501},
    {"chunked with something",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"), 501},
    {"nearly chunked",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501},

    /* chunks */
    {"no size", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n\r\n"), 400},
    {"not a size", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\ng"), 400},
    {"0x", STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x5\r\n"), 400},
    {"negative size",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-5\r\n"), 400},
    {"blank behind the size",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello"), 400},
    {"bare LF behind the size",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\nhello"), 400},
    {"bare LF behind the chunk",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n"), 400},
    {"longer than said",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhello"), 400},
    {"size over 64 bits",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n"),
     400},
    {"NUL in an extension",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a\0b\r\n"), 400},
    {"a length as a trailer",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
              "0\r\nContent-Length: 9\r\n\r\n"),
     400},
    {"NUL in a trailer",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: \0\r\n\r\n"),
     400},

    /* the route's body limit: 64 bytes here */
    {"length too large", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n"), 413},
    {"huge", STR_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551615\r\n\r\n"),
     413},
    {"chunk too large",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n41\r\n"), 413},
    {"chunks too large together",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n40\r\n"),
     413},

    /* expectations */
    {"100-continue",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n"
              "Content-Length: 1\r\n\r\na"),
     200},
    {"another", STR_INIT("POST / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n"), 417},
    {"two", STR_INIT("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nExpect: x\r\n\r\n"), 417},
    {"1.0 has none", STR_INIT("POST / HTTP/1.0\r\n" HOST "Expect: x\r\n\r\n"), 200},

    /* no other protocol */
    {"upgrade",
     STR_INIT("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), 200},
    {"upgrade with a body",
     STR_INIT("POST / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
              "Content-Length: 5\r\n\r\nhello"),
     200},
};

static void test_policy(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(cases[i].name, cases[i].bytes, cases[i].status);
    assert_int_equal(failures, 0);
}

/* Whatever a request is, what comes behind it is not looked at. */
static void test_next_is_untouched(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].status != 200)
            continue;
        struct subject s;
        subject_init(&s);
        feed(&s, cases[i].bytes);
        feed(&s, STR("GARBAGE\0\n"));
        assert_int_equal(go_on(&s), PARSER_COMPLETE);
        assert_int_equal(s.parser.end - s.parser.at, 9);
        http_parser_finish(&s.parser);
        assert_int_equal(go_on(&s), PARSER_REFUSED);
        assert_int_equal(err_status(s.parser.err), 501);
        subject_release(&s);
    }
}

static void assert_str(struct str got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void test_request_is_read(void **state)
{
    struct str bytes =
        STR("POST /a/b?x=1&y HTTP/1.1\r\nHost: here:80\r\nX-Two:  one two\t \r\n"
            "x-two: three\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Three: 1\r\n\r\n");
    for (size_t cut = 1; cut <= bytes.len; cut++) {
        struct subject s;
        subject_init(&s);
        struct http_request *r = &s.request;
        assert_int_equal(outcome_cut(&s, bytes, cut), 200);
        assert_int_equal(r->method, HTTP_POST);
        assert_str(r->target, "/a/b?x=1&y");
        assert_str(r->path, "/a/b");
        assert_str(r->query, "?x=1&y");
        assert_str(r->body, "hello");
        assert_int_equal(r->n_headers, 4);
        bool twice;
        assert_str(http_header_get(r, STR("HOST"), &twice), "here:80");
        assert_false(twice);
        assert_str(http_header_get(r, STR("X-TWO"), &twice), "one two");
        assert_true(twice);
        assert_null(http_header_get(r, STR("X-Three"), NULL).ptr);
        assert_true(str_starts(str_make(r->id, sizeof(r->id)), STR("req_")));
        assert_true(r->begun_us > 0);
        assert_false(r->gone);
        subject_release(&s);
    }
}

static bool keeps_alive(const char *version, const char *connection)
{
    char text[200];
    snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", version, connection);
    struct subject s;
    subject_init(&s);
    feed(&s, str_from(text));
    assert_int_equal(go_on(&s), PARSER_COMPLETE);
    bool keep = s.parser.keep_alive;
    subject_release(&s);
    return keep;
}

static void test_keep_alive(void **state)
{
    assert_true(keeps_alive("1.1", ""));
    assert_true(keeps_alive("1.1", "Connection: x, y\r\n"));
    assert_true(keeps_alive("1.0", "Connection: Keep-Alive\r\n"));
    assert_false(keeps_alive("1.0", ""));
    assert_false(keeps_alive("1.1", "Connection: close\r\n"));
    assert_false(keeps_alive("1.1", "Connection: CLOSE\r\n"));
    assert_false(keeps_alive("1.1", "Connection: x, close\r\n"));
    assert_false(keeps_alive("1.1", "Connection: keep-alive, close\r\n"));
    assert_false(keeps_alive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    assert_false(keeps_alive("1.0", "Connection: keep-alive, close\r\n"));
}

/* llhttp refuses two lengths, and a length with chunks, before we do. A later one might not: ours
 * hold without it. `lines` comes behind one Content-Length that llhttp is made to forget. */
static void check_without_llhttp(const char *lines)
{
    struct subject s;
    subject_init(&s);
    feed(&s, STR("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n"));
    assert_int_equal(go_on(&s), PARSER_MORE);
    s.parser.llhttp.flags &= (uint16_t)~F_CONTENT_LENGTH;
    feed(&s, str_from(lines));
    assert_int_equal(go_on(&s), PARSER_REFUSED);
    assert_int_equal(err_status(s.parser.err), 400);
    assert_non_null(strstr(s.parser.why, "Content-Length"));
    subject_release(&s);
}

static void test_framing_is_checked_twice(void **state)
{
    check_without_llhttp("Content-Length: 5\r\n\r\nhello");
    check_without_llhttp("Content-Length: 6\r\n\r\nhello");
    check_without_llhttp("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

/* A request line of `len` bytes, its CR LF apart. */
static struct str long_line(struct buf *b, size_t len)
{
    buf_add(b, STR("GET /"));
    while (b->len < len - 9)
        buf_add_char(b, 'a');
    buf_add(b, STR(" HTTP/1.1\r\n"));
    return buf_str(b);
}

static void test_request_line_limit(void **state)
{
    for (size_t over = 0; over < 3; over++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        long_line(&b, HTTP_REQUEST_LINE_MAX + over);
        buf_add(&b, STR(HOST "\r\n"));
        check("request line", buf_str(&b), over ? 414 : 200);
    }
    _cleanup_(buf_release)
    struct buf endless;
    buf_init(&endless, MIB);
    long_line(&endless, 3 * HTTP_REQUEST_LINE_MAX);
    endless.len -= 11;
    check("endless request line", buf_str(&endless), 414);
    assert_int_equal(failures, 0);
}

static void test_header_count_limit(void **state)
{
    for (size_t n = HTTP_HEADERS_MAX - 1; n <= HTTP_HEADERS_MAX + 1; n++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        buf_add(&b, STR("GET / HTTP/1.1\r\n" HOST));
        for (size_t i = 1; i < n; i++)
            buf_printf(&b, "X-%zu: y\r\n", i);
        buf_add(&b, STR("\r\n"));
        check("header count", buf_str(&b), n > HTTP_HEADERS_MAX ? 431 : 200);
    }
    assert_int_equal(failures, 0);
}

/* As many fields in the header as fit, then one more as a trailer. */
static void test_trailers_count(void **state)
{
    for (size_t n = 1; n <= 2; n++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        buf_add(&b, STR("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"));
        for (size_t i = 0; i < HTTP_HEADERS_MAX - 3; i++)
            buf_printf(&b, "X-%zu: y\r\n", i);
        buf_add(&b, STR("\r\n0\r\n"));
        for (size_t i = 0; i < n; i++)
            buf_printf(&b, "Y-%zu: y\r\n", i);
        buf_add(&b, STR("\r\n"));
        check("trailer count", buf_str(&b), n > 1 ? 431 : 200);
    }
    assert_int_equal(failures, 0);
}

static void fill(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, 'a');
}

static void test_header_size_limit(void **state)
{
    for (size_t over = 0; over < 2; over++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        buf_add(&b, STR("GET / HTTP/1.1\r\n" HOST "X: "));
        size_t before = b.len - strlen("GET / HTTP/1.1");
        fill(&b, HTTP_HEADER_SIZE_MAX - before - 4 + over);
        buf_add(&b, STR("\r\n\r\n"));
        check("header size", buf_str(&b), over ? 431 : 200);
    }
    assert_int_equal(failures, 0);
}

/* Blanks around values count as well: nothing a client sends is free. */
static void test_endless_header(void **state)
{
    static const char *const begins[] = {"X: ", "", "X:\t \t"};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        buf_printf(&b, "GET / HTTP/1.1\r\n" HOST "%s", begins[i]);
        for (size_t n = 0; n < HTTP_HEADER_SIZE_MAX + 100; n++)
            buf_add_char(&b, i == 2 ? ' ' : 'a');
        check("endless header", buf_str(&b), 431);
    }
    assert_int_equal(failures, 0);
}

static void test_trailing_size_limit(void **state)
{
    static const char *const begins[] = {"0\r\nX: ", "1;", "1;a=", "1;a=\""};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, MIB);
        buf_printf(&b, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%s",
                   begins[i]);
        fill(&b, HTTP_HEADER_SIZE_MAX);
        check("trailing size", buf_str(&b), 431);
    }
    assert_int_equal(failures, 0);
}

/* A header that arrives with many requests before it is read in one piece all the same. */
static void test_pipelined_in_any_pieces(void **state)
{
    static const size_t cuts[] = {1, 7, 100, 1000, 4096, HTTP_READ_SIZE, HTTP_INPUT_SIZE};
    _cleanup_(buf_release)
    struct buf all;
    buf_init(&all, 4 * MIB);
    const size_t n = 200;
    for (size_t i = 0; i < n; i++) {
        buf_printf(&all, "POST /%zu HTTP/1.1\r\n" HOST "Content-Length: 2\r\nX: ", i);
        fill(&all, i * 37 % 9000);
        buf_add(&all, STR("\r\n\r\nok\r\n"));
    }
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct subject s;
        subject_init(&s);
        struct str rest = buf_str(&all);
        size_t seen = 0;
        while (rest.len) {
            size_t take = MIN(MIN(http_parser_room(&s.parser), cuts[i]), rest.len);
            feed(&s, str_make(rest.ptr, take));
            rest = str_skip(rest, take);
            while (go_on(&s) == PARSER_COMPLETE) {
                char path[32];
                snprintf(path, sizeof(path), "/%zu", seen);
                assert_str(s.request.path, path);
                assert_str(s.request.body, "ok");
                assert_int_equal(http_header_get(&s.request, STR("X"), NULL).len, seen * 37 % 9000);
                seen++;
                http_parser_finish(&s.parser);
            }
            assert_int_not_equal(s.parser.stage, STAGE_REFUSED);
        }
        assert_int_equal(seen, n);
        assert_true(http_parser_is_idle(&s.parser));
        subject_release(&s);
    }
}

/* A lying Content-Length allocates nothing; a body grows as it comes. */
static void test_body_grows(void **state)
{
    struct subject s;
    subject_init(&s);
    feed(&s, STR("POST / HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\nabc"));
    assert_int_equal(http_parser_next(&s.parser), PARSER_HEAD);
    http_parser_accept(&s.parser, MIB);
    assert_int_equal(http_parser_next(&s.parser), PARSER_MORE);
    assert_true(s.parser.body.capacity < 1000);
    static char piece[10000];
    for (size_t left = 1000000 - 3; left;) {
        size_t n = MIN(left, sizeof(piece));
        feed(&s, str_make(piece, n));
        left -= n;
        assert_int_equal(http_parser_next(&s.parser), left ? PARSER_MORE : PARSER_COMPLETE);
    }
    assert_int_equal(s.request.body.len, 1000000);
    http_parser_finish(&s.parser);
    assert_true(s.parser.body.capacity <= BUF_KEEP_SIZE);
    subject_release(&s);
}

static void test_refused_stays_refused(void **state)
{
    struct subject s;
    subject_init(&s);
    feed(&s, STR("FROB / HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(go_on(&s), PARSER_REFUSED);
    assert_true(str_starts(str_make(s.request.id, sizeof(s.request.id)), STR("req_")));
    assert_int_equal(s.request.method, HTTP_METHOD_COUNT);
    assert_int_equal(s.request.n_headers, 0);
    feed(&s, STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(go_on(&s), PARSER_REFUSED);
    subject_release(&s);
}

static void test_method_names(void **state)
{
    assert_string_equal(http_method_name(HTTP_GET), "GET");
    assert_string_equal(http_method_name(HTTP_OPTIONS), "OPTIONS");
    assert_string_equal(http_method_name(HTTP_METHOD_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_next_is_untouched),
        cmocka_unit_test(test_request_is_read),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_framing_is_checked_twice),
        cmocka_unit_test(test_request_line_limit),
        cmocka_unit_test(test_header_count_limit),
        cmocka_unit_test(test_trailers_count),
        cmocka_unit_test(test_header_size_limit),
        cmocka_unit_test(test_endless_header),
        cmocka_unit_test(test_trailing_size_limit),
        cmocka_unit_test(test_pipelined_in_any_pieces),
        cmocka_unit_test(test_body_grows),
        cmocka_unit_test(test_refused_stays_refused),
        cmocka_unit_test(test_method_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

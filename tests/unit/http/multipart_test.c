#include "base/buf.h"
#include "http/multipart.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=b"

static struct arena arena;
static struct error error;
static struct http_multipart form;

static int begin(void **state)
{
    arena_init(&arena, MIB);
    return 0;
}

static int finish(void **state)
{
    arena_release(&arena);
    return 0;
}

static enum err parse(const char *type, struct str body)
{
    arena_clear(&arena);
    error_init(&error, &arena);
    return http_multipart_parse(str_from(type), body, &arena, &form, &error);
}

static void expect_fine(const char *type, struct str body, size_t n)
{
    if (parse(type, body) != ERR_OK)
        fail_msg("%.*s", STR_FMT(error.message));
    assert_int_equal(form.n, n);
}

static void assert_str(struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("got \"%.*s\", want \"%s\"", STR_FMT(got), want);
}

/* filename NULL: no file. */
static void expect_part(size_t i, const char *name, const char *filename, const char *type,
                        const char *content)
{
    const struct http_part *p = &form.parts[i];
    assert_true(i < form.n);
    assert_str(p->name, name);
    assert_int_equal(p->filename.ptr != NULL, filename != NULL);
    if (filename)
        assert_str(p->filename, filename);
    assert_str(p->content_type, type);
    assert_str(p->content, content);
}

/* --- what clients send: taken from the wire ------------------------------------------------ */

#define UNDICI "------formdata-undici-030442270273"

static void test_node_fetch(void **state)
{
    struct str body = STR(UNDICI
                          "\r\n"
                          "Content-Disposition: form-data; name=\"phone\"\r\n\r\n"
                          "+201001234567\r\n" UNDICI
                          "\r\n"
                          "Content-Disposition: form-data; name=\"a%22b%0D%0Ac\"\r\n\r\n"
                          "x\r\n" UNDICI
                          "\r\n"
                          "Content-Disposition: form-data; name=\"file\"; "
                          "filename=\"فاتورة %221%22.pdf\"\r\n"
                          "Content-Type: application/pdf\r\n\r\n"
                          "%PDF\r\n--x\r\n" UNDICI
                          "\r\n"
                          "Content-Disposition: form-data; name=\"empty\"\r\n\r\n"
                          "\r\n" UNDICI
                          "\r\n"
                          "Content-Disposition: form-data; name=\"bs\"; "
                          "filename=\"a\\b\\.txt\"\r\n"
                          "Content-Type: application/octet-stream\r\n\r\n"
                          "z\r\n" UNDICI "--\r\n");
    expect_fine("multipart/form-data; boundary=----formdata-undici-030442270273", body, 5);
    expect_part(0, "phone", NULL, "text/plain", "+201001234567");
    expect_part(1, "a\"b%0D%0Ac", NULL, "text/plain", "x");
    expect_part(2, "file", "فاتورة \"1\".pdf", "application/pdf", "%PDF\r\n--x");
    expect_part(3, "empty", NULL, "text/plain", "");
    expect_part(4, "bs", "a\\b\\.txt", "application/octet-stream", "z");
    assert_ptr_equal(form.parts[0].content.ptr, body.ptr + form.parts[0].offset); /* no copy */
    assert_ptr_equal(form.parts[4].content.ptr, body.ptr + form.parts[4].offset);
    expect_fine("multipart/form-data; boundary=----formdata-undici-030442270273",
                STR(UNDICI "--\r\n"), 0); /* an empty form */
}

#define CURL "--------------------------771fb0e44f9e3693"

static void test_curl(void **state)
{
    expect_fine("multipart/form-data; boundary=------------------------771fb0e44f9e3693",
                STR(CURL "\r\n"
                         "Content-Disposition: form-data; name=\"file\"; filename=\"صورة.txt\"\r\n"
                         "Content-Type: text/plain\r\n\r\n"
                         "hello\r\n" CURL "\r\n"
                         "Content-Disposition: form-data; name=\"q\"; filename=\"q%22u\\o.txt\"\r\n"
                         "Content-Type: text/plain\r\n\r\n"
                         "x\r\n" CURL "\r\n" /* --form-escape, and all before 7.81 */
                         "Content-Disposition: form-data; name=\"q\"; filename=\"q\\\"u\\\\o\"\r\n"
                         "Content-Type: text/plain\r\n\r\n"
                         "y\r\n" CURL "--\r\n"),
                3);
    expect_part(0, "file", "صورة.txt", "text/plain", "hello");
    expect_part(1, "q", "q\"u\\o.txt", "text/plain", "x");
    expect_part(2, "q", "q\"u\\o", "text/plain", "y");
}

static void test_python(void **state)
{
    expect_fine("multipart/form-data; boundary=963581ec",
                STR("--963581ec\r\n"
                    "Content-Disposition: form-data; name=\"اسم\"\r\n\r\n"
                    "قيمة\r\n"
                    "--963581ec\r\n"
                    "Content-Disposition: form-data; name=\"file\"; "
                    "filename=\"فاتورة %221%22.pdf\"\r\n"
                    "Content-Type: application/pdf\r\n\r\n"
                    "pdf\r\n"
                    "--963581ec\r\n" /* urllib3 before 1.25 */
                    "Content-Disposition: form-data; name*=utf-8''%D8%A7%D8%B3%D9%85; "
                    "filename*=utf-8''%D8%B5%D9%88%D8%B1%D8%A9.jpg\r\n\r\n"
                    "jpg\r\n"
                    "--963581ec--\r\n"),
                3);
    expect_part(0, "اسم", NULL, "text/plain", "قيمة");
    expect_part(1, "file", "فاتورة \"1\".pdf", "application/pdf", "pdf");
    expect_part(2, "اسم", "صورة.jpg", "text/plain", "jpg");
}

/* .NET: bare tokens, filename* beside filename, a quoted boundary. OkHttp: Content-Length. Go:
 * backslashes before quotes. Ruby: blank lines behind the end; older undici: no line end there. */
static void test_others(void **state)
{
    expect_fine("Multipart/Form-Data; charset=utf-8; Boundary=\"a b's\"",
                STR("--a b's\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "Content-Disposition: form-data; name=phone\r\n\r\n"
                    "1\r\n"
                    "--a b's\r\n"
                    "content-disposition:FORM-DATA;name=file;filename=\"=?utf-8?B?2LU=?=\";"
                    "filename*=utf-8''%D8%B5.jpg\r\n\r\n"
                    "2\r\n"
                    "--a b's\r\n"
                    "Content-Disposition: form-data; filename=x; size=3 ; name=\"q\\\"\\\\\"\r\n"
                    "Content-Length: 77\r\n"
                    "Content-Transfer-Encoding: binary\r\n\r\n"
                    "3\r\n"
                    "--a b's--\r\n\r\n"),
                3);
    expect_part(0, "phone", NULL, "text/plain; charset=utf-8", "1");
    expect_part(1, "file", "ص.jpg", "text/plain", "2");
    expect_part(2, "q\"\\", "x", "text/plain", "3");
    expect_fine(TYPE, STR("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--"),
                1);
}

/* A browser's input of files in which none was chosen. */
static void test_no_file_chosen(void **state)
{
    expect_fine(TYPE,
                STR("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n"
                    "Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"),
                1);
    expect_part(0, "f", "", "application/octet-stream", "");
}

/* --- contents ------------------------------------------------------------------------------ */

#define PART(name, content)                                                                        \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" content "\r\n"

/* What only looks like a boundary is content. */
static void test_looks_like_a_boundary(void **state)
{
    expect_fine(TYPE, STR(PART("a", "x\n--b\r\n") "--b--"), 1);
    assert_str(form.parts[0].content, "x\n--b\r\n");
    expect_fine(TYPE, STR(PART("a", "x\r--b--") "--b--"), 1);
    assert_str(form.parts[0].content, "x\r--b--");
    expect_fine(TYPE, STR(PART("a", "x\r\n-\r\n--c\r\n--") "--b--"), 1);
    assert_str(form.parts[0].content, "x\r\n-\r\n--c\r\n--");
}

/* The empty line behind a header may be the boundary's own (RFC 2046 §5.1.1): a reader that wanted
 * another would take the next part for content. */
static void test_part_without_content(void **state)
{
    expect_fine(TYPE,
                STR("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                    "\r\n" PART("b", "x") "--b--"),
                2);
    expect_part(0, "a", NULL, "text/plain", "");
    expect_part(1, "b", NULL, "text/plain", "x");
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Of few letters, those of a boundary among them, so that they often look like one. */
static struct str random_content(uint32_t *seed)
{
    size_t len = next_random(seed) % 200;
    char *text = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = "\r\n-b"[next_random(seed) % 4];
    return str_make(text, len);
}

static bool holds_boundary(struct str s)
{
    return memmem(s.ptr, s.len, "\r\n--b", 5) || str_starts(s, STR("--b"));
}

static void test_random_contents(void **state)
{
    uint32_t seed = 11;
    struct str contents[8];
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, MIB);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + next_random(&seed) % ARRAY_LEN(contents);
        buf_clear(&body);
        arena_clear(&arena);
        for (size_t i = 0; i < n; i++) {
            do
                contents[i] = random_content(&seed);
            while (holds_boundary(contents[i]));
            buf_printf(&body, "--b\r\nContent-Disposition: form-data; name=\"n%zu\"\r\n\r\n", i);
            buf_add(&body, contents[i]);
            buf_add(&body, STR("\r\n"));
        }
        buf_add(&body, STR("--b--\r\n"));
        error_init(&error, &arena);
        assert_int_equal(http_multipart_parse(STR(TYPE), buf_str(&body), &arena, &form, &error),
                         ERR_OK);
        assert_int_equal(form.n, n);
        for (size_t i = 0; i < n; i++)
            assert_true(str_eq(form.parts[i].content, contents[i]));
    }
}

static void test_find(void **state)
{
    bool twice;
    expect_fine(TYPE, STR(PART("a", "1") PART("b", "2") PART("a", "3") "--b--"), 3);
    assert_ptr_equal(http_multipart_find(&form, STR("a"), &twice), &form.parts[0]);
    assert_true(twice);
    assert_ptr_equal(http_multipart_find(&form, STR("b"), &twice), &form.parts[1]);
    assert_false(twice);
    assert_ptr_equal(http_multipart_find(&form, STR("b"), NULL), &form.parts[1]);
    assert_null(http_multipart_find(&form, STR("A"), &twice));
    assert_null(http_multipart_find(&form, STR(""), NULL));
}

/* --- what is refused ----------------------------------------------------------------------- */

static void expect_refused(const char *type, struct str body, size_t offset, const char *says)
{
    char number[32];
    snprintf(number, sizeof(number), "%zu", offset);
    assert_int_equal(parse(type, body), ERR_INVALID_FORM);
    if (!memmem(error.message.ptr, error.message.len, says, strlen(says)))
        fail_msg("%.*s\ndoes not say: %s", STR_FMT(error.message), says);
    assert_non_null(error.details);
    assert_str(error.details->field, "offset");
    assert_str(error.details->problem, number);
}

#define TEN "1234567890"

static void test_content_types(void **state)
{
    static const char *const others[] = {"", "application/json", "multipart/mixed; boundary=b",
                                         "multipart/form-datas; boundary=b",
                                         "application/x-www-form-urlencoded"};
    static const char *const wrong[] = {
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; charset=utf-8",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"b",
        "multipart/form-data; boundary=\"b \"",
        "multipart/form-data; boundary=\"b\\\\\"",
        "multipart/form-data; boundary=b c",
        "multipart/form-data; boundary=b, b",
        "multipart/form-data; boundary =b",
        "multipart/form-data; boundary=b; boundary=b",
        "multipart/form-data; boundary=b;",
        "multipart/form-data; boundary=\"b\"b",
        "multipart/form-data; boundary=\"b\xd9\x87\"",
        "multipart/form-data;boundary=" TEN TEN TEN TEN TEN TEN TEN "1", /* 71 */
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(parse(others[i], STR(PART("a", "1") "--b--")), ERR_UNSUPPORTED_MEDIA_TYPE);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        expect_refused(wrong[i], STR(PART("a", "1") "--b--"), 0, "the Content-Type of the request");
    expect_fine("multipart/form-data ;boundary=b", STR(PART("a", "1") "--b--"), 1);
}

static void test_boundaries(void **state)
{
    static const struct {
        struct str body;
        size_t offset;
        const char *says;
    } cases[] = {
        {STR_INIT(""), 0, "does not begin with its boundary"},
        {STR_INIT("--"), 0, "does not begin with its boundary"},
        {STR_INIT("\r\n--b--"), 0, "does not begin with its boundary"},
        {STR_INIT("preamble\r\n--b--"), 0, "does not begin with its boundary"},
        {STR_INIT("--B--"), 0, "does not begin with its boundary"},
        {STR_INIT("--b"), 3, "a boundary that does not end its line"},
        {STR_INIT("--b-"), 3, "a boundary that does not end its line"},
        {STR_INIT("--b\n"), 3, "a boundary that does not end its line"},
        {STR_INIT("--b \r\n"), 3, "a boundary that does not end its line"},
        {STR_INIT("--bb\r\n"), 3, "a boundary that does not end its line"},
        {STR_INIT(PART("a", "x\r\n--bc") "--b--"), 55, "a boundary that does not end its line"},
        {STR_INIT("--b--x"), 5, "something behind the last boundary"},
        {STR_INIT("--b--\n"), 5, "something behind the last boundary"},
        {STR_INIT("--b--\r\nepilogue"), 7, "something behind the last boundary"},
        {STR_INIT("--b--\r\n--b--"), 7, "something behind the last boundary"},
        {STR_INIT(PART("a", "x")), 49, "a part that does not end"},
        {STR_INIT(PART("a", "x") "--"), 49, "a part that does not end"},
        {STR_INIT("--b\r\n"), 5, "a part whose header does not end"},
        {STR_INIT("--b\r\nContent-Disposition: form-data; name=a"), 5, "header does not end"},
        {STR_INIT("--b\r\nContent-Disposition: form-data; name=a\r\n--b--"), 5,
         "a part whose header does not end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refused(TYPE, cases[i].body, cases[i].offset, cases[i].says);
}

#define HEADED(header) STR_INIT("--b\r\n" header "\r\n\r\nx\r\n--b--\r\n")
#define DISPOSED(rest) HEADED("Content-Disposition: form-data" rest)

static void test_headers(void **state)
{
    static const struct {
        struct str body;
        size_t offset;
        const char *says;
    } cases[] = {
        {STR_INIT("--b\r\n\r\nx\r\n--b--"), 5, "a part without a name"},
        {HEADED("Content-Type: text/plain"), 5, "a part without a name"},
        {DISPOSED(""), 5, "a part without a name"},
        {DISPOSED("; filename=x"), 5, "a part without a name"},
        {DISPOSED("; name=\"\""), 5, "a part without a name"},
        {DISPOSED("; name*=utf-8''"), 5, "a part without a name"},
        {HEADED("Content-Disposition: attachment; name=a"), 26, "that is not form-data"},
        {HEADED("Content-Disposition: "), 26, "that is not form-data"},
        {HEADED("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data"), 66,
         "a second Content-Disposition"},
        {HEADED("Content-Type: a/b\r\ncontent-type: a/b"), 24, "a second Content-Type"},
        {HEADED("Content-Transfer-Encoding: base64"), 5, "a Content-Transfer-Encoding"},
        {HEADED("no colon"), 5, "a line that is no header field"},
        {HEADED(": value"), 5, "a line that is no header field"},
        {HEADED("Content-Disposition : form-data; name=a"), 5, "a line that is no header field"},
        {HEADED("Content-Disposition: form-data;\r\n name=a"), 35, "a malformed parameter"},
        {HEADED("X: a\r\n folded"), 11, "a line that is no header field"},
        {HEADED("X: a\nContent-Type: b"), 5, "a control character in a header field"},
        {HEADED("X: \x01"), 5, "a control character in a header field"},
        {HEADED("X: \xff"), 5, "a control character in a header field"},
        {DISPOSED("; name=a\0b"), 5, "a control character in a header field"},
        {DISPOSED("; name=\"\xd9\""), 5, "a control character in a header field"},
        {DISPOSED(";"), 35, "a malformed parameter"},
        {DISPOSED("; name"), 35, "a malformed parameter"},
        {DISPOSED("; name="), 35, "a malformed parameter"},
        {DISPOSED("; name=a b"), 35, "a malformed parameter"},
        {DISPOSED("; name=a;"), 43, "a malformed parameter"},
        {DISPOSED("; name=\"a"), 35, "a malformed parameter"},
        {DISPOSED("; name=\"a\\\""), 35, "a malformed parameter"},
        {DISPOSED("; name=\"a\"b"), 35, "a malformed parameter"},
        {DISPOSED("; name=\"a\", filename=b"), 35, "a malformed parameter"},
        {DISPOSED("; =a"), 35, "a malformed parameter"},
        {DISPOSED("; name=a; name=b"), 45, "the same parameter twice"},
        {DISPOSED("; name=a; NAME=\"b\""), 45, "the same parameter twice"},
        {DISPOSED("; name=a; filename=b; filename=c"), 57, "the same parameter twice"},
        {DISPOSED("; name*=a"), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8'a"), 37, "not UTF-8''"},
        {DISPOSED("; name*=iso-8859-1''a"), 37, "not UTF-8''"},
        {DISPOSED("; name*=\"utf-8''a\""), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8''%"), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8''%ff"), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8''%00"), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8''a'b"), 37, "not UTF-8''"},
        {DISPOSED("; name*=utf-8''%0d"), 43, "a control character in a name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refused(TYPE, cases[i].body, cases[i].offset, cases[i].says);
}

static void test_limits(void **state)
{
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, MIB);
    for (size_t i = 0; i < HTTP_PARTS_MAX; i++)
        buf_add(&body, STR(PART("a", "x")));
    size_t offset = body.len + 5;
    buf_add(&body, STR("--b--"));
    expect_fine(TYPE, buf_str(&body), HTTP_PARTS_MAX);
    body.len -= 5;
    buf_add(&body, STR(PART("a", "x") "--b--"));
    expect_refused(TYPE, buf_str(&body), offset, "too many parts");
    for (size_t more = 0; more < 2; more++) {
        buf_clear(&body);
        buf_add(&body, STR("--b\r\nContent-Disposition: form-data; name=a\r\nX: "));
        while (body.len < 5 + HTTP_PART_HEADER_MAX - 4 + more)
            buf_add_char(&body, 'x');
        buf_add(&body, STR("\r\n\r\n\r\n--b--"));
        if (more)
            expect_refused(TYPE, buf_str(&body), 5, "a part with too long a header");
        else
            expect_fine(TYPE, buf_str(&body), 1);
    }
}

static void test_no_memory(void **state)
{
    struct str body = STR("--b\r\nContent-Disposition: form-data; name=\"a%22\"\r\n\r\nx\r\n--b--");
    struct arena little;
    for (size_t max = 0; max < 64; max++) {
        arena_init(&little, max);
        error_init(&error, &arena);
        enum err e = http_multipart_parse(STR(TYPE), body, &little, &form, &error);
        assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
        assert_int_equal(e == ERR_OK, max >= 32);
        arena_release(&little);
    }
}

/* Cut off anywhere, it is refused, and nothing behind its end is looked at. */
static void test_cut_at_every_byte(void **state)
{
    struct str body = STR(PART("a", "1\r\n--x") PART("b", "") "--b--");
    for (size_t len = 0; len <= body.len; len++) {
        _cleanup_(freep)
        char *copy = xmalloc(len + 1);
        memcpy(copy, body.ptr, len);
        enum err e = parse(TYPE, str_make(copy, len));
        assert_int_equal(e, len == body.len ? ERR_OK : ERR_INVALID_FORM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_node_fetch),
        cmocka_unit_test(test_curl),
        cmocka_unit_test(test_python),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_no_file_chosen),
        cmocka_unit_test(test_looks_like_a_boundary),
        cmocka_unit_test(test_part_without_content),
        cmocka_unit_test(test_random_contents),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_cut_at_every_byte),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}

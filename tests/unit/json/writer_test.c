#include "json/reader.h"
#include "json/writer.h"

#include "unit/base/test.h"

static struct buf out;
static struct json_writer w;

static int setup(void **state)
{
    buf_init(&out, MIB);
    json_writer_init(&w, &out);
    return 0;
}

static int teardown(void **state)
{
    buf_release(&out);
    return 0;
}

static void test_members_of_every_kind(void **state)
{
    json_open(&w, '{');
    json_member_str(&w, "s", STR("x"));
    json_member_cstr(&w, "c", "y");
    json_member_cstr(&w, "none", NULL);
    json_member_opt(&w, "o", STR("z"));
    json_member_opt(&w, "empty", STR(""));
    json_member_i64(&w, "i", -7);
    json_member_bool(&w, "b", true);
    json_member_time(&w, "t", 1705314600000);
    json_member_time(&w, "never", 0);
    json_key(&w, "raw");
    json_raw(&w, STR("[1, 2]"));
    json_key_str(&w, STR("a\"b"));
    json_null(&w);
    json_close(&w, '}');
    assert_str(buf_str(&out),
               "{\"s\":\"x\",\"c\":\"y\",\"none\":null,\"o\":\"z\",\"empty\":null,"
               "\"i\":-7,\"b\":true,\"t\":\"2024-01-15T10:30:00Z\",\"never\":null,"
               "\"raw\":[1, 2],\"a\\\"b\":null}");
    assert_true(buf_ok(&out));
}

static void test_commas_and_nesting(void **state)
{
    json_open(&w, '[');
    json_open(&w, '[');
    json_close(&w, ']');
    json_open(&w, '{');
    json_key(&w, "a");
    json_open(&w, '[');
    json_i64(&w, 1);
    json_i64(&w, 2);
    json_close(&w, ']');
    json_key(&w, "b");
    json_open(&w, '{');
    json_close(&w, '}');
    json_close(&w, '}');
    json_bool(&w, false);
    json_close(&w, ']');
    assert_str(buf_str(&out), "[[],{\"a\":[1,2],\"b\":{}},false]");
}

static void test_deepest(void **state)
{
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_open(&w, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_close(&w, ']');
    assert_int_equal(out.len, 2 * JSON_DEPTH_MAX);
}

static void write_one(struct str s)
{
    buf_clear(&out);
    json_writer_init(&w, &out);
    json_str(&w, s);
}

static void test_escapes(void **state)
{
    static const struct {
        struct str text;
        const char *json;
    } cases[] = {
        {STR_INIT(""), "\"\""},
        {STR_INIT("plain"), "\"plain\""},
        {STR_INIT("\"\\"), "\"\\\"\\\\\""},
        {STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {STR_INIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
        {STR_INIT("a/b"), "\"a/b\""},
        {STR_INIT("/"), "\"/\""},
        {STR_INIT("</script>"), "\"<\\/script>\""},
        {STR_INIT("<</<//"), "\"<<\\/<\\//\""},
        {STR_INIT("مرحبا"), "\"مرحبا\""},
        {STR_INIT("\n\n"), "\"\\n\\n\""},
        {STR_INIT("a\nb"), "\"a\\nb\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_one(cases[i].text);
        assert_str(buf_str(&out), cases[i].json);
    }
}

/* Every code point alone comes back as it was, but NUL, which the reader refuses. */
static void test_every_code_point_comes_back(void **state)
{
    struct arena arena;
    arena_init(&arena, MIB);
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        char text[4];
        size_t len = test_utf8(c, text);
        write_one(str_make(text, len));
        struct error error;
        error_init(&error, &arena);
        struct json v;
        assert_int_equal(json_parse(buf_str(&out), &arena, &v, &error), ERR_OK);
        assert_true(str_eq(json_as_str(v, STR("?")), str_make(text, len)));
        arena_clear(&arena);
    }
    arena_release(&arena);
}

static void test_integers(void **state)
{
    json_open(&w, '[');
    json_i64(&w, INT64_MIN);
    json_i64(&w, INT64_MAX);
    json_i64(&w, 0);
    json_close(&w, ']');
    assert_str(buf_str(&out), "[-9223372036854775808,9223372036854775807,0]");
}

/* Nothing is in the buffer yet, not even memory. */
static void test_first_thing_is_an_integer(void **state)
{
    json_i64(&w, 5);
    assert_str(buf_str(&out), "5");
}

static void write_sample(void)
{
    json_writer_init(&w, &out);
    json_open(&w, '{');
    json_member_str(&w, "a", STR("x\ny"));
    json_key_str(&w, STR("k"));
    json_open(&w, '[');
    json_i64(&w, 12);
    json_time(&w, 1000);
    json_raw(&w, STR("{}"));
    json_close(&w, ']');
    json_close(&w, '}');
}

/* A buffer that is too small by any number of bytes fails, one that just fits does not. */
static void test_every_maximum(void **state)
{
    write_sample();
    size_t whole = out.len;
    for (size_t max = 0; max <= whole; max++) {
        buf_release(&out);
        buf_init(&out, max);
        write_sample();
        assert_int_equal(buf_ok(&out), max == whole);
        assert_true(out.len <= max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members_of_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commas_and_nesting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deepest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_code_point_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_integers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_thing_is_an_integer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_maximum, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

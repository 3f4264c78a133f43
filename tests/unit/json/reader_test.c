#include "json/reader.h"
#include "json/writer.h"

#include "unit/base/test.h"

static struct arena arena;
static struct error error;

static int setup(void **state)
{
    arena_init(&arena, 64 * MIB);
    error_init(&error, &arena);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static struct json parsed(struct str text)
{
    struct json v = {NULL};
    enum err err = json_parse(text, &arena, &v, &error);
    if (err)
        fail_msg("%.*s: %.*s", STR_FMT(text), STR_FMT(error.message));
    return v;
}

static void test_valid(void **state)
{
    static const struct str cases[] = {
        STR_INIT("null"),
        STR_INIT(" [ ] "),
        STR_INIT("\t{\r\n}"),
        STR_INIT("0"),
        STR_INIT("-0"),
        STR_INIT("1e400"),
        STR_INIT("123456789012345678901234567890"),
        STR_INIT("\"\\ud83d\\ude00\""),
        STR_INIT("{\"a\":1,\"b\":{\"a\":1}}"),
        STR_INIT("[{\"a\":1},{\"a\":2}]"),
        STR_INIT("\"\\\\u0000\""), /* a backslash, then u0000 as text */
        STR_INIT("{\"\":1}"),
        STR_INIT("[\"[[[[\\\"[[[\"]"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        parsed(cases[i]);
}

static void test_invalid(void **state)
{
    static const struct {
        struct str text;
        const char *offset;
    } cases[] = {
        {STR_INIT(""), "0"},
        {STR_INIT("   "), "0"},
        {STR_INIT("{\"a\":}"), "5"},
        {STR_INIT("[1,]"), NULL},
        {STR_INIT("{\"a\":1,}"), NULL},
        {STR_INIT("[1] x"), "4"},
        {STR_INIT("[1][2]"), "3"},
        {STR_INIT("// c\n1"), "0"},
        {STR_INIT("[1 /* c */]"), "3"},
        {STR_INIT("{a:1}"), "1"},
        {STR_INIT("{'a':1}"), "1"},
        {STR_INIT("[01]"), NULL},
        {STR_INIT("[+1]"), "1"},
        {STR_INIT("[.5]"), "1"},
        {STR_INIT("[1.]"), NULL},
        {STR_INIT("[NaN]"), "1"},
        {STR_INIT("[Infinity]"), "1"},
        {STR_INIT("[tru]"), NULL},
        {STR_INIT("\xEF\xBB\xBF{}"), "0"}, /* a byte order mark */
        {STR_INIT("{}\0"), "2"},
        {STR_INIT("[\"a\nb\"]"), NULL},
        {STR_INIT("[\"a\0b\"]"), NULL},
        {STR_INIT("[\"\\x41\"]"), NULL},
        {STR_INIT("[\"\\ud800\"]"), NULL},        /* half a pair */
        {STR_INIT("[\"\\ud800\\u0041\"]"), NULL}, /* half a pair, then another character */
        {STR_INIT("[\"\\udc00\"]"), NULL},
        {STR_INIT("[\"\xC0\xAF\"]"), NULL},         /* overlong */
        {STR_INIT("[\"\xED\xA0\x80\"]"), NULL},     /* a surrogate */
        {STR_INIT("[\"\xF4\x90\x80\x80\"]"), NULL}, /* above U+10FFFF */
        {STR_INIT("[\"\xE2\x82\"]"), NULL},         /* cut */
        {STR_INIT("[\"\xFF\"]"), NULL},
        {STR_INIT("[1,\"a\\u0000b\"]"), "3"},
        {STR_INIT("{\"a\\u0000b\":1}"), "1"},
        {STR_INIT("{\"a\":1, \"\\u0061\":2}"), "8"}, /* the same key, written in two ways */
        {STR_INIT("[{\"x\":{\"k\":1,\"l\":2,\"k\":3}}]"), "19"},
        {STR_INIT("{\"\":1,\"\":2}"), "6"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json v;
        error_init(&error, &arena);
        if (json_parse(cases[i].text, &arena, &v, &error) != ERR_INVALID_JSON)
            fail_msg("taken: %.*s", STR_FMT(cases[i].text));
        assert_int_equal(error.err, ERR_INVALID_JSON);
        assert_non_null(error.details);
        assert_str(error.details->field, "offset");
        if (cases[i].offset && !str_eq(error.details->problem, str_from(cases[i].offset)))
            fail_msg("%.*s: offset %.*s", STR_FMT(cases[i].text), STR_FMT(error.details->problem));
        assert_true(str_is_utf8(error.message));
    }
}

static void add_times(struct buf *b, const char *text, size_t n)
{
    while (n--)
        buf_add(b, str_from(text));
}

static enum err parse_nested(const char *open, const char *close, size_t depth)
{
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, 8 * MIB);
    add_times(&b, open, depth);
    buf_add(&b, STR("1"));
    add_times(&b, close, depth);
    struct json v;
    error_init(&error, &arena);
    return json_parse(buf_str(&b), &arena, &v, &error);
}

static void test_depth(void **state)
{
    assert_int_equal(parse_nested("[", "]", JSON_DEPTH_MAX), ERR_OK);
    assert_int_equal(parse_nested("{\"a\":", "}", JSON_DEPTH_MAX), ERR_OK);
    assert_int_equal(parse_nested("[", "]", JSON_DEPTH_MAX + 1), ERR_INVALID_JSON);
    assert_str(error.details->problem, "64");
    assert_int_equal(parse_nested("{\"[\\\"\":", "}", JSON_DEPTH_MAX + 1), ERR_INVALID_JSON);
    assert_str(error.details->problem, "448"); /* 64 of 7 bytes: quoted brackets do not count */
    assert_int_equal(parse_nested("[", "]", 500000), ERR_INVALID_JSON);
}

/* The last of many keys doubles one of them: found, and not by comparing each with each. */
static void test_many_keys(void **state)
{
    enum { N = 100000 };
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, 8 * MIB);
    buf_add_char(&b, '{');
    for (int i = 0; i < N; i++)
        buf_printf(&b, "\"key%06d\":%d,", i, i);
    size_t end = b.len;
    buf_printf(&b, "\"key%06d\":0}", N);
    assert_int_equal(json_len(parsed(buf_str(&b))), N + 1);
    b.len = end;
    buf_printf(&b, "\"key%06d\":0}", N / 2);
    struct json v;
    assert_int_equal(json_parse(buf_str(&b), &arena, &v, &error), ERR_INVALID_JSON);
    char offset[24];
    snprintf(offset, sizeof(offset), "%zu", end);
    assert_str(error.details->problem, offset);
}

static void test_loose(void **state)
{
    struct json v;
    assert_int_equal(json_parse_loose(STR("{\"a\":1,\"a\":2}"), &arena, &v, &error), ERR_OK);
    assert_int_equal(json_as_i64(json_get(v, "a"), 0), 1);
    assert_int_equal(json_parse_loose(STR("\"\\u0000\""), &arena, &v, &error), ERR_INVALID_JSON);
    error_init(&error, &arena);
    assert_int_equal(json_parse_loose(STR("{\"a\":1,}"), &arena, &v, &error), ERR_INVALID_JSON);
}

static void test_text_is_copied(void **state)
{
    char text[] = "{\"name\":\"\\u0645\\u0631\\u062d\\u0628\\u0627\"}";
    struct json v = parsed(str_make(text, sizeof(text) - 1));
    memset(text, 'x', sizeof(text));
    assert_str(json_as_str(json_get(v, "name"), STR("")), "مرحبا");
}

static void test_looking(void **state)
{
    struct json v =
        parsed(STR("{\"s\":\"x\",\"n\":null,\"i\":3,\"r\":3.0,\"t\":true,\"a\":[1,2]}"));
    struct json absent = json_get(v, "none");
    assert_null(absent.val);
    assert_false(json_present(absent));
    assert_false(json_present(json_get(v, "n")));
    assert_true(json_present(json_get(v, "s")));
    assert_true(json_is_object(v) && !json_is_array(v) && !json_is_str(v));
    assert_str(json_as_str(json_get(v, "i"), STR("no")), "no");
    assert_str(json_as_str(absent, STR("no")), "no");
    assert_int_equal(json_as_i64(json_get(v, "r"), -1), -1);
    assert_int_equal(json_as_i64(absent, -1), -1);
    assert_true(json_as_bool(json_get(v, "t"), false));
    assert_true(json_as_bool(json_get(v, "i"), true));
    assert_int_equal(json_len(json_get(v, "a")), 2);
    assert_int_equal(json_len(json_get(v, "s")), 0);
    assert_int_equal(json_as_i64(json_at(json_get(v, "a"), 1), 0), 2);
    assert_null(json_at(json_get(v, "a"), 2).val);
    assert_null(json_get(absent, "x").val);
    assert_null(json_get(json_get(v, "a"), "x").val);
    assert_null(json_at(v, 0).val);
}

static void test_integers_are_exact(void **state)
{
    struct json v =
        parsed(STR("[9007199254740993,9223372036854775807,-9223372036854775808,"
                   "9223372036854775808,18446744073709551616,1e3]"));
    assert_true(json_as_i64(json_at(v, 0), 0) == 9007199254740993);
    assert_true(json_as_i64(json_at(v, 1), 0) == INT64_MAX);
    assert_true(json_as_i64(json_at(v, 2), 0) == INT64_MIN);
    for (size_t i = 3; i < 6; i++)
        assert_true(json_as_i64(json_at(v, i), -5) == -5);
}

static void test_ids(void **state)
{
    struct json v = parsed(
        STR("[\"0123\",18446744073709551615,18446744073709551616,-1,1.5,\"x\",\"\",null,true,"
            "12345678901234567890123456789012,123456789012345678901234567890123,"
            "\"123456789012345678901234567890123\",1e400,0]"));
    static const char *const want[] = {"0123",
                                       "18446744073709551615",
                                       "18446744073709551616",
                                       "",
                                       "",
                                       "",
                                       "",
                                       "",
                                       "",
                                       "12345678901234567890123456789012",
                                       "",
                                       "",
                                       "",
                                       "0"};
    assert_int_equal(json_len(v), ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_str(json_as_id(json_at(v, i), &arena), want[i]);
    assert_str(json_as_id((struct json){NULL}, &arena), "");
}

static void test_text_of_a_value(void **state)
{
    struct json v = parsed(STR("{\"a\": [1, 2.5, \"\\u0645\"], \"b\": 123456789012345678901234}"));
    assert_str(json_text(json_get(v, "a"), &arena), "[1,2.5,\"م\"]");
    assert_str(json_text(json_get(v, "b"), &arena), "123456789012345678901234");
    assert_null(json_text((struct json){NULL}, &arena).ptr);
}

static void test_pretty(void **state)
{
    assert_str(json_pretty(STR("{\"a\":[1,{}],\"a\":\"x\"}"), &arena),
               "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"a\": \"x\"\n}");
    assert_null(json_pretty(STR("<html>"), &arena).ptr);
    assert_null(json_pretty(STR(""), &arena).ptr);
}

static void test_loops(void **state)
{
    struct json v = parsed(STR("{\"a\":[1,2,3,4],\"b\":[],\"c\":5}"));
    int64_t sum = 0;
    json_for_each (item, json_get(v, "a")) {
        if (json_as_i64(item, 0) == 2)
            continue;
        if (json_as_i64(item, 0) == 4)
            break;
        sum += json_as_i64(item, 0);
    }
    assert_int_equal(sum, 4);
    json_for_each (item, json_get(v, "b"))
        fail();
    json_for_each (item, json_get(v, "c"))
        fail();
    json_for_each (item, v)
        fail();
    json_for_each (item, ((struct json){NULL}))
        fail();
}

static void test_member_loops(void **state)
{
    struct json v = parsed(STR("{\"a\":[1,2],\"skip\":[9],\"b\":[3],\"end\":[9],\"c\":[9]}"));
    int64_t sum = 0;
    _cleanup_(buf_release)
    struct buf names;
    buf_init(&names, KIB);
    json_for_each_member (key, list, v) {
        if (str_eq(key, STR("skip")))
            continue;
        if (str_eq(key, STR("end")))
            break;
        buf_add(&names, key);
        json_for_each (item, list)
            sum += json_as_i64(item, 0);
    }
    assert_str(buf_str(&names), "ab");
    assert_int_equal(sum, 6);
    json_for_each_member (key, list, json_get(v, "a"))
        fail();
}

/* --- properties --------------------------------------------------------------------------- */

static void write_random_text(struct json_writer *w, uint64_t *seed)
{
    char text[64];
    size_t len = 0;
    for (size_t n = test_below(seed, 12); n > 0; n--) {
        static const uint32_t below[] = {0x20, 0x7F, 0x7FF, 0xD7FF, 0x10FFFF - 0xE000};
        size_t kind = test_below(seed, ARRAY_LEN(below));
        uint32_t c = 1 + (uint32_t)test_below(seed, below[kind]);
        len += test_utf8(kind == 4 ? c + 0xDFFF : c, text + len);
    }
    json_str(w, str_make(text, len));
}

static void write_random(struct json_writer *w, uint64_t *seed, int depth)
{
    size_t kind = test_below(seed, depth ? 7 : 5);
    size_t n = kind >= 5 ? test_below(seed, 20) : 0;
    switch (kind) {
    case 0: json_null(w); return;
    case 1: json_bool(w, test_below(seed, 2)); return;
    case 2: json_i64(w, (int64_t)test_random(seed) >> test_below(seed, 64)); return;
    case 3: json_raw(w, STR("-12.625")); return;
    case 4: write_random_text(w, seed); return;
    case 5:
        json_open(w, '[');
        while (n--)
            write_random(w, seed, depth - 1);
        json_close(w, ']');
        return;
    default:
        json_open(w, '{');
        while (n--) {
            char key[24];
            snprintf(key, sizeof(key), "\"%zu\n", n);
            json_key_str(w, str_from(key));
            write_random(w, seed, depth - 1);
        }
        json_close(w, '}');
    }
}

/* What the writer wrote, the reader reads; writing that again gives a text that is stable. */
static void test_round_trip(void **state)
{
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        _cleanup_(buf_release)
        struct buf b;
        buf_init(&b, 4 * MIB);
        struct json_writer w;
        json_writer_init(&w, &b);
        write_random(&w, &seed, 3);
        assert_true(buf_ok(&b));
        struct str once = json_text(parsed(buf_str(&b)), &arena);
        struct str twice = json_text(parsed(once), &arena);
        assert_non_null(once.ptr);
        assert_true(str_eq(once, twice));
        struct str pretty = json_pretty(once, &arena);
        assert_true(str_eq(json_text(parsed(pretty), &arena), once));
        arena_clear(&arena);
    }
}

static const struct str sample = STR_INIT(
    "{\"id\":\"123\",\"changes\":[{\"value\":{\"n\":[1,-2,3.5],\"ok\":true,\"t\":null}},"
    "{\"\\u0645\":\"\\ud83d\\ude00 \\\\ \\\"\",\"م\\t\":[[[]]]}],\"k1\":1,\"k2\":2,"
    "\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"k10\":10,"
    "\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,\"k15\":15}");

/* No beginning of an object is an object, and an offset never lies behind the text. */
static void test_cut_at_every_byte(void **state)
{
    parsed(sample);
    for (size_t len = 0; len < sample.len; len++) {
        struct json v;
        error_init(&error, &arena);
        assert_int_equal(json_parse(str_make(sample.ptr, len), &arena, &v, &error),
                         ERR_INVALID_JSON);
        uint64_t offset;
        assert_true(str_to_u64(error.details->problem, &offset));
        assert_true(offset <= len);
    }
}

/* An arena that is too small by any number of bytes: an error, never a crash, and never anything
 * but the right document. */
static void test_every_arena_size(void **state)
{
    struct str want = json_text(parsed(sample), &arena);
    bool done = false;
    for (size_t max = 0; !done; max++) {
        struct arena small;
        arena_init(&small, max);
        struct error e;
        error_init(&e, &small);
        struct json v = {NULL};
        enum err err = json_parse(sample, &small, &v, &e);
        assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
        if (err == ERR_OK) {
            struct str text = json_text(v, &small);
            assert_true(text.ptr == NULL || str_eq(text, want));
            done = text.ptr != NULL;
        }
        arena_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_valid),
        TEST(test_invalid),
        TEST(test_depth),
        TEST(test_many_keys),
        TEST(test_loose),
        TEST(test_text_is_copied),
        TEST(test_looking),
        TEST(test_integers_are_exact),
        TEST(test_ids),
        TEST(test_text_of_a_value),
        TEST(test_pretty),
        TEST(test_loops),
        TEST(test_member_loops),
        TEST(test_round_trip),
        TEST(test_cut_at_every_byte),
        TEST(test_every_arena_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

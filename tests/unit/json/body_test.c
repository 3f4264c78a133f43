#include "base/buf.h"
#include "json/reader.h"

#include "unit/base/test.h"

static struct arena arena;
static struct error error;
static struct body body;

static int setup(void **state)
{
    arena_init(&arena, 16 * MIB);
    error_init(&error, &arena);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static void begin(const char *text)
{
    error_init(&error, &arena);
    assert_int_equal(body_begin(&body, str_from(text), &arena, &error), ERR_OK);
}

/* What `details` says about a field, or "". */
static struct str complaint(const char *field)
{
    for (struct error_detail *d = error.details; d; d = d->next)
        if (str_eq(d->field, str_from(field)))
            return d->problem;
    return STR("");
}

static size_t complaints(void)
{
    size_t n = 0;
    for (struct error_detail *d = error.details; d; d = d->next)
        n++;
    return n;
}

static void test_all_good(void **state)
{
    begin("{\"name\":\"متجر\",\"n\":5,\"on\":true,\"note\":null}");
    assert_str(body_text(&body, "name", 1, 4, true), "متجر");
    assert_int_equal(body_i64(&body, "n", 1, 10, 0, true), 5);
    assert_true(body_bool(&body, "on", false));
    assert_true(body_has(&body, "name"));
    assert_false(body_has(&body, "note"));
    assert_false(body_has(&body, "none"));
    assert_str(body_text(&body, "note", 1, 4, false), "");
    assert_int_equal(body_end(&body), ERR_OK);
    assert_null(error.details);
}

static void test_absent(void **state)
{
    begin("{}");
    assert_str(body_text(&body, "name", 1, 4, false), "");
    assert_int_equal(body_i64(&body, "n", 1, 10, 7, false), 7);
    assert_true(body_bool(&body, "on", true));
    assert_int_equal(body_end(&body), ERR_OK);
}

static void test_switch(void **state)
{
    begin("{\"on\":true,\"off\":false,\"null\":null}");
    assert_int_equal(body_switch(&body, "on"), 1);
    assert_int_equal(body_switch(&body, "off"), 0);
    assert_int_equal(body_switch(&body, "null"), -1);
    assert_int_equal(body_switch(&body, "none"), -1);
    assert_int_equal(body_end(&body), ERR_OK);
    begin("{\"text\":\"true\",\"number\":1}");
    assert_int_equal(body_switch(&body, "text"), -1);
    assert_int_equal(body_switch(&body, "number"), -1);
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_str(complaint("text"), "must be true or false");
    assert_str(complaint("number"), "must be true or false");
}

static void test_everything_wrong_at_once(void **state)
{
    begin(
        "{\"a\":5,\"b\":\"\",\"c\":\"abc\",\"d\":\"a\",\"e\":\"1\",\"f\":11,\"g\":1,\"h\":null,"
        "\"i\":9223372036854775808,\"j\":99999999999999999999,\"k\":1.5,\"surplus\":{}}");
    body_text(&body, "a", 1, 2, true);
    body_text(&body, "b", 1, 2, true);
    body_text(&body, "c", 1, 2, true);
    body_text(&body, "d", 2, 3, true);
    assert_int_equal(body_i64(&body, "e", 1, 10, -1, true), -1);
    assert_int_equal(body_i64(&body, "f", 1, 10, -1, true), -1);
    assert_true(body_bool(&body, "g", true));
    body_text(&body, "h", 0, 3, true);
    body_i64(&body, "i", 1, INT64_MAX, 0, false);
    body_i64(&body, "j", 1, 10, 0, false);
    body_i64(&body, "k", 1, 10, 0, false);
    body_i64(&body, "l", 1, 10, 0, true);
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_int_equal(error.err, ERR_VALIDATION);
    assert_str(error.message, "13 fields are wrong");
    assert_str(complaint("a"), "must be text");
    assert_str(complaint("b"), "must not be empty");
    assert_str(complaint("c"), "must have 2 characters or fewer, not 3");
    assert_str(complaint("d"), "must have 2 characters or more, not 1");
    assert_str(complaint("e"), "must be a whole number");
    assert_str(complaint("f"), "must be from 1 to 10");
    assert_str(complaint("g"), "must be true or false");
    assert_str(complaint("h"), "is required");
    assert_str(complaint("i"), "must be from 1 to 9223372036854775807");
    assert_str(complaint("j"), "must be from 1 to 10");
    assert_str(complaint("k"), "must be a whole number");
    assert_str(complaint("l"), "is required");
    assert_str(complaint("surplus"), "unknown field");
    assert_int_equal(complaints(), 13);
}

static void test_one_wrong(void **state)
{
    begin("{\"x\":1}");
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_str(error.message, "1 field is wrong");
}

/* `details` is an object: one complaint a field, the first. */
static void test_first_complaint_wins(void **state)
{
    begin("{\"waba_id\":5}");
    body_text(&body, "waba_id", 1, 4, true);
    body_complain(&body, "waba_id", "must be %d digits", 15);
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_int_equal(complaints(), 1);
    assert_str(complaint("waba_id"), "must be text");
    assert_str(error.message, "1 field is wrong");
}

static void test_path(void **state)
{
    begin("{\"rows\":[{\"title\":1,\"odd\":2}]}");
    struct body row = {.object = json_at(json_get(body.object, "rows"), 0),
                       .error = &error,
                       .path = "sections[0].rows[2]."};
    body_text(&row, "title", 1, 4, true);
    assert_int_equal(body_end(&row), ERR_VALIDATION);
    assert_str(complaint("sections[0].rows[2].title"), "must be text");
    assert_str(complaint("sections[0].rows[2].odd"), "unknown field");
}

static void test_an_unknown_field_near_a_known_one(void **state)
{
    begin("{\"resource\":1,\"elephants\":2}");
    assert_null(body_value(&body, "resources").val);
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_str(complaint("resource"), "unknown field; did you mean 'resources'?");
    assert_str(complaint("elephants"), "unknown field");
}

static void test_no_object(void **state)
{
    static const char *const bodies[] = {"[]", "1", "null", "\"x\"", "", "{", "{}{}", "{\"a\":1,}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        error_init(&error, &arena);
        assert_int_equal(body_begin(&body, str_from(bodies[i]), &arena, &error), ERR_INVALID_JSON);
        assert_str(error.details->field, "offset");
        assert_false(body_has(&body, "a"));
    }
}

/* A body of 10,000 unknown fields is refused with an answer of bounded size. */
static void test_complaints_are_bounded(void **state)
{
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, MIB);
    buf_add_char(&b, '{');
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i, i);
    buf_printf(&b, "}");
    buf_add_char(&b, '\0');
    begin(b.ptr);
    assert_int_equal(body_end(&body), ERR_VALIDATION);
    assert_int_equal(complaints(), JSON_COMPLAINTS_MAX);
}

/* Without memory for the details the error stays an error. */
static void test_every_arena_size(void **state)
{
    bool done = false;
    for (size_t max = 0; !done; max++) {
        struct arena small;
        arena_init(&small, max);
        error_init(&error, &small);
        enum err err = body_begin(&body, STR("{\"a\":1,\"b\":2}"), &small, &error);
        assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
        if (err == ERR_OK) {
            body.path = "p.";
            body_text(&body, "a", 1, 2, true);
            body_text(&body, "c", 1, 2, true);
            assert_int_equal(body_end(&body), ERR_VALIDATION);
            done = complaints() == 3;
        }
        arena_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all_good),
        TEST(test_absent),
        TEST(test_switch),
        TEST(test_everything_wrong_at_once),
        TEST(test_one_wrong),
        TEST(test_first_complaint_wins),
        TEST(test_path),
        TEST(test_an_unknown_field_near_a_known_one),
        TEST(test_no_object),
        TEST(test_complaints_are_bounded),
        TEST(test_every_arena_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/buf.h"
#include "base/limits.h"
#include "gate/plan.h"
#include "unit/base/test.h"

static const struct endpoint list[] = {
    {STR_INIT("GET /waba-numbers"), {200, 60}},
    {STR_INIT("POST /waba-numbers"), {100, 60}},
    {STR_INIT("GET /waba-numbers/{id}/history"), {200, 60}},
    {STR_INIT("POST /w/message/text"), {1000, 3600}},
    {STR_INIT("other reads"), {200, 60}},
    {STR_INIT("other writes"), {0}},
};
static const struct endpoints endpoints = {list, ARRAY_LEN(list)};

static struct arena arena;
static struct error error;
static struct limit limits[ARRAY_LEN(list)];

static enum err parse(const char *json)
{
    arena_release(&arena);
    arena_init(&arena, PLAN_ARENA_MAX);
    error_init(&error, &arena);
    return plan_parse(str_from(json), &endpoints, limits, &error);
}

static struct str problem_of(const char *field)
{
    for (const struct error_detail *d = error.details; d; d = d->next)
        if (str_eq(d->field, str_from(field)))
            return d->problem;
    return STR("");
}

static void assert_problem(const char *field, const char *expected)
{
    struct str problem = problem_of(field);
    if (!str_eq(problem, str_from(expected)))
        fail_msg("%s: '%.*s' instead of '%s'", field, STR_FMT(problem), expected);
}

static void test_what_is_not_named_keeps_its_default(void **state)
{
    assert_int_equal(parse(""), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        assert_memory_equal(&limits[i], &list[i].limit, sizeof(limits[i]));
    assert_int_equal(parse("{\"limits\":{}}"), ERR_OK);
    assert_int_equal(limits[0].requests, 200);
    assert_int_equal(parse("{\"limits\":{\"GET /waba-numbers\":\"7/h\",\"other writes\":\"9/day\","
                           "\"POST /w/message/text\":\"unlimited\"}}"),
                     ERR_OK);
    assert_int_equal(limits[0].requests, 7);
    assert_int_equal(limits[0].window_s, 3600);
    assert_int_equal(limits[1].requests, 100);
    assert_int_equal(limits[3].requests, 0);
    assert_int_equal(limits[5].requests, 9);
    assert_int_equal(limits[5].window_s, 86400);
}

static void test_every_wrong_member_is_named(void **state)
{
    assert_int_equal(parse("{\"limts\":{},\"limits\":{\"GET /waba-number\":\"7/h\","
                           "\"GET /waba-numbers/{id}/histroy\":\"1/s\",\"other read\":\"1/s\","
                           "\"PUT /elephants\":\"1/s\",\"POST /waba-numbers\":\"0/min\","
                           "\"other writes\":7,\"POST /w/message/text\":\"10/week\"}}"),
                     ERR_VALIDATION);
    assert_problem("limts", "unknown field; did you mean 'limits'?");
    assert_problem("GET /waba-number", "is no endpoint; did you mean 'GET /waba-numbers'?");
    assert_problem("GET /waba-numbers/{id}/histroy",
                   "is no endpoint; did you mean 'GET /waba-numbers/{id}/history'?");
    assert_problem("other read", "is no endpoint; did you mean 'other reads'?");
    assert_problem("PUT /elephants", "is no endpoint");
    assert_problem("POST /waba-numbers", "must be " LIMIT_FORM);
    assert_problem("other writes", "must be " LIMIT_FORM);
    assert_problem("POST /w/message/text", "must be " LIMIT_FORM);
}

static void test_what_is_no_plan(void **state)
{
    assert_int_equal(parse("[]"), ERR_INVALID_JSON);
    assert_int_equal(parse("{"), ERR_INVALID_JSON);
    assert_int_equal(parse("{}"), ERR_VALIDATION);
    assert_problem("limits", "is required");
    assert_int_equal(parse("{\"limits\":[]}"), ERR_VALIDATION);
    assert_problem("limits", "must be an object");
    assert_int_equal(parse("{\"limits\":null}"), ERR_VALIDATION);
    assert_int_equal(parse("{\"limits\":{\"other reads\":\"1/s\",\"other reads\":\"2/s\"}}"),
                     ERR_INVALID_JSON);
    static char long_plan[PLAN_MAX + 2];
    memset(long_plan, ' ', sizeof(long_plan) - 1);
    assert_int_equal(parse(long_plan), ERR_TOO_LARGE);
}

static void test_complaints_have_an_end(void **state)
{
    struct buf plan;
    buf_init(&plan, PLAN_MAX);
    buf_add(&plan, STR("{\"limits\":{"));
    for (int i = 0; i < 2 * JSON_COMPLAINTS_MAX; i++)
        buf_printf(&plan, "\"nothing %d\":1,", i);
    buf_add(&plan, STR("\"x\":1}}"));
    buf_add_char(&plan, '\0');
    assert_int_equal(parse(plan.ptr), ERR_VALIDATION);
    size_t n = 0;
    for (const struct error_detail *d = error.details; d; d = d->next)
        n++;
    assert_int_equal(n, JSON_COMPLAINTS_MAX);
    buf_release(&plan);
}

static void test_the_example_is_a_plan(void **state)
{
    struct arena text_arena;
    arena_init(&text_arena, PLAN_ARENA_MAX);
    struct str text = plan_example(&endpoints, &text_arena);
    assert_int_equal(parse(arena_cstr(&text_arena, text)), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        assert_memory_equal(&limits[i], &list[i].limit, sizeof(limits[i]));
    arena_release(&text_arena);
}

static void test_limits_as_text(void **state)
{
    static const char *const texts[] = {"1/s", "60/min", "500/h", "16777215/day", "unlimited"};
    char text[LIMIT_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct limit limit;
        assert_true(limit_parse(str_from(texts[i]), &limit));
        limit_format(&limit, text);
        assert_string_equal(text, texts[i]);
    }
    limit_format(&(struct limit){5, 90}, text);
    assert_string_equal(text, "5/90s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_named_keeps_its_default),
        cmocka_unit_test(test_every_wrong_member_is_named),
        cmocka_unit_test(test_what_is_no_plan),
        cmocka_unit_test(test_complaints_have_an_end),
        cmocka_unit_test(test_the_example_is_a_plan),
        cmocka_unit_test(test_limits_as_text),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}

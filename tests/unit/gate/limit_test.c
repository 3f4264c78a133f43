#include "gate/plan.h"

#include "unit/base/test.h"

static void test_accepted(void **state)
{
    static const struct {
        const char *text;
        int64_t requests, window_s;
    } cases[] = {
        {"1/s", 1, 1},        {"60/min", 60, 60},
        {"500/h", 500, 3600}, {"16777215/day", LIMIT_REQUESTS_MAX, 86400},
        {"unlimited", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct limit limit;
        assert_true(limit_parse(str_from(cases[i].text), &limit));
        assert_int_equal(limit.requests, cases[i].requests);
        assert_int_equal(limit.window_s, cases[i].window_s);
    }
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "",       "60",      "60/",          "/min",         "0/min", "-1/min",
        "1.5/s",  "60 /min", "60/ min",      "60/minute",    "60/m",  "16777216/h",
        "60/MIN", "060/min", "60/min/extra", "60/min,1/day", "none",  "99999999999999999999/s",
    };
    struct limit limit = {7, 7};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (limit_parse(str_from(cases[i]), &limit))
            fail_msg("%s was taken", cases[i]);
    assert_int_equal(limit.requests, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *path;
    bool match;
    const char *first; /* parameter */
} cases[] = {
    {"/", "/", true, NULL},
    {"/waba-numbers", "/waba-numbers", true, NULL},
    {"/waba-numbers", "/waba-number", false, NULL},
    {"/waba-numbers", "/waba-numbers2", false, NULL},
    {"/waba-numbers", "/WABA-numbers", false, NULL},
    {"/waba-numbers", "/waba-numbers/", false, NULL},
    {"/waba-numbers", "//waba-numbers", false, NULL},
    {"/waba-numbers", "/", false, NULL},
    {"/", "/waba-numbers", false, NULL},
    {"/waba-numbers/{id}", "/waba-numbers/12", true, "12"},
    {"/waba-numbers/{id}", "/waba-numbers/a%2Fb", true, "a%2Fb"},
    {"/waba-numbers/{id}", "/waba-numbers/", false, NULL},
    {"/waba-numbers/{id}", "/waba-numbers", false, NULL},
    {"/waba-numbers/{id}", "/waba-numbers/1/", false, NULL},
    {"/waba-numbers/{id}", "/waba-numbers/1/history", false, NULL},
    {"/waba-numbers/{id}/history", "/waba-numbers/1/history", true, "1"},
    {"/waba-numbers/{id}/history", "/waba-numbers//history", false, NULL},
    {"/{a}/b/{c}/{d}", "/1/b/3/4", true, "1"},
    {"/{a}/{b}/{c}/{d}", "/1/2/3/4", true, "1"},
    {"/{a}/{b}/{c}/{d}/{e}", "/1/2/3/4/5", false, NULL}, /* over HTTP_PATH_PARAMS_MAX */
    {"/x{a}", "/x1", false, NULL},                       /* a parameter is a whole segment */
    {"/x{a}", "/x{a}", true, NULL},
    {"/", "", false, NULL},
    {"/a", "a", false, NULL},
    {"/{a}", "*", false, NULL},
};

static void test_match(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_match match = {.n_params = 99};
        bool matches = http_path_match(cases[i].pattern, str_from(cases[i].path), &match);
        if (matches != cases[i].match)
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
        if (!matches)
            assert_int_equal(match.n_params, 99); /* written only on success */
        if (matches && !cases[i].first)
            assert_int_equal(match.n_params, 0);
        if (cases[i].first)
            assert_true(str_eq(match.params[0], str_from(cases[i].first)));
    }
}

static void test_params_in_order(void **state)
{
    struct http_match match;
    assert_true(http_path_match("/{a}/x/{b}/{c}", STR("/1/x/22/333"), &match));
    assert_int_equal(match.n_params, 3);
    assert_true(str_eq(match.params[0], STR("1")));
    assert_true(str_eq(match.params[1], STR("22")));
    assert_true(str_eq(match.params[2], STR("333")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_params_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/nearest.h"

#include "unit/base/test.h"

static size_t distance(const char *a, const char *b)
{
    size_t there = nearest_distance(str_from(a), str_from(b));
    assert_int_equal(there, nearest_distance(str_from(b), str_from(a)));
    return there;
}

static void test_distance(void **state)
{
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("list", "list"), 0);
    assert_int_equal(distance("lst", "list"), 1);
    assert_int_equal(distance("nubmer", "number"), 1); /* neighbours swapped */
    assert_int_equal(distance("kitten", "sitting"), 3);
    assert_int_equal(distance("serve", "sign"), 4);
}

static void test_long_words_are_far(void **state)
{
    char word[200];
    memset(word, 'a', sizeof(word));
    size_t far = nearest_distance(str_make(word, sizeof(word)), str_make(word, sizeof(word)));
    assert_true(far > 30);
}

static const char *nearest_of(const char *typed)
{
    static const char *const words[] = {"serve", "sign", "sim", "number", "version"};
    struct nearest nearest;
    nearest_init(&nearest, str_from(typed));
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        nearest_offer(&nearest, words[i]);
    return nearest.best;
}

static void test_what_is_meant(void **state)
{
    assert_string_equal(nearest_of("serv"), "serve");
    assert_string_equal(nearest_of("nubmer"), "number");
    assert_string_equal(nearest_of("ver"), "version");
    assert_string_equal(nearest_of("smi"), "sim");
    assert_null(nearest_of("elephant"));
    assert_null(nearest_of("s"));
    assert_null(nearest_of(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_long_words_are_far),
        cmocka_unit_test(test_what_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "api/etag.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct str make(struct str body, char out[ETAG_LEN])
{
    etag_make(body, out);
    return str_make(out, ETAG_LEN);
}

/* Every byte counts, and so does the length: also where the bytes are zero. */
static void test_another_text_another_tag(void **state)
{
    char text[64], tags[2][ETAG_LEN];
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 0, sizeof(text));
        struct str first = make(str_make(text, len), tags[0]);
        assert_true(first.ptr[0] == '"' && first.ptr[ETAG_LEN - 1] == '"');
        assert_true(str_eq(first, make(str_make(text, len), tags[1])));
        if (len + 1 < sizeof(text))
            assert_false(str_eq(first, make(str_make(text, len + 1), tags[1])));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            assert_false(str_eq(first, make(str_make(text, len), tags[1])));
            text[i] = 0;
        }
    }
}

static void test_the_tag_of_the_form_in_gzip(void **state)
{
    char plain[ETAG_LEN], gzip[ETAG_GZIP_LEN];
    etag_make(STR("text"), plain);
    etag_make_gzip(plain, gzip);
    assert_memory_equal(gzip, plain, ETAG_LEN - 1);
    assert_memory_equal(gzip + ETAG_LEN - 1, "-gzip\"", 6);
    assert_false(etag_matches(str_make(plain, ETAG_LEN), str_make(gzip, ETAG_GZIP_LEN)));
    assert_true(etag_matches(str_make(gzip, ETAG_GZIP_LEN), str_make(gzip, ETAG_GZIP_LEN)));
}

static void test_if_none_match(void **state)
{
    const struct str tag = STR("\"0123456789abcdef\"");
    const struct str hits[] = {tag, STR("*"), STR("W/\"0123456789abcdef\""),
                               STR("\"a\", \"0123456789abcdef\""),
                               STR("\"0123456789abcdef\",\"b\"")};
    const struct str misses[] = {STR(""),
                                 STR("\"\""),
                                 STR("0123456789abcdef"),
                                 STR("\"0123456789abcde\""),
                                 STR("w/\"0123456789abcdef\""),
                                 STR(",,,"),
                                 STR("W/")};
    for (size_t i = 0; i < ARRAY_LEN(hits); i++)
        assert_true(etag_matches(hits[i], tag));
    for (size_t i = 0; i < ARRAY_LEN(misses); i++)
        assert_false(etag_matches(misses[i], tag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_text_another_tag),
        cmocka_unit_test(test_the_tag_of_the_form_in_gzip),
        cmocka_unit_test(test_if_none_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

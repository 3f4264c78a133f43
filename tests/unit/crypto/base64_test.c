#include "crypto/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 4648 §10 */
static void test_vectors(void **state)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        size_t len = strlen(vectors[i][0]);
        char text[BASE64_SIZE(6)];
        base64_encode((const unsigned char *)vectors[i][0], len, text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(strlen(text) + 1, BASE64_SIZE(len));
    }
}

/* The two characters beyond letters and digits. */
static void test_last_digits(void **state)
{
    char text[BASE64_SIZE(3)];
    base64_encode((const unsigned char *)"\xfb\xff\xbf", 3, text);
    assert_string_equal(text, "+/+/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_last_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

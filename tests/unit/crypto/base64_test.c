#include "base/random.h"
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

/* Random bytes of every length, there and back; and not as a byte more or less. */
static void test_round_trip(void **state)
{
    unsigned char bytes[100], back[101];
    char text[BASE64_SIZE(sizeof(bytes))];
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        random_bytes(bytes, sizeof(bytes));
        base64_encode(bytes, len, text);
        assert_true(base64_decode(str_from(text), back, len));
        assert_memory_equal(back, bytes, len);
        assert_false(base64_decode(str_from(text), back, len + 1));
        assert_false(len && base64_decode(str_from(text), back, len - 1));
    }
}

static void test_malformed(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        {"Zg", 1},   {"Zg=", 1},      {"Zg==\n", 1},  {"=g==", 1}, {"Z===", 1}, {"Zg=A", 1},
        {"Zm8A", 2}, {"Zm9v====", 3}, {"Zm9=", 3},    {"Zm 9", 3}, {"Zm-_", 3}, {"Zm\xc3\xa9", 3},
        {"Zm9v", 4}, {"Zg==Zm9v", 5}, {"Zm9vZm9", 5}, {"Zh==", 1}, {"Zm9=", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        unsigned char out[8];
        if (base64_decode(str_from(bad[i].text), out, bad[i].len))
            fail_msg("taken: '%s'", bad[i].text);
    }
    unsigned char out[3];
    assert_false(base64_decode(str_make("Zm\0v", 4), out, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_last_digits),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

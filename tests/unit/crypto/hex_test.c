#include "crypto/hex.h"

#include "unit/base/test.h"

static void test_round_trip(void **state)
{
    unsigned char bytes[256], back[256];
    char text[512];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        hex_encode(bytes, len, text);
        assert_true(hex_decode(str_make(text, 2 * len), back, len));
        assert_memory_equal(bytes, back, len);
    }
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
}

static void test_refused(void **state)
{
    static const struct str cases[] = {
        STR_INIT(""),      STR_INIT("0"),     STR_INIT("00"),     STR_INIT("000"),
        STR_INIT("0000 "), STR_INIT("00000"), STR_INIT("000000"), STR_INIT("00AA"),
        STR_INIT("000g"),  STR_INIT("0x00"),  STR_INIT(" 000"),   STR_INIT("00\0000"),
        STR_INIT("-000"),  STR_INIT("00/0"),  STR_INIT("00:0"),   STR_INIT("00`0"),
    };
    unsigned char out[2];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (hex_decode(cases[i], out, sizeof(out)))
            fail_msg("taken: '%.*s'", STR_FMT(cases[i]));
    assert_true(hex_decode(STR("00ff"), out, sizeof(out)));
}

static void test_bytes_equal(void **state)
{
    char a[32], b[32];
    memset(a, 7, sizeof(a));
    memset(b, 7, sizeof(b));
    assert_true(bytes_equal(a, b, sizeof(a)));
    assert_true(bytes_equal(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
        b[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(bytes_equal(a, b, sizeof(a)));
        b[bit / 8] ^= (char)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bytes_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

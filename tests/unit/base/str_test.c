#include "unit/base/test.h"

static void test_compare(void **state)
{
    struct str none = {NULL, 0};
    assert_true(str_eq(none, STR("")));
    assert_true(str_starts(none, STR("")) && str_starts(STR("ab"), none));
    assert_true(str_ends(none, STR("")) && str_ends(STR("ab"), none));
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_false(str_eq(STR("a"), STR("b")) || str_eq(STR("a"), STR("a\0")));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("a@"), STR("a`"))); /* 32 apart, but no letters */
    assert_false(str_eq_nocase(STR("É"), STR("é")));   /* ASCII only */
    assert_str(str_from(NULL), "");
}

static void test_find_trim_split(void **state)
{
    assert_int_equal(str_find(STR("abc"), 'c'), 2);
    assert_int_equal(str_find(STR("abc"), 'x'), 3);
    assert_int_equal(str_find((struct str){NULL, 0}, 'x'), 0);
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR("\n a")), "\n a");
    assert_str(str_trim(STR("  ")), "");
    struct str rest = STR("a,,b,");
    assert_str(str_split(&rest, ','), "a");
    assert_str(str_split(&rest, ','), "");
    assert_str(str_split(&rest, ','), "b");
    assert_int_equal(rest.len, 0);
    assert_str(str_split(&rest, ','), "");
    rest = (struct str){NULL, 0};
    assert_str(str_split(&rest, ','), "");
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool u64, i64;
    } cases[] = {
        {"0", true, true},
        {"1", true, true},
        {"9223372036854775807", true, true},
        {"9223372036854775808", true, false},
        {"18446744073709551615", true, false},
        {"18446744073709551616", false, false},
        {"99999999999999999999", false, false},
        {"100000000000000000000", false, false},
        {"-1", false, true},
        {"-9223372036854775808", false, true},
        {"-9223372036854775809", false, false},
        {"", false, false},
        {"-", false, false},
        {"--1", false, false},
        {"+1", false, false},
        {" 1", false, false},
        {"1 ", false, false},
        {"01", false, false},
        {"00", false, false},
        {"-01", false, false},
        {"1.0", false, false},
        {"1e3", false, false},
        {"0x1", false, false},
        {"١", false, false}, /* an Arabic digit */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t u = 77;
        int64_t n = 77;
        char text[32];
        if (str_to_u64(str_from(cases[i].text), &u) != cases[i].u64 ||
            str_to_i64(str_from(cases[i].text), &n) != cases[i].i64)
            fail_msg("%s", cases[i].text);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)u);
        assert_string_equal(text, cases[i].u64 ? cases[i].text : "77");
        snprintf(text, sizeof(text), "%lld", (long long)n);
        assert_string_equal(text, cases[i].i64 ? cases[i].text : "77");
    }
    assert_true(str_is_digits(STR("0123")));
    assert_false(str_is_digits(STR("")) || str_is_digits(STR("1\0")) || str_is_digits(STR("1/")) ||
                 str_is_digits(STR("1:")));
}

/* Whatever a text in UTF-8 is cut to: what stays is well-formed, and at most three bytes shorter.
 */
static void test_whole_utf8(void **state)
{
    static const char text[] = "aé€😀م\xF0\x9F\x98\x80";
    for (size_t len = 0; len < sizeof(text); len++) {
        struct str whole = str_whole_utf8(str_make(text, len));
        assert_true(str_is_utf8(whole));
        assert_true(len - whole.len < 4);
        assert_int_equal(whole.len == len, str_is_utf8(str_make(text, len)));
    }
    struct str binary = STR("\xFF\xFE\x41"); /* is no text, and stays as it is */
    assert_int_equal(str_whole_utf8(binary).len, 3);
}

/* RFC 3629: each border, and what lies just behind it. */
static void test_utf8_table(void **state)
{
    static const struct {
        struct str text;
        bool good;
    } cases[] = {
        {STR_INIT(""), true},
        {STR_INIT("\0"), true},
        {STR_INIT("\x7F"), true},
        {STR_INIT("\xC2\x80"), true},
        {STR_INIT("\xDF\xBF"), true},
        {STR_INIT("\xE0\xA0\x80"), true},
        {STR_INIT("\xED\x9F\xBF"), true},
        {STR_INIT("\xEE\x80\x80"), true},
        {STR_INIT("\xEF\xBF\xBF"), true},
        {STR_INIT("\xF0\x90\x80\x80"), true},
        {STR_INIT("\xF4\x8F\xBF\xBF"), true},
        {STR_INIT("هدهد سليمان"), true},
        {STR_INIT("\x80"), false},
        {STR_INIT("\xBF"), false},
        {STR_INIT("\xC0\x80"), false}, /* overlong */
        {STR_INIT("\xC1\xBF"), false},
        {STR_INIT("\xE0\x80\x80"), false},
        {STR_INIT("\xE0\x9F\xBF"), false},
        {STR_INIT("\xF0\x80\x80\x80"), false},
        {STR_INIT("\xF0\x8F\xBF\xBF"), false},
        {STR_INIT("\xED\xA0\x80"), false}, /* surrogates */
        {STR_INIT("\xED\xBF\xBF"), false},
        {STR_INIT("\xF4\x90\x80\x80"), false}, /* above U+10FFFF */
        {STR_INIT("\xF5\x80\x80\x80"), false},
        {STR_INIT("\xF8\x88\x80\x80\x80"), false},
        {STR_INIT("\xFE"), false},
        {STR_INIT("\xFF"), false},
        {STR_INIT("\xC3"), false}, /* cut */
        {STR_INIT("\xE2\x82"), false},
        {STR_INIT("\xF0\x9F\x98"), false},
        {STR_INIT("\xC3("), false}, /* not continued */
        {STR_INIT("\xE2\x82("), false},
        {STR_INIT("\xE2(\xA1"), false},
        {STR_INIT("\xF0\x9F\x98("), false},
        {STR_INIT("\xF0\x9F(\x80"), false},
        {STR_INIT("a\xFFz"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (str_is_utf8(cases[i].text) != cases[i].good)
            fail_msg("case %zu", i);
}

/* Every code point but the surrogates, and no beginning of its bytes. */
static void test_every_code_point(void **state)
{
    char text[4];
    for (uint32_t c = 0; c <= 0x110000; c++) {
        struct str s = str_make(text, test_utf8(c, text));
        bool good = c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
        if (str_is_utf8(s) != good)
            fail_msg("U+%04X", c);
        for (size_t cut = 1; good && cut < s.len; cut++)
            assert_false(str_is_utf8(str_make(text, cut)));
        if (good)
            assert_int_equal(str_code_points(s), 1);
    }
}

static void test_counting(void **state)
{
    assert_int_equal(str_code_points(STR("متجر 😀")), 6);
    assert_int_equal(str_columns(STR("متجر")), 4);
    assert_int_equal(str_columns(STR("مُحَمَّد")), 4); /* the vowel marks stand above */
    assert_int_equal(str_columns(STR("e\xCC\x81")), 1);
    assert_int_equal(str_columns(STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),          cmocka_unit_test(test_find_trim_split),
        cmocka_unit_test(test_numbers),          cmocka_unit_test(test_utf8_table),
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_counting),
        cmocka_unit_test(test_whole_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/clock.h"

#include "unit/base/test.h"

static void assert_iso(int64_t ms, const char *want)
{
    char text[CLOCK_ISO_LEN + 1];
    text[CLOCK_ISO_LEN] = '#'; /* stays: no NUL is written */
    clock_format_iso(ms, text);
    assert_str(str_make(text, CLOCK_ISO_LEN), want);
    assert_int_equal(text[CLOCK_ISO_LEN], '#');
}

static void test_borders(void **state)
{
    assert_iso(0, "1970-01-01T00:00:00Z");
    assert_iso(999, "1970-01-01T00:00:00Z");
    assert_iso(-1, "1970-01-01T00:00:00Z");
    assert_iso(INT64_MIN, "1970-01-01T00:00:00Z");
    assert_iso(1705314600000, "2024-01-15T10:30:00Z");
    assert_iso(951782399000, "2000-02-28T23:59:59Z");
    assert_iso(951782400000, "2000-02-29T00:00:00Z");  /* every 400 years a leap year */
    assert_iso(4107542400000, "2100-03-01T00:00:00Z"); /* and other centuries none */
    assert_iso(2147483648000, "2038-01-19T03:14:08Z");
    assert_iso(253402300799999, "9999-12-31T23:59:59Z");
    assert_iso(253402300800000, "9999-12-31T23:59:59Z");
    assert_iso(INT64_MAX, "9999-12-31T23:59:59Z");
}

static void assert_like_the_library(int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char want[32];
    assert_non_null(gmtime_r(&t, &tm));
    strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
    assert_iso(seconds * 1000, want);
}

/* The last second of each day and the one after it, and random times. */
static void test_against_the_library(void **state)
{
    for (int64_t day = 0; day < 366 * 500; day++) {
        assert_like_the_library(day * 86400);
        assert_like_the_library(day * 86400 + 86399);
    }
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++)
        assert_like_the_library((int64_t)test_below(&seed, 253402300800));
}

static void assert_parsed(const char *text, int64_t want)
{
    int64_t ms = -1;
    if (!clock_parse_iso(str_from(text), &ms))
        fail_msg("not taken: '%s'", text);
    assert_int_equal(ms, want);
}

static void test_parse_iso(void **state)
{
    assert_parsed("1970-01-01T00:00:00Z", 0);
    assert_parsed("2024-01-15T10:30:00Z", 1705314600000);
    assert_parsed("2024-01-15T10:30:00.5Z", 1705314600500);
    assert_parsed("2024-01-15T10:30:00.007Z", 1705314600007);
    assert_parsed("2024-01-15T10:30:00.123456789Z", 1705314600123);
    assert_parsed("2000-02-29T00:00:00Z", 951782400000);
    assert_parsed("9999-12-31T23:59:59Z", 253402300799000);
    static const char *const bad[] = {
        "",
        "Z",
        "2024-01-15",
        "2024-01-15T10:30:00",
        "2024-01-15T10:30Z",
        "2024-01-15 10:30:00Z",
        "2024-01-15T10:30:00z",
        "2024-01-15T10:30:00+00:00",
        "2024-01-15T10:30:00.Z",
        "2024-01-15T10:30:00.1234567890Z",
        "2024-01-15T10:30:00.5",
        "2024-01-15T10:30:00.5Z ",
        "2024-01-15T10:30:00ZZ",
        " 2024-01-15T10:30:00Z",
        "2024-1-15T10:30:00Z",
        "-024-01-15T10:30:00Z",
        "+024-01-15T10:30:00Z",
        "2024-00-15T10:30:00Z",
        "2024-13-15T10:30:00Z",
        "2024-01-00T10:30:00Z",
        "2024-01-32T10:30:00Z",
        "2024-06-31T10:30:00Z",
        "2023-02-29T10:30:00Z",
        "2100-02-29T10:30:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:30:60Z",
        "1969-12-31T23:59:59Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms = -1;
        if (clock_parse_iso(str_from(bad[i]), &ms))
            fail_msg("taken: '%s'", bad[i]);
        assert_int_equal(ms, -1);
    }
}

/* What is written is read as it was, and nothing that is one byte shorter. */
static void test_parse_iso_round_trip(void **state)
{
    uint64_t seed = 2;
    for (int i = 0; i < 100000; i++) {
        char text[CLOCK_ISO_LEN], text_ms[CLOCK_ISO_MS_LEN];
        int64_t ms = (int64_t)test_below(&seed, 253402300800000), read;
        clock_format_iso(ms, text);
        clock_format_iso_ms(ms, text_ms);
        assert_true(clock_parse_iso(str_make(text, sizeof(text)), &read));
        assert_int_equal(read, ms / 1000 * 1000);
        assert_true(clock_parse_iso(str_make(text_ms, sizeof(text_ms)), &read));
        assert_int_equal(read, ms);
        size_t len = test_below(&seed, sizeof(text_ms));
        assert_false(clock_parse_iso(str_make(text_ms, len), &read));
    }
}

static void test_milliseconds(void **state)
{
    char text[CLOCK_ISO_MS_LEN];
    clock_format_iso_ms(1705314600007, text);
    assert_str(str_make(text, sizeof(text)), "2024-01-15T10:30:00.007Z");
    clock_format_iso_ms(999, text);
    assert_str(str_make(text, sizeof(text)), "1970-01-01T00:00:00.999Z");
}

static void test_clocks(void **state)
{
    int64_t now = clock_now_ms();
    assert_true(now / 1000 - (int64_t)time(NULL) <= 1 && (int64_t)time(NULL) - now / 1000 <= 1);
    int64_t before = clock_monotonic_us();
    int64_t cpu = clock_thread_cpu_us();
    volatile int sink = 0;
    for (int i = 0; i < 1000000; i++)
        sink = sink ^ i;
    assert_true(clock_monotonic_us() > before);
    assert_true(clock_thread_cpu_us() > cpu);
}

/* The example of RFC 9110 §5.6.7, and every day of some years against the C library. */
static void test_http_dates(void **state)
{
    char text[CLOCK_HTTP_LEN + 1] = "", expected[64];
    clock_format_http(INT64_C(784111777) * 1000, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (int64_t day = 0; day < 60000; day++) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        clock_format_http((int64_t)seconds * 1000, text);
        assert_string_equal(text, expected);
    }
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"15m", 900}, {"24h", 86400}, {"7d", 604800}};
    static const char *const bad[] = {"",    "h",  "-1",  "-1h", "1.5h",
                                      "1 h", "1w", "1hh", "0x1", "9223372036854775807d"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t seconds = -1;
        assert_true(clock_parse_duration(str_from(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t seconds = -1;
        if (clock_parse_duration(str_from(bad[i]), &seconds))
            fail_msg("taken: '%s'", bad[i]);
        assert_int_equal(seconds, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_dates),
        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_against_the_library),
        cmocka_unit_test(test_parse_iso),
        cmocka_unit_test(test_parse_iso_round_trip),
        cmocka_unit_test(test_milliseconds),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

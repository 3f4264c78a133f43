#include "base/clock.h"

#include <time.h>

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_thread_cpu_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

static void digits(char *to, int width, int64_t value)
{
    for (int i = width - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Days since 1970-01-01 to a civil date: Howard Hinnant's algorithm, with years that begin in
 * March so that the leap day is the last. Much cheaper than gmtime_r, and every list row has two.
 */
static void civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

void clock_format_iso(int64_t ms, char out[CLOCK_ISO_LEN])
{
    int64_t seconds = MIN(MAX(ms / 1000, (int64_t)0), LAST_SECOND);
    int64_t year, month, day, rest = seconds % 86400;
    civil(seconds / 86400, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00Z", CLOCK_ISO_LEN);
    digits(out, 4, year);
    digits(out + 5, 2, month);
    digits(out + 8, 2, day);
    digits(out + 11, 2, rest / 3600);
    digits(out + 14, 2, rest / 60 % 60);
    digits(out + 17, 2, rest % 60);
}

void clock_format_http(int64_t ms, char out[CLOCK_HTTP_LEN])
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = MIN(MAX(ms / 1000, (int64_t)0), LAST_SECOND);
    int64_t year, month, day, rest = seconds % 86400;
    civil(seconds / 86400, &year, &month, &day);
    memcpy(out, "Thu, 00 Jan 0000 00:00:00 GMT", CLOCK_HTTP_LEN);
    memcpy(out, weekdays + 3 * (seconds / 86400 % 7), 3);
    digits(out + 5, 2, day);
    memcpy(out + 8, months + 3 * (month - 1), 3);
    digits(out + 12, 4, year);
    digits(out + 17, 2, rest / 3600);
    digits(out + 20, 2, rest / 60 % 60);
    digits(out + 23, 2, rest % 60);
}

void clock_format_iso_ms(int64_t ms, char out[CLOCK_ISO_MS_LEN])
{
    clock_format_iso(ms, out);
    out[19] = '.';
    digits(out + 20, 3, MAX(ms, 0) % 1000);
    out[23] = 'Z';
}

bool clock_parse_duration(struct str text, int64_t *ret_seconds)
{
    static const struct {
        char suffix;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t unit = 1;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text.len && text.ptr[text.len - 1] == units[i].suffix) {
            unit = units[i].seconds;
            text.len--;
            break;
        }
    }
    int64_t count, seconds;
    if (!str_is_digits(text) || !str_to_i64(text, &count) ||
        __builtin_mul_overflow(count, unit, &seconds))
        return false;
    *ret_seconds = seconds;
    return true;
}

/* The next `n` digits, and the byte behind them, which is `end`. */
static bool take_digits(struct str *rest, size_t n, char end, int *ret)
{
    int64_t value;
    if (rest->len < n + 1 || rest->ptr[n] != end || !str_is_digits(str_make(rest->ptr, n)))
        return false;
    struct str digits = str_make(rest->ptr, n);
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits = str_skip(digits, 1);
    if (!str_to_i64(digits, &value))
        return false;
    *ret = (int)value;
    *rest = str_skip(*rest, n + 1);
    return true;
}

static bool take_fraction(struct str *rest, int *ret_ms)
{
    char padded[] = "000";
    size_t n = str_find(*rest, 'Z');
    if (n == 0 || n > 9 || n == rest->len || !str_is_digits(str_make(rest->ptr, n)))
        return false;
    memcpy(padded, rest->ptr, MIN(n, sizeof(padded) - 1));
    *ret_ms = (padded[0] - '0') * 100 + (padded[1] - '0') * 10 + (padded[2] - '0');
    *rest = str_skip(*rest, n + 1);
    return true;
}

bool clock_parse_iso(struct str text, int64_t *ret)
{
    struct tm tm = {0};
    int ms = 0;
    bool plain = text.len == CLOCK_ISO_LEN;
    if (!take_digits(&text, 4, '-', &tm.tm_year) || !take_digits(&text, 2, '-', &tm.tm_mon) ||
        !take_digits(&text, 2, 'T', &tm.tm_mday) || !take_digits(&text, 2, ':', &tm.tm_hour) ||
        !take_digits(&text, 2, ':', &tm.tm_min) ||
        !take_digits(&text, 2, plain ? 'Z' : '.', &tm.tm_sec) ||
        (!plain && !take_fraction(&text, &ms)) || text.len)
        return false;
    struct tm as_read = tm;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    int64_t seconds = timegm(&tm); /* which brings a 31st of June to July, a 13th month to the next
                                      year: no such dates */
    if (tm.tm_mon != as_read.tm_mon - 1 || tm.tm_mday != as_read.tm_mday ||
        tm.tm_hour != as_read.tm_hour || tm.tm_min != as_read.tm_min ||
        tm.tm_sec != as_read.tm_sec || seconds < 0)
        return false;
    *ret = seconds * 1000 + ms;
    return true;
}

/* Small texts from outside that are read strictly: base64, times and durations. What is taken is
 * written again as it was. */
#include "base/clock.h"
#include "crypto/base64.h"

#define BYTES_MAX 96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_base64(struct str s)
{
    unsigned char bytes[BYTES_MAX];
    char again[BASE64_SIZE(BYTES_MAX)];
    size_t lengths = 0;
    for (size_t len = 0; len <= BYTES_MAX; len++) {
        if (!base64_decode(s, bytes, len))
            continue;
        base64_encode(bytes, len, again);
        if (!str_eq(str_from(again), s))
            die("base64 that says the same in two ways");
        lengths++;
    }
    if (lengths > 1)
        die("base64 of several lengths");
}

static void check_time(struct str s)
{
    int64_t ms = -1, again;
    char text[CLOCK_ISO_MS_LEN];
    if (!clock_parse_iso(s, &ms)) {
        if (ms != -1)
            die("a time that is none was told");
        return;
    }
    if (ms < 0)
        die("a time before 1970");
    clock_format_iso_ms(ms, text);
    if (!clock_parse_iso(str_make(text, sizeof(text)), &again) || again != ms)
        die("a time is not what it was");
    clock_format_iso(ms, text);
    if (memcmp(text, s.ptr, CLOCK_ISO_LEN - 1) != 0)
        die("a time that says the same in two ways");
}

static void check_duration(struct str s)
{
    int64_t seconds = -1;
    if (!clock_parse_duration(s, &seconds) ? seconds != -1 : seconds < 0)
        die("a duration that is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_make((const char *)data, size);
    check_base64(s);
    check_time(s);
    check_duration(s);
    return 0;
}

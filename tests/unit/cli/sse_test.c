#include "cli/sse.h"

#include "unit/base/test.h"

#define MAX_BYTES 256

static struct sse sse;
static struct buf seen; /* "id|name|data\n" of each event */

static int setup(void **state)
{
    sse_init(&sse, MAX_BYTES);
    buf_init(&seen, MIB);
    return 0;
}

static int teardown(void **state)
{
    sse_release(&sse);
    buf_release(&seen);
    return 0;
}

static bool note(void *arg, const struct sse_event *event)
{
    buf_printf(&seen, "%.*s|%.*s|%.*s;", STR_FMT(event->id), STR_FMT(event->name),
               STR_FMT(event->data));
    return arg == NULL;
}

static void feed(const char *text)
{
    assert_int_equal(sse_feed(&sse, str_from(text), note, NULL), ERR_OK);
}

static void test_fields(void **state)
{
    feed("retry: 3000\nid: evt_1\n\n");
    assert_str(buf_str(&seen), "");
    assert_str(buf_str(&sse.last_id), "evt_1");
    assert_int_equal(sse.retry_ms, 3000);
    feed(": a comment\n: \n\n");
    feed("id: evt_2\nevent: account.updated\ndata: {\"a\":1}\n\n");
    feed("data:no blank\ndata:  two blanks\ndata\nunknown: x\nDATA: x\n\n");
    feed("event\nid\ndata\n\n");
    feed("event: never\n\n");
    feed("data: cut");
    assert_str(buf_str(&seen),
               "evt_2|account.updated|{\"a\":1};"
               "evt_2|message|no blank\n two blanks\n;"
               "|message|;");
    assert_str(buf_str(&sse.last_id), "");
}

static void test_retry(void **state)
{
    static const char *const bad[] = {"retry: -1\n", "retry: 1.5\n",
                                      "retry: \n",   "retry\n",
                                      "retry: 1s\n", "retry: 99999999999999999999\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        feed(bad[i]);
    assert_int_equal(sse.retry_ms, -1);
    feed("retry: 0050\n");
    assert_int_equal(sse.retry_ms, 50);
    feed("retry: 0\n");
    assert_int_equal(sse.retry_ms, 0);
}

static void test_a_new_connection_goes_on(void **state)
{
    feed("retry: 7\nid: 1\ndata: a\n\nid: 2\nevent: x\ndata: half");
    assert_str(buf_str(&sse.last_id), "1");
    sse_begin(&sse);
    feed("\n\ndata: b\n\n");
    assert_str(buf_str(&seen), "1|message|a;1|message|b;");
    assert_int_equal(sse.retry_ms, 7);
    sse_resume(&sse, STR("9"));
    sse_begin(&sse);
    feed("\n");
    assert_str(buf_str(&sse.last_id), "9");
}

static void test_what_is_refused(void **state)
{
    assert_int_equal(sse_feed(&sse, STR("data: \xff\n"), note, NULL), ERR_PARSE);
    sse_begin(&sse);
    assert_int_equal(sse_feed(&sse, STR("data: 1\n\ndata: 2\n\n"), note, &sse), ERR_CLOSED);
    assert_str(buf_str(&seen), "|message|1;");
    sse_begin(&sse);
    assert_int_equal(sse_feed(&sse, str_make("id: a\0b\n\n", 9), note, NULL), ERR_OK);
    assert_str(buf_str(&sse.last_id), "");
    char line[MAX_BYTES + 2];
    memset(line, 'x', sizeof(line));
    assert_int_equal(sse_feed(&sse, str_make(line, MAX_BYTES + 1), note, NULL), ERR_LIMIT);
    sse_begin(&sse);
    enum err e = ERR_OK; /* lines that are small, of an event that is not */
    for (size_t n = 0; !e && n <= MAX_BYTES; n++)
        e = sse_feed(&sse, STR("data:\n"), note, NULL);
    assert_int_equal(e, ERR_LIMIT);
    sse_begin(&sse);
    buf_clear(&seen);
    feed("data: again\n\n");
    assert_str(buf_str(&seen), "|message|again;");
}

/* Cut at any two places, and with any line's end, it is the same. */
static void test_cut_anywhere(void **state)
{
    static const char *const texts[] = {
        "\xEF\xBB\xBFretry: 5\nid: 1\n\n: c\nevent: \xD9\x87\ndata: a\ndata: b\n\ndata\n\n",
        "\xEF\xBB\xBFretry: 5\r\nid: 1\r\n\r\n: c\r\nevent: \xD9\x87\r\ndata: a\r\ndata: b\r\n\r\n"
        "data\r\n\r\n",
        "\xEF\xBB\xBFretry: 5\rid: 1\r\r: c\revent: \xD9\x87\rdata: a\rdata: b\r\rdata\r\r",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str all = str_from(texts[i]);
        for (size_t from = 0; from <= all.len; from++)
            for (size_t to = from; to <= all.len; to++) {
                sse_release(&sse);
                sse_init(&sse, MAX_BYTES);
                buf_clear(&seen);
                struct str parts[] = {str_make(all.ptr, from), str_make(all.ptr + from, to - from),
                                      str_skip(all, to)};
                for (size_t n = 0; n < ARRAY_LEN(parts); n++)
                    assert_int_equal(sse_feed(&sse, parts[n], note, NULL), ERR_OK);
                assert_str(buf_str(&seen), "1|\xD9\x87|a\nb;1|message|;");
                assert_int_equal(sse.retry_ms, 5);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_connection_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_anywhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/log.h"

#include "unit/base/test.h"

#include <unistd.h>

static char captured[2 * LOG_LINE_MAX];

/* What `write_it` logs, without its time: stderr is a file meanwhile. */
static struct str capture(void (*write_it)(const void *arg), const void *arg)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    write_it(arg);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(fileno(file), captured, sizeof(captured), 0);
    fclose(file);
    assert_true(n >= 0);
    struct str line = str_make(captured, (size_t)n);
    if (n == 0)
        return line;
    if (line.ptr[0] == '{') {
        assert_true(str_starts(line, STR("{\"time\":\"2")));
        (void)str_split(&line, ',');
        return line;
    }
    assert_true(str_starts(line, STR("time=2")));
    (void)str_split(&line, ' ');
    return line;
}

static void write_value(const void *arg)
{
    log_event(LOG_INFO, "test", LOG_STR("v", *(const struct str *)arg));
}

static void assert_value(struct str value, const char *want)
{
    struct str line = capture(write_value, &value);
    char whole[LOG_LINE_MAX];
    snprintf(whole, sizeof(whole), "level=info event=test v=%s\n", want);
    assert_str(line, whole);
}

static void test_quoting(void **state)
{
    assert_value(STR("plain-text/1.0?x&y"), "plain-text/1.0?x&y");
    assert_value(STR("متجر"), "متجر");
    assert_value(STR(""), "\"\"");
    assert_value(STR("two words"), "\"two words\"");
    assert_value(STR("a=b"), "\"a=b\"");
    assert_value(STR("say \"x\" \\"), "\"say \\\"x\\\" \\\\\"");
    assert_value(STR("a\nlevel=error event=forged"), "\"a\\x0alevel=error event=forged\"");
    assert_value(STR("\r\0\033[2J\x7F"), "\"\\x0d\\x00\\x1b[2J\\x7f\"");
    assert_value(STR("\xC2\x9B"
                     "2J"),
                 "\"\\xc2\\x9b2J\"");
    assert_value(STR("\xC2\xA0"), "\xC2\xA0");
    assert_value(STR("\xD9\x9B\xC2"), "\"\\xd9\\x9b\\xc2\"");
    assert_value(STR("a\xFF"), "\"a\\xff\"");
}

/* A long value is cut between characters. */
static void test_long_values(void **state)
{
    char text[2 * LOG_VALUE_MAX], want[2 * LOG_VALUE_MAX];
    memset(text, 'x', sizeof(text));
    snprintf(want, sizeof(want), "%.*s", LOG_VALUE_MAX, text);
    assert_value(str_make(text, LOG_VALUE_MAX), want);
    snprintf(want, sizeof(want), "%.*s...", LOG_VALUE_MAX, text);
    assert_value(str_make(text, LOG_VALUE_MAX + 1), want);
    for (size_t i = 1; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "م", 2);
    text[sizeof(text) - 1] = 'x';
    snprintf(want, sizeof(want), "%.*s...", LOG_VALUE_MAX - 1, text);
    assert_value(str_make(text, sizeof(text)), want);
}

static void write_kinds(const void *arg)
{
    log_event(LOG_WARN, "kinds", LOG_INT("n", -5), LOG_CSTR("c", "x"), LOG_CSTR("null", NULL));
}

static void write_no_fields(const void *arg)
{
    log_event(LOG_ERROR, "bare");
}

static void write_too_much(const void *arg)
{
    struct str s = *(const struct str *)arg;
    log_event(LOG_INFO, "long", LOG_STR("a", s), LOG_STR("b", s), LOG_STR("c", s), LOG_STR("d", s),
              LOG_STR("e", s), LOG_STR("f", s), LOG_STR("g", s), LOG_STR("h", s), LOG_STR("i", s),
              LOG_STR("j", s), LOG_STR("k", s), LOG_STR("l", s), LOG_STR("m", s));
}

static void test_lines(void **state)
{
    assert_str(capture(write_kinds, NULL), "level=warn event=kinds n=-5 c=x null=\"\"\n");
    assert_str(capture(write_no_fields, NULL), "level=error event=bare\n");
    char text[LOG_VALUE_MAX];
    memset(text, '\n', sizeof(text));
    struct str value = str_make(text, sizeof(text));
    struct str line = capture(write_too_much, &value);
    size_t whole = (size_t)(line.ptr + line.len - captured);
    assert_true(whole <= LOG_LINE_MAX);
    assert_int_equal(str_find(line, '\n'), line.len - 1);
}

static void assert_json(struct str value, const char *want)
{
    struct str line = capture(write_value, &value);
    char whole[LOG_LINE_MAX];
    snprintf(whole, sizeof(whole), "\"level\":\"info\",\"event\":\"test\",\"v\":\"%s\"}\n", want);
    assert_str(line, whole);
}

static int use_json(void **state)
{
    log_set_format(LOG_JSON);
    return 0;
}

static int use_logfmt(void **state)
{
    log_set_format(LOG_LOGFMT);
    return 0;
}

static void test_json_values(void **state)
{
    assert_json(STR("plain a=b"), "plain a=b");
    assert_json(STR(""), "");
    assert_json(STR("متجر"), "متجر");
    assert_json(STR("say \"x\" \\"), "say \\\"x\\\" \\\\");
    assert_json(STR("a\n{\"event\":\"forged\"}"), "a\\u000a{\\\"event\\\":\\\"forged\\\"}");
    assert_json(STR("\r\0\033[2J\x7F"), "\\u000d\\u0000\\u001b[2J\\u007f");
    assert_json(STR("\xC2\x9B"
                    "2J"),
                "\\u009b2J");
    assert_json(STR("\xC2\xA0"), "\xC2\xA0");
    assert_json(STR("a\xFF\"\n"), "a\\ufffd\\\"\\u000a");
    assert_json(STR("\xC2"), "\\ufffd");
    assert_json(STR("\xED\xA0\x80"), "\\ufffd\\ufffd\\ufffd");
}

/* What does not fit is left out, and the line is an object all the same. */
static void test_json_lines(void **state)
{
    assert_str(capture(write_kinds, NULL),
               "\"level\":\"warn\",\"event\":\"kinds\",\"n\":-5,\"c\":\"x\",\"null\":\"\"}\n");
    assert_str(capture(write_no_fields, NULL), "\"level\":\"error\",\"event\":\"bare\"}\n");
    char text[LOG_VALUE_MAX];
    memset(text, '\n', sizeof(text)); /* one becomes six */
    struct str value = str_make(text, sizeof(text));
    struct str line = capture(write_too_much, &value);
    assert_true((size_t)(line.ptr + line.len - captured) <= LOG_LINE_MAX);
    assert_int_equal(str_find(line, '\n'), line.len - 1);
    assert_true(str_ends(line, STR("\\u000a\",\"cut\":true}\n")));
    for (size_t len = 0; len < sizeof(text); len++) { /* each way in which the last one fits not */
        value.len = len;
        line = capture(write_too_much, &value);
        assert_true((size_t)(line.ptr + line.len - captured) <= LOG_LINE_MAX);
        assert_true(str_ends(line, STR("\"}\n")) || str_ends(line, STR("\",\"cut\":true}\n")));
    }
}

static void test_levels(void **state)
{
    enum log_level level = LOG_OFF;
    assert_true(log_level_parse(STR("debug"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse(STR("DEBUG"), &level));
    assert_false(log_level_parse(STR(""), &level));
    assert_true(log_enabled(LOG_INFO) && !log_enabled(LOG_DEBUG));
    log_set_level(LOG_ERROR);
    assert_int_equal(capture(write_kinds, NULL).len, 0);
    log_set_level(LOG_OFF);
    assert_int_equal(capture(write_no_fields, NULL).len, 0);
    log_set_level(LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_lines),
        cmocka_unit_test_setup_teardown(test_json_values, use_json, use_logfmt),
        cmocka_unit_test_setup_teardown(test_json_lines, use_json, use_logfmt),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

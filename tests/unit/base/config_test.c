#include "base/config.h"
#include "base/file.h"

#include "unit/base/test.h"

#include <unistd.h>

static const struct setting table[] = {
    {"graph-url", SETTING_TEXT, "https://graph.facebook.com", 0, 0, NULL, "URL", "where Meta is",
     false},
    {"graph-timeout", SETTING_DURATION, "15s", 1, 7200, NULL, "TIME", "how long a call may take",
     false},
    {"threads", SETTING_INTEGER, "0", 0, 64, NULL, "N", "loops", false},
    {"offset", SETTING_INTEGER, "-5", -10, 10, NULL, "N", "may be negative", false},
    {"verbose", SETTING_SWITCH, "false", 0, 0, NULL, NULL, "say more", false},
    {"log-level", SETTING_CHOICE, "info", 0, 0, "debug|info|warn", "LEVEL", "what is logged",
     false},
    {"token", SETTING_TEXT, NULL, 0, 0, NULL, "TEXT", "not for others", true},
    {"pin", SETTING_INTEGER, NULL, 0, 999999, NULL, "N", "not for others either", true},
};

static struct arena arena;
static struct error error;
static struct config config;

static int setup(void **state)
{
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    config_init(&config, table, ARRAY_LEN(table), &arena);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static enum err set(const char *name, const char *text)
{
    return config_set(&config, str_from(name), str_from(text), FROM_COMMAND_LINE, &error);
}

static void test_defaults(void **state)
{
    assert_str(config_text(&config, "graph-url"), "https://graph.facebook.com");
    assert_int_equal(config_number(&config, "graph-timeout"), 15);
    assert_int_equal(config_number(&config, "offset"), -5);
    assert_false(config_switch(&config, "verbose"));
    assert_string_equal(config_cstr(&config, "log-level"), "info");
    assert_null(config_cstr(&config, "token"));
    assert_str(config_text(&config, "token"), "");
}

static void test_accepted(void **state)
{
    static const struct {
        const char *name, *text;
        int64_t number;
    } cases[] = {
        {"graph-timeout", "900", 900}, {"graph-timeout", "900s", 900},
        {"graph-timeout", "15m", 900}, {"graph-timeout", "2h", 7200},
        {"graph_timeout", "1", 1},     {"threads", "64", 64},
        {"offset", "-10", -10},        {"verbose", "true", 1},
        {"verbose", "false", 0},       {"log-level", "warn", 0},
        {"graph-url", "", 0},          {"graph-url", "متجر", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(set(cases[i].name, cases[i].text), ERR_OK);
        assert_int_equal(config_number(&config, cases[i].name), cases[i].number);
        assert_str(config_text(&config, cases[i].name), cases[i].text);
    }
}

static void test_refused(void **state)
{
    static const char duration[] =
        " is not a duration from 1 to 7200 seconds; use seconds or 30s, 15m, 2h";
    static const char integer[] = " is not a whole number from 0 to 64";
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"graph-timeout", "abc", duration},
        {"graph-timeout", "", duration},
        {"graph-timeout", "s", duration},
        {"graph-timeout", "1d", duration},
        {"graph-timeout", "1 s", duration},
        {"graph-timeout", "-1", duration},
        {"graph-timeout", "0", duration},
        {"graph-timeout", "7201", duration},
        {"graph-timeout", "3h", duration},
        {"graph-timeout", "9223372036854775807h", duration},
        {"graph-timeout", "99999999999999999999", duration},
        {"threads", "65", integer},
        {"threads", "-1", integer},
        {"threads", "1.5", integer},
        {"threads", "", integer},
        {"threads", "99999999999999999999", integer},
        {"verbose", "yes", "'yes' is neither true nor false"},
        {"log-level", "loud", "'loud' is not one of debug|info|warn"},
        {"log-level", "", "'' is not one of"},
        {"log-level", "debug|info", "is not one of"},
        {"graph-url", "a\033[2J", "control characters"},
        {"graph-url", "a\xFF", "not UTF-8"},
        {"pin", "12a456", "'...' is not a whole number"},
        {"graf-url", "x", "unknown setting 'graf-url'; the nearest is 'graph-url'"},
        {"LOG-LEVEL", "x", "unknown setting"},
        {"graph_timeuot", "x", "the nearest is 'graph-timeout'"},
        {"", "x", "unknown setting ''"},
        {"a\033", "x", "unknown setting '...'"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "x", "unknown setting '...'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(set(cases[i].name, cases[i].text), ERR_VALIDATION);
        if (!memmem(error.message.ptr, error.message.len, cases[i].says, strlen(cases[i].says)))
            fail_msg("%s = %s: %.*s", cases[i].name, cases[i].text, STR_FMT(error.message));
    }
    assert_int_equal(config_number(&config, "graph-timeout"), 15);
    assert_int_equal(config.values[0].source, FROM_DEFAULT);
}

static void test_longest_value(void **state)
{
    char text[CONFIG_VALUE_MAX + 2];
    memset(text, 'a', sizeof(text));
    text[CONFIG_VALUE_MAX] = '\0';
    assert_int_equal(set("graph-url", text), ERR_OK);
    text[CONFIG_VALUE_MAX] = 'a';
    text[CONFIG_VALUE_MAX + 1] = '\0';
    assert_int_equal(set("graph-url", text), ERR_VALIDATION);
}

/* Whatever the order in which they are read. */
static void test_later_source_wins(void **state)
{
    assert_int_equal(set("threads", "3"), ERR_OK);
    assert_int_equal(config_load_text(&config, "f", STR("threads = 1\noffset = 1\n"), &error),
                     ERR_OK);
    assert_int_equal(setenv("HUDHUD_THREADS", "2", 1), 0);
    assert_int_equal(setenv("HUDHUD_OFFSET", "2", 1), 0);
    assert_int_equal(config_load_environment(&config, &error), ERR_OK);
    unsetenv("HUDHUD_THREADS");
    unsetenv("HUDHUD_OFFSET");
    assert_int_equal(config_number(&config, "threads"), 3);
    assert_int_equal(config_number(&config, "offset"), 2);
    assert_int_equal(config_load_text(&config, "f", STR("threads = x"), &error), ERR_VALIDATION);
}

static void test_file_text(void **state)
{
    struct str text =
        STR("# a comment\n"
            "\n"
            "  graph_url=http://127.0.0.1:1/?a=b#c  \r\n"
            "\tlog-level\t= \twarn\n"
            "threads = 1\n"
            "threads = 2\n"
            "token =\n"
            "verbose = true");
    assert_int_equal(config_load_text(&config, "f", text, &error), ERR_OK);
    assert_str(config_text(&config, "graph-url"), "http://127.0.0.1:1/?a=b#c");
    assert_str(config_text(&config, "log-level"), "warn");
    assert_int_equal(config_number(&config, "threads"), 2);
    assert_null(config_cstr(&config, "token"));
    assert_true(config_switch(&config, "verbose"));
    assert_int_equal(config.values[0].source, FROM_FILE);
}

static void test_every_wrong_line(void **state)
{
    struct str text = STR("threads = x\n\nthreads 5\nnone = 1\nthreads = 7\n= 3\n");
    assert_int_equal(config_load_text(&config, "/etc/h.conf", text, &error), ERR_VALIDATION);
    assert_str(error.message, "4 wrong lines in /etc/h.conf");
    static const char *const where[] = {"line 1", "line 3", "line 4", "line 6"};
    const struct error_detail *d = error.details;
    for (size_t i = 0; i < ARRAY_LEN(where); i++, d = d->next)
        assert_str(d->field, where[i]);
    assert_null(d);
    assert_str(error.details->next->problem, "no '=' in this line; write: name = value");
}

static void test_file(void **state)
{
    char path[] = "/tmp/hudhud-config-XXXXXX";
    _cleanup_(closep)
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "threads = 9\n", 12), 12);
    assert_int_equal(config_load_file(&config, path, &error), ERR_OK);
    assert_int_equal(config_number(&config, "threads"), 9);
    assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
    assert_int_equal(config_load_file(&config, path, &error), ERR_LIMIT);
    unlink(path);
    assert_int_equal(config_load_file(&config, path, &error), ERR_NOT_FOUND);
}

static void test_wrong_variables(void **state)
{
    setenv("HUDHUD_GRAPH_TIMEOUT", "soon", 1);
    setenv("HUDHUD_VERBOSE", "", 1);
    assert_int_equal(config_load_environment(&config, &error), ERR_VALIDATION);
    unsetenv("HUDHUD_GRAPH_TIMEOUT");
    unsetenv("HUDHUD_VERBOSE");
    assert_str(error.message, "2 wrong variables in the environment");
    assert_str(error.details->field, "HUDHUD_GRAPH_TIMEOUT");
    assert_str(error.details->next->field, "HUDHUD_VERBOSE");
}

static void test_print(void **state)
{
    assert_int_equal(set("token", "EAAG123"), ERR_OK);
    setenv("HUDHUD_GRAPH_URL", "http://x", 1);
    assert_int_equal(config_load_environment(&config, &error), ERR_OK);
    unsetenv("HUDHUD_GRAPH_URL");
    assert_int_equal(config_load_text(&config, "f", STR("threads=4"), &error), ERR_OK);
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 16 * KIB);
    config_print(&config, &out);
    assert_str(buf_str(&out),
               "graph-url = http://x  (environment HUDHUD_GRAPH_URL)\n"
               "graph-timeout = 15s  (default)\n"
               "threads = 4  (file)\n"
               "offset = -5  (default)\n"
               "verbose = false  (default)\n"
               "log-level = info  (default)\n"
               "token = (set)  (command line)\n"
               "pin = (not set)  (default)\n");
    buf_clear(&out);
    config_print_help(table, 3, &out);
    assert_str(buf_str(&out),
               "  --graph-url URL         where Meta is (default: https://graph.facebook.com)\n"
               "  --graph-timeout TIME    how long a call may take (default: 15s)\n"
               "  --threads N             loops (default: 0)\n");
}

/* Random bytes as a file never crash and never set a value outside its range. */
static void test_random_files(void **state)
{
    static const char alphabet[] = "threads=verbo l-_#\n\r\t 0123456789smh\xC3\xA9\x01";
    uint64_t seed = 1;
    teardown(state);
    for (int round = 0; round < 3000; round++) {
        char text[80];
        size_t len = test_below(&seed, sizeof(text));
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[test_below(&seed, sizeof(alphabet) - 1)];
        setup(state);
        enum err err = config_load_text(&config, "f", str_make(text, len), &error);
        assert_true(err == ERR_OK || err == ERR_VALIDATION);
        assert_true(config_number(&config, "threads") >= 0);
        assert_true(config_number(&config, "threads") <= 64);
        teardown(state);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),          TEST(test_accepted),
        TEST(test_refused),           TEST(test_longest_value),
        TEST(test_later_source_wins), TEST(test_file_text),
        TEST(test_every_wrong_line),  TEST(test_file),
        TEST(test_wrong_variables),   TEST(test_print),
        TEST(test_random_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

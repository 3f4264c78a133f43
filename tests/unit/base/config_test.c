#include "base/config.h"
#include "base/file.h"

#include "unit/base/test.h"

#include <unistd.h>

static bool is_web(struct str text)
{
    return text.len == 0 || str_starts(text, STR("https://")) || str_starts(text, STR("http://"));
}

static const struct setting table[] = {
    {
        .name = "graph-url",
        .kind = SETTING_TEXT,
        .fallback = "https://graph.facebook.com",
        .placeholder = "URL",
        .help = "where Meta is",
    },
    {
        .name = "graph-timeout",
        .kind = SETTING_DURATION,
        .fallback = "15s",
        .min = 1,
        .max = 7200,
        .placeholder = "TIME",
        .help = "how long a call may take",
    },
    {
        .name = "threads",
        .kind = SETTING_INTEGER,
        .fallback = "0",
        .max = 64,
        .placeholder = "N",
        .help = "loops",
    },
    {
        .name = "offset",
        .kind = SETTING_INTEGER,
        .fallback = "-5",
        .min = -10,
        .max = 10,
        .placeholder = "N",
        .help = "may be negative",
    },
    {
        .name = "verbose",
        .kind = SETTING_SWITCH,
        .fallback = "false",
        .help = "say more",
    },
    {
        .name = "log-level",
        .kind = SETTING_CHOICE,
        .fallback = "info",
        .choices = "debug|info|warn",
        .placeholder = "LEVEL",
        .help = "what is logged",
    },
    {
        .name = "token",
        .kind = SETTING_TEXT,
        .placeholder = "TEXT",
        .help = "not for others",
        .secret = true,
    },
    {
        .name = "pin",
        .kind = SETTING_INTEGER,
        .max = 999999,
        .placeholder = "N",
        .help = "not for others either",
        .secret = true,
    },
    {
        .name = "page",
        .kind = SETTING_TEXT,
        .placeholder = "URL",
        .help = "of people",
        .live = true,
        .accepts = is_web,
        .form = "an address such as https://a.example",
    },
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
        {"page", "http://x", 0},       {"page", "", 0},
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
        {"page", "x", "--page: 'x' is not an address such as https://a.example"},
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
    assert_int_equal(config_load_text(&config, "f", STR("\xEF\xBB\xBFthreads = 3\r\n"), &error),
                     ERR_OK);
    assert_int_equal(config_number(&config, "threads"), 3);
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
               "threads = 4  (file, line 1)\n"
               "offset = -5  (default)\n"
               "verbose = false  (default)\n"
               "log-level = info  (default)\n"
               "token = (set)  (command line)\n"
               "pin = (not set)  (default)\n"
               "page = (not set)  (default)\n");
    buf_clear(&out);
    config_print_help(table, 3, &out);
    assert_str(buf_str(&out),
               "  --graph-url URL         where Meta is (default: https://graph.facebook.com)\n"
               "  --graph-timeout TIME    how long a call may take (default: 15s)\n"
               "  --threads N             loops (default: 0)\n");
    buf_clear(&out);
    config_print_help(table + ARRAY_LEN(table) - 1, 1, &out);
    assert_str(buf_str(&out), "  --page URL              of people [live]\n");
}

static void test_origins(void **state)
{
    char path[] = "/tmp/hudhud-config-XXXXXX";
    _cleanup_(closep)
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "\nthreads = 9\n", 13), 13);
    assert_int_equal(config_load_file(&config, path, &error), ERR_OK);
    unlink(path);
    setenv("HUDHUD_GRAPH_URL", "http://x", 1);
    assert_int_equal(config_load_environment(&config, &error), ERR_OK);
    unsetenv("HUDHUD_GRAPH_URL");
    assert_int_equal(set("offset", "1"), ERR_OK);
    char in_file[64];
    snprintf(in_file, sizeof(in_file), "line 2 of %s", path);
    assert_str(config_origin(&config, "threads", &arena), in_file);
    assert_str(config_origin(&config, "graph-url", &arena), "HUDHUD_GRAPH_URL");
    assert_str(config_origin(&config, "offset", &arena), "--offset");
    assert_str(config_origin(&config, "verbose", &arena), "the default");
}

/* The file is read anew; what the command line said stays, whatever the file says. */
static void test_reload(void **state)
{
    char path[] = "/tmp/hudhud-config-XXXXXX";
    _cleanup_(closep)
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "threads = 9\noffset = 2\n", 23), 23);
    assert_int_equal(config_load_file(&config, path, &error), ERR_OK);
    assert_int_equal(set("offset", "5"), ERR_OK);

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "offset = 3\npage = http://y\n", 27, 0), 27);
    struct config next;
    struct arena another;
    arena_init(&another, MIB);
    memset(arena_alloc(&another, 64), 'x', 64); /* what an unterminated text would run into */
    arena_clear(&another);
    assert_int_equal(config_reload(&next, &config, &another, &error), ERR_OK);
    assert_int_equal(config_number(&next, "threads"), 0);
    assert_int_equal(config_number(&next, "offset"), 5);
    assert_string_equal(config_cstr(&next, "offset"), "5");
    assert_str(config_text(&next, "page"), "http://y");
    assert_int_equal(config_number(&config, "threads"), 9);

    assert_int_equal(pwrite(fd, "offset = x\npage = y", 19, 0), 19);
    assert_int_equal(config_reload(&next, &config, &another, &error), ERR_VALIDATION);
    assert_str(error.details->problem, "offset: 'x' is not a whole number from -10 to 10");
    assert_str(error.details->next->field, "line 2");
    unlink(path);
    assert_int_equal(config_reload(&next, &config, &another, &error), ERR_NOT_FOUND);
    arena_release(&another);
}

/* As it is, the file changes nothing; with every line uncommented it still says the defaults. */
static void test_print_file(void **state)
{
    const size_t n = 6; /* those with a default: an integer without has no text to give */
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, 16 * KIB);
    config_print_file(table, n, &out);
    struct str text = buf_str(&out);
    assert_int_equal(config_load_text(&config, "f", text, &error), ERR_OK);
    assert_int_equal(config.values[0].source, FROM_DEFAULT);
    struct str begin =
        STR("\n# where Meta is\n#graph_url = https://graph.facebook.com\n"
            "\n# how long a call may take\n#graph_timeout = 15s\n");
    assert_true(str_starts(text, begin));

    for (size_t i = 0; i + 1 < out.len; i++)
        if (out.ptr[i] == '#' && out.ptr[i + 1] != ' ')
            out.ptr[i] = ' ';
    assert_int_equal(config_load_text(&config, "f", buf_str(&out), &error), ERR_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(config.values[i].source, FROM_FILE);
        assert_str(config.values[i].text, table[i].fallback);
    }
    buf_clear(&out);
    config_print_file(table + ARRAY_LEN(table) - 1, 1, &out);
    assert_str(buf_str(&out), "\n# of people [live]\n#page =\n");
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
        TEST(test_print_file),        TEST(test_random_files),
        TEST(test_origins),           TEST(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

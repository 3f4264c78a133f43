/* The table of settings, the forms of their texts, and the policy that is made of them. */
#include "serve/forms.h"
#include "serve/serve.h"
#include "serve/settings.h"

#include "unit/base/test.h"

static struct arena arena;
static struct error error;
static struct config config;

static int setup(void **state)
{
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    config_init(&config, serve_settings, serve_n_settings, &arena);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static void set(const char *name, const char *text)
{
    enum err e = config_set(&config, str_from(name), str_from(text), FROM_COMMAND_LINE, &error);
    if (e)
        fail_msg("%.*s", STR_FMT(error.message));
}

static void test_addresses(void **state)
{
    assert_true(form_is_address(STR("127.0.0.1:8080")));
    assert_true(form_is_address(STR("[::1]:0")));
    assert_true(form_is_address(STR(":65535")));
    assert_false(form_is_address(STR("")));
    assert_true(form_is_address_or_empty(STR("")));
    static const char *const wrong[] = {"8080", "localhost:80", "1.2.3.4", ":65536", "::1:80", "x"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(form_is_address_or_empty(str_from(wrong[i])));
}

static void test_origins(void **state)
{
    static const char *const right[] = {"", "*", "https://app.example",
                                        "http://localhost:3000, https://a.example",
                                        "http://[::1]:1"};
    static const char *const wrong[] = {"app.example",
                                        "https://",
                                        "https://A.example",
                                        "https://a.example/",
                                        ",https://a.example",
                                        "*,https://a.example",
                                        "https://a.example https://b.example",
                                        "https://u@a.example",
                                        "null"};
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        assert_true(form_is_origins(str_from(right[i])));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (form_is_origins(str_from(wrong[i])))
            fail_msg("%s was taken", wrong[i]);
}

static void test_networks(void **state)
{
    assert_true(form_is_networks(STR("")));
    assert_true(form_is_networks(STR("127.0.0.1, 10.0.0.0/8,2001:db8::/32")));
    assert_false(form_is_networks(STR("127.0.0.1,,::1")));
    assert_false(form_is_networks(STR("10.0.0.0/33")));
    assert_false(form_is_networks(STR("localhost")));
}

static void test_default_policy(void **state)
{
    struct policy *p;
    assert_int_equal(settings_make_policy(&config, &p, &error), ERR_OK);
    assert_int_equal(p->sign_window_s, 300);
    assert_int_equal(p->authentication_failures.requests, 60);
    assert_int_equal(p->authentication_failures.window_s, 60);
    assert_int_equal(p->n_proxies + p->n_origins, 0);
    assert_true(p->compression);
    assert_int_equal(p->log_requests, POLICY_LOG_ERRORS);
    policy_release(p);
}

/* It outlives the settings that it was made of. */
static void test_policy(void **state)
{
    struct policy *p;
    set("sign-window", "10s");
    set("auth-failure-limit", "unlimited");
    set("trusted-proxies", "10.0.0.0/8, ::1");
    set("cors-origins", "https://a.example,http://b.example:81");
    set("compression", "false");
    set("log-requests", "all");
    assert_int_equal(settings_make_policy(&config, &p, &error), ERR_OK);
    teardown(state);
    assert_int_equal(p->sign_window_s, 10);
    assert_int_equal(p->authentication_failures.requests, 0);
    assert_int_equal(p->n_proxies, 2);
    struct http_address a;
    assert_true(http_address_parse(STR("10.9.8.7"), &a));
    assert_true(http_network_has(&p->proxies[0], &a));
    assert_false(http_network_has(&p->proxies[1], &a));
    assert_int_equal(p->n_origins, 2);
    assert_str(p->origins[1], "http://b.example:81");
    assert_false(p->compression);
    assert_int_equal(p->log_requests, POLICY_LOG_ALL);
    policy_release(policy_retain(p));
    policy_release(p);
    policy_release(NULL);
    setup(state);
}

/* What developer-api.md §8 promises to who receives webhooks, where the operator says nothing. */
static void test_webhooks_by_default(void **state)
{
    static const int64_t seconds[] = {5, 60, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    int64_t pauses_ms[DELIVERY_TRIES_MAX];
    size_t n = form_read_pauses(config_text(&config, "webhook-retries"), pauses_ms);
    assert_int_equal(n, ARRAY_LEN(seconds));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pauses_ms[i], seconds[i] * 1000);
    assert_int_equal(config_number(&config, "webhook-timeout"), 15);
    assert_int_equal(config_number(&config, "webhook-disable-after"), 5 * 86400);
    assert_false(config_switch(&config, "webhook-allow-http"));
    assert_false(config_switch(&config, "webhook-allow-private"));
}

/* Every text that has a form says so with its name, whatever it is. */
static void test_refusals(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {{"listen", ""},         {"listen", "x"},           {"ops-listen", "9090"},
                 {"connections", "0"},   {"trusted-proxies", "x"},  {"auth-failure-limit", "60"},
                 {"cors-origins", "x"},  {"compression", "yes"},    {"log-format", "xml"},
                 {"log-requests", "no"}, {"auth-failure-limit", ""}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        error_init(&error, &arena);
        assert_int_equal(config_set(&config, str_from(cases[i].name), str_from(cases[i].text),
                                    FROM_COMMAND_LINE, &error),
                         ERR_VALIDATION);
        char want[64];
        snprintf(want, sizeof(want), "--%s: '%s' is ", cases[i].name, cases[i].text);
        if (!str_starts(error.message, str_from(want)))
            fail_msg("%.*s", STR_FMT(error.message));
    }
}

static struct str print(void)
{
    struct buf text;
    buf_init(&text, MIB);
    config_print(&config, &text);
    struct str copy = arena_dup(&arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

/* Its password is shown nowhere: neither of a right one nor of a wrong one. */
static void test_the_store(void **state)
{
    static const char url[] = "postgres://u:geheim@db.example/hudhud";
    set("store", "");
    set("store", url);
    assert_str(config_text(&config, "store"), url);
    struct str shown = print();
    assert_non_null(memmem(shown.ptr, shown.len, "postgres://u@db.example/hudhud", 30));
    assert_null(memmem(shown.ptr, shown.len, "geheim", 6));

    error_init(&error, &arena);
    assert_int_equal(config_set(&config, STR("store"), STR("postgres://u:geh@eim@h/d"),
                                FROM_COMMAND_LINE, &error),
                     ERR_VALIDATION);
    assert_true(str_starts(error.message, STR("--store: '...' is not a URL such as ")));
    assert_int_equal(config_set(&config, STR("store"), STR("hudhud.db"), FROM_COMMAND_LINE, &error),
                     ERR_VALIDATION);
    assert_int_equal(
        config_set(&config, STR("store-connections"), STR("0"), FROM_COMMAND_LINE, &error),
        ERR_VALIDATION);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_addresses), TEST(test_origins),
        TEST(test_networks),  TEST(test_default_policy),
        TEST(test_policy),    TEST(test_refusals),
        TEST(test_the_store), TEST(test_webhooks_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

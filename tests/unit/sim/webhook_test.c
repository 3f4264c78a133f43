#include "sim/examples.h"
#include "sim/scenario.h"
#include "sim/webhook.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct error error;
static struct sim_state *state;

static const char scenario[] =
    "{\"app\":{\"id\":\"1\",\"name\":\"A\",\"webhook\":{\"callback_url\":\"http://app/\","
    "\"verify_token\":\"v\",\"verified\":true,\"fields\":[\"messages\",\"account_update\","
    "\"partner_solutions\"]}},"
    "\"accounts\":[{\"id\":\"10\",\"name\":\"W\",\"subscribed\":true,"
    "\"override_callback_uri\":\"http://account/\",\"owner_business_info\":{\"id\":\"55\"},"
    "\"numbers\":[{\"id\":\"7\",\"verified_name\":\"N\",\"display_phone_number\":\"+1 631-555-0000\","
    "\"webhook_configuration\":{\"phone_number\":\"http://number/\"}},"
    "{\"id\":\"8\",\"verified_name\":\"N\",\"display_phone_number\":\"+1 631-555-0001\"}]},"
    "{\"id\":\"11\",\"name\":\"X\"}]}";

static int set_up(void **unused)
{
    arena_init(&arena, 4 * MIB);
    error_init(&error, &arena);
    assert_int_equal(sim_scenario_read(str_from(scenario), &state, &error), ERR_OK);
    return 0;
}

static int tear_down(void **unused)
{
    sim_state_free(state);
    arena_release(&arena);
    return 0;
}

static void assert_text(struct str got, const char *expected)
{
    if (!str_eq(got, str_from(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_FMT(got), expected);
}

/* --- escapes ------------------------------------------------------------------------------ */

static void escapes(void **unused)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"", ""},
        {"{\"a\":\"\\n\\u00e9 b\"}", "{\"a\":\"\\n\\u00e9 b\"}"},
        {"\x7f", "\x7f"},
        {"\xc2\x80", "\\u0080"},
        {"\xc3\xa4\xc3\xb6\xc3\xa5", "\\u00e4\\u00f6\\u00e5"},
        {"\xdf\xbf", "\\u07ff"},
        {"\xe0\xa0\x80", "\\u0800"},
        {"\xef\xbf\xbf", "\\uffff"},
        {"\xf0\x90\x80\x80", "\\ud800\\udc00"},
        {"\xf0\x9f\x8c\xbf", "\\ud83c\\udf3f"},
        {"\xf4\x8f\xbf\xbf", "\\udbff\\udfff"},
        {"a\xd9\x85z", "a\\u0645z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_(buf_release)
        struct buf out;
        buf_init(&out, KIB);
        sim_payload_escape(str_from(cases[i].from), &out);
        assert_text(buf_str(&out), cases[i].to);
    }
}

/* --- the envelope ------------------------------------------------------------------------- */

static void envelope(void **unused)
{
    const struct sim_change changes[] = {
        {.field = STR("account_update"), .value = STR("{}"), .entry_id = STR("10")},
        {.field = STR("made_up"), .value = STR("{\"a\":\"\xd9\x85\"}"), .entry_id = STR("10")},
        {.field = STR("messages"), .value = STR("{}"), .entry_id = STR("10")},
        {.field = STR("messages"), .value = STR("{}"), .entry_id = STR("11")},
    };
    static const char *const expected =
        "{\"object\":\"whatsapp_business_account\",\"entry\":["
        "{\"id\":\"10\",\"time\":1739321024,\"changes\":["
        "{\"value\":{},\"field\":\"account_update\"},"
        "{\"value\":{\"a\":\"\\u0645\"},\"field\":\"made_up\"}]},"
        "{\"id\":\"10\",\"changes\":[{\"value\":{},\"field\":\"messages\"}]},"
        "{\"id\":\"11\",\"changes\":[{\"value\":{},\"field\":\"messages\"}]}]}";
    _cleanup_(buf_release)
    struct buf out;
    buf_init(&out, KIB);
    sim_payload_write(changes, ARRAY_LEN(changes), 1739321024, &out);
    assert_text(buf_str(&out), expected);

    _cleanup_(buf_release)
    struct buf small;
    buf_init(&small, 100);
    sim_payload_write(changes, ARRAY_LEN(changes), 1739321024, &small);
    assert_false(buf_ok(&small));
}

/* --- where it goes ------------------------------------------------------------------------ */

static void routes(void **unused)
{
    static const struct {
        const char *account, *field, *value;
        const char *url, *entry_id; /* url NULL: nowhere */
    } cases[] = {
        {"10", "account_update", "{\"event\":\"ACCOUNT_DELETED\"}", "http://app/", "10"},
        {"10", "account_update", "{\"event\":\"PARTNER_ADDED\"}", "http://app/", "55"},
        {"10", "partner_solutions", "{}", "http://app/", "55"},
        {"10", "messages", "{}", "http://account/", "10"},
        {"10", "messages", "{\"metadata\":{\"phone_number_id\":\"7\"}}", "http://number/", "10"},
        {"10", "messages", "{\"metadata\":{\"phone_number_id\":7}}", "http://number/", "10"},
        {"10", "messages", "{\"metadata\":{\"phone_number_id\":\"8\"}}", "http://account/", "10"},
        {"10", "messages", "{\"metadata\":{\"phone_number_id\":\"10\"}}", "http://account/", "10"},
        {"10", "messages", "[1]", "http://account/", "10"},
        {"10", "security", "{}", NULL, "10"}, /* not subscribed to */
        {"11", "account_update", "{}", NULL, "11"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sim_account *account = sim_state_find_account(state, str_from(cases[i].account));
        struct sim_change change = {.field = str_from(cases[i].field),
                                    .value = str_from(cases[i].value)};
        const char *why = sim_change_route(&change, account, &arena);
        if (!why != !!cases[i].url)
            fail_msg("%s: %s", cases[i].value, why);
        assert_text(change.url, cases[i].url ? cases[i].url : "");
        assert_text(change.entry_id, cases[i].entry_id);
    }
}

static void what_is_not_verified_gets_nothing(void **unused)
{
    struct sim_account *account = sim_state_find_account(state, STR("10"));
    struct sim_change change = {.field = STR("account_update"), .value = STR("{}")};
    state->app.webhook.verified = false;
    assert_non_null(sim_change_route(&change, account, &arena));
    change.field = STR("messages"); /* the override was verified on its own */
    assert_null(sim_change_route(&change, account, &arena));
    sim_webhook_clear(&state->app.webhook);
    assert_non_null(sim_change_route(&change, account, &arena));
}

/* --- examples ----------------------------------------------------------------------------- */

static bool has_example(struct str field)
{
    const struct sim_example *example;
    for (size_t i = 0; (example = sim_example_at(i)); i++)
        if (str_eq(field, str_from(example->field)))
            return true;
    return false;
}

static void every_field_has_an_example(void **unused)
{
    const struct sim_webhook_field *field;
    for (size_t i = 0; (field = sim_webhook_field_at(i)); i++)
        if (!has_example(str_from(field->name)))
            fail_msg("no example of %s", field->name);
}

/* For an account that has numbers, and for one that has nothing. */
static void every_example_is_json(void **unused)
{
    static const char *const accounts[] = {"10", "11"};
    const struct sim_example *example;
    for (size_t i = 0; (example = sim_example_at(i)); i++)
        for (size_t a = 0; a < ARRAY_LEN(accounts); a++) {
            struct json v = {NULL};
            _cleanup_(buf_release)
            struct buf out;
            buf_init(&out, 16 * KIB);
            sim_example_write(example, sim_state_find_account(state, str_from(accounts[a])), NULL,
                              &out);
            if (json_parse(buf_str(&out), &arena, &v, &error) != ERR_OK || !json_is_object(v) ||
                str_find(buf_str(&out), '$') < out.len)
                fail_msg("%s: %.*s", example->name, STR_FMT(buf_str(&out)));
            assert_ptr_equal(sim_example(str_from(example->name)), example);
            assert_non_null(sim_webhook_field(str_from(example->field)));
        }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(escapes),
        TEST(envelope),
        TEST(routes),
        TEST(what_is_not_verified_gets_nothing),
        TEST(every_field_has_an_example),
        TEST(every_example_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

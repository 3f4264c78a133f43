/* The steps of registration and the business profile: what is sent, and what is made of the answer.
 */
#include "unit/graph/fake_meta.h"

#include "graph/transport.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)

static struct {
    size_t calls;
    enum graph_outcome outcome;
    int64_t code;
    bool was_sent;
    struct str message;
} heard;

static struct graph_profile profile;
static bool has_profile;
static const char *body; /* what Meta answers; NULL: nothing, the connection ends */
static int status;

static void on_answer(void *arg, const struct graph_answer *a)
{
    heard.calls++;
    heard.outcome = a->outcome;
    heard.code = a->code;
    heard.was_sent = a->was_sent;
    heard.message = a->message;
}

static void on_profile(void *arg, const struct graph_answer *a, const struct graph_profile *p)
{
    on_answer(arg, a);
    has_profile = p != NULL;
    if (p)
        profile = *p;
    assert_true(has_profile == (a->outcome == GRAPH_OK));
}

static void play(struct fake_connection *c, const char *request)
{
    if (body)
        fake_answer(c, status, "", str_from(body));
    else
        fake_close(c);
}

static int setup(void **state)
{
    memset(&heard, 0, sizeof(heard));
    int failed = fake_setup(state);
    fake.handle = play;
    body = "{\"success\":true}";
    status = 200;
    fake_open_graph(0, NULL);
    return failed;
}

static struct secret *digits(void)
{
    static struct secret pin;
    secret_set(&pin, STR("150954"));
    return &pin;
}

#define AT fake.graph, STR("106540352242922")

/* Runs one call to its end, and asks that the request was this one. */
static void expect(const char *head, const char *json)
{
    size_t want = heard.calls + 1;
    fake_run(&heard.calls, want);
    assert_request(want - 1, head);
    assert_request(want - 1, "Content-Type: application/json\r\n");
    const char *sent = strstr(fake.requests[want - 1], "\r\n\r\n") + 4;
    assert_string_equal(sent, json);
    assert_int_equal(heard.outcome, GRAPH_OK);
    assert_true(heard.was_sent);
}

static void each_step_as_meta_wants_it(void **state)
{
    struct secret *pin = digits();
    struct graph_registration how = {.pin = pin};
    graph_request_code(AT, STR("SMS"), STR("ar"), &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/request_code HTTP/1.1\r\n",
           "{\"code_method\":\"SMS\",\"language\":\"ar\"}");
    graph_verify_code(AT, pin, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/verify_code HTTP/1.1\r\n", "{\"code\":\"150954\"}");
    graph_register(AT, &how, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/register HTTP/1.1\r\n",
           "{\"messaging_product\":\"whatsapp\",\"pin\":\"150954\"}");
    how.region = STR("AE");
    graph_register(AT, &how, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/register HTTP/1.1\r\n",
           "{\"messaging_product\":\"whatsapp\",\"pin\":\"150954\","
           "\"data_localization_region\":\"AE\"}");
    graph_deregister(AT, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/deregister HTTP/1.1\r\n",
           "{\"messaging_product\":\"whatsapp\"}");
    graph_set_pin(AT, pin, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922 HTTP/1.1\r\n", "{\"pin\":\"150954\"}");
    secret_release(pin);
}

static void deregister(void)
{
    size_t want = heard.calls + 1;
    graph_deregister(AT, &fake.token, &fake.arena, on_answer, NULL);
    fake_run(&heard.calls, want);
}

static void a_yes_is_success_and_nothing_else(void **state)
{
    static const char *const others[] = {"{}", "{\"success\":false}", "{\"success\":\"true\"}",
                                         "{\"id\":\"1\"}"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        body = others[i];
        deregister();
        assert_int_equal(heard.outcome, GRAPH_UNUSABLE);
        assert_part(heard.message, "deregister: {\"success\": true} was expected");
        assert_true(heard.was_sent);
    }
}

static void a_refusal_has_its_code(void **state)
{
    body =
        "{\"error\":{\"message\":\"(#133005) PIN\",\"code\":133005,\"type\":\"OAuthException\"}}";
    status = 400;
    deregister();
    assert_int_equal(heard.outcome, GRAPH_REFUSED);
    assert_int_equal(heard.code, 133005);
}

/* Also on a connection that was kept from before, which is where curl would send it again. */
static void a_cut_connection_was_sent_once(void **state)
{
    deregister();
    body = NULL;
    deregister();
    assert_int_equal(heard.outcome, GRAPH_UNREACHABLE);
    assert_true(heard.was_sent);
    assert_int_equal(fake.n_requests, 2);
}

static void what_cannot_be_sent_was_not(void **state)
{
    size_t want = heard.calls + 1;
    graph_deregister(fake.graph, STR("1x"), &fake.token, &fake.arena, on_answer, NULL);
    fake_run(&heard.calls, want);
    assert_int_equal(heard.outcome, GRAPH_REFUSED);
    assert_false(heard.was_sent);
    uv_close((uv_handle_t *)&fake.listener, NULL); /* nobody listens any more */
    deregister();
    assert_int_equal(heard.outcome, GRAPH_UNREACHABLE);
    assert_false(heard.was_sent);
    assert_int_equal(fake.n_requests, 0);
}

/* --- the profile -------------------------------------------------------------------------- */

static void fetch(const char *answer)
{
    size_t want = heard.calls + 1;
    body = answer;
    graph_fetch_profile(AT, &fake.token, &fake.arena, on_profile, NULL);
    fake_run(&heard.calls, want);
}

static void a_profile_is_read(void **state)
{
    fetch(
        "{\"data\":[{\"about\":\"متجر\",\"address\":\"b\",\"description\":\"c\\nd\","
        "\"email\":\"e@f\",\"messaging_product\":\"whatsapp\",\"vertical\":\"RETAIL\","
        "\"profile_picture_url\":\"https://p\",\"websites\":[\"https://a/\",\"https://b/\"]}]}");
    assert_request(0,
                   "GET /v25.0/106540352242922/whatsapp_business_profile?fields=about,address,"
                   "description,email,profile_picture_url,websites,vertical HTTP");
    assert_str(profile.about, "متجر");
    assert_str(profile.address, "b");
    assert_str(profile.description, "c\nd");
    assert_str(profile.email, "e@f");
    assert_str(profile.vertical, "RETAIL");
    assert_str(profile.profile_picture_url, "https://p");
    assert_int_equal(profile.n_websites, 2);
    assert_str(profile.websites[1], "https://b/");
}

/* Absent, of a wrong type, or more than there can be: none of it is an error. */
static void a_profile_is_read_liberally(void **state)
{
    fetch("{\"data\":[{\"messaging_product\":\"whatsapp\"}]}");
    assert_true(has_profile);
    assert_str(profile.about, "");
    assert_int_equal(profile.n_websites, 0);
    fetch(
        "{\"data\":[{\"about\":7,\"email\":null,\"vertical\":\"UNDEFINED\",\"new\":{},"
        "\"websites\":[1,\"a\",\"\",\"b\",\"c\"]},{}]}");
    assert_true(has_profile);
    assert_str(profile.about, "");
    assert_str(profile.vertical, "");
    assert_int_equal(profile.n_websites, 2);
    assert_str(profile.websites[0], "a");
    assert_str(profile.websites[1], "b");
}

static void what_is_no_profile(void **state)
{
    static const char *const others[] = {"{}", "{\"data\":[]}", "{\"data\":{}}", "{\"data\":[7]}"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        fetch(others[i]);
        assert_int_equal(heard.outcome, GRAPH_UNUSABLE);
    }
    fetch("{\"error\":{\"message\":\"dead\",\"code\":190}}");
    assert_int_equal(heard.outcome, GRAPH_TOKEN_DEAD);
}

static void only_what_changes_is_sent(void **state)
{
    struct graph_profile_change change = {.about = STR("متجر"), .email = STR("")};
    graph_change_profile(AT, &change, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST /v25.0/106540352242922/whatsapp_business_profile HTTP/1.1\r\n",
           "{\"messaging_product\":\"whatsapp\",\"about\":\"متجر\",\"email\":\"\"}");
    change = (struct graph_profile_change){.has_websites = true};
    graph_change_profile(AT, &change, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST", "{\"messaging_product\":\"whatsapp\",\"websites\":[]}");
    change = (struct graph_profile_change){.address = STR("a"),
                                           .description = STR("d"),
                                           .vertical = STR("EDU"),
                                           .websites = {STR("https://a"), STR("https://b")},
                                           .n_websites = 2,
                                           .has_websites = true};
    graph_change_profile(AT, &change, &fake.token, &fake.arena, on_answer, NULL);
    expect("POST",
           "{\"messaging_product\":\"whatsapp\",\"address\":\"a\",\"description\":\"d\","
           "\"vertical\":\"EDU\",\"websites\":[\"https://a\",\"https://b\"]}");
}

/* The longest that the API lets through, in the form that takes the most room. */
static void the_longest_change_fits(void **state)
{
    static char text[6][4 * PROFILE_DESCRIPTION_MAX];
    struct str longest[6];
    static const size_t points[] = {PROFILE_ABOUT_MAX,   PROFILE_ADDRESS_MAX,
                                    PROFILE_EMAIL_MAX,   PROFILE_WEBSITE_MAX,
                                    PROFILE_WEBSITE_MAX, PROFILE_DESCRIPTION_MAX};
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        memset(text[i], '\x01', points[i]); /* six bytes each, escaped */
        longest[i] = str_make(text[i], points[i]);
    }
    struct graph_profile_change change = {.about = longest[0],
                                          .address = longest[1],
                                          .email = longest[2],
                                          .description = longest[5],
                                          .vertical = STR("PHYSICAL_GAMBLING"),
                                          .websites = {longest[3], longest[4]},
                                          .n_websites = 2,
                                          .has_websites = true};
    graph_change_profile(AT, &change, &fake.token, &fake.arena, on_answer, NULL);
    fake_run(&heard.calls, 1);
    assert_int_equal(heard.outcome, GRAPH_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_step_as_meta_wants_it),  TEST(a_yes_is_success_and_nothing_else),
        TEST(a_refusal_has_its_code),      TEST(a_cut_connection_was_sent_once),
        TEST(what_cannot_be_sent_was_not), TEST(a_profile_is_read),
        TEST(a_profile_is_read_liberally), TEST(what_is_no_profile),
        TEST(only_what_changes_is_sent),   TEST(the_longest_change_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

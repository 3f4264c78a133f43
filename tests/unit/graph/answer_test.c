#include "graph/answer.h"

#include "unit/base/test.h"

static struct arena arena;

static int setup(void **state)
{
    arena_init(&arena, 64 * MIB);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static struct graph_answer answer_of(int status, const char *body)
{
    struct graph_raw raw = {.http_status = status, .body = str_from(body)};
    struct graph_answer a;
    graph_answer_read(&raw, NULL, &arena, &a);
    return a;
}

static void assert_outcome(int status, const char *body, enum graph_outcome want)
{
    struct graph_answer a = answer_of(status, body);
    if (a.outcome != want)
        fail_msg("%d %.200s\n  got:  %s\n  want: %s", status, body, graph_outcome_name(a.outcome),
                 graph_outcome_name(want));
    assert_int_equal(a.http_status, status);
    if (want != GRAPH_OK) {
        assert_true(a.message.len > 0);
        assert_false(json_present(a.json));
    }
}

static void an_object_is_an_answer(void **state)
{
    struct graph_answer a = answer_of(200, "{\"id\":\"106540352242922\",\"error\":null}");
    assert_int_equal(a.outcome, GRAPH_OK);
    assert_str(json_as_str(json_get(a.json, "id"), STR("")), "106540352242922");
    assert_int_equal(a.usage.percent, 0);
}

/* Anything that is not JSON in Meta's shape, by its HTTP status. */
static void foreign_answers(void **state)
{
    assert_outcome(200, "", GRAPH_UNUSABLE);
    assert_outcome(200, "  \n", GRAPH_UNUSABLE);
    assert_outcome(204, "", GRAPH_UNUSABLE);
    assert_outcome(200, "<!DOCTYPE html><html>Log in</html>", GRAPH_UNUSABLE);
    assert_outcome(200, "{\"data\":[{\"id\":\"1", GRAPH_UNUSABLE);
    assert_outcome(200, "[1,2]", GRAPH_UNUSABLE);
    assert_outcome(200, "\"text\"", GRAPH_UNUSABLE);
    assert_outcome(200, "{\"a\":\"\xff\"}", GRAPH_UNUSABLE);
    assert_outcome(302, "", GRAPH_UNUSABLE);
    assert_outcome(404, "<html>", GRAPH_UNUSABLE);
    assert_outcome(404, "{\"detail\":\"no\"}", GRAPH_UNUSABLE);
    assert_outcome(429, "", GRAPH_THROTTLED);
    assert_outcome(429, "slow down", GRAPH_THROTTLED);
    assert_outcome(500, "", GRAPH_TRANSIENT);
    assert_outcome(502, "<html>Bad gateway</html>", GRAPH_TRANSIENT);
    assert_outcome(503, "{\"success\":true}", GRAPH_TRANSIENT);

    assert_non_null(strstr(answer_of(200, "<html>").message.ptr, "web page"));
}

static void codes(void **state)
{
    static const struct {
        int64_t code;
        int64_t subcode;
        enum graph_outcome outcome;
    } rows[] = {
        {0, 0, GRAPH_TOKEN_DEAD},      {1, 0, GRAPH_TRANSIENT},
        {2, 0, GRAPH_TRANSIENT},       {3, 0, GRAPH_FORBIDDEN},
        {4, 0, GRAPH_THROTTLED},       {10, 0, GRAPH_FORBIDDEN},
        {17, 0, GRAPH_THROTTLED},      {32, 0, GRAPH_THROTTLED},
        {33, 0, GRAPH_NOT_FOUND},      {100, 0, GRAPH_REFUSED},
        {100, 33, GRAPH_NOT_FOUND},    {100, 2388024, GRAPH_REFUSED},
        {102, 0, GRAPH_TOKEN_DEAD},    {104, 0, GRAPH_TOKEN_DEAD},
        {190, 0, GRAPH_TOKEN_DEAD},    {190, 463, GRAPH_TOKEN_DEAD},
        {190, 33, GRAPH_TOKEN_DEAD},   {199, 0, GRAPH_REFUSED},
        {200, 0, GRAPH_FORBIDDEN},     {294, 0, GRAPH_FORBIDDEN},
        {299, 0, GRAPH_FORBIDDEN},     {300, 0, GRAPH_REFUSED},
        {368, 0, GRAPH_REFUSED},       {613, 0, GRAPH_THROTTLED},
        {2500, 0, GRAPH_REFUSED},      {80007, 0, GRAPH_THROTTLED},
        {80008, 0, GRAPH_THROTTLED},   {130429, 2494055, GRAPH_THROTTLED},
        {131000, 0, GRAPH_TRANSIENT},  {131005, 0, GRAPH_FORBIDDEN},
        {131008, 0, GRAPH_REFUSED},    {131009, 0, GRAPH_REFUSED},
        {131016, 0, GRAPH_TRANSIENT},  {131030, 0, GRAPH_REFUSED},
        {131031, 0, GRAPH_REFUSED},    {131047, 0, GRAPH_REFUSED},
        {131056, 0, GRAPH_THROTTLED},  {132000, 0, GRAPH_REFUSED},
        {132001, 0, GRAPH_REFUSED},    {133004, 0, GRAPH_TRANSIENT},
        {INT64_MAX, 0, GRAPH_REFUSED}, {INT64_MIN, 0, GRAPH_REFUSED},
    };
    static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t s = 0; s < ARRAY_LEN(statuses); s++) { /* the code decides, not the status */
            char body[200];
            snprintf(body, sizeof(body),
                     "{\"error\":{\"message\":\"m\",\"code\":%lld,\"error_subcode\":%lld}}",
                     (long long)rows[i].code, (long long)rows[i].subcode);
            assert_outcome(statuses[s], body, rows[i].outcome);
            assert_true(answer_of(statuses[s], body).code == rows[i].code);
            assert_true(answer_of(statuses[s], body).subcode == rows[i].subcode);
        }
    }
}

/* Codes in an unusual form, and none at all. */
static void odd_codes(void **state)
{
    assert_outcome(400, "{\"error\":{\"code\":\"190\"}}", GRAPH_TOKEN_DEAD);
    assert_outcome(400, "{\"error\":{\"code\":-1}}", GRAPH_REFUSED);
    assert_outcome(400, "{\"error\":{\"code\":-1,\"is_transient\":true}}", GRAPH_TRANSIENT);
    assert_outcome(400, "{\"error\":{\"code\":131026,\"is_transient\":true}}", GRAPH_TRANSIENT);
    assert_outcome(400, "{\"error\":{\"code\":4,\"is_transient\":true}}", GRAPH_THROTTLED);
    assert_outcome(400, "{\"error\":{\"code\":190,\"is_transient\":true}}", GRAPH_TOKEN_DEAD);
    assert_outcome(400, "{\"error\":{\"code\":131026,\"is_transient\":1}}", GRAPH_REFUSED);
    assert_outcome(400, "{\"error\":{}}", GRAPH_UNUSABLE);
    assert_outcome(200, "{\"error\":{}}", GRAPH_UNUSABLE);
    assert_outcome(400, "{\"error\":{\"code\":1.5,\"message\":[]}}", GRAPH_UNUSABLE);
    assert_outcome(429, "{\"error\":{\"message\":\"m\"}}", GRAPH_THROTTLED);
    assert_outcome(500, "{\"error\":{\"message\":\"m\"}}", GRAPH_TRANSIENT);
    assert_outcome(400, "{\"error\":\"text\"}", GRAPH_UNUSABLE);
    assert_outcome(400, "{\"error\":{\"code\":99999999999999999999}}", GRAPH_UNUSABLE);
}

static void a_message_for_a_person(void **state)
{
    struct graph_answer a = answer_of(
        400,
        "{\"error\":{\"message\":\"(#130429) Rate limit hit\",\"type\":\"OAuthException\","
        "\"code\":130429,\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":"
        "\"Cloud API message throughput has been reached.\"},\"error_subcode\":2494055,"
        "\"fbtrace_id\":\"Az8or2yhqkZfEZ-_4Qn_Bam\"}}");
    assert_str(a.message,
               "(#130429) Rate limit hit: Cloud API message throughput has been reached.");
    assert_str(a.title, "Rate limit hit");
    assert_str(a.details, "Cloud API message throughput has been reached.");
    assert_str(a.fbtrace_id, "Az8or2yhqkZfEZ-_4Qn_Bam");

    a = answer_of(400,
                  "{\"error\":{\"message\":\"Invalid parameter\",\"type\":\"OAuthException\","
                  "\"code\":100,\"error_user_title\":\"Content exists\",\"error_user_msg\":"
                  "\"\xd9\x85\xd9\x88\xd8\xac\xd9\x88\xd8\xaf\"}}");
    assert_str(a.message, "Invalid parameter: \xd9\x85\xd9\x88\xd8\xac\xd9\x88\xd8\xaf");
    assert_str(a.title, "Content exists");

    assert_str(
        answer_of(400, "{\"error\":{\"message\":\"a\\u001b[31m\\u0085b\",\"code\":1}}").message,
        "a [31m b");
    assert_str(answer_of(400, "{\"error\":{\"code\":1,\"error_data\":\"text\"}}").message,
               "Meta sent an error without a message");
}

static void a_title_without_its_code(void **state)
{
    static const struct {
        const char *members, *title;
    } cases[] = {
        {"\"error_user_title\":\"T\",\"message\":\"(#1) M\",\"type\":\"E\"", "T"},
        {"\"error_user_title\":\"\",\"message\":\"(#133005) M (#2)\",\"type\":\"E\"", "M (#2)"},
        {"\"message\":\"M\",\"type\":\"E\"", "M"},
        {"\"message\":\"(#1)M\",\"type\":\"E\"", "M"},
        {"\"message\":\"(#) M\",\"type\":\"E\"", "(#) M"},
        {"\"message\":\"(#1 M\",\"type\":\"E\"", "(#1 M"},
        {"\"message\":\"(#12) \",\"type\":\"E\"", "E"},
        {"\"message\":\"(#\",\"type\":\"E\"", "(#"},
        {"\"message\":[],\"type\":\"E\"", "E"},
        {"\"code\":1", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str body = arena_printf(&arena, "{\"error\":{%s}}", cases[i].members);
        assert_str(answer_of(400, body.ptr).title, cases[i].title);
    }
}

static void no_text_holds_the_token(void **state)
{
    _cleanup_(secret_release)
    struct secret token = {0};
    secret_set(&token, STR("EAAJBsecret"));
    struct graph_raw raw = {
        .http_status = 401,
        .body = STR("{\"error\":{\"message\":\"Malformed access token EAAJBsecretEAAJBsecret!\","
                    "\"type\":\"EAAJBsecret\",\"code\":190,\"fbtrace_id\":\"EAAJBsecret\","
                    "\"error_data\":{\"details\":\"EAAJ EAAJBsecret\"}}}"),
    };
    struct graph_answer a;
    graph_answer_read(&raw, &token, &arena, &a);
    assert_str(a.message, "Malformed access token (token)(token)!: EAAJ (token)");
    assert_str(a.title, "Malformed access token (token)(token)!");
    assert_str(a.details, "EAAJ (token)");
    assert_str(a.fbtrace_id, "(token)");
}

/* Cut between characters, and a token at the cut is blotted out before. */
static void long_text_is_cut(void **state)
{
    char text[4096];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? '\xa7' : '\xd8'; /* two bytes a letter */
    struct str cut = graph_text(str_make(text, sizeof(text)), NULL, &arena);
    assert_int_equal(cut.len, GRAPH_TEXT_MAX);
    cut = graph_text(str_make(text + 2, sizeof(text) - 3), NULL, &arena);
    assert_true(cut.len <= GRAPH_TEXT_MAX);

    text[0] = 'x';
    text[1] = 'y';
    text[2] = 'z';
    for (size_t i = 3; i < sizeof(text); i++)
        text[i] = i % 2 ? '\xd8' : '\xa7';
    cut = graph_text(str_make(text, 4095), NULL, &arena);
    assert_int_equal(cut.len, GRAPH_TEXT_MAX - 1);
    assert_true(str_is_utf8(cut));

    _cleanup_(secret_release)
    struct secret token = {0};
    secret_set(&token, STR("0123456789"));
    memset(text, 'x', sizeof(text));
    memcpy(text + GRAPH_TEXT_MAX - 5, "0123456789", 10);
    cut = graph_text(str_make(text, sizeof(text)), &token, &arena);
    assert_int_equal(cut.len, GRAPH_TEXT_MAX - 5);
}

static struct graph_usage usage_of(const char *app, const char *business)
{
    struct graph_raw raw = {
        .http_status = 200,
        .app_usage = str_from(app),
        .business_usage = str_from(business),
        .body = STR("{}"),
    };
    struct graph_answer a;
    graph_answer_read(&raw, NULL, &arena, &a);
    assert_int_equal(a.outcome, GRAPH_OK);
    return a.usage;
}

static void usage_is_the_worst(void **state)
{
    struct graph_usage u =
        usage_of("{\"call_count\":28,\"total_time\":25,\"total_cputime\":29}", "");
    assert_int_equal(u.percent, 29);
    assert_int_equal(u.regain_minutes, 0);
    u = usage_of(
        "{\"call_count\":28}",
        "{\"102290129340398\":[{\"type\":\"whatsapp_business_management\",\"call_count\":1,"
        "\"total_cputime\":1,\"total_time\":97,\"estimated_time_to_regain_access\":0},"
        "{\"type\":\"whatsapp\",\"call_count\":3,\"estimated_time_to_regain_access\":12}],"
        "\"7\":[{\"call_count\":30,\"estimated_time_to_regain_access\":5}]}");
    assert_int_equal(u.percent, 97);
    assert_int_equal(u.regain_minutes, 12);
}

/* Only a hint: whatever stands there, the answer is good. */
static void usage_of_a_wrong_shape_says_nothing(void **state)
{
    static const char *const odd[] = {"",
                                      "28",
                                      "[]",
                                      "{",
                                      "{\"call_count\":\"many\"}",
                                      "\xff",
                                      "{\"1\":{}}",
                                      "{\"1\":[1,null,[]]}",
                                      "{\"call_count\":-4}"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct graph_usage u = usage_of(odd[i], odd[i]);
        assert_int_equal(u.percent, 0);
        assert_int_equal(u.regain_minutes, 0);
    }
    assert_int_equal(usage_of("{\"call_count\":9223372036854775807}", "").percent, 1000000);
}

/* A failure is told all the same when there is no memory to tell it well. */
static void a_full_arena(void **state)
{
    for (size_t max = 0; max < 3000; max += 7) {
        struct arena tight;
        arena_init(&tight, max);
        struct graph_raw raw = {
            .http_status = 400,
            .app_usage = STR("{\"call_count\":28}"),
            .body = STR("{\"error\":{\"message\":\"m\",\"code\":190,\"error_data\":"
                        "{\"details\":\"d\"}}}"),
        };
        struct graph_answer a;
        graph_answer_read(&raw, NULL, &tight, &a);
        assert_true(a.outcome == GRAPH_TOKEN_DEAD || a.outcome == GRAPH_UNUSABLE);
        assert_true(a.message.len > 0);
        a = graph_answer_copy(&a, "asking", &tight);
        assert_true(a.message.len > 0);
        arena_release(&tight);
    }
}

static void every_outcome_has_a_name(void **state)
{
    for (int o = GRAPH_OK; o <= GRAPH_CANCELLED; o++)
        assert_true(strlen(graph_outcome_name((enum graph_outcome)o)) > 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_object_is_an_answer),
        TEST(foreign_answers),
        TEST(codes),
        TEST(odd_codes),
        TEST(a_message_for_a_person),
        TEST(a_title_without_its_code),
        TEST(no_text_holds_the_token),
        TEST(long_text_is_cut),
        TEST(usage_is_the_worst),
        TEST(usage_of_a_wrong_shape_says_nothing),
        TEST(a_full_arena),
        TEST(every_outcome_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

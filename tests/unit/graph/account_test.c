#include "unit/graph/fake_meta.h"

#include "graph/transport.h"

/* Meta as a script: the requests must come in this order, each with its words in its first line. */
struct line {
    const char *want;
    const char *body;
    int status; /* 0: 200 */
    const char *headers;
};
static struct script {
    const struct line *lines;
    size_t n;
} script;

static void play(struct fake_connection *c, const char *request)
{
    size_t i = fake.n_requests - 1;
    if (i >= script.n)
        fail_msg("one request too many:\n%s", request);
    const struct line *line = &script.lines[i];
    const char *at = strstr(request, line->want);
    if (!at || at > strstr(request, "\r\n"))
        fail_msg("request %zu has no \"%s\":\n%s", i, line->want, request);
    fake_answer(c, line->status ? line->status : 200, line->headers ? line->headers : "",
                str_from(line->body));
}

static struct graph_account account;
static size_t done;

static void on_account(void *arg, const struct graph_account *a)
{
    account = *a;
    done++;
}

static int setup(void **state)
{
    done = 0;
    account = (struct graph_account){0};
    return fake_setup(state);
}

/* With the fake's handler. */
static void fetch(const char *waba_id)
{
    size_t want = done + 1;
    graph_fetch_account(fake.graph, str_from(waba_id), &fake.token, &fake.arena, on_account, NULL);
    assert_int_equal(done, want - 1);
    fake_run(&done, want);
}

static void run_script(const struct line *lines, size_t n)
{
    script = (struct script){lines, n};
    fake.handle = play;
    if (!fake.graph)
        fake_open_graph(0, NULL);
    fetch("102290129340398");
    assert_int_equal(fake.n_requests, n); /* all of it, and no more */
}
#define RUN(lines) run_script(lines, ARRAY_LEN(lines))

static void assert_failure(enum graph_outcome outcome, const char *step, const char *message)
{
    if (account.failure.outcome != outcome)
        fail_msg("%s: %.*s", graph_outcome_name(account.failure.outcome),
                 STR_FMT(account.failure.message));
    assert_part(account.failure.message, step);
    assert_part(account.failure.message, message);
}

static void assert_fetched(void)
{
    if (account.failure.outcome != GRAPH_OK)
        fail_msg("%s: %.*s", graph_outcome_name(account.failure.outcome),
                 STR_FMT(account.failure.message));
}

#define SAY(line, text)                                                                            \
    {                                                                                              \
        .want = line, .body = text                                                                 \
    }
#define REFUSE(line, code, text)                                                                   \
    {                                                                                              \
        .want = line, .body = text, .status = code                                                 \
    }
#define NODE                                                                                       \
    SAY("GET /v25.0/102290129340398?fields=id,name ", "{\"id\":\"102290129340398\",\"name\":\"A\"}")
#define EMPTY "{\"data\":[]}"
#define MORE(after)                                                                                \
    "\"paging\":{\"cursors\":{\"before\":\"b\",\"after\":\"" after                                 \
    "\"},\"next\":\"https://elsewhere.example/steal?access_token=x\"}"
#define LAST      "\"paging\":{\"cursors\":{\"before\":\"b\",\"after\":\"last\"}}"
#define NUMBERS   "/102290129340398/phone_numbers?limit=100&fields=id,display_phone_number,"
#define TEMPLATES "/102290129340398/message_templates?fields=id,status&limit=100"

/* --- the way it should go ----------------------------------------------------------------- */

static void several_pages_one_of_them_empty(void **state)
{
    static const struct line lines[] = {
        SAY("/v25.0/102290129340398?fields=id,name ",
            "{\"id\":102290129340398,\"name\":\"\xd9\x87\xd8\xaf\xd9\x87\xd8\xaf\",\"new_field\":[]}"),
        SAY(NUMBERS,
            "{\"data\":[{\"id\":\"1\",\"status\":\"CONNECTED\",\"verified_name\":"
            "\"\xd9\x85\xd8\xaa\xd8\xac\xd8\xb1\"},{\"id\":\"2\"}]," MORE("QVF+/=&x") "}"),
        SAY("&after=QVF%2B%2F%3D%26x ", "{\"data\":[]," MORE("second") "}"),
        SAY("&after=second ", "{\"data\":[{\"id\":\"9007199254740993\"}]," LAST "}"),
        SAY(TEMPLATES,
            "{\"data\":[{\"id\":\"5\",\"status\":\"APPROVED\"},"
            "{\"id\":\"6\",\"status\":\"APPROVED\"}]," MORE("t") "}"),
        SAY("&after=t ", "{\"data\":[{\"id\":\"7\",\"status\":\"APPROVED\"}]}"),
    };
    RUN(lines);
    assert_fetched();
    assert_str(account.name, "\xd9\x87\xd8\xaf\xd9\x87\xd8\xaf");
    assert_int_equal(account.n_numbers, 3);
    const struct graph_number *n = account.numbers;
    assert_str(n->id, "1");
    assert_str(n->status, "CONNECTED");
    assert_str(n->verified_name, "\xd9\x85\xd8\xaa\xd8\xac\xd8\xb1");
    assert_str(n->next->id, "2");
    assert_str(n->next->next->id, "9007199254740993");
    assert_null(n->next->next->next);
    assert_int_equal(account.template_count, 3);
    for (size_t i = 0; i < fake.n_requests; i++) {
        assert_request(i, "Authorization: Bearer EAAtoken\r\n");
        assert_ptr_equal(strstr(fake.requests[i], "EAAtoken"),
                         strstr(fake.requests[i], "Bearer EAAtoken") + strlen("Bearer "));
    }
}

static void an_account_without_anything(void **state)
{
    static const struct line lines[] = {NODE, SAY(NUMBERS, EMPTY), SAY(TEMPLATES, EMPTY)};
    RUN(lines);
    assert_fetched();
    assert_null(account.numbers);
    assert_int_equal(account.n_numbers, 0);
    assert_int_equal(account.template_count, 0);
}

static void a_number_that_comes_twice(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, "{\"data\":[{\"id\":\"1\",\"status\":\"old\"},{\"id\":\"2\"}]," MORE("a") "}"),
        SAY("&after=a ",
            "{\"data\":[{\"id\":\"2\",\"status\":\"newer\"},{\"id\":\"1\",\"status\":"
            "\"new\"},{\"id\":\"3\"}]}"),
        SAY(TEMPLATES, EMPTY),
    };
    RUN(lines);
    assert_fetched();
    assert_int_equal(account.n_numbers, 3);
    const struct graph_number *n = account.numbers;
    assert_str(n->id, "1");
    assert_str(n->status, "new");
    assert_str(n->next->id, "2");
    assert_str(n->next->status, "newer");
    assert_str(n->next->next->id, "3");
    assert_null(n->next->next->next);
}

static void the_worst_usage(void **state)
{
    static const struct line lines[] = {
        {.want = "/102290129340398?",
         .body = "{\"id\":\"102290129340398\"}",
         .headers = "X-App-Usage: {\"call_count\":5}\r\n"},
        {.want = NUMBERS, .body = EMPTY, .headers = "X-App-Usage: {\"total_time\":80}\r\n"},
        {.want = TEMPLATES,
         .body = EMPTY,
         .headers =
             "X-Business-Use-Case-Usage: {\"1\":[{\"estimated_time_to_regain_access\":3}]}\r\n"},
    };
    RUN(lines);
    assert_fetched();
    assert_str(account.name, "");
    assert_int_equal(account.usage.percent, 80);
    assert_int_equal(account.usage.regain_minutes, 3);
}

/* --- Meta refuses ------------------------------------------------------------------------- */

static void a_dead_token(void **state)
{
    static const struct line lines[] = {
        {.want = "/102290129340398?",
         .body =
             "{\"error\":{\"message\":\"Error validating access token EAAtoken: Session has expired\","
             "\"type\":\"OAuthException\",\"code\":190,\"error_subcode\":463,\"fbtrace_id\":\"Az\"}}",
         .status = 401,
         .headers = "X-App-Usage: {\"call_count\":9}\r\n"},
    };
    RUN(lines);
    assert_failure(GRAPH_TOKEN_DEAD, "reading the account: ",
                   "Error validating access token (token): Session has expired");
    assert_int_equal(account.failure.code, 190);
    assert_int_equal(account.failure.subcode, 463);
    assert_int_equal(account.failure.http_status, 401);
    assert_str(account.failure.fbtrace_id, "Az");
    assert_int_equal(account.usage.percent, 9);
}

static void an_unknown_account(void **state)
{
    static const struct line lines[] = {
        REFUSE(
            "/102290129340398?", 400,
            "{\"error\":{\"message\":\"Unsupported get request.\",\"type\":\"GraphMethodException\","
            "\"code\":100,\"error_subcode\":33}}"),
    };
    RUN(lines);
    assert_failure(GRAPH_NOT_FOUND, "reading the account: ", "Unsupported get request.");
}

static void failures_on_the_way(void **state)
{
    static const struct line numbers[] = {
        NODE,
        SAY(NUMBERS, "{\"data\":[{\"id\":\"1\"}]," MORE("a") "}"),
        REFUSE("&after=a ", 502, "<html>Bad gateway</html>"),
    };
    RUN(numbers);
    assert_failure(GRAPH_TRANSIENT, "listing its phone_numbers: ", "502");
}

static void no_permission_for_templates(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, EMPTY),
        REFUSE(TEMPLATES, 403, "{\"error\":{\"message\":\"(#200) no\",\"code\":200}}"),
    };
    RUN(lines);
    assert_failure(GRAPH_FORBIDDEN, "counting its message_templates: ", "(#200) no");
}

#define REFUSED_FIELD(name)                                                                        \
    "{\"error\":{\"message\":\"(#100) Tried accessing nonexisting field (" name                    \
    ") on node type "                                                                              \
    "(WhatsAppBusinessPhoneNumber)\",\"type\":\"OAuthException\",\"code\":100}}"

static void a_field_that_meta_took_away(void **state)
{
    static const struct line lines[] = {
        NODE,
        REFUSE(",health_status ", 400, REFUSED_FIELD("health_status")),
        SAY("messaging_limit_tier,is_official_business_account ",
            "{\"data\":[{\"id\":\"1\"}]," MORE("a") "}"),
        REFUSE("&after=a ", 400, REFUSED_FIELD("name_status")),
        SAY("status,code_verification_status",
            "{\"data\":[{\"id\":\"2\"}]}"), /* the same page again */
        SAY(TEMPLATES, EMPTY),
        NODE, /* the next account: remembered */
        SAY("messaging_limit_tier,is_official_business_account ", EMPTY),
        SAY(TEMPLATES, EMPTY),
    };
    script = (struct script){lines, ARRAY_LEN(lines)};
    fake.handle = play;
    fake_open_graph(0, NULL);
    fetch("102290129340398");
    assert_fetched();
    assert_int_equal(account.n_numbers, 2);
    assert_request(4, "&after=a ");
    fetch("102290129340398");
    assert_fetched();
    assert_int_equal(fake.n_requests, ARRAY_LEN(lines));
}

static void a_field_that_cannot_be_missed(void **state)
{
    static const struct line lines[] = {NODE, REFUSE(NUMBERS, 400, REFUSED_FIELD("status"))};
    RUN(lines);
    assert_failure(GRAPH_REFUSED, "listing its phone_numbers: ", "nonexisting field (status)");
}

/* Meta insists on a field that we no longer ask for. */
static void a_field_refused_for_ever(void **state)
{
    static const struct line lines[] = {
        NODE,
        REFUSE(NUMBERS, 400, REFUSED_FIELD("health_status")),
        REFUSE(NUMBERS, 400, REFUSED_FIELD("health_status")),
    };
    RUN(lines);
    assert_failure(GRAPH_REFUSED, "listing its phone_numbers: ", "health_status");
}

/* --- shapes that are none of Meta's ------------------------------------------------------- */

static void wrong_numbers(void **state)
{
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{}", "\"data\" was expected to be an array"},
        {"{\"data\":{}}", "\"data\" was expected to be an array"},
        {"{\"data\":\"[]\"}", "\"data\" was expected to be an array"},
        {"{\"data\":null}", "\"data\" was expected to be an array"},
        {"{\"data\":[{\"id\":\"1\"},5]}", "data[1]: an object"},
        {"{\"data\":[{\"id\":\"x\"}]}", "data[0]: an object"},
        {"{\"data\":[],\"paging\":{\"next\":\"u\"}}", "without a usable paging.cursors.after"},
        {"{\"data\":[],\"paging\":{\"next\":\"u\",\"cursors\":{\"after\":\"\"}}}", "usable"},
        {"{\"data\":[],\"paging\":{\"next\":\"u\",\"cursors\":{\"after\":7}}}", "usable"},
        {"{\"data\":[{\"id\":\"1\"", "not JSON"},
        {"", "empty"},
        {"<html>", "web page"},
        {"[]", "no object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct line lines[] = {NODE, SAY(NUMBERS, rows[i].body)};
        RUN(lines);
        assert_failure(GRAPH_UNUSABLE, "listing its phone_numbers: ", rows[i].message);
        while (fake.n_requests)
            free(fake.requests[--fake.n_requests]);
    }
}

static void wrong_nodes(void **state)
{
    static const char *const bodies[] = {"{}", "{\"id\":\"102290129340399\",\"name\":\"another\"}",
                                         "{\"id\":null}", "{\"data\":[]}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct line lines[] = {SAY("/102290129340398?", bodies[i])};
        RUN(lines);
        assert_failure(GRAPH_UNUSABLE, "reading the account: ", "the account's own id");
        free(fake.requests[--fake.n_requests]);
    }
}

static void wrong_templates(void **state)
{
    static const char *const bodies[] = {"{}", "{\"data\":7}", "{\"data\":[{\"id\":\"1\"}]}",
                                         "{\"data\":[{\"status\":1}]}", "{\"data\":[null]}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct line lines[] = {NODE, SAY(NUMBERS, EMPTY), SAY(TEMPLATES, bodies[i])};
        RUN(lines);
        assert_failure(GRAPH_UNUSABLE, "counting its message_templates: ", "expected");
        while (fake.n_requests)
            free(fake.requests[--fake.n_requests]);
    }
}

/* --- lists without end -------------------------------------------------------------------- */

static void a_cycle_of_pages(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, "{\"data\":[{\"id\":\"1\"}]," MORE("a") "}"),
        SAY("&after=a ", "{\"data\":[{\"id\":\"2\"}]," MORE("b") "}"),
        SAY("&after=b ", "{\"data\":[{\"id\":\"1\"}]," MORE("a") "}"),
    };
    RUN(lines);
    assert_failure(GRAPH_UNUSABLE, "listing its phone_numbers: ", "endless");
}

static void a_cycle_of_template_pages(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, EMPTY),
        SAY(TEMPLATES, "{\"data\":[]," MORE("a") "}"),
        SAY("&after=a ", "{\"data\":[]," MORE("a") "}"),
    };
    RUN(lines);
    assert_failure(GRAPH_UNUSABLE, "counting its message_templates: ", "endless");
}

static size_t numbers_a_page;

/* New cursors, and new numbers, for ever. */
static void endless(struct fake_connection *c, const char *request)
{
    static size_t next_id;
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, MIB);
    if (!strstr(request, "phone_numbers")) {
        buf_add(&body, STR("{\"id\":\"102290129340398\"}"));
    } else {
        buf_add(&body, STR("{\"data\":["));
        for (size_t i = 0; i < numbers_a_page; i++)
            buf_printf(&body, "%s{\"id\":\"%zu\"}", i ? "," : "", ++next_id);
        buf_printf(&body, "],\"paging\":{\"next\":\"u\",\"cursors\":{\"after\":\"c%zu\"}}}",
                   fake.n_requests);
    }
    fake_answer(c, 200, "", buf_str(&body));
}

static void empty_pages_for_ever(void **state)
{
    numbers_a_page = 0;
    fake.handle = endless;
    fake_open_graph(0, NULL);
    fetch("102290129340398");
    assert_failure(GRAPH_UNUSABLE, "listing its phone_numbers: ", "too many pages");
    assert_int_equal(fake.n_requests, 1 + GRAPH_PAGES_MAX);
}

static void numbers_for_ever(void **state)
{
    numbers_a_page = 100;
    fake.handle = endless;
    fake_open_graph(0, NULL);
    fetch("102290129340398");
    assert_failure(GRAPH_UNUSABLE, "listing its phone_numbers: ", "more numbers");
    assert_int_equal(fake.n_requests, 1 + GRAPH_NUMBERS_MAX / 100 + 1);
}

/* --- templates ---------------------------------------------------------------------------- */

/* Whether Meta follows the filter or passes over it, whatever its summary says. */
static void only_approved_templates_count(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, EMPTY),
        SAY(TEMPLATES "&status=APPROVED ",
            "{\"data\":[{\"id\":1689556908129832,\"status\":\"APPROVED\"},{\"id\":\"2\",\"status\":"
            "\"PENDING\"},{\"id\":\"3\",\"status\":\"REJECTED\"},{\"id\":\"4\",\"status\":\"approved\"}],"
            "\"summary\":{\"total_count\":4},\"paging\":{\"next\":null}}"),
    };
    RUN(lines);
    assert_fetched();
    assert_int_equal(account.template_count, 2);
}

static void a_filter_that_meta_refuses(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, EMPTY),
        REFUSE("&status=APPROVED ", 400,
               "{\"error\":{\"message\":\"(#100) Invalid parameter\",\"code\":100}}"),
        SAY(TEMPLATES " ", "{\"data\":[{\"status\":\"APPROVED\"},{\"status\":\"PAUSED\"}]}"),
    };
    RUN(lines);
    assert_fetched();
    assert_int_equal(account.template_count, 1);
}

static void a_refusal_without_the_filter_is_final(void **state)
{
    static const struct line lines[] = {
        NODE,
        SAY(NUMBERS, EMPTY),
        REFUSE("&status=APPROVED ", 400, "{\"error\":{\"message\":\"(#100) no\",\"code\":100}}"),
        REFUSE(TEMPLATES " ", 400, "{\"error\":{\"message\":\"(#100) no\",\"code\":100}}"),
    };
    RUN(lines);
    assert_failure(GRAPH_REFUSED, "counting its message_templates: ", "(#100) no");
}

/* --- ids, cancelling, memory -------------------------------------------------------------- */

static void ids_that_are_none(void **state)
{
    static const char *const ids[] = {
        "", "me", "1/../2", "1?fields=x", "-1", " 1", "123456789012345678901234567890123"};
    fake_open_graph(0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        fetch(ids[i]);
        assert_failure(GRAPH_REFUSED, "reading the account: ", "digits");
    }
    assert_int_equal(fake.n_connections, 0);
}

static const char *stall_at;

static void stall_there(struct fake_connection *c, const char *request)
{
    if (strstr(request, stall_at))
        return;
    fake_answer(c, 200, "",
                strstr(request, "phone_numbers") ? STR(EMPTY)
                                                 : STR("{\"id\":\"102290129340398\"}"));
}

static void closing_cancels_at_every_step(void **state)
{
    static const char *const steps[] = {"fields=id,name", "phone_numbers", "message_templates"};
    fake.handle = stall_there;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        stall_at = steps[i];
        size_t want = fake.n_requests + i + 1;
        fake_open_graph(0, NULL);
        graph_fetch_account(fake.graph, STR("102290129340398"), &fake.token, &fake.arena,
                            on_account, NULL);
        fake_run(&fake.n_requests, want);
        assert_int_equal(done, i);
        graph_close(fake.graph);
        fake.graph = NULL;
        assert_int_equal(done, i + 1);
        assert_int_equal(account.failure.outcome, GRAPH_CANCELLED);
    }
}

/* The caller's arena may be too small for the numbers, or for anything. */
static void a_full_arena(void **state)
{
    static const struct line lines[] = {
        NODE, SAY(NUMBERS, "{\"data\":[{\"id\":\"1\"},{\"id\":\"2\"}]}"), SAY(TEMPLATES, EMPTY)};
    fake.handle = play;
    fake_open_graph(0, NULL);
    for (size_t max = 0; max < 1200; max += 50) {
        struct arena tight;
        arena_init(&tight, max);
        script = (struct script){lines, ARRAY_LEN(lines)};
        size_t want = done + 1;
        graph_fetch_account(fake.graph, STR("102290129340398"), &fake.token, &tight, on_account,
                            NULL);
        fake_run(&done, want);
        if (account.failure.outcome == GRAPH_OK)
            assert_int_equal(account.n_numbers, 2);
        else
            assert_int_equal(account.failure.outcome, GRAPH_UNUSABLE);
        arena_release(&tight);
        while (fake.n_requests)
            free(fake.requests[--fake.n_requests]);
    }
}

/* One that does not answer holds back no other. */
static void accounts_are_asked_at_the_same_time(void **state)
{
    fake.handle = stall_there;
    stall_at = "/v25.0/7?";
    fake_open_graph(0, NULL);
    graph_fetch_account(fake.graph, STR("7"), &fake.token, &fake.arena, on_account, NULL);
    stall_at = "/v25.0/7?";
    for (size_t i = 0; i < 5; i++)
        graph_fetch_account(fake.graph, STR("102290129340398"), &fake.token, &fake.arena,
                            on_account, NULL);
    fake_run(&done, 5);
    assert_int_equal(done, 5);
}

/* --- subscribed_apps ---------------------------------------------------------------------- */

static struct graph_answer subscribed;

static void on_subscribed(void *arg, const struct graph_answer *a)
{
    subscribed = *a;
    done++;
}

static enum graph_outcome subscribe(const char *body, int status)
{
    const struct line lines[] = {
        REFUSE("POST /v25.0/102290129340398/subscribed_apps ", status, body)};
    script = (struct script){lines, 1};
    size_t want = done + 1;
    graph_subscribe_app(fake.graph, STR("102290129340398"), &fake.token, &fake.arena, on_subscribed,
                        NULL);
    fake_run(&done, want);
    free(fake.requests[--fake.n_requests]);
    return subscribed.outcome;
}

static void subscribing(void **state)
{
    fake.handle = play;
    fake_open_graph(0, NULL);
    assert_int_equal(subscribe("{\"success\":true}", 200), GRAPH_OK);
    assert_int_equal(subscribe("{\"success\":false}", 200), GRAPH_UNUSABLE);
    assert_part(subscribed.message, "subscribed_apps");
    assert_int_equal(subscribe("{}", 200), GRAPH_UNUSABLE);
    assert_int_equal(subscribe("{\"success\":\"true\"}", 200), GRAPH_UNUSABLE);
    assert_int_equal(subscribe("{\"error\":{\"code\":10,\"message\":\"(#10) no\"}}", 403),
                     GRAPH_FORBIDDEN);
    assert_part(subscribed.message, "(#10) no");
    graph_subscribe_app(fake.graph, STR("1/x"), &fake.token, &fake.arena, on_subscribed, NULL);
    fake_run(&done, 6);
    assert_int_equal(subscribed.outcome, GRAPH_REFUSED);
}

static const struct graph_apps *apps; /* in the test's arena; NULL: none were told */

static void on_apps(void *arg, const struct graph_answer *a, const struct graph_apps *told)
{
    apps = NULL;
    if (told) {
        struct graph_apps *copy = ARENA_NEW(&fake.arena, struct graph_apps);
        *copy = *told;
        apps = copy;
    }
    assert_int_equal(told != NULL, a->outcome == GRAPH_OK);
    on_subscribed(arg, a);
}

static enum graph_outcome fetch_apps(const char *body)
{
    const struct line lines[] = {SAY("GET /v25.0/102290129340398/subscribed_apps ", body)};
    script = (struct script){lines, 1};
    size_t want = done + 1;
    graph_fetch_apps(fake.graph, STR("102290129340398"), &fake.token, &fake.arena, on_apps, NULL);
    fake_run(&done, want);
    free(fake.requests[--fake.n_requests]);
    return subscribed.outcome;
}

#define APP(members) "{\"whatsapp_business_api_data\":{" members "}}"

static void the_apps_of_an_account(void **state)
{
    fake.handle = play;
    fake_open_graph(0, NULL);
    assert_int_equal(fetch_apps("{\"data\":[" APP("\"id\":\"11\",\"name\":\"A\"") "," APP(
                         "\"name\":\"B\"") ",7,{}," APP("\"id\":12") "]}"),
                     GRAPH_OK);
    assert_int_equal(apps->n, 2);
    assert_str(apps->ids[0], "11");
    assert_str(apps->ids[1], "12");
    assert_int_equal(fetch_apps("{\"data\":[]}"), GRAPH_OK);
    assert_int_equal(apps->n, 0);
    assert_int_equal(fetch_apps("{\"data\":{}}"), GRAPH_UNUSABLE);
    assert_part(subscribed.message, "subscribed_apps");
    assert_int_equal(fetch_apps("{}"), GRAPH_UNUSABLE);
    assert_int_equal(fetch_apps("{\"error\":{\"code\":190}}"), GRAPH_TOKEN_DEAD);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(several_pages_one_of_them_empty),
        TEST(an_account_without_anything),
        TEST(a_number_that_comes_twice),
        TEST(the_worst_usage),
        TEST(a_dead_token),
        TEST(an_unknown_account),
        TEST(failures_on_the_way),
        TEST(no_permission_for_templates),
        TEST(a_field_that_meta_took_away),
        TEST(a_field_that_cannot_be_missed),
        TEST(a_field_refused_for_ever),
        TEST(wrong_numbers),
        TEST(wrong_nodes),
        TEST(wrong_templates),
        TEST(a_cycle_of_pages),
        TEST(a_cycle_of_template_pages),
        TEST(empty_pages_for_ever),
        TEST(numbers_for_ever),
        TEST(only_approved_templates_count),
        TEST(a_filter_that_meta_refuses),
        TEST(a_refusal_without_the_filter_is_final),
        TEST(ids_that_are_none),
        TEST(closing_cancels_at_every_step),
        TEST(a_full_arena),
        TEST(accounts_are_asked_at_the_same_time),
        TEST(subscribing),
        TEST(the_apps_of_an_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

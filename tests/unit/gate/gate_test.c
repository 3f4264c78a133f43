/* The refusals of developer-api.md §1.2, each, and every way to split one signed string. */
#include "unit/gate/world.h"

#include <arpa/inet.h>

/* A request as it would arrive; what is signed may differ from it. */
struct ask {
    enum http_method method;
    const char *path, *query, *body; /* NULL: "/waba-numbers", "", "" */
    const char *timestamp, *domain, *client_id, *secret;
    const char *signature;   /* instead of the right one */
    const char *signed_path; /* instead of path */
    const char *signed_body;
    const char *without; /* this header is left out */
    const char *twice;   /* this header is sent twice */
};

static const char * or (const char *s, const char *fallback)
{
    return s ? s : fallback;
}

static void add_header(struct http_request *r, const struct ask *a, const char *name,
                       struct str value)
{
    if (a->without && strcmp(a->without, name) == 0)
        return;
    r->headers[r->n_headers++] = (struct http_header){str_from(name), value};
    if (a->twice && strcmp(a->twice, name) == 0)
        r->headers[r->n_headers++] = (struct http_header){str_from(name), value};
}

static struct error last_error;

static enum err check(struct world *w, struct ask a)
{
    static struct http_request r;
    char signature[SIGNATURE_LEN];
    struct str path = str_from(or (a.path, "/waba-numbers"));
    struct str timestamp = str_from(or (a.timestamp, "1704124800"));
    memset(&r, 0, sizeof(r));
    r.method = a.method;
    r.path = arena_printf(&w->arena, "/api/developer%.*s", STR_FMT(path));
    r.query = str_from(a.query);
    r.body = str_from(a.body);
    struct signature_parts parts = {str_from(http_method_name(a.method)),
                                    a.signed_path ? str_from(a.signed_path) : path, r.query,
                                    timestamp, a.signed_body ? str_from(a.signed_body) : r.body};
    signature_make(&w->hmac, str_from(or (a.secret, "your-hmac-secret")), &parts, signature);
    add_header(&r, &a, "x-awal-signature-256",
               a.signature ? str_from(a.signature) : str_make(signature, SIGNATURE_LEN));
    add_header(&r, &a, "x-timestamp", timestamp);
    add_header(&r, &a, "x-domain", str_from(or (a.domain, "acme")));
    add_header(&r, &a, "x-client-id", str_from(or (a.client_id, "cl_1")));
    struct caller caller = {0};
    error_init(&last_error, &w->arena);
    enum err e = gate_check(&w->gate, &r, path, NOW_MS, &caller, &last_error);
    if (!e)
        assert_true(caller.workspace_id > 0);
    return e;
}

static void test_a_right_signature(void **state)
{
    struct world *w = *state;
    assert_int_equal(check(w, (struct ask){0}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.query = "?include=health"}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.signed_path = "/api/developer/waba-numbers"}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.method = HTTP_POST, .body = "{\"ن\":\"هدهد\"}"}),
                     ERR_OK);
}

/* The test vectors of the specification. */
static void test_vectors(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        check(w, (struct ask){.signature = "sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c"
                                           "41f35369813151d9"}),
        ERR_OK);
    assert_int_equal(
        check(w, (struct ask){.method = HTTP_POST,
                              .path = "/w/message/text",
                              .query = "?phone_number_id=123",
                              .body = "{\"phone\":\"96650000000\",\"body\":\"Hello\"}",
                              .signature = "sha256=3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee"
                                           "42bdbc9561e7170d"}),
        ERR_OK);
}

static void test_headers_missing_or_malformed(void **state)
{
    static const char *const names[] = {"x-awal-signature-256", "x-timestamp", "x-domain",
                                        "x-client-id"};
    static const char *const timestamps[] = {"-1704124800", "+1704124800", "1704124800.0",
                                             "now",         "01704124800", "1704124800000",
                                             " ",           "0x1",         "17041248٠0"};
    static char long_name[DOMAIN_MAX + CLIENT_ID_MAX + 2];
    struct world *w = *state;
    memset(long_name, 'a', sizeof(long_name) - 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(check(w, (struct ask){.without = names[i]}), ERR_MISSING_HEADERS);
        assert_non_null(last_error.details);
        assert_null(last_error.details->next);
        assert_int_equal(check(w, (struct ask){.twice = names[i]}), ERR_INVALID_HEADERS);
    }
    for (size_t i = 0; i < ARRAY_LEN(timestamps); i++)
        assert_int_equal(check(w, (struct ask){.timestamp = timestamps[i]}), ERR_INVALID_HEADERS);
    assert_int_equal(check(w, (struct ask){.domain = long_name}), ERR_INVALID_HEADERS);
    assert_int_equal(check(w, (struct ask){.client_id = long_name}), ERR_INVALID_HEADERS);
    assert_int_equal(check(w, (struct ask){.client_id = "cl 1"}), ERR_INVALID_HEADERS);
    assert_int_equal(check(w, (struct ask){.domain = ""}), ERR_MISSING_HEADERS);
}

static void test_signatures_malformed_or_wrong(void **state)
{
    struct world *w = *state;
    static const char right[] =
        "sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9";
    static const char *const malformed[] = {
        "f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9",
        "sha256=F90B85ACF2D2A0D679EB8A4D15824A3517E3B15F1354D22C41F35369813151D9",
        "SHA256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9",
        "sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d",
        "sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9a",
        "sha256=g90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9",
        "sha1=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f",
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
        assert_int_equal(check(w, (struct ask){.signature = malformed[i]}), ERR_INVALID_HEADERS);
    char wrong[sizeof(right)];
    for (size_t i = 7; i < sizeof(right) - 1; i++) {
        memcpy(wrong, right, sizeof(right));
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        assert_int_equal(check(w, (struct ask){.signature = wrong}), ERR_AUTHENTICATION);
    }
    assert_int_equal(
        check(w, (struct ask){.method = HTTP_POST, .body = "{}", .signed_body = "{ }"}),
        ERR_AUTHENTICATION);
    assert_int_equal(check(w, (struct ask){.method = HTTP_POST, .body = "{}", .signed_body = ""}),
                     ERR_AUTHENTICATION);
    assert_int_equal(check(w, (struct ask){.query = "?a=1", .signature = right}),
                     ERR_AUTHENTICATION);
    assert_int_equal(check(w, (struct ask){.method = HTTP_DELETE, .signature = right}),
                     ERR_AUTHENTICATION);
    assert_int_equal(check(w, (struct ask){.secret = "another"}), ERR_AUTHENTICATION);
}

static void test_timestamps_outside_the_window(void **state)
{
    struct world *w = *state;
    static const char *const inside[] = {"1704124500", "1704125100", "1704124800"};
    static const char *const outside[] = {"1704124499", "1704125101", "0", "1", "999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        assert_int_equal(check(w, (struct ask){.timestamp = inside[i]}), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        assert_int_equal(check(w, (struct ask){.timestamp = outside[i]}), ERR_TIMESTAMP_EXPIRED);
        assert_int_equal(check(w, (struct ask){.timestamp = outside[i], .secret = "x"}),
                         ERR_AUTHENTICATION);
    }
}

static void test_one_answer_for_every_wrong_caller(void **state)
{
    struct world *w = *state;
    add_client(w, (struct make){.client_id = "cl_off", .secret = "s", .disabled = true});
    add_client(w,
               (struct make){.client_id = "cl_closed", .secret = "s", .workspace_disabled = true});
    const struct ask asks[] = {
        {.client_id = "cl_nobody"},
        {.domain = "elsewhere"},
        {.client_id = "cl_off", .secret = "s"},
        {.client_id = "cl_closed", .domain = "closed", .secret = "s"},
        {.client_id = "cl_closed", .secret = "s"},
        {.secret = "wrong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        assert_int_equal(check(w, asks[i]), ERR_AUTHENTICATION);
        assert_true(str_eq(last_error.message, STR("Invalid HMAC signature")));
        assert_null(last_error.details);
    }
}

static void test_rotation_with_overlap(void **state)
{
    struct world *w = *state;
    add_client(w, (struct make){.client_id = "cl_both",
                                .secret = "new",
                                .previous = "old",
                                .previous_until = NOW_MS + 1});
    add_client(w, (struct make){.client_id = "cl_over",
                                .secret = "new",
                                .previous = "old",
                                .previous_until = NOW_MS});
    assert_int_equal(check(w, (struct ask){.client_id = "cl_both", .secret = "new"}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.client_id = "cl_both", .secret = "old"}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.client_id = "cl_over", .secret = "new"}), ERR_OK);
    assert_int_equal(check(w, (struct ask){.client_id = "cl_over", .secret = "old"}),
                     ERR_AUTHENTICATION);
}

/* One signed string, cut anew into query, timestamp and body in every way: only the cut that was
 * signed may pass. The body rule (empty or an object) is the API's, and stands here for it. */
static void try_splits(struct world *w, const char *method_path, const char *tail,
                       const char *query, const char *timestamp, const char *body, int *ret_tried)
{
    char signature[SIGNATURE_LEN + 1] = "";
    struct signature_parts parts = {STR("POST"), str_from(method_path), str_from(tail), STR(""),
                                    STR("")};
    signature_make(&w->hmac, STR("your-hmac-secret"), &parts, signature);
    size_t len = strlen(tail);
    for (size_t i = 0; i <= len; i++) {
        for (size_t k = i; k <= len; k++) {
            struct str q = arena_printf(&w->arena, "%.*s", (int)i, tail);
            struct str t = arena_printf(&w->arena, "%.*s", (int)(k - i), tail + i);
            const char *b = tail + k;
            bool original = str_eq(q, str_from(query)) && str_eq(t, str_from(timestamp));
            if ((q.len && q.ptr[0] != '?') || (*b && *b != '{'))
                continue; /* not a query, not a body that the API takes */
            enum err e = check(w, (struct ask){.method = HTTP_POST,
                                               .path = method_path,
                                               .query = q.ptr,
                                               .timestamp = t.ptr,
                                               .body = b,
                                               .signature = signature});
            assert_int_equal(e == ERR_OK, original);
            (*ret_tried)++;
        }
    }
}

static void test_every_split_of_one_signed_string(void **state)
{
    int tried = 0;
    try_splits(*state, "/w/message/text", "?phone_number_id=1231704124800{\"phone\":\"966\"}",
               "?phone_number_id=123", "1704124800", "{\"phone\":\"966\"}", &tried);
    /* a query that ends in a zero, and bodies that hold a timestamp of their own */
    try_splits(*state, "/w/x", "?page=101704124800", "?page=10", "1704124800", "", &tried);
    try_splits(*state, "/w/x", "?a={\"b\":1704124800}1704124800{\"c\":1704124800}",
               "?a={\"b\":1704124800}", "1704124800", "{\"c\":1704124800}", &tried);
    assert_true(tried > 100);
}

static void test_a_change_is_in_force_at_once(void **state)
{
    struct world *w = *state;
    struct ask late = {.client_id = "cl_late", .secret = "s"};
    assert_int_equal(check(w, late), ERR_AUTHENTICATION);
    add_client(w, (struct make){.client_id = "cl_late", .secret = "s"});
    assert_int_equal(check(w, late), ERR_OK);
    for (int i = 0; i < 300; i++) { /* the table grows under it */
        char id[16];
        snprintf(id, sizeof(id), "cl_n%d", i);
        struct make m = {.client_id = id, .secret = "s", .world = w, .write.apply = make_client};
        assert_int_equal(store_write_now(w->fixture->store, &m.write), ERR_OK);
    }
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
    assert_int_equal(check(w, (struct ask){.client_id = "cl_n299", .secret = "s"}), ERR_OK);
    assert_int_equal(check(w, late), ERR_OK);
}

/* --- refusals, counted -------------------------------------------------------------------- */

static void set_policy(struct world *w, struct limit failures)
{
    struct policy *p = policy_new();
    p->sign_window_s = WINDOW;
    p->authentication_failures = failures;
    gate_set_policy(&w->gate, p);
    policy_release(p);
}

static void test_refusals_end_in_429_and_the_good_pass(void **state)
{
    const struct ask refused[] = {
        {.secret = "wrong"},
        {.without = "x-domain"},
        {.timestamp = "now"},
        {.timestamp = "1"},
    };
    struct world *w = *state;
    set_policy(w, (struct limit){ARRAY_LEN(refused), 60});
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_not_equal(check(w, refused[i]), ERR_RATE_LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(check(w, refused[i]), ERR_RATE_LIMIT);
        assert_int_equal(last_error.retry_after, 60);
        assert_null(last_error.details); /* it learns no more of what was wrong */
        assert_int_equal(check(w, (struct ask){0}), ERR_OK);
    }
    set_policy(w, (struct limit){0});
    assert_int_equal(check(w, refused[0]), ERR_AUTHENTICATION);
}

/* --- whose request it is ------------------------------------------------------------------ */

static struct http_network proxies[2];

static void trust_proxies(struct world *w)
{
    assert_true(http_network_parse(STR("10.0.0.0/8"), &proxies[0]));
    assert_true(http_network_parse(STR("2001:db8::/32"), &proxies[1]));
    struct policy *p = policy_new();
    p->proxies = proxies;
    p->n_proxies = ARRAY_LEN(proxies);
    gate_set_policy(&w->gate, p);
    policy_release(p);
}

/* `first` and `second` are two fields of X-Forwarded-For, or NULL. */
static void assert_address(struct world *w, const char *peer, const char *first, const char *second,
                           const char *expected)
{
    static struct http_request r;
    char text[HTTP_ADDRESS_TEXT_MAX];
    struct http_address got;
    memset(&r, 0, sizeof(r));
    struct sockaddr_in from = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, peer, &from.sin_addr), 1);
    memcpy(&r.peer, &from, sizeof(from));
    r.headers[r.n_headers++] = (struct http_header){STR("Forwarded"), STR("for=192.0.2.1")};
    if (first)
        r.headers[r.n_headers++] = (struct http_header){STR("x-forwarded-FOR"), str_from(first)};
    r.headers[r.n_headers++] = (struct http_header){STR("X-Real-IP"), STR("192.0.2.1")};
    if (second)
        r.headers[r.n_headers++] = (struct http_header){STR("X-Forwarded-For"), str_from(second)};
    gate_client_address(&w->gate, &r, &got);
    http_address_format(&got, text);
    assert_string_equal(text, expected);
}

static void test_the_address_of_a_client(void **state)
{
    struct world *w = *state;
    assert_address(w, "10.0.0.1", "198.51.100.7", NULL, "10.0.0.1"); /* no proxy is trusted */
    trust_proxies(w);
    assert_address(w, "192.0.2.9", "198.51.100.7", NULL, "192.0.2.9");
    assert_address(w, "10.0.0.1", NULL, NULL, "10.0.0.1");
    assert_address(w, "10.0.0.1", "198.51.100.7", NULL, "198.51.100.7");
    assert_address(w, "10.0.0.1", "1.1.1.1, 198.51.100.7", NULL, "198.51.100.7");
    assert_address(w, "10.0.0.1", "198.51.100.7 ,10.1.1.1,2001:db8::9", NULL, "198.51.100.7");
    assert_address(w, "10.0.0.1", "1.1.1.1", "198.51.100.7, 10.1.1.1", "198.51.100.7");
    assert_address(w, "10.0.0.1", "1.1.1.1, 198.51.100.7", "10.1.1.1", "198.51.100.7");
    assert_address(w, "10.0.0.1", ", 198.51.100.7,, ", "", "198.51.100.7");
    assert_address(w, "10.0.0.1", "[2001:db9::1]:4711", NULL, "2001:db9::1");
    assert_address(w, "10.0.0.1", "rubbish, 198.51.100.7", NULL, "198.51.100.7");
    /* the peer, when it is malformed before an address is found, or names proxies alone */
    assert_address(w, "10.0.0.1", "198.51.100.7, unknown", NULL, "10.0.0.1");
    assert_address(w, "10.0.0.1", "198.51.100.7", "_x", "10.0.0.1");
    assert_address(w, "10.0.0.1", "10.1.1.1, 10.2.2.2", "2001:db8::1", "10.0.0.1");
    assert_address(w, "10.0.0.1", "", ",", "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_right_signature),
        TEST(test_vectors),
        TEST(test_headers_missing_or_malformed),
        TEST(test_signatures_malformed_or_wrong),
        TEST(test_timestamps_outside_the_window),
        TEST(test_one_answer_for_every_wrong_caller),
        TEST(test_rotation_with_overlap),
        TEST(test_every_split_of_one_signed_string),
        TEST(test_a_change_is_in_force_at_once),
        TEST(test_refusals_end_in_429_and_the_good_pass),
        TEST(test_the_address_of_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

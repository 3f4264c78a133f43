/* What answers say beside their bodies: versions, deprecation, limits, permissions, forms, CORS. */
#include "api/etag.h"
#include "unit/api/world.h"

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)

/* --- an API of the test's ----------------------------------------------------------------- */

#define BIG_ITEMS 400

static enum err things_list(struct call *call)
{
    call_begin(call);
    json_open(&call->out, '[');
    for (int i = 0; i < BIG_ITEMS; i++)
        json_i64(&call->out, i);
    json_close(&call->out, ']');
    call_end(call);
    return ERR_OK;
}

static enum err things_get(struct call *call)
{
    if (!str_eq(call_param(call, 0), STR("1")))
        return error_set(&call->error, ERR_NOT_FOUND, "Thing not found");
    call_begin(call);
    json_i64(&call->out, 1);
    call_end(call);
    return ERR_OK;
}

static enum err things_add(struct call *call)
{
    call->status = 201;
    return things_list(call);
}

static const struct deprecation going = {"2026-01-31", "2026-12-31", "GET /things/{id}"};

const struct route things[] = {
    {HTTP_GET, "/things", READ, LIMIT_READ, NULL, things_list, NULL, NULL},
    {HTTP_POST, "/things", WRITE, LIMIT_WRITE, NULL, things_add, NULL, NULL},
    {HTTP_GET, "/things/{id}", READ, LIMIT_READ, NULL, things_get, NULL, NULL},
    {HTTP_GET, "/old/{id}", READ, LIMIT_READ, NULL, things_get, NULL, &going},
    {0},
};

/* --- versions ----------------------------------------------------------------------------- */

static void test_versions(void **state)
{
    static const struct {
        const char *base;
        int status;
    } bases[] = {{"/api/developer", 200},     {"/api/v1/developer", 200},
                 {"/api/v2/developer", 404},  {"/api/v0/developer", 404},
                 {"/api/v11/developer", 404}, {"/api/v/developer", 404},
                 {"/api/V1/developer", 404}};
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        struct heard *h = ask(*state, (struct say){.path = "/things", .base = bases[i].base});
        assert_int_equal(h->status, bases[i].status);
        expect_header(h, "X-API-Version", "v1");
        if (h->status == 404)
            assert_non_null(strstr(h->body.ptr, "\"error\":\"resource_not_found\""));
    }
    struct heard *h =
        ask(*state, (struct say){.path = "/things", .headers = "X-API-Version: v2\r\n"});
    assert_int_equal(h->status, 400);
    assert_non_null(strstr(h->body.ptr, "unsupported_version"));
    h = ask(*state, (struct say){.path = "/things", .headers = "X-API-Version: v1\r\n"});
    assert_int_equal(h->status, 200);
    h = ask(*state, (struct say){.path = "/things", .is_unsigned = true});
    assert_int_equal(h->status, 400);
    expect_header(h, "X-API-Version", "v1");
    h = ask(*state,
            (struct say){.path = "/things", .body = "{}"}); /* refused before it is a call */
    assert_int_equal(h->status, 400);
    expect_header(h, "X-API-Version", "v1");
}

static void test_a_deprecated_endpoint_says_so(void **state)
{
    for (int found = 0; found < 2; found++) {
        struct heard *h = ask(*state, (struct say){.path = found ? "/old/1" : "/old/2"});
        assert_int_equal(h->status, found ? 200 : 404);
        expect_header(h, "X-API-Deprecated", "true");
        expect_header(h, "X-API-Deprecation-Date", "2026-01-31");
        expect_header(h, "X-API-Sunset-Date", "2026-12-31");
        expect_header(h, "Warning",
                      "299 - \"This endpoint is deprecated. Use GET /things/{id} instead\"");
    }
    struct heard *h = ask(*state, (struct say){.path = "/things/1"});
    expect_no_header(h, "X-API-Deprecated");
    expect_no_header(h, "Warning");
}

/* --- limits and permissions --------------------------------------------------------------- */

static void expect_limit(const struct heard *h, const char *limit, const char *remaining)
{
    expect_header(h, "X-RateLimit-Limit", limit);
    expect_header(h, "X-RateLimit-Remaining", remaining);
    int64_t reset = strtoll(header_of(h, "X-RateLimit-Reset"), NULL, 10);
    assert_in_range(reset - clock_now_ms() / 1000, 0, 60);
}

/* developer-api.md §1.6: every authenticated answer, whatever it says. */
static void test_each_authenticated_answer_tells_the_limit(void **state)
{
    static const struct {
        struct say say;
        int status;
        const char *limit, *remaining;
    } cases[] = {
        {{.path = "/things"}, 200, "200", "199"},
        {{.path = "/things", .headers = "If-None-Match: *\r\n"}, 304, "200", "198"},
        {{.path = "/things/1"}, 200, "200", "199"},
        {{.path = "/things/2"}, 404, "200", "198"},
        {{.path = "/things", .method = "POST"}, 201, "100", "99"},
        {{.path = "/things", .method = "POST", .body = "[]"}, 400, "100", "98"},
        {{.path = "/things", .method = "POST", .body = "a=1", .headers = "Content-Type: a/b\r\n"},
         415,
         "100",
         "97"},
        {{.path = "/things", .method = "POST", .headers = "Idempotency-Key:\r\n"},
         400,
         "100",
         "96"},
        {{.path = "/nothing"}, 404, "200", "199"},
        {{.path = "/nothing", .method = "PUT"}, 404, "100", "99"},
        {{.path = "/things", .method = "DELETE"}, 405, "100", "98"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct heard *h = ask(*state, cases[i].say);
        assert_int_equal(h->status, cases[i].status);
        expect_limit(h, cases[i].limit, cases[i].remaining);
    }
    struct heard *h = ask(*state, (struct say){.path = "/things", .secret = "another"});
    assert_int_equal(h->status, 401);
    expect_no_header(h, "X-RateLimit-Limit");
}

static void test_over_the_limit(void **state)
{
    struct api_world *w = *state;
    change(w->world, (struct change){.plan = STR("{\"limits\":{\"GET /things\":\"2/min\","
                                                 "\"GET /things/{id}\":\"unlimited\"}}")});
    assert_int_equal(ask(w, (struct say){.path = "/things"})->status, 200);
    expect_limit(ask(w, (struct say){.path = "/things"}), "2", "0");
    for (int i = 0; i < 3; i++) {
        struct heard *h = ask(w, (struct say){.path = "/things"});
        assert_int_equal(h->status, 429);
        assert_non_null(strstr(h->body.ptr, "\"error\":\"rate_limit_exceeded\""));
        expect_limit(h, "2", "0");
        assert_in_range(strtol(header_of(h, "Retry-After"), NULL, 10), 1, 60);
    }
    struct heard *h = ask(w, (struct say){.path = "/things/1"});
    assert_int_equal(h->status, 200);
    expect_no_header(h, "X-RateLimit-Limit");
    expect_no_header(h, "X-RateLimit-Remaining");
    expect_no_header(h, "X-RateLimit-Reset");
}

static void test_permissions(void **state)
{
    struct api_world *w = *state;
    change(w->world,
           (struct change){.client_id = "cl_1", .permissions = STR("{\"access\":\"read\"}")});
    assert_int_equal(ask(w, (struct say){.path = "/things"})->status, 200);
    struct heard *h = ask(w, (struct say){.path = "/things", .method = "POST"});
    assert_int_equal(h->status, 403);
    assert_non_null(strstr(h->body.ptr, "\"error\":\"permission_denied\""));
    expect_limit(h, "100", "99");
    change(w->world, (struct change){.client_id = "cl_1",
                                     .permissions = STR("{\"resources\":[\"things\"]}")});
    assert_int_equal(ask(w, (struct say){.path = "/things", .method = "POST"})->status, 201);
    assert_int_equal(ask(w, (struct say){.path = "/old/1"})->status, 403);
}

/* --- forms of a body ---------------------------------------------------------------------- */

#define GZIP "Accept-Encoding: gzip\r\n"

static void test_gzip_where_it_is_accepted_and_worth_it(void **state)
{
    struct heard *h = ask(*state, (struct say){.path = "/things", .headers = GZIP});
    assert_int_equal(h->status, 200);
    expect_header(h, "Content-Encoding", "gzip");
    expect_header(h, "Vary", "Accept-Encoding");
    assert_memory_equal(h->body.ptr, "\x1f\x8b", 2);
    size_t packed = h->body.len;
    h = ask(*state, (struct say){.path = "/things"});
    expect_no_header(h, "Content-Encoding");
    expect_header(h, "Vary", "Accept-Encoding");
    assert_true(packed < h->body.len);
    assert_memory_equal(h->body.ptr, "{\"status\":true", 14);
    h = ask(*state, (struct say){.path = "/things", .method = "POST", .headers = GZIP});
    assert_int_equal(h->status, 201);
    expect_header(h, "Content-Encoding", "gzip");
    expect_no_header(h, "ETag");
    h = ask(*state, (struct say){.path = "/things/1", .headers = GZIP}); /* too small */
    expect_no_header(h, "Content-Encoding");
    expect_no_header(h, "Vary");
}

static void test_compression_can_be_off(void **state)
{
    struct api_world *w = *state;
    w->world->policy->compression = false;
    struct heard *h = ask(w, (struct say){.path = "/things", .headers = GZIP});
    expect_no_header(h, "Content-Encoding");
    expect_no_header(h, "Vary");
    assert_memory_equal(h->body.ptr, "{\"status\":true", 14);
}

/* RFC 9110 §8.8.3.3: each form has a tag of its own; who has either has the answer. */
static void test_tags_of_both_forms(void **state)
{
    char plain[ETAG_LEN + 1], gzip[ETAG_GZIP_LEN + 1];
    snprintf(plain, sizeof(plain), "%.*s", ETAG_LEN,
             header_of(ask(*state, (struct say){.path = "/things"}), "ETag"));
    snprintf(gzip, sizeof(gzip), "%.*s", ETAG_GZIP_LEN,
             header_of(ask(*state, (struct say){.path = "/things", .headers = GZIP}), "ETag"));
    assert_string_not_equal(plain, gzip);
    assert_memory_equal(plain, gzip, ETAG_LEN - 1);
    const char *const known[] = {plain, gzip};
    for (int has = 0; has < 2; has++) {
        for (int wants = 0; wants < 2; wants++) {
            char headers[160];
            snprintf(headers, sizeof(headers), "%sIf-None-Match: \"x\", W/%s\r\n",
                     wants ? GZIP : "", known[has]);
            struct heard *h = ask(*state, (struct say){.path = "/things", .headers = headers});
            assert_int_equal(h->status, 304);
            assert_int_equal(h->body.len, 0);
            expect_header(h, "ETag", known[has]);
            expect_header(h, "Vary", "Accept-Encoding");
            expect_header(h, "X-API-Version", "v1");
            assert_non_null(header_of(h, "X-RateLimit-Limit"));
            assert_non_null(header_of(h, "X-Request-Id"));
            expect_no_header(h, "Content-Encoding");
        }
    }
    struct heard *h = ask(
        *state, (struct say){.path = "/things", .headers = GZIP "If-None-Match: \"x-gzip\"\r\n"});
    assert_int_equal(h->status, 200);
    expect_header(h, "ETag", gzip);
}

/* --- CORS --------------------------------------------------------------------------------- */

#define ORIGIN    "Origin: https://app.example\r\n"
#define PREFLIGHT "Access-Control-Request-Method: POST\r\n"

static struct str two_origins[] = {STR_INIT("https://a.example"), STR_INIT("https://app.example")};
static struct str any_origin[] = {STR_INIT("*")};

static void test_cors_is_off(void **state)
{
    struct heard *h = ask(*state, (struct say){.path = "/things/1", .headers = ORIGIN});
    assert_int_equal(h->status, 200);
    assert_null(strstr(h->bytes, "Access-Control"));
    expect_no_header(h, "Vary");
    h = ask(*state, (struct say){.path = "/things",
                                 .method = "OPTIONS",
                                 .is_unsigned = true,
                                 .headers = ORIGIN PREFLIGHT});
    assert_int_equal(h->status, 400);
    assert_null(strstr(h->bytes, "Access-Control"));
}

static void test_a_preflight(void **state)
{
    struct api_world *w = *state;
    struct say say = {.path = "/things", .method = "OPTIONS", .is_unsigned = true};
    w->world->policy->origins = two_origins;
    w->world->policy->n_origins = ARRAY_LEN(two_origins);
    say.headers = ORIGIN PREFLIGHT;
    struct heard *h = ask(w, say);
    assert_int_equal(h->status, 204);
    assert_int_equal(h->body.len, 0);
    expect_header(h, "Access-Control-Allow-Origin", "https://app.example");
    expect_header(h, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
    assert_non_null(strstr(header_of(h, "Access-Control-Allow-Headers"), "X-Awal-Signature-256"));
    assert_non_null(strstr(header_of(h, "Access-Control-Allow-Headers"), "Idempotency-Key"));
    expect_header(h, "Access-Control-Max-Age", "7200");
    expect_header(h, "Vary", "Origin");
    expect_header(h, "X-API-Version", "v1");
    const char *const others[] = {"Origin: https://evil.example\r\n" PREFLIGHT,
                                  "Origin: https://app.example.evil\r\n" PREFLIGHT,
                                  "Origin: null\r\n" PREFLIGHT,
                                  "Origin:\r\n" PREFLIGHT,
                                  ORIGIN ORIGIN PREFLIGHT,
                                  PREFLIGHT};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        say.headers = others[i];
        h = ask(w, say);
        assert_int_equal(h->status, 400);
        assert_null(strstr(h->bytes, "Access-Control"));
    }
    say.headers = ORIGIN PREFLIGHT;
    say.base = "/elsewhere";
    assert_int_equal(ask(w, say)->status, 404);
}

static void test_answers_to_an_allowed_origin(void **state)
{
    struct api_world *w = *state;
    w->world->policy->origins = two_origins;
    w->world->policy->n_origins = ARRAY_LEN(two_origins);
    const struct say asked[] = {{.path = "/things/1", .headers = ORIGIN},
                                {.path = "/things/2", .headers = ORIGIN},
                                {.path = "/things/1", .headers = ORIGIN, .is_unsigned = true},
                                {.path = "/things/1", .headers = ORIGIN, .body = "{}"}};
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct heard *h = ask(w, asked[i]);
        expect_header(h, "Access-Control-Allow-Origin", "https://app.example");
        assert_non_null(strstr(header_of(h, "Access-Control-Expose-Headers"), "X-RateLimit-Reset"));
        expect_header(h, "Vary", "Origin");
    }
    struct heard *h =
        ask(w, (struct say){.path = "/things", .headers = "Origin: https://b\r\n" GZIP});
    assert_int_equal(h->status, 200);
    assert_null(strstr(h->bytes, "Access-Control"));
    expect_header(h, "Vary", "Accept-Encoding, Origin");
}

static void test_any_origin(void **state)
{
    struct api_world *w = *state;
    w->world->policy->origins = any_origin;
    w->world->policy->n_origins = 1;
    struct heard *h = ask(w, (struct say){.path = "/things/1", .headers = ORIGIN});
    expect_header(h, "Access-Control-Allow-Origin", "*");
    expect_no_header(h, "Vary");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_versions),
        TEST(test_a_deprecated_endpoint_says_so),
        TEST(test_each_authenticated_answer_tells_the_limit),
        TEST(test_over_the_limit),
        TEST(test_permissions),
        TEST(test_gzip_where_it_is_accepted_and_worth_it),
        TEST(test_compression_can_be_off),
        TEST(test_tags_of_both_forms),
        TEST(test_cors_is_off),
        TEST(test_a_preflight),
        TEST(test_answers_to_an_allowed_origin),
        TEST(test_any_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The pages, written from a table of the test's own: what the real one has not, an endpoint that
 * will go and text that looks like HTML, and what happens to a request for them. */
#include "api/doc.h"
#include "api/docs.h"
#include "api/docs_page.h"
#include "api/openapi.h"
#include "json/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err run(struct call *call)
{
    return ERR_OK;
}

static const struct schema thing = {
    .name = "Thing",
    .description = "A <thing> & \"more\".",
    .fields = FIELDS({.name = "name",
                      .nullable = true,
                      .values = VALUES("a<b", "c"),
                      .example = "a<b",
                      .description = "Its `name<>`.",
                      .fallback = "c"}),
};
static const struct doc_group group = {"Things", "Of the test."};
static const struct doc thing_get = {
    .id = "getThing",
    .group = &group,
    .summary = "Get a thing",
    .query = FIELDS({.name = "kind", .example = "c", .description = "Which one."}),
    .data = &thing,
};
static const struct deprecation going = {"2026-01-31", "2026-07-31", "GET /things"};
static const struct route routes[] = {
    {HTTP_GET, "/hidden", READ, LIMIT_READ, NULL, run, NULL, NULL},
    {HTTP_GET, "/thing", READ, LIMIT_READ, NULL, run, &thing_get, &going},
    {0},
};

struct world {
    struct endpoints *endpoints;
    struct docs *docs;
    struct buf text;
    struct http_request request;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    w->endpoints = route_endpoints_new(routes);
    w->docs = docs_new(routes, w->endpoints);
    buf_init(&w->text, DOCS_MAX);
    arena_init(&w->request.arena, REQUEST_ARENA_MAX);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    free(w->endpoints);
    docs_free(w->docs);
    buf_release(&w->text);
    arena_release(&w->request.arena);
    free(w);
    return 0;
}

static bool contains(const struct buf *text, const char *part)
{
    return memmem(text->ptr, text->len, part, strlen(part)) != NULL;
}

static struct json get(struct json v, const char *const path[])
{
    for (; *path; path++)
        v = json_get(v, *path);
    return v;
}

static void test_document(void **state)
{
    struct world *w = *state;
    struct error error;
    struct json document;
    error_init(&error, &w->request.arena);
    openapi_write(&w->text, routes, w->endpoints);
    assert_true(buf_ok(&w->text));
    assert_int_equal(json_parse(buf_str(&w->text), &w->request.arena, &document, &error), ERR_OK);
    assert_int_equal(json_len(json_get(document, "paths")), 1);
    struct json op = get(document, (const char *[]){"paths", "/thing", "get", NULL});
    assert_true(json_as_bool(json_get(op, "deprecated"), false));
    assert_true(str_eq(json_as_str(json_get(op, "x-sunset"), STR("")), STR("2026-07-31")));
    struct json limit = json_get(op, "x-rate-limit");
    assert_int_equal(json_as_i64(json_get(limit, "requests"), 0), 200);
    assert_int_equal(json_as_i64(json_get(limit, "window_seconds"), 0), 60);
    struct json header =
        get(op, (const char *[]){"responses", "200", "headers", "X-API-Sunset-Date", NULL});
    assert_true(json_is_object(header));
    struct json name = get(
        document, (const char *[]){"components", "schemas", "Thing", "properties", "name", NULL});
    assert_int_equal(json_len(json_get(name, "type")), 2);
    assert_int_equal(json_len(json_get(name, "enum")), 3); /* null among them */
}

static void test_page_escapes(void **state)
{
    struct world *w = *state;
    docs_page_write(&w->text, routes, w->endpoints);
    assert_true(buf_ok(&w->text));
    assert_true(contains(&w->text, "A &lt;thing&gt; &amp; &quot;more&quot;."));
    assert_true(contains(&w->text, "Its <code>name&lt;&gt;</code>."));
    assert_false(contains(&w->text, "<thing>"));
    assert_false(contains(&w->text, "a<b"));
    assert_true(contains(&w->text, "Deprecated since 2026-01-31; goes on 2026-07-31."));
    assert_true(contains(&w->text, "Limit: 200/min"));
    assert_true(contains(&w->text, "hudhud call GET '/thing?kind=c'"));
    assert_false(contains(&w->text, "/hidden"));
    assert_false(contains(&w->text, "<script"));
    assert_false(contains(&w->text, "style=\""));
}

static struct str header_of(const struct http_response *response, struct str name)
{
    for (size_t i = 0; i < response->n_headers; i++)
        if (str_eq(response->headers[i].name, name))
            return response->headers[i].value;
    return STR("");
}

static void ask(struct world *w, const char *name, struct str value)
{
    w->request.headers[w->request.n_headers++] = (struct http_header){str_from(name), value};
}

static void test_answers(void **state)
{
    struct world *w = *state;
    assert_null(docs_find(w->docs, STR("/")));
    assert_null(docs_find(w->docs, STR("/docs/")));
    const struct docs_page *page = docs_find(w->docs, STR("/docs"));
    assert_non_null(page);
    struct http_response plain = {0}, gzip = {0}, known = {0}, other = {0};
    docs_fill(page, &w->request, &plain);
    assert_int_equal(plain.status, 200);
    assert_true(str_starts(plain.body, STR("<!doctype html>")));
    assert_true(header_of(&plain, STR("Content-Security-Policy")).len > 0);
    assert_int_equal(header_of(&plain, STR("Content-Encoding")).len, 0);

    ask(w, "Accept-Encoding", STR("gzip"));
    docs_fill(page, &w->request, &gzip);
    assert_true(str_eq(header_of(&gzip, STR("Content-Encoding")), STR("gzip")));
    assert_true(gzip.body.len < plain.body.len / 2);
    assert_false(str_eq(header_of(&gzip, STR("ETag")), header_of(&plain, STR("ETag"))));

    ask(w, "If-None-Match", header_of(&gzip, STR("ETag")));
    docs_fill(page, &w->request, &known);
    assert_int_equal(known.status, 304);
    assert_int_equal(known.body.len, 0);

    w->request.n_headers = 0; /* the other coding's tag is another answer's */
    ask(w, "If-None-Match", header_of(&gzip, STR("ETag")));
    docs_fill(page, &w->request, &other);
    assert_int_equal(other.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_document, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_page_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every endpoint of the API is described, and no description lacks anything. */
#include "api/doc.h"
#include "api/handlers.h"
#include "model/event.h"
#include "json/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_text(const char *text, const char *what)
{
    if (!text || !text[0])
        fail_msg("%s: there is no text", what);
    size_t quotes = 0;
    for (const char *at = text; *at; at++)
        quotes += *at == '`';
    if (quotes % 2)
        fail_msg("%s: a backquote is not closed: %s", what, text);
}

static bool is_among(const char *const *values, const char *value)
{
    for (; *values; values++)
        if (str_eq(str_from(*values), str_from(value)))
            return true;
    return false;
}

static void check_json(struct str text)
{
    struct arena arena;
    struct error error;
    struct json json;
    arena_init(&arena, 64 * KIB);
    error_init(&error, &arena);
    assert_int_equal(json_parse(text, &arena, &json, &error), ERR_OK);
    arena_release(&arena);
}

static void check_example(const struct field *f)
{
    int64_t number;
    if (f->schema || (f->nullable && !f->example))
        return;
    check_text(f->example, f->name);
    struct str text = str_from(f->example);
    if (f->type == FIELD_INTEGER) {
        assert_true(str_to_i64(text, &number));
        assert_true(f->max == 0 || (number >= f->min && number <= f->max));
    }
    if (f->type == FIELD_BOOLEAN)
        assert_true(str_eq(text, STR("true")) || str_eq(text, STR("false")));
    if (f->type == FIELD_JSON)
        check_json(text);
    if (f->type == FIELD_TIME)
        assert_int_equal(text.len, CLOCK_ISO_LEN);
    if (f->type == FIELD_TEXT && f->max)
        assert_in_range(str_code_points(text), (uint64_t)f->min, (uint64_t)f->max);
    if (f->values)
        assert_true(is_among(f->values, f->example));
}

static void check_schema(const struct schema *s);

static void check_field(const struct field *f)
{
    check_text(f->name, "a field");
    check_text(f->description, f->name);
    assert_int_equal(f->schema != NULL, f->type == FIELD_OBJECT || f->type == FIELD_LIST);
    if (f->schema) {
        assert_false(f->nullable); /* the document cannot say so yet */
        check_schema(f->schema);
    }
    check_example(f);
}

static void check_schema(const struct schema *s)
{
    const struct field *f;
    check_text(s->name, "a schema");
    check_text(s->description, s->name);
    for (size_t n = 0; (f = schema_field(s, n)); n++) {
        check_field(f);
        for (size_t before = 0; before < n; before++)
            assert_string_not_equal(schema_field(s, before)->name, f->name);
    }
}

/* The pattern's parameters and the described ones are the same, in the same order. */
static void check_path(const struct route *r)
{
    const struct field *f = r->doc->path;
    for (struct str rest = str_from(r->pattern); rest.len;) {
        str_split(&rest, '{');
        struct str name = str_split(&rest, '}');
        if (!name.len)
            continue;
        if (!f || !f->name || !str_eq(name, str_from(f->name)))
            fail_msg("%s: {%.*s} is not described", r->pattern, STR_FMT(name));
        assert_false(f->optional);
        check_field(f++);
    }
    if (f && f->name)
        fail_msg("%s has no parameter {%s}", r->pattern, f->name);
}

static void check_errors(const struct route *r)
{
    for (const struct doc_error *e = r->doc->errors; e && e->err; e++) {
        check_text(e->message, r->pattern);
        check_text(e->when, r->pattern);
        assert_int_equal(e->field != NULL, e->problem != NULL);
    }
    size_t n = 0;
    for (const int *status = doc_statuses; *status; status++) {
        struct doc_error errors[DOC_ERRORS_MAX];
        size_t of_status = doc_errors(r, *status, errors);
        for (size_t i = 0; i < of_status; i++)
            for (size_t before = 0; before < i; before++)
                if (errors[i].err == errors[before].err)
                    fail_msg("%s tells twice of %s", r->doc->id, err_code(errors[i].err));
        n += of_status;
    }
    assert_true(n >= 10);
}

static void test_every_endpoint_is_described(void **state)
{
    for (const struct route *r = api_routes; r->pattern; r++) {
        const struct doc *d = r->doc;
        if (!d)
            fail_msg("%s %s is not described", http_method_name(r->method), r->pattern);
        check_text(d->id, r->pattern);
        check_text(d->summary, d->id);
        check_text(d->group->name, d->id);
        check_text(d->group->description, d->id);
        for (const struct route *before = api_routes; before < r; before++)
            assert_string_not_equal(before->doc->id, d->id);
        check_path(r);
        const struct field *f;
        for (size_t n = 0; (f = doc_query_field(d, n)); n++)
            check_field(f);
        assert_int_equal(d->stream != NULL, r->kind == STREAM);
        if (d->stream)
            check_text(d->stream, d->id);
        else
            check_schema(d->data);
        if (d->body)
            check_schema(d->body);
        if (d->or_body)
            check_schema(d->or_body);
        assert_true(!d->or_body || d->body);
        assert_true(!d->body || (r->method != HTTP_GET && r->method != HTTP_DELETE));
        assert_int_equal(d->message != NULL, r->method != HTTP_GET);
        check_errors(r);
    }
}

/* A webhook may want each event that there is, and all of them. */
static void test_events_that_may_be_wanted(void **state)
{
    const struct field *f = webhooks_create_doc.body->fields;
    while (!str_eq(str_from(f->name), STR("events")))
        f++;
    assert_string_equal(f->values[0], "*");
    for (size_t i = 0; i == 0 || event_names[i - 1]; i++) {
        if (!event_names[i])
            assert_null(f->values[i + 1]);
        else
            assert_string_equal(f->values[i + 1], event_names[i]);
    }
}

static void test_events(void **state)
{
    for (const struct event_doc *e = event_docs; e->name; e++) {
        struct str name = str_from(e->name);
        assert_true(event_is_known(name) || str_eq(name, STR("webhook.test")));
        for (const struct event_doc *before = event_docs; before < e; before++)
            assert_string_not_equal(before->name, e->name);
        check_schema(e->data);
    }
}

/* Each error of an endpoint has a status that the document looks for. */
static void test_no_error_is_left_out(void **state)
{
    for (const struct route *r = api_routes; r->pattern; r++)
        for (const struct doc_error *e = r->doc->errors; e && e->err; e++) {
            const int *status = doc_statuses;
            while (*status && *status != err_status(e->err))
                status++;
            assert_int_equal(*status, err_status(e->err));
        }
}

static void test_topics(void **state)
{
    for (const struct doc_topic *topic = doc_topics; topic->id; topic++) {
        check_text(topic->title, topic->id);
        check_text(topic->text, topic->id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_endpoint_is_described),
        cmocka_unit_test(test_events_that_may_be_wanted),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_no_error_is_left_out),
        cmocka_unit_test(test_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

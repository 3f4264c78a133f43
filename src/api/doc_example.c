/* Examples, put together from those of the fields. */
#include "api/doc.h"

#define EXAMPLE_REQUEST_ID STR("req_7h2k9m4p6q8r1s3t5v7w9x2z")

static void write_fields(struct json_writer *w, const struct schema *s, bool whole)
{
    json_open(w, '{');
    const struct field *f;
    for (size_t n = 0; (f = schema_field(s, n)); n++) {
        if (!whole && f->optional)
            continue;
        json_key(w, f->name);
        doc_write_field_example(w, f);
    }
    json_close(w, '}');
}

void doc_write_field_example(struct json_writer *w, const struct field *f)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_TIME: json_cstr(w, f->example); return;
    case FIELD_INTEGER:
    case FIELD_JSON:
    case FIELD_BOOLEAN: json_raw(w, f->example ? str_from(f->example) : STR("null")); return;
    case FIELD_OBJECT: write_fields(w, f->schema, true); return;
    case FIELD_TEXTS:
        json_open(w, '[');
        json_cstr(w, f->example);
        json_close(w, ']');
        return;
    case FIELD_LIST:
        json_open(w, '[');
        write_fields(w, f->schema, true);
        json_close(w, ']');
        return;
    }
}

/* What may be left out is: an example is read first for what it must have. */
void doc_write_example(struct json_writer *w, const struct schema *s)
{
    write_fields(w, s, false);
}

void doc_write_answer_example(struct json_writer *w, const struct doc *d)
{
    json_open(w, '{');
    json_member_bool(w, "status", true);
    if (d->message)
        json_member_cstr(w, "message", d->message);
    json_key(w, "data");
    if (d->shape != DOC_ONE)
        json_open(w, '[');
    doc_write_example(w, d->data);
    if (d->shape != DOC_ONE)
        json_close(w, ']');
    const struct schema *meta = doc_meta_schema(d);
    if (meta) {
        json_key(w, "meta");
        doc_write_example(w, meta);
    }
    json_close(w, '}');
}

void doc_write_error_example(struct json_writer *w, const struct doc_error *e)
{
    json_open(w, '{');
    json_member_cstr(w, "error", err_code(e->err));
    json_member_cstr(w, "message", e->message);
    if (e->field) {
        json_key(w, "details");
        json_open(w, '{');
        json_member_cstr(w, e->field, e->problem);
        json_close(w, '}');
    }
    json_member_str(w, "request_id", EXAMPLE_REQUEST_ID);
    json_close(w, '}');
}

void doc_write_event_example(struct json_writer *w, const struct event_doc *e)
{
    json_open(w, '{');
    json_member_cstr(w, "event", e->name);
    json_member_cstr(w, "timestamp", "2024-01-20T14:30:00Z");
    json_key(w, "data");
    doc_write_example(w, e->data);
    json_close(w, '}');
}

static const struct field *path_field(const struct doc *d, struct str name)
{
    for (const struct field *f = d->path; f && f->name; f++)
        if (str_eq(str_from(f->name), name))
            return f;
    return NULL;
}

/* "/waba-numbers/{id}" with the parameters' examples in place of their names. */
static void write_path(struct buf *out, const struct route *route)
{
    for (struct str rest = str_from(route->pattern); rest.len;) {
        struct str plain = str_split(&rest, '{');
        buf_add(out, plain);
        struct str name = str_split(&rest, '}');
        const struct field *f = name.len ? path_field(route->doc, name) : NULL;
        if (f)
            buf_add(out, str_from(f->example));
    }
}

void doc_write_target_example(struct buf *out, const struct route *route)
{
    write_path(out, route);
    const struct field *f;
    char sign = '?';
    for (size_t n = 0; (f = doc_query_field(route->doc, n)); n++) {
        if (f->optional)
            continue;
        buf_printf(out, "%c%s=%s", sign, f->name, f->example);
        sign = '&';
    }
}

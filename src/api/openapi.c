#include "api/openapi.h"
#include "api/openapi_parts.h"

struct document {
    struct json_writer w;
    const struct route *routes;
    const struct endpoints *endpoints;
    const struct schema *schemas[DOC_SCHEMAS_MAX]; /* each once, as they are first mentioned */
    size_t n_schemas;
};

/* --- schemas ------------------------------------------------------------------------------ */

static void collect_schema(struct document *d, const struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < d->n_schemas; i++)
        if (d->schemas[i] == s)
            return;
    if (d->n_schemas == DOC_SCHEMAS_MAX)
        die("more schemas are documented than DOC_SCHEMAS_MAX");
    d->schemas[d->n_schemas++] = s;
    const struct field *f;
    for (size_t n = 0; (f = schema_field(s, n)); n++)
        collect_schema(d, f->schema);
}

static void collect_schemas(struct document *d)
{
    for (const struct route *r = d->routes; r->pattern; r++) {
        if (!r->doc)
            continue;
        collect_schema(d, r->doc->data);
        collect_schema(d, doc_meta_schema(r->doc));
        collect_schema(d, r->doc->body);
        collect_schema(d, r->doc->or_body);
    }
    for (const struct event_doc *e = event_docs; e->name; e++)
        collect_schema(d, e->data);
}

static void write_type(struct json_writer *w, const char *type, bool nullable)
{
    if (!nullable) {
        json_member_cstr(w, "type", type);
        return;
    }
    open_list(w, "type");
    json_cstr(w, type);
    json_cstr(w, "null");
    json_close(w, ']');
}

static void write_text_rules(struct json_writer *w, const struct field *f)
{
    if (f->type == FIELD_TIME)
        json_member_cstr(w, "format", "date-time");
    if (f->pattern)
        json_member_cstr(w, "pattern", f->pattern);
    if (f->max) {
        json_member_i64(w, "minLength", f->min);
        json_member_i64(w, "maxLength", f->max);
    }
    if (!f->values)
        return;
    open_list(w, "enum");
    for (const char *const *value = f->values; *value; value++)
        json_cstr(w, *value);
    if (f->nullable)
        json_null(w);
    json_close(w, ']');
}

static void write_type_of_field(struct json_writer *w, const struct field *f)
{
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_TIME:
        write_type(w, "string", f->nullable);
        write_text_rules(w, f);
        return;
    case FIELD_INTEGER:
        write_type(w, "integer", f->nullable);
        json_member_cstr(w, "format", "int64");
        if (f->max) {
            json_member_i64(w, "minimum", f->min);
            json_member_i64(w, "maximum", f->max);
        }
        return;
    case FIELD_BOOLEAN: write_type(w, "boolean", f->nullable); return;
    case FIELD_OBJECT: {
        char path[128];
        snprintf(path, sizeof(path), "#/components/schemas/%s", f->schema->name);
        json_member_cstr(w, "$ref", path);
        return;
    }
    case FIELD_TEXTS:
        write_type(w, "array", f->nullable);
        if (f->items_max)
            json_member_i64(w, "maxItems", f->items_max);
        open_object(w, "items");
        json_member_cstr(w, "type", "string");
        write_text_rules(w, f);
        json_close(w, '}');
        return;
    case FIELD_LIST:
        json_member_cstr(w, "type", "array");
        json_key(w, "items");
        write_ref(w, "schemas", f->schema->name);
        return;
    case FIELD_JSON: return;
    }
}

/* `described`: with the texts; a parameter has them beside its schema. */
static void write_field_schema(struct json_writer *w, const struct field *f, bool described)
{
    json_open(w, '{');
    write_type_of_field(w, f);
    if (f->fallback) {
        json_key(w, "default");
        if (f->type == FIELD_TEXT)
            json_cstr(w, f->fallback);
        else
            json_raw(w, str_from(f->fallback));
    }
    if (described) {
        json_member_cstr(w, "description", f->description);
        if (!f->schema) {
            open_list(w, "examples");
            doc_write_field_example(w, f);
            json_close(w, ']');
        }
    }
    json_close(w, '}');
}

static void write_schema(struct json_writer *w, const struct schema *s)
{
    const struct field *f;
    json_open(w, '{');
    json_member_cstr(w, "type", "object");
    json_member_cstr(w, "description", s->description);
    open_object(w, "properties");
    for (size_t n = 0; (f = schema_field(s, n)); n++) {
        json_key(w, f->name);
        write_field_schema(w, f, true);
    }
    json_close(w, '}');
    open_list(w, "required");
    for (size_t n = 0; (f = schema_field(s, n)); n++)
        if (!f->optional)
            json_cstr(w, f->name);
    json_close(w, ']');
    json_member_bool(w, "additionalProperties", false);
    json_close(w, '}');
}

/* Its details have members that no table can name. */
static const char error_schema[] =
    "{\"type\":\"object\",\"description\":\"What every refusal looks like.\",\"properties\":{"
    "\"error\":{\"type\":\"string\",\"description\":\"The code, for programs.\"},"
    "\"message\":{\"type\":\"string\",\"description\":\"A sentence, for people.\"},"
    "\"details\":{\"type\":\"object\",\"description\":\"What is wrong with each field, "
    "where fields are wrong; what Meta said, where Meta refused: null is what it did not say.\","
    "\"additionalProperties\":{\"type\":[\"string\",\"null\"]}},"
    "\"request_id\":{\"type\":\"string\",\"pattern\":\"^req_[0-9a-z]{20,}$\","
    "\"description\":\"The request's id, as in X-Request-Id.\"}},"
    "\"required\":[\"error\",\"message\",\"request_id\"],\"additionalProperties\":false}";

static void write_schemas(struct document *d)
{
    struct json_writer *w = &d->w;
    open_object(w, "schemas");
    json_key(w, "Error");
    json_raw(w, str_from(error_schema));
    for (size_t i = 0; i < d->n_schemas; i++) {
        json_key(w, d->schemas[i]->name);
        write_schema(w, d->schemas[i]);
    }
    json_close(w, '}');
}

/* --- headers and parameters --------------------------------------------------------------- */

enum carried { BY_ALL, BY_SIGNED, BY_READS, BY_WRITES, BY_DEPRECATED, BY_WAITING };

static const struct {
    enum carried by;
    const char *name, *type, *description, *example;
} headers[] = {
    {BY_ALL, "X-Request-Id", "string", "The request's id: quote it when you ask for help.",
     "\"req_7h2k9m4p6q8r1s3t5v7w9x2z\""},
    {BY_ALL, "X-API-Version", "string", "The version that answers.", "\"v1\""},
    {BY_SIGNED, "X-RateLimit-Limit", "integer", "Requests that a window allows.", "200"},
    {BY_SIGNED, "X-RateLimit-Remaining", "integer", "Requests left in this window.", "199"},
    {BY_SIGNED, "X-RateLimit-Reset", "integer", "Unix seconds at which the window ends.",
     "1704124860"},
    {BY_READS, "ETag", "string", "The answer's version, for If-None-Match.",
     "\"\\\"5d8c72a5edda8d6a\\\"\""},
    {BY_WRITES, "Idempotent-Replayed", "string",
     "`true` when this is the kept answer of an earlier request with the same key.", "\"true\""},
    {BY_WAITING, "Retry-After", "integer", "Seconds to wait before the next try.", "5"},
    {BY_DEPRECATED, "X-API-Deprecated", "string", "`true`: this endpoint will go.", "\"true\""},
    {BY_DEPRECATED, "X-API-Deprecation-Date", "string", "Since when it is deprecated.",
     "\"2026-01-31\""},
    {BY_DEPRECATED, "X-API-Sunset-Date", "string", "When it will go.", "\"2026-07-31\""},
    {BY_DEPRECATED, "Warning", "string", "What to use instead.",
     "\"299 - \\\"This endpoint is deprecated. Use another instead\\\"\""},
};

static void write_headers(struct json_writer *w)
{
    open_object(w, "headers");
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        open_object(w, headers[i].name);
        json_member_cstr(w, "description", headers[i].description);
        if (headers[i].by == BY_ALL)
            json_member_bool(w, "required", true);
        open_object(w, "schema");
        json_member_cstr(w, "type", headers[i].type);
        json_close(w, '}');
        json_key(w, "example");
        json_raw(w, str_from(headers[i].example));
        json_close(w, '}');
    }
    json_close(w, '}');
}

/* Of an answer of `route`, or of all routes when that is NULL. */
static bool carries(enum carried by, const struct route *route, int status)
{
    switch (by) {
    case BY_ALL: return true;
    case BY_SIGNED: return status != 401;
    case BY_READS: return route && route->method == HTTP_GET && !route->doc->stream && status < 400;
    case BY_WRITES:
        return route && route->method != HTTP_GET &&
               (status < 500 || (status == 502 && route->kind == LIVE_ONCE));
    case BY_WAITING: return status == 409 || status == 429 || status == 503;
    case BY_DEPRECATED: return route && route->deprecated;
    }
    return false;
}

static void write_header_refs(struct json_writer *w, const struct route *route, int status)
{
    open_object(w, "headers");
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (!carries(headers[i].by, route, status))
            continue;
        json_key(w, headers[i].name);
        write_ref(w, "headers", headers[i].name);
    }
    json_close(w, '}');
}

static const struct {
    const char *key, *json;
} fixed_parameters[] = {
    {"IdempotencyKey",
     "{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":"
     "\"Makes it safe to send the request again: a key of your own, new for each write.\","
     "\"schema\":{\"type\":\"string\",\"pattern\":\"^[ -~]+$\",\"minLength\":1,\"maxLength\":255},"
     "\"example\":\"order-1042-confirmation\"}"},
    {"IfNoneMatch",
     "{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":"
     "\"The ETag of the answer you have: 304 when it is still the same.\","
     "\"schema\":{\"type\":\"string\"},\"example\":\"\\\"5d8c72a5edda8d6a\\\"\"}"},
    {"LastEventId",
     "{\"name\":\"Last-Event-ID\",\"in\":\"header\",\"description\":"
     "\"The id of the last event that you have: the stream goes on behind it. The same as "
     "`last_event_id`, and wins over it.\","
     "\"schema\":{\"type\":\"string\",\"pattern\":\"^evt_[a-z0-9]{24}$\"},"
     "\"example\":\"evt_7h2k9m4p6q8r1s3t5v7w9x2z\"}"},
    {"ApiVersion",
     "{\"name\":\"X-API-Version\",\"in\":\"header\",\"description\":"
     "\"The version you mean; leave it out for the newest.\","
     "\"schema\":{\"type\":\"string\",\"enum\":[\"v1\"]}}"},
};

static void write_fixed_parameters(struct json_writer *w)
{
    open_object(w, "parameters");
    for (size_t i = 0; i < ARRAY_LEN(fixed_parameters); i++) {
        json_key(w, fixed_parameters[i].key);
        json_raw(w, str_from(fixed_parameters[i].json));
    }
    openapi_write_event_headers(w);
    json_close(w, '}');
}

static void write_parameter(struct json_writer *w, const struct field *f, const char *in)
{
    json_open(w, '{');
    json_member_cstr(w, "name", f->name);
    json_member_cstr(w, "in", in);
    json_member_bool(w, "required", !f->optional);
    json_member_cstr(w, "description", f->description);
    json_key(w, "schema");
    write_field_schema(w, f, false);
    if (f->example) {
        json_key(w, "example");
        doc_write_field_example(w, f);
    }
    json_close(w, '}');
}

static void write_parameters(struct json_writer *w, const struct route *route)
{
    const struct field *f;
    open_list(w, "parameters");
    for (f = route->doc->path; f && f->name; f++)
        write_parameter(w, f, "path");
    for (size_t n = 0; (f = doc_query_field(route->doc, n)); n++)
        write_parameter(w, f, "query");
    write_ref(w, "parameters",
              route->doc->stream          ? "LastEventId"
              : route->method == HTTP_GET ? "IfNoneMatch"
                                          : "IdempotencyKey");
    write_ref(w, "parameters", "ApiVersion");
    json_close(w, ']');
}

/* --- answers ------------------------------------------------------------------------------ */

static void write_data_schema(struct json_writer *w, const struct doc *d)
{
    json_key(w, "data");
    if (d->shape == DOC_ONE && d->data_nullable) {
        json_open(w, '{');
        open_list(w, "anyOf");
        write_ref(w, "schemas", d->data->name);
        json_raw(w, STR("{\"type\":\"null\"}"));
        json_close(w, ']');
        json_close(w, '}');
        return;
    }
    if (d->shape == DOC_ONE) {
        write_ref(w, "schemas", d->data->name);
        return;
    }
    json_open(w, '{');
    json_member_cstr(w, "type", "array");
    json_key(w, "items");
    write_ref(w, "schemas", d->data->name);
    json_close(w, '}');
}

static void write_answer_schema(struct json_writer *w, const struct doc *d)
{
    const struct schema *meta = doc_meta_schema(d);
    json_open(w, '{');
    json_member_cstr(w, "type", "object");
    open_object(w, "properties");
    json_key(w, "status");
    json_raw(w, STR("{\"type\":\"boolean\",\"const\":true}"));
    if (d->message) {
        json_key(w, "message");
        json_raw(w, STR("{\"type\":\"string\"}"));
    }
    write_data_schema(w, d);
    if (meta) {
        json_key(w, "meta");
        write_ref(w, "schemas", meta->name);
    }
    json_close(w, '}');
    open_list(w, "required");
    json_cstr(w, "status");
    if (d->message)
        json_cstr(w, "message");
    json_cstr(w, "data");
    if (meta)
        json_cstr(w, "meta");
    json_close(w, ']');
    json_member_bool(w, "additionalProperties", false);
    json_close(w, '}');
}

static void open_response(struct json_writer *w, const struct route *route, int status)
{
    char key[8];
    snprintf(key, sizeof(key), "%d", status);
    json_key(w, key);
    json_open(w, '{');
    write_header_refs(w, route, status);
}

/* An answer that goes on is no JSON, and nobody has it already. */
static void write_stream(struct json_writer *w, const struct route *route)
{
    open_response(w, route, doc_status(route->doc));
    json_member_cstr(w, "description", "What happens, as it happens.");
    open_content(w, "text/event-stream");
    json_key(w, "schema");
    json_raw(w, STR("{\"type\":\"string\"}"));
    json_member_cstr(w, "example", route->doc->stream);
    close_content(w);
    json_close(w, '}');
}

static void write_success(struct json_writer *w, const struct route *route)
{
    if (route->doc->stream) {
        write_stream(w, route);
        return;
    }
    open_response(w, route, doc_status(route->doc));
    json_member_cstr(w, "description", route->doc->message ? "It is done." : "What was asked for.");
    open_content(w, "application/json");
    json_key(w, "schema");
    write_answer_schema(w, route->doc);
    json_key(w, "example");
    doc_write_answer_example(w, route->doc);
    close_content(w);
    json_close(w, '}');
    if (route->method != HTTP_GET)
        return;
    open_response(w, route, 304);
    json_member_cstr(w, "description", "You have this answer already.");
    json_close(w, '}');
}

/* The rest of a response whose headers are written: its errors, one example each. */
static void write_errors(struct json_writer *w, const struct doc_error *errors, size_t n)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, DOC_TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s`%s`: %s.", i ? "\n\n" : "", err_code(errors[i].err), errors[i].when);
    json_member_str(w, "description", buf_str(&text));
    open_content(w, "application/json");
    json_key(w, "schema");
    write_ref(w, "schemas", "Error");
    open_object(w, "examples");
    for (size_t i = 0; i < n; i++) {
        open_object(w, err_code(errors[i].err));
        json_member_cstr(w, "summary", errors[i].when);
        json_key(w, "value");
        doc_write_error_example(w, &errors[i]);
        json_close(w, '}');
    }
    json_close(w, '}');
    close_content(w);
}

static void name_response(int status, char out[16])
{
    snprintf(out, 16, "Error%d", status);
}

static void write_refusals(struct json_writer *w, const struct route *route)
{
    for (const int *status = doc_statuses; *status; status++) {
        struct doc_error errors[DOC_ERRORS_MAX];
        size_t n = doc_errors(route, *status, errors);
        if (n == 0)
            continue;
        if (doc_status_is_common(route, *status)) {
            char key[8], name[16];
            snprintf(key, sizeof(key), "%d", *status);
            name_response(*status, name);
            json_key(w, key);
            write_ref(w, "responses", name);
            continue;
        }
        open_response(w, route, *status);
        write_errors(w, errors, n);
        json_close(w, '}');
    }
}

/* Those that are the same for all routes, as the first route has them. */
static void write_common_responses(struct document *d)
{
    struct json_writer *w = &d->w;
    open_object(w, "responses");
    for (const int *status = doc_statuses; *status; status++) {
        const struct route *route = d->routes;
        while (route->pattern && !(route->doc && doc_status_is_common(route, *status)))
            route++;
        if (!route->pattern)
            continue;
        struct doc_error errors[DOC_ERRORS_MAX];
        size_t n = doc_errors(route, *status, errors);
        char name[16];
        name_response(*status, name);
        open_object(w, name);
        write_header_refs(w, NULL, *status);
        write_errors(w, errors, n);
        json_close(w, '}');
    }
    json_close(w, '}');
}

/* --- operations --------------------------------------------------------------------------- */

static void write_body_example(struct json_writer *w, const struct schema *s)
{
    open_object(w, s->name);
    json_member_cstr(w, "summary", s->description);
    json_key(w, "value");
    doc_write_example(w, s);
    json_close(w, '}');
}

static void write_body(struct json_writer *w, const struct doc *d)
{
    if (!d->body)
        return;
    open_object(w, "requestBody");
    json_member_bool(w, "required", !d->body_optional);
    open_content(w, "application/json");
    json_key(w, "schema");
    if (d->or_body) {
        json_open(w, '{');
        open_list(w, "oneOf");
        write_ref(w, "schemas", d->body->name);
        write_ref(w, "schemas", d->or_body->name);
        json_close(w, ']');
        json_close(w, '}');
    } else {
        write_ref(w, "schemas", d->body->name);
    }
    open_object(w, "examples");
    write_body_example(w, d->body);
    if (d->or_body)
        write_body_example(w, d->or_body);
    json_close(w, '}');
    close_content(w);
    json_close(w, '}');
}

static void write_limit(struct json_writer *w, const struct limit *limit)
{
    if (limit->requests == 0)
        return;
    open_object(w, "x-rate-limit");
    json_member_i64(w, "requests", limit->requests);
    json_member_i64(w, "window_seconds", limit->window_s);
    json_close(w, '}');
}

static void write_deprecation(struct json_writer *w, const struct deprecation *d)
{
    if (!d)
        return;
    json_member_bool(w, "deprecated", true);
    json_member_cstr(w, "x-deprecated-since", d->since);
    json_member_cstr(w, "x-sunset", d->sunset);
    json_member_cstr(w, "x-use-instead", d->instead);
}

static void write_operation(struct document *d, const struct route *route)
{
    static const char *const keys[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "get",     [HTTP_POST] = "post",     [HTTP_PUT] = "put",
        [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete",
    };
    struct json_writer *w = &d->w;
    const struct doc *doc = route->doc;
    open_object(w, keys[route->method]);
    json_member_cstr(w, "operationId", doc->id);
    open_list(w, "tags");
    json_cstr(w, doc->group->name);
    json_close(w, ']');
    json_member_cstr(w, "summary", doc->summary);
    if (doc->description)
        json_member_cstr(w, "description", doc->description);
    write_deprecation(w, route->deprecated);
    write_limit(w, &d->endpoints->list[route - d->routes].limit);
    write_parameters(w, route);
    write_body(w, doc);
    open_object(w, "responses");
    write_success(w, route);
    write_refusals(w, route);
    json_close(w, '}');
    json_close(w, '}');
}

/* Does an earlier route have the same pattern? */
static bool is_path_known(const struct document *d, const struct route *route)
{
    for (const struct route *r = d->routes; r < route; r++)
        if (r->doc && str_eq(str_from(r->pattern), str_from(route->pattern)))
            return true;
    return false;
}

static void write_paths(struct document *d)
{
    struct json_writer *w = &d->w;
    open_object(w, "paths");
    for (const struct route *first = d->routes; first->pattern; first++) {
        if (!first->doc || is_path_known(d, first))
            continue;
        open_object(w, first->pattern);
        for (const struct route *r = first; r->pattern; r++)
            if (r->doc && str_eq(str_from(r->pattern), str_from(first->pattern)))
                write_operation(d, r);
        json_close(w, '}');
    }
    json_close(w, '}');
}

/* --- groups ------------------------------------------------------------------------------- */

static bool is_group_known(const struct document *d, const struct route *route)
{
    for (const struct route *r = d->routes; r < route; r++)
        if (r->doc && r->doc->group == route->doc->group)
            return true;
    return false;
}

static void write_tags(struct document *d)
{
    struct json_writer *w = &d->w;
    open_list(w, "tags");
    for (const struct route *r = d->routes; r->pattern; r++) {
        if (!r->doc || is_group_known(d, r))
            continue;
        json_open(w, '{');
        json_member_cstr(w, "name", r->doc->group->name);
        json_member_cstr(w, "description", r->doc->group->description);
        json_close(w, '}');
    }
    json_close(w, ']');
}

/* --- the document ------------------------------------------------------------------------- */

static void write_info(struct json_writer *w)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, DOC_TEXT_MAX);
    for (const struct doc_topic *topic = doc_topics; topic->id; topic++)
        buf_printf(&text, "%s## %s\n\n%s", text.len ? "\n\n" : "", topic->title, topic->text);
    open_object(w, "info");
    json_member_cstr(w, "title", "Hudhud developer API");
    json_member_cstr(w, "summary", "WhatsApp for business, from a server of your own.");
    json_member_str(w, "description", buf_str(&text));
    json_member_cstr(w, "version", HUDHUD_VERSION);
    json_key(w, "license");
    json_raw(w, STR("{\"name\":\"MIT\",\"identifier\":\"MIT\"}"));
    json_close(w, '}');
}

static const char servers[] =
    "[{\"url\":\"/api/developer\",\"description\":\"The API of this server.\"},"
    "{\"url\":\"/api/v1/developer\",\"description\":\"The same, with its version named.\"}]";

static const char security[] = "[{\"signature\":[],\"timestamp\":[],\"domain\":[],\"client\":[]}]";

static const char security_schemes[] =
    "{\"signature\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Awal-Signature-256\","
    "\"description\":\"`sha256=` and 64 lower-case hex digits: the HMAC-SHA256, keyed with the "
    "client's secret, of METHOD + PATH + QUERY_STRING + TIMESTAMP + BODY. See Signing, above; the "
    "four headers are always sent together.\"},"
    "\"timestamp\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Timestamp\","
    "\"description\":\"Unix seconds: 1 to 12 digits without a leading zero.\"},"
    "\"domain\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Domain\","
    "\"description\":\"The workspace's domain.\"},"
    "\"client\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Client-ID\","
    "\"description\":\"The client's id.\"}}";

void openapi_write(struct buf *out, const struct route *routes, const struct endpoints *endpoints)
{
    struct document d = {.routes = routes, .endpoints = endpoints};
    struct json_writer *w = &d.w;
    json_writer_init(w, out);
    collect_schemas(&d);
    json_open(w, '{');
    json_member_cstr(w, "openapi", "3.1.0");
    write_info(w);
    json_key(w, "servers");
    json_raw(w, str_from(servers));
    json_key(w, "security");
    json_raw(w, str_from(security));
    write_tags(&d);
    write_paths(&d);
    openapi_write_events(w);
    open_object(w, "components");
    write_schemas(&d);
    write_fixed_parameters(w);
    write_headers(w);
    write_common_responses(&d);
    json_key(w, "securitySchemes");
    json_raw(w, str_from(security_schemes));
    json_close(w, '}');
    json_close(w, '}');
}
